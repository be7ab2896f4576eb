"""What is recorded for each step: its metrics, its saved rollouts and its FLOPs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from pipeline.errors import UserError
from pipeline.lm import flops
from pipeline.lm.passes import pad
from pipeline.lm.rollouts import Rollouts
from pipeline.lm.train_config import learning_rate_share
from pipeline.rl.batch import Batch
from pipeline.rl.gradient_coefficient import zero_variance
from pipeline.rl.own_rewards import as_float
from pipeline.rl.reward_function import NEEDS_MODEL, Rewarded
from pipeline.rl.training import Training


def count_step(run: Training, batch: Batch) -> None:
    """Add the step's tokens and FLOPs to the totals; sampling was counted when it was done."""
    run.total["tokens"] += sum(map(len, batch.rows.outputs))
    run.total["flops"] += step_flops(run, batch)


def step_flops(run: Training, batch: Batch) -> int:
    """FLOPs of scoring, reference and updates of a step.

    Every output counts, equal ones too, though one pass serves them all: the method's cost, not the
    luck of a small model.
    """
    rows, arm = batch.rows, run.arm
    if not rows.outputs:
        return 0
    shape = flops.shape_of(run.policy.config)
    found = 3 * arm.updates_per_rollout * flops.rows_pass(shape, rows, batch.pushed)
    if arm.needs_reference:
        found += flops.rows_pass(shape, rows)
    if arm.reward_function in NEEDS_MODEL:
        found += flops.rows_pass(run.inputs.reward_model.shape, rows)
    if run.critic:
        config = run.critic.model.config
        body = replace(flops.shape_of(config), head=config.hidden_size)
        found += (1 + 3 * arm.updates_per_rollout) * flops.rows_pass(body, rows)
    return found


def metrics_row(
    run: Training,
    step: int,
    rollouts: Rollouts,
    rewarded: Rewarded | None,
    batch: Batch,
    updates: Sequence[Counter],
) -> dict[str, float]:
    """The step's row; every name is defined in `glossary`. `updates`: sums over each update's
    outputs.
    """
    arm, lengths = run.arm, list(map(len, rollouts.rows.outputs))
    row: dict[str, float] = {"step": step}
    if rewarded and arm.online:
        row["reward"] = _mean([sum(r) / len(r) for r in rewarded.rewards])
        row["accuracy"] = _mean(rewarded.right)
        row |= {f"reward/{name}": mean for name, mean in rewarded.means.items()}
    row |= update_metrics(run, step, batch, updates)
    if arm.online:
        row["entropy"] = -sum(map(sum, rollouts.logprobs)) / sum(lengths)
        row["truncated"] = 1 - _mean(rollouts.finished)
    if arm.groups:
        row["zero_variance"] = zero_variance_share(rewarded, run.cfg.group_size)
    if lengths:
        row["length"] = _mean(lengths)
    row |= length_by_verdict(lengths, rewarded)
    row |= own_metrics(run, rollouts, rewarded)
    if arm.iterations > 1:
        row["iteration"] = run.iteration_of(step) + 1
    totals = {name: run.total[name] for name in ("samples", "tokens", "flops")}
    return row | {"outputs": len(lengths), **totals}


def own_metrics(run: Training, rollouts: Rollouts, rewarded: Rewarded | None) -> dict[str, float]:
    """The user's metrics. Raises UserError that names the one which fails or gives no number."""
    found = {}
    for name, metric in run.inputs.metrics.items():
        try:
            value = metric(rollouts, rewarded)
        except Exception as error:
            raise UserError(f"metric {name} failed ({type(error).__name__}: {error})") from error
        found[f"own/{name}"] = as_float(value)
        if not math.isfinite(found[f"own/{name}"]):
            raise UserError(f"metric {name} gave {value!r}; a finite number is needed")
    return found


def update_metrics(
    run: Training, step: int, batch: Batch, updates: Sequence[Counter]
) -> dict[str, float]:
    """Metrics of the first update; the mean gradient norm and the clipped share of all of them."""
    first, outputs = updates[0], batch.rows.outputs
    tokens = sum(map(len, outputs))
    row = {
        "loss": float(first["loss"]),
        "grad_norm": _mean([sums["grad_norm"] for sums in updates]),
        "lr": run.optim.lr * learning_rate_share(step, run.optim),
    }
    if batch.pairs:
        pairs = max(1, len(outputs) // 2)
        row |= {name: first[name] / pairs for name in ("loss", "margin", "preferred")}
    if run.critic:
        row["value_loss"] = first["value_loss"]
    if batch.ref_logp_BT is not None and tokens:
        row["kl"] = first["kl"] / tokens
    if run.arm.online and tokens:
        row["clip_fraction"] = sum(sums["clipped"] for sums in updates) / (tokens * len(updates))
    return row


def length_by_verdict(lengths: Sequence[int], rewarded: Rewarded | None) -> dict[str, float]:
    """Mean lengths of the outputs with right and with wrong answers; a kind without any is left
    out.
    """
    found = {}
    for name, wanted in (("length_right", True), ("length_wrong", False)):
        right = rewarded.right if rewarded else []
        some = [n for n, r in zip(lengths, right, strict=False) if r == wanted]
        if some:
            found[name] = _mean(some)
    return found


def zero_variance_share(rewarded: Rewarded, group_size: int) -> float:
    """Share of groups whose rewards are all equal."""
    r_BK, present_BK = pad(rewarded.rewards, torch.float64)
    shape = (-1, group_size * r_BK.shape[1])
    return zero_variance(r_BK.reshape(shape), present_BK.reshape(shape)).double().mean().item()


def rollout_rows(rollouts: Rollouts, rewarded: Rewarded | None, batch: Batch) -> Iterator[dict]:
    """What is kept of each output: ids, log-probabilities, step ends, rewards, advantages at step
    ends.

    PPO, where advantages differ inside a step, keeps that of every token as well.
    """
    for b, tokens in enumerate(rollouts.rows.outputs):
        slot = rollouts.rows.prompt_of[b]
        ends = rewarded.ends[b] if rewarded else [len(tokens) - 1]
        row = {
            "question": rollouts.questions[slot].id,
            "slot": slot,
            "tokens": tokens,
            "text": rollouts.texts[b],
            "logprobs": [round(x, 5) for x in rollouts.logprobs[b]],
            "finished": rollouts.finished[b],
            "ends": ends,
            "rewards": rewarded.rewards[b] if rewarded else [],
            "right": rewarded.right[b] if rewarded else None,
            "advantages": [round(x, 6) for x in batch.advantage_BT[b, ends].tolist()],
        }
        if rewarded and b in rewarded.by_clock:
            row["by_clock"] = rewarded.by_clock[b]
        if batch.return_BT is not None:
            every = batch.advantage_BT[b, : len(tokens)].tolist()
            row["token_advantages"] = [round(x, 6) for x in every]
        yield row


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
