"""Reward models (section 4.1): a causal LM's body with a one-logit head, read at the last token or at step ends.

The linear head is the paper's. The likelihood head adds the model's own log-likelihood of the output up to there, so that
training moves what the model would have written itself, not only a map of its last state (the implicit reward of Yuan et
al., arXiv 2412.01981, without its reference). It needs tied embeddings.

Shapes: B outputs, R rows of a micro-batch, T output tokens, N labels, E hidden. A model folder loads with transformers
as a sequence-classification model of one label; here its head is read at chosen tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import UserError


@dataclass(frozen=True)
class RewardConfig:
    """Labels: the instruct model's own samples, judged by the rule. Training: logistic loss."""

    questions: int = 600  # RL questions that training labels are sampled for
    held_out: int = 150  # further RL questions, on which the model is judged
    samples: int = 8  # outputs a question
    temperature: float = 1.0
    max_new_tokens: int = 64
    start: str = "base"  # base, as in the paper, or instruct: the body that the head is put on
    head: str = "linear"  # of the hidden state, as in the paper; or likelihood: to that the text's log-likelihood is added
    labels_at: str = "last"  # token of an output, where scores are read; or every one (Cobbe et al., arXiv 2110.14168)
    epochs: int = 2
    balance: bool = False  # right and wrong labels of one question weigh the same; questions with one kind are left out
    questions_per_step: int = 8  # a step trains on all labelled outputs of these
    lr: float = 1e-3
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    micro_batch_tokens: int = 1024
    checkpoint_every: int = 20
    process: bool = False  # train a process model too, on Math-Shepherd labels
    process_questions: int = 200  # of the training questions
    process_samples: int = 4  # of their outputs
    continuations: int = 4  # N, from each step end
    hard_labels: bool = True  # 1 if any continuation is right; else the fraction that are
    engine: str = "fast"
    protocol: str = "cot"
    style: str = "mini"

    def __post_init__(self) -> None:
        for name in (
            "questions",
            "held_out",
            "samples",
            "epochs",
            "questions_per_step",
            "process_questions",
            "process_samples",
            "continuations",
            "checkpoint_every",
            "max_new_tokens",
        ):
            if getattr(self, name) < 1:
                raise UserError(f"reward: {name} is at least 1")
        if self.start not in ("base", "instruct"):
            raise UserError(f"reward: start is {self.start!r}; choose base or instruct")
        if self.head not in ("linear", "likelihood"):
            raise UserError(f"reward: head is {self.head!r}; choose linear or likelihood")
        if self.labels_at not in ("every", "last"):
            raise UserError(f"reward: labels_at is {self.labels_at!r}; choose every or last")
        if self.lr <= 0 or self.temperature <= 0:
            raise UserError("reward: lr and temperature must be positive")


@dataclass(frozen=True)
class Labelled:
    """Outputs of one question with the tokens to read at and the label of each: 1 right, 0 wrong, or a share."""

    question: str  # id
    prompt: list[int]
    outputs: list[list[int]]
    ends: list[list[int]]
    labels: list[list[float]]
    weights: list[list[float]] | None = None  # of each label in the loss; None: 1


class Judge:
    """A trained reward model as RL's reward function: the probability that the answer, or the path so far, is right."""

    def __init__(self, model, max_tokens: int) -> None:
        self.model, self.max_tokens, self.shape = model, max_tokens, shape_of_scorer(model)

    @property
    def trained(self) -> dict:
        """How it was trained, to train it on alike."""
        return trained(self.model)

    def __call__(self, rows, ends: list[list[int]]) -> list[list[float]]:
        import torch

        with torch.no_grad():
            logits = read_at(self.model, rows, ends, self.max_tokens)
        return [torch.sigmoid(row.double()).tolist() for row in logits]


def trained(model) -> dict:
    """How a scorer is trained and read (fields of RewardConfig); its config.json keeps it."""
    return {
        "balance": False,
        "labels_at": "last",
        "head": "linear",
        **getattr(model.config, "reward", {}),
    }


