"""What a step is put down as: its metric row, its rollouts on file, and its operations by formula."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipeline.lm import flops
from pipeline.lm.passes import Rows
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.data_source import Rollouts
from pipeline.rl.reward_function import Judged
from pipeline.rl.update import Batch, zero_variance_share


def one_pass(config: Any, rows: Rows, chosen: Sequence[int] | None = None) -> int:
    """Operations of a forward over these outputs (all of them by default), each of their prompts once."""
    return rows_pass(flops.shape_of(config), rows, chosen)


def step_work(arm: ArmConfig, batch: Batch, policy: Any, judge: Any, critic: Any) -> int:
    """Operations of scoring, reference and updates of a step; its sampling was counted when it was done.

    Every output counts, equal ones too, though one pass serves them all: the method's cost, not the luck of a small model.
    """
    rows, work = batch.rows, 0
    if not rows.outputs:
        return 0
    if arm.needs_reference:
        work += one_pass(policy.config, rows)
    if arm.reward_function in ("outcome", "process"):
        work += rows_pass(judge.shape, rows)
    if critic:
        config = critic.model.config
        body = replace(flops.shape_of(config), head=config.hidden_size)
        work += (1 + 3 * arm.updates_per_rollout) * rows_pass(body, rows)
    return work + 3 * arm.updates_per_rollout * one_pass(policy.config, rows, batch.pushed)


def rows_pass(shape: flops.Shape, rows: Rows, chosen: Sequence[int] | None = None) -> int:
    """The same for a model of this shape."""
    chosen = range(len(rows.outputs)) if chosen is None else chosen
    used = sorted({rows.prompt_of[b] for b in chosen})
    place = {p: i for i, p in enumerate(used)}
    return flops.group_pass(
        shape,
        [len(rows.prompts[p]) for p in used],
        [len(rows.outputs[b]) for b in chosen],
        [place[rows.prompt_of[b]] for b in chosen],
    )


def metrics_row(
    arm: ArmConfig,
    scale: RLConfig,
    step: int,
    rollouts: Rollouts,
    judged: Judged | None,
    learned: dict,
    total: Counter,
) -> dict[str, float]:
    """The step's row; every name is defined in `glossary`."""
    online, lengths = arm.data_source == "online", list(map(len, rollouts.rows.outputs))
    row: dict[str, float] = {"step": step}
    if judged and online:
        row["reward"] = _mean([sum(r) / len(r) for r in judged.rewards])
        row["accuracy"] = _mean(judged.right)
    row |= learned
    if online:
        row["entropy"] = -sum(map(sum, rollouts.logprobs)) / sum(lengths)
        row["truncated"] = 1 - _mean(rollouts.finished)
    if arm.gradient_coefficient.startswith("grpo"):
        row["zero_variance"] = zero_variance_share(judged, scale.group_size)
    if lengths:
        row["length"] = _mean(lengths)
    for name, wanted in (("length_right", True), ("length_wrong", False)):
        some = (
            [n for n, right in zip(lengths, judged.right, strict=True) if right == wanted]
            if judged
            else []
        )
        if some:
            row[name] = _mean(some)
    if arm.iterations > 1:
        row["iteration"] = (step - 1) // (scale.steps // arm.iterations) + 1
    return row | {
        "outputs": len(lengths),
        **{name: total[name] for name in ("samples", "tokens", "flops")},
    }


def rollout_rows(
    rollouts: Rollouts, judged: Judged | None, batch: Batch, by_token: bool = False
) -> Iterator[dict]:
    """What is kept of each output: ids, log-probabilities, step ends, rewards, and the advantage at each step's end;
    `by_token` (PPO, where they differ inside a step) keeps that of every token as well."""
    for b, tokens in enumerate(rollouts.rows.outputs):
        slot = rollouts.rows.prompt_of[b]
        ends = judged.ends[b] if judged else [len(tokens) - 1]
        every = (
            {
                "token_advantages": [
                    round(x, 6) for x in batch.advantage_BT[b, : len(tokens)].tolist()
                ]
            }
            if by_token
            else {}
        )
        yield {
            "question": rollouts.questions[slot].id,
            "slot": slot,
            "tokens": tokens,
            "text": rollouts.texts[b],
            "logprobs": [round(x, 5) for x in rollouts.logprobs[b]],
            "finished": rollouts.finished[b],
            "ends": ends,
            "rewards": judged.rewards[b] if judged else [],
            "right": judged.right[b] if judged else None,
            "advantages": [round(x, 6) for x in batch.advantage_BT[b, ends].tolist()],
            **every,
        }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
