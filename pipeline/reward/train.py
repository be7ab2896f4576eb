"""Training a reward model on labelled outputs with the logistic loss (section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from pipeline.lm import flops, parallel
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.optim import autocast, check_rates
from pipeline.lm.passes import hidden_passes
from pipeline.lm.train import Gradient, Pace, train
from pipeline.lm.train_config import OptimConfig
from pipeline.reward.config import RewardConfig
from pipeline.reward.model import Labelled, flatten, logits_of, shape_of_scalar_model


def train_reward_model(
    model, data: Sequence[Labelled], cfg: RewardConfig, seed: int, state: Path
) -> Iterator[dict]:
    """Train in place; yield a row per step: step, loss, accuracy, grad_norm, lr, flops.

    Resumes from `state` to the bit.
    """
    epochs = (row_seed(seed, "reward", epoch) for epoch in count())
    batches = (batch for epoch in epochs for batch in shuffled(data, cfg.questions_per_step, epoch))
    gradient = partial(label_gradient, max_tokens=cfg.micro_batch_tokens)
    optim, pace = cfg.optim(cfg.steps(len(data))), Pace(save_every=cfg.checkpoint_every)
    check_rates(model, optim)
    yield from train(model, batches, in_arithmetic(gradient, cfg), optim, pace, state)


def one_pass(
    model, data: Sequence[Labelled], cfg: RewardConfig, optim: OptimConfig, seed: int
) -> int:
    """Train on every label once, with fresh optimizers. Returns the FLOPs by formula."""
    if not data:
        return 0
    model.requires_grad_(True)
    batches = shuffled(data, cfg.questions_per_step, seed)
    gradient = partial(label_gradient, max_tokens=cfg.micro_batch_tokens)
    *_, last = train(model, batches, in_arithmetic(gradient, cfg), optim)
    model.zero_grad(set_to_none=True)
    return int(last["flops"])


def in_arithmetic(gradient: Gradient, cfg: RewardConfig) -> Gradient:
    """The gradient computed as `compute_dtype` says."""

    def computed(model, batch):
        with autocast(model, cfg.compute_dtype):
            return gradient(model, batch)

    return computed


def shuffled(data: Sequence[Labelled], size: int, seed: int) -> Iterator[list[Labelled]]:
    """Batches of `size` questions, each question once, in the order of the seed."""
    order = np.random.default_rng(seed).permutation(len(data))
    for start in range(0, len(data), size):
        yield [data[i] for i in order[start : start + size]]


def label_gradient(
    model, examples: Sequence[Labelled], max_tokens: int
) -> tuple[dict[str, float], dict[str, int]]:
    """Add the gradient of the logistic loss, a weighted mean over the batch's labels.

    Only the tokens in `ends` enter it: every one or the last for an outcome model, step ends for a
    process model. Of several processes each adds its share of the outputs, also to what is
    returned: (loss and accuracy, where a label above 1/2 is right) and (FLOPs).
    """
    rows, ends, labels = flatten(examples, extra_token=True)
    weights = [w for e in examples for w in e.weights or [[1.0] * len(x) for x in e.labels]]
    total, labelled = sum(map(sum, weights)), sum(map(len, labels))
    loss_sum, hits = 0.0, 0
    mine = parallel.share(range(len(rows.outputs)))
    for batch, *hidden in hidden_passes(model, rows, mine, max_tokens):
        logit_RT = logits_of(model, *hidden)
        device = logit_RT.device
        row_N = torch.tensor([r for r, b in enumerate(batch) for _ in ends[b]], device=device)
        at_N = torch.tensor([end + 1 for b in batch for end in ends[b]], device=device)
        label_N = torch.tensor([x for b in batch for x in labels[b]], device=device)
        weight_N = torch.tensor([w for b in batch for w in weights[b]], device=device)

        logit_N = logit_RT[row_N, at_N]
        losses = F.binary_cross_entropy_with_logits(logit_N, label_N, weight_N, reduction="sum")
        loss = losses / total
        loss.backward()
        loss_sum += loss.item()
        hits += int(((logit_N > 0) == (label_N > 0.5)).sum())
    found = 3 * work(model, examples) if parallel.first() else 0
    return {"loss": loss_sum, "accuracy": hits / labelled}, {"flops": found}


def work(model, batch: Sequence[Labelled]) -> int:
    """FLOPs of one forward pass by formula."""
    rows, _, _ = flatten(batch)
    return flops.rows_pass(shape_of_scalar_model(model), rows)