def shape_of_scorer(model):
    """For counting operations: a scorer's head is one vector, and the vocabulary where it reads likelihoods."""
    from pipeline.lm.flops import shape_of

    shape = shape_of(model.config)
    return replace(
        shape, head=model.config.hidden_size + shape.head * (trained(model)["head"] == "likelihood")
    )


def new_scorer(folder: str | Path, device: str = "cpu", cfg: RewardConfig | None = None):
    """A causal LM's folder as a scorer. Raises UserError when it is not there or can not have the head asked for."""
    from pipeline.lm.model import load_model

    return scorer_from(load_model(folder, device=device), cfg)


def scorer_from(language_model, cfg: RewardConfig | None = None):
    """A causal LM's body, copied, with a head of zeros: a linear score starts at 0, probability 1/2."""
    from copy import deepcopy

    from transformers import AutoModelForSequenceClassification

    config, cfg = deepcopy(language_model.config), cfg or RewardConfig()
    if cfg.head == "likelihood" and not config.tie_word_embeddings:
        raise UserError(
            "reward: head=likelihood reads tied embeddings, and this model's are not; choose reward.head=linear"
        )
    config.num_labels = 1
    config.reward = {"balance": cfg.balance, "labels_at": cfg.labels_at, "head": cfg.head}
    model = AutoModelForSequenceClassification.from_config(config, dtype=language_model.dtype)
    model.base_model.load_state_dict(language_model.base_model.state_dict())
    model.score.weight.data.zero_()
    return model.to(language_model.device).eval()


def load_judge(folder: Path, device: str, max_tokens: int) -> Judge:
    """The reward model of a folder. Raises UserError when it is not there."""
    from transformers import AutoModelForSequenceClassification

    if not (folder / "config.json").is_file():
        raise UserError(
            f"{folder}: no reward model here; run the reward stage (reward.process=true for a process model)"
        )
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, local_files_only=True, use_safetensors=True
    )
    return Judge(model.to(device).eval(), max_tokens)


def read_at(model, rows, ends: Sequence[Sequence[int]], max_tokens: int) -> list:
    """Logits of each output at each of its `ends` (token indices), a tensor an output."""
    from pipeline.lm.passes import Rows, hidden_of, micro_batches, read_prompts

    # the state that has read token t stands before token t + 1, so each output gets one token more
    longer = Rows(rows.prompts, [[*tokens, 0] for tokens in rows.outputs], rows.prompt_of)
    prompts, found = read_prompts(model, longer), [None] * len(rows.outputs)
    for batch in micro_batches(longer, range(len(rows.outputs)), max_tokens):
        logit_RT = logits_of(model, *hidden_of(model, prompts, longer, batch))
        for r, b in enumerate(batch):
            found[b] = logit_RT[r, [end + 1 for end in ends[b]]]
    return found


def logits_of(model, hidden_RTE, tokens_RT, mask_RT):
    """The verdict before each token, on what stands before it. Returns logit_RT."""
    from functools import partial

    from torch.nn.functional import linear

    from pipeline.lm.passes import log_probs_of

    logit_RT = model.score(hidden_RTE)[..., 0].float()
    if trained(model)["head"] == "linear":
        return logit_RT
    tied = partial(linear, weight=model.get_input_embeddings().weight)
    logp_RT = log_probs_of(tied, hidden_RTE, tokens_RT, mask_RT, 1.0)
    return logit_RT + logp_RT.cumsum(1) - logp_RT


