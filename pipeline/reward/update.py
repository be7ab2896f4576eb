"""Algorithm 1 between two iterations: the policy becomes the reference, and the reward model learns from its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pipeline.errors import UserError
from pipeline.lm.flops import shape_of
from pipeline.lm.generate.draw import row_seed
from pipeline.records import read_jsonl, write_jsonl
from pipeline.reward.labels import outcome_labels, sample_outputs, training_labels
from pipeline.reward.model import Judge, Labelled, RewardConfig, flatten, label_gradient, work
from pipeline.rl.record import rows_pass
from pipeline.rl.update import apply_gradient, learning_rate, make_optimizer


def with_replay(
    new: Sequence[dict], history: Sequence[dict], share: float, seed: int
) -> list[dict]:
    """New rows and history in one list, of which exactly `share` is history (as many as the rows allow).

    No row is there twice. Without history (round one) only new rows. New rows that would make the share inexact are
    left out: 10 % needs nine new rows for one of history.
    """
    if not history or share == 0:
        return list(new)
    of_history, of_new = whole_parts(share)
    count = min(len(new) // of_new, len(history) // of_history)
    rng = np.random.default_rng(seed)
    old = [
        history[i] for i in sorted(rng.choice(len(history), size=count * of_history, replace=False))
    ]
    kept = [new[i] for i in sorted(rng.choice(len(new), size=count * of_new, replace=False))]
    return kept + old


def whole_parts(share: float) -> tuple[int, int]:
    """The smallest whole numbers (of history, of new) with this share of history. 0.1 gives (1, 9)."""
    for whole in range(2, 101):
        if abs(share * whole - round(share * whole)) < 1e-9:
            return round(share * whole), whole - round(share * whole)
    raise UserError(f"replay {share}: give a share of whole percents")


def renew(run: Any, iteration: int) -> dict[str, float]:
    """Before iteration 2, 3, ...: new reference, and the reward model trained on. Returns metrics for the next row."""
    inputs, arm, scale = run.inputs, run.arm, run.scale
    run.instruct.load_state_dict(inputs.policy.state_dict())
    cfg = RewardConfig(
        samples=scale.group_size,
        temperature=scale.temperature,
        max_new_tokens=scale.max_new_tokens,
        questions_per_step=scale.judge_questions_per_step,
        micro_batch_tokens=scale.micro_batch_tokens,
        protocol=scale.protocol,
        style=scale.style,
        **inputs.judge.trained,
    )
    order = np.random.default_rng(row_seed(run.seed, "judge questions", iteration)).permutation(
        len(inputs.questions)
    )
    questions = [inputs.questions[i] for i in order[: scale.judge_questions]]
    new = sample_outputs(
        run.engine, inputs.tokenizer, questions, cfg, (run.seed, "judge", iteration)
    )
    new = [{**row, "round": iteration} for row in new]
    fresh = outcome_labels(new)
    rows, ends, labels = flatten(fresh)
    scores = inputs.judge(rows, ends)
    hits = sum((s[0] > 0.5) == (label[0] > 0.5) for s, label in zip(scores, labels, strict=True))
    mixed = with_replay(
        *([row for row in part if row["weight"]] for part in (new, history_of(run, iteration))),
        arm.replay,
        row_seed(run.seed, "replay", iteration),
    )
    write_jsonl(run.state / f"labels-{iteration}.jsonl", new)
    write_jsonl(run.out / f"judge-{iteration}.jsonl", mixed)
    run.total["samples"] += len(new)
    run.total["flops"] += rows_pass(shape_of(inputs.policy.config), rows) + rows_pass(
        inputs.judge.shape, rows
    )
    data = training_labels(mixed, cfg.labels_at)
    run.total["flops"] += train_on(
        inputs.judge, data, cfg, scale, row_seed(run.seed, "judge", iteration)
    )
    return {"judge_accuracy": hits / len(scores)}


def history_of(run: Any, iteration: int) -> list[dict]:
    """Labels of the reward stage and of earlier rounds."""
    rows = [{**row, "round": 0} for row in run.inputs.judge_history]
    for earlier in range(1, iteration):
        rows += read_jsonl(Path(run.state) / f"labels-{earlier}.jsonl")
    return rows


def train_on(
    judge: Judge, data: Sequence[Labelled], cfg: RewardConfig, scale: Any, seed: int
) -> int:
    """One pass over the labels with a fresh AdamW. Returns the operations by formula."""
    if not data:
        return 0
    steps = -(-len(data) // cfg.questions_per_step)
    schedule = replace(scale, steps=steps, lr=scale.judge_lr, warmup_steps=0, lr_schedule="linear")
    judge.model.requires_grad_(True)
    optimizer, spent = make_optimizer(judge.model, schedule), 0
    order = np.random.default_rng(seed).permutation(len(data))
    for step in range(1, steps + 1):
        batch = [
            data[i]
            for i in order[(step - 1) * cfg.questions_per_step : step * cfg.questions_per_step]
        ]
        label_gradient(judge.model, batch, cfg.micro_batch_tokens)
        apply_gradient(
            judge.model, optimizer, learning_rate(schedule, 1.0, step), scale.max_grad_norm, _stop
        )
        spent += 3 * work(judge.model, batch)
    judge.model.zero_grad(set_to_none=True)
    return spent


def _stop(what: str) -> NoReturn:
    raise UserError(f"reward model between two iterations: {what}; lower rl_scale.judge_lr")
