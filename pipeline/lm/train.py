"""The one supervised training loop: pretraining (2.3), fine-tuning (3) and reward models (4.1).

Shapes: B sequences per step, T positions, N positions that count in the loss.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.lm import checkpoint, parallel, shards
from pipeline.lm.features import position_limit
from pipeline.lm.flops import train_flops
from pipeline.lm.head import head_of, log_probs
from pipeline.lm.optim import (
    autocast,
    check_rates,
    checkpointing,
    clip_and_step,
    make_optimizers,
    named_optimizers,
)
from pipeline.lm.probe import probe
from pipeline.lm.stream import Example, Packed, Stream, Unpacked, pad_examples
from pipeline.lm.train_config import OptimConfig, TrainConfig, learning_rate_share

# Adds the gradient of this process's share of a batch to the model. Returns (means over the whole
# batch, sums over the run), each as what the share adds to it.
Gradient = Callable[[Any, Any], tuple[dict[str, float], dict[str, int]]]


@dataclass(frozen=True)
class Pace:
    """How often a training loop reports and saves, in steps. `log_every` divides `save_every`."""

    log_every: int = 1
    save_every: int = 100


def train(
    model,
    batches: Iterator[Any],
    gradient: Gradient,
    cfg: OptimConfig,
    pace: Pace = Pace(),  # noqa: B008  a frozen dataclass
    state: Path | None = None,
) -> Iterator[dict[str, float]]:
    """Train `model` in place; yield a row every `log_every` steps and after the last one.

    A row has the step, the means that `gradient` returned (averaged over the steps since the row
    before), grad_norm, lr (of AdamW), and the running totals of what it summed. With `state` (a
    folder) the run continues from what is saved there: its rows come again first, and on one CPU
    thread it ends bit-identical to an undisturbed run. Raises UserError, naming the step, when the
    loss or the gradient is no longer finite.
    """
    optimizers = make_optimizers(model, cfg)
    named = named_optimizers(optimizers)
    saved = checkpoint.load(state, {"model": model}, named) if state else None
    rows: list[dict[str, float]] = saved["rows"] if saved else []
    total = Counter(saved["total"] if saved else {})
    first = saved["step"] if saved else 0
    yield from rows

    model.eval()  # dropout would draw from a generator that no seed here reaches
    since: list[dict[str, float]] = []  # means of the steps since the last row
    for step, batch in enumerate(islice(batches, first, cfg.steps), first + 1):
        means, sums = map(parallel.total, gradient(model, batch))
        share = learning_rate_share(step, cfg)
        norm = _step(model, optimizers, share, cfg, step, means["loss"])
        total.update(sums)
        since.append(means)

        if step % pace.log_every == 0 or step == cfg.steps:
            averaged = {key: sum(row[key] for row in since) / len(since) for key in means}
            since = []
            rows.append(
                {"step": step, **averaged, "grad_norm": norm, "lr": cfg.lr * share, **total}
            )
            yield rows[-1]
        if state and (step % pace.save_every == 0 or step == cfg.steps):
            plain = {"step": step, "rows": rows, "total": total}
            checkpoint.save(state, {"model": model}, named, plain)


def _step(model, optimizers, share: float, cfg: OptimConfig, step: int, loss: float) -> float:
    advice = "lower the learning rate"
    if not math.isfinite(loss):
        raise UserError(f"step {step}: the loss is {loss}; {advice}")
    try:
        return clip_and_step(model, optimizers, share, cfg.max_grad_norm)
    except FloatingPointError as error:
        raise UserError(f"step {step}: {error}; {advice}") from None


def next_token_loss(model, tokens_BT, mask_BT) -> Tensor:
    """Mean of -log p(token) over positions where the mask is 1.

    Position 0 has no context and never counts.
    """
    return _loss_sum(model, tokens_BT, mask_BT, mean=True)


def _loss_sum(model, tokens_BT, mask_BT, mean: bool) -> Tensor:
    hidden_BTD = shards.read(model, input_ids=tokens_BT, use_cache=False)
    target_BT = mask_BT[:, 1:]
    target_N = tokens_BT[:, 1:][target_BT]
    loss_N = -log_probs(head_of(model), hidden_BTD[:, :-1][target_BT], target_N)
    return loss_N.mean() if mean else loss_N.sum()


def next_token_gradient(
    model, batch: Sequence[Example], max_tokens: int = 0, compute_dtype: str = "float32"
) -> tuple[dict, dict]:
    """Add the gradient of the batch's next-token loss. Tokens are counted with their padding.

    `max_tokens`: padded tokens of one forward and backward, 0 for the whole batch at once. The loss
    is the mean over the batch's tokens however it is split, into micro-batches or over processes.
    """
    mine = parallel.share(batch)
    parts = split(mine, max_tokens) if mine else []
    (turns,) = shards.turns(model, [len(parts)])
    whole = len(parts) == parallel.world() == 1
    counted = sum(sum(mask[1:]) for _, mask in batch)
    total, tokens, work = 0.0, 0, 0
    for part in parts:
        tokens_BT, mask_BT = pad_examples(part, model.device)
        with autocast(model, compute_dtype):
            loss = _loss_sum(model, tokens_BT, mask_BT, mean=whole)
            loss = loss if whole else loss / counted
        loss.backward()
        total += loss.item()
        tokens += tokens_BT.numel()
        work += train_flops(model.config, *tokens_BT.shape)
    for _ in range(turns - len(parts)):  # other processes have more
        idle_BT = torch.zeros(1, 2, dtype=torch.long, device=model.device)
        shards.without_effect(model, shards.read(model, input_ids=idle_BT, use_cache=False))
    shards.at_rest(model)
    return {"loss": total}, {"tokens": tokens, "flops": work}


def split(batch: Sequence[Example], max_tokens: int) -> list[list[Example]]:
    """The batch in micro-batches of similar length, of at most `max_tokens` padded tokens each.

    A longer example stands alone; 0 leaves the batch whole and in its order.
    """
    if not max_tokens or len(batch) * max(len(ids) for ids, _ in batch) <= max_tokens:
        return [list(batch)]
    parts: list[list[Example]] = []
    width = 0
    for example in sorted(batch, key=lambda example: -len(example[0])):
        if not parts or (len(parts[-1]) + 1) * width > max_tokens:
            parts.append([])
            width = len(example[0])
        parts[-1].append(example)
    return parts


def make_stream(examples: Sequence[Example], cfg: TrainConfig) -> Stream:
    return (Packed if cfg.packing else Unpacked)(examples, cfg.sequence_length, cfg.seed)


def train_lm(
    model, data: Stream, cfg: TrainConfig, state: Path | None = None
) -> Iterator[dict[str, float]]:
    """Next-token training of a language model: rows with step, loss, grad_norm, lr, tokens, flops.

    Raises UserError for sequences that are longer than what learned positions reach, for rates that
    would wreck a pretrained base, and for a model that our passes do not read rightly.
    """
    limit = position_limit(model)
    if limit is not None and cfg.sequence_length > limit:
        raise UserError(
            f"sequence_length={cfg.sequence_length} exceeds the model's {limit} positions; lower it"
        )
    check_rates(model, cfg.optim)
    probe(model, compute_dtype=cfg.compute_dtype)
    pace = Pace(cfg.log_every, cfg.checkpoint_every)
    batches = data.batches(cfg.sequences)
    gradient = partial(
        next_token_gradient, max_tokens=cfg.micro_batch_tokens, compute_dtype=cfg.compute_dtype
    )
    with checkpointing(model, cfg.gradient_checkpointing):
        yield from train(model, batches, gradient, cfg.optim, pace, state)