def label_gradient(model, examples: Sequence[Labelled], max_tokens: int) -> tuple[float, float]:
    """Add the gradient of the logistic loss, weighted mean over the batch's labels. Returns it and accuracy (label > 1/2).

    Only the tokens in `ends` enter the loss: every one or the last for an outcome model, step ends for a process model.
    """
    import torch
    import torch.nn.functional as F

    from pipeline.lm.passes import hidden_of, micro_batches, read_prompts

    rows, ends, labels = flatten(examples, extra_token=True)
    weights = [w for e in examples for w in e.weights or [[1.0] * len(x) for x in e.labels]]
    total, count, loss_sum, hits = sum(map(sum, weights)), sum(map(len, labels)), 0.0, 0
    prompts = read_prompts(model, rows)
    for batch in micro_batches(rows, range(len(rows.outputs)), max_tokens):
        logit_RT = logits_of(model, *hidden_of(model, prompts, rows, batch))
        row = torch.tensor(
            [r for r, b in enumerate(batch) for _ in ends[b]], device=logit_RT.device
        )
        at = torch.tensor([end + 1 for b in batch for end in ends[b]], device=logit_RT.device)
        logit_N = logit_RT[row, at]
        label_N = torch.tensor([x for b in batch for x in labels[b]], device=logit_N.device)
        weight_N = torch.tensor([w for b in batch for w in weights[b]], device=logit_N.device)
        loss = (
            F.binary_cross_entropy_with_logits(logit_N, label_N, weight_N, reduction="sum") / total
        )
        loss.backward()
        loss_sum += loss.item()
        hits += int(((logit_N > 0) == (label_N > 0.5)).sum())
    prompts.backward()
    return loss_sum, hits / count


def flatten(examples: Sequence[Labelled], extra_token: bool = False):
    """One batch of rows out of several questions' outputs, with their ends and labels."""
    from pipeline.lm.passes import Rows

    tail = [0] if extra_token else []
    rows = Rows(
        [e.prompt for e in examples],
        [tokens + tail for e in examples for tokens in e.outputs],
        [p for p, e in enumerate(examples) for _ in e.outputs],
    )
    return (
        rows,
        [ends for e in examples for ends in e.ends],
        [labels for e in examples for labels in e.labels],
    )


def train_scorer(
    model, data: Sequence[Labelled], cfg: RewardConfig, seed: int, state: Path
) -> Iterator[dict]:
    """Train in place; yield a row a step: step, loss, accuracy, grad_norm, lr, flops. Resumes from `state` to the bit."""
    import numpy as np

    from pipeline.lm import checkpoint
    from pipeline.lm.generate.draw import row_seed
    from pipeline.rl.config import RLConfig
    from pipeline.rl.update import apply_gradient, learning_rate, make_optimizer

    each = -(-len(data) // cfg.questions_per_step)
    scale = RLConfig(steps=each * cfg.epochs, lr=cfg.lr, weight_decay=cfg.weight_decay)
    optimizer = make_optimizer(model, scale)
    saved = checkpoint.load(state, {"scorer": model}, {"adam": optimizer})
    rows = saved["rows"] if saved else []
    yield from rows
    spent = rows[-1]["flops"] if rows else 0
    for step in range(len(rows) + 1, scale.steps + 1):
        epoch, at = divmod(step - 1, each)
        order = np.random.default_rng(row_seed(seed, "reward", epoch)).permutation(len(data))
        batch = [
            data[i] for i in order[at * cfg.questions_per_step : (at + 1) * cfg.questions_per_step]
        ]
        loss, accuracy = label_gradient(model, batch, cfg.micro_batch_tokens)
        lr = learning_rate(scale, 1.0, step)
        norm = apply_gradient(model, optimizer, lr, cfg.max_grad_norm, _stop(step))
        spent += 3 * work(model, batch)
        rows.append(
            {
                "step": step,
                "loss": loss,
                "accuracy": accuracy,
                "grad_norm": norm,
                "lr": lr,
                "flops": spent,
            }
        )
        yield rows[-1]
        if step % cfg.checkpoint_every == 0 or step == scale.steps:
            checkpoint.save(state, {"scorer": model}, {"adam": optimizer}, {"rows": rows})


def work(model, batch: Sequence[Labelled]) -> int:
    """Operations of one pass, by formula."""
    from pipeline.lm import flops

    rows, _, _ = flatten(batch)
    return flops.group_pass(
        shape_of_scorer(model),
        list(map(len, rows.prompts)),
        list(map(len, rows.outputs)),
        rows.prompt_of,
    )


def _stop(step: int):
    def fail(what: str) -> None:
        raise UserError(f"reward model, step {step}: {what}; lower reward.lr")

    return fail
