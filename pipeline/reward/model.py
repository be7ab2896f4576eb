"""Reward models (section 4.1): a causal LM's body with a one-logit head, read at the last token or
at step ends.

The linear head is the paper's. The likelihood head adds the model's own log-likelihood of the
output up to there, so that training moves what the model would have written itself, not only a map
of its last state (the implicit reward of Yuan et al., arXiv 2412.01981, without its reference). It
needs tied embeddings.

Shapes: B outputs, R rows of a micro-batch, T output tokens, N labels, E hidden. A model folder
loads with transformers as a sequence-classification model of one label; here its head is read at
chosen tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.lm import flops, parallel
from pipeline.lm.head import head_of
from pipeline.lm.model import attention_of, load_model
from pipeline.lm.optim import autocast
from pipeline.lm.passes import Rows, hidden_passes, log_probs_of
from pipeline.lm.probe import probe
from pipeline.reward.config import RewardConfig


@dataclass(frozen=True)
class Labelled:
    """Outputs of one question, the tokens to read at, and the label of each.

    A label is 1 for right, 0 for wrong, or a share.
    """

    question: str  # id
    prompt: list[int]
    outputs: list[list[int]]
    ends: list[list[int]]
    labels: list[list[float]]
    weights: list[list[float]] | None = None  # of each label in the loss; None: 1


class RewardModel:
    """A trained model as RL's reward: the probability that the answer, or the path so far, is
    right.
    """

    def __init__(self, model, max_tokens: int, compute_dtype: str = "float32") -> None:
        self.model, self.max_tokens, self.compute_dtype = model, max_tokens, compute_dtype
        self.shape = shape_of_scalar_model(model)

    @property
    def trained(self) -> dict:
        """The settings it was trained with, reused when its training continues."""
        return trained(self.model)

    @torch.no_grad()
    def __call__(self, rows: Rows, ends: Sequence[Sequence[int]]) -> list[list[float]]:
        """The score of each output at each of its `ends` (token indices), between 0 and 1."""

        def scores(chosen: Sequence[int]) -> list[list[float]]:
            outputs, owners = ([of[b] for b in chosen] for of in (rows.outputs, rows.prompt_of))
            some = Rows(rows.prompts, outputs, owners)
            with autocast(self.model, self.compute_dtype):
                logits = read_at(self.model, some, [ends[b] for b in chosen], self.max_tokens)
            return [torch.sigmoid(row.double()).tolist() for row in logits]

        return parallel.by_share(scores, range(len(rows.outputs)))


def trained(model) -> dict:
    """How a reward model is trained and read (fields of RewardConfig); its config.json keeps it."""
    defaults = {"balance": False, "labels_at": "last", "head": "linear"}
    return defaults | getattr(model.config, "reward", {})


def shape_of_scalar_model(model) -> flops.Shape:
    """For counting FLOPs: the head is one vector, and the vocabulary where likelihoods are read."""
    shape = flops.shape_of(model.config)
    vocabulary = shape.head if trained(model)["head"] == "likelihood" else 0
    return replace(shape, head=model.config.hidden_size + vocabulary)


def new_reward_model(folder: str | Path, device: str = "cpu", cfg: RewardConfig | None = None):
    """A causal LM's folder with a one-logit head.

    Raises UserError when the model is not there or cannot have the head that is asked for.
    """
    model = load_model(folder, device=device)
    probe(model, cfg.compute_dtype if cfg else "float32")
    return with_scalar_head(model, cfg)


def with_scalar_head(language_model, cfg: RewardConfig | None = None):
    """A copy of a causal LM's body with a head of zeros: its linear score starts at 0, probability
    1/2.
    """
    config, cfg = deepcopy(language_model.config), cfg or RewardConfig()
    if cfg.head == "likelihood" and not config.tie_word_embeddings:
        raise UserError(
            "reward: head=likelihood reads tied embeddings, and this model's are not tied; "
            "choose reward.head=linear"
        )
    config.num_labels = 1
    config.reward = {"balance": cfg.balance, "labels_at": cfg.labels_at, "head": cfg.head}
    attention = config._attn_implementation
    model = scalar_class(config)._from_config(
        config, dtype=language_model.dtype, attn_implementation=attention
    )
    model.base_model.load_state_dict(language_model.base_model.state_dict())
    model.score.weight.data.zero_()
    return model.to(language_model.device).eval()


def scalar_class(config) -> type:
    """The sequence-classification class of a model, made here where transformers has none (Granite,
    Cohere).
    """
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
        PreTrainedModel,
    )
    from transformers.modeling_layers import GenericForSequenceClassification

    if type(config) in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    causal = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    # GranitePreTrainedModel: what every Granite model derives from
    family = [c for c in causal.__mro__ if PreTrainedModel in c.__bases__][0]
    name = family.__name__.replace("PreTrainedModel", "ForSequenceClassification")
    return type(name, (GenericForSequenceClassification, family), {"__module__": family.__module__})


def load_reward_model(
    folder: Path, device: str, max_tokens: int, compute_dtype: str = "float32"
) -> RewardModel:
    """The reward model of a folder. Raises UserError when it is not there."""
    from transformers import AutoConfig

    if not (folder / "config.json").is_file():
        raise UserError(
            f"{folder}: no reward model here; run the reward stage "
            "(reward.process=true for a process model)"
        )
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    model = scalar_class(config).from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        attn_implementation=attention_of(config),
    )
    return RewardModel(model.to(device).eval(), max_tokens, compute_dtype)


def read_at(model, rows: Rows, ends: Sequence[Sequence[int]], max_tokens: int) -> list[Tensor]:
    """Logits of each output at each of its `ends` (token indices), one tensor per output."""
    # the state that has read token t stands before token t + 1: each output gets one token more
    longer = Rows(rows.prompts, [[*tokens, 0] for tokens in rows.outputs], rows.prompt_of)
    found: list[Tensor] = [torch.empty(0)] * len(rows.outputs)
    everyone = range(len(rows.outputs))
    for batch, *hidden in hidden_passes(model, longer, everyone, max_tokens):
        logit_RT = logits_of(model, *hidden)
        for r, b in enumerate(batch):
            found[b] = logit_RT[r, [end + 1 for end in ends[b]]]
    return found


def logits_of(model, hidden_RTE: Tensor, tokens_RT: Tensor, mask_RT: Tensor) -> Tensor:
    """The verdict before each token, on what stands before it. Returns logit_RT."""
    logit_RT = model.score(hidden_RTE)[..., 0].float()
    if trained(model)["head"] == "linear":
        return logit_RT
    tied = head_of(model, model.get_input_embeddings().weight)
    logp_RT = log_probs_of(tied, hidden_RTE, tokens_RT, mask_RT, 1.0)
    return logit_RT + logp_RT.cumsum(1) - logp_RT


def flatten(
    examples: Sequence[Labelled], extra_token: bool = False
) -> tuple[Rows, list[list[int]], list[list[float]]]:
    """One batch of rows out of several questions' outputs, with their ends and labels."""
    tail = [0] if extra_token else []
    rows = Rows(
        [e.prompt for e in examples],
        [tokens + tail for e in examples for tokens in e.outputs],
        [p for p, e in enumerate(examples) for _ in e.outputs],
    )
    ends = [ends for e in examples for ends in e.ends]
    labels = [labels for e in examples for labels in e.labels]
    return rows, ends, labels
