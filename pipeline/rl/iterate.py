"""Algorithm 1 between two iterations: the policy becomes the reference, and the reward model learns
from its outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.errors import UserError
from pipeline.lm import flops
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.parallel import write_jsonl
from pipeline.lm.train_config import OptimConfig
from pipeline.records import Question, read_jsonl
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import outcome_labels, sample_outputs, training_labels
from pipeline.reward.model import flatten
from pipeline.reward.train import one_pass
from pipeline.rl.config import RLConfig
from pipeline.rl.training import Training


def next_iteration(run: Training, step: int) -> dict[str, float]:
    """At the first step of iteration 2, 3, ...: a new reference, and more training of the reward
    model.

    Returns metrics for the step's row; nothing at other steps.
    """
    iteration, later = divmod(step - 1, run.steps_per_iteration)
    if not iteration or later:
        return {}
    run.instruct.load_state_dict(run.policy.state_dict())
    found = renew_reward_model(run, iteration)
    run.lap("reward model")
    return found


def renew_reward_model(run: Training, iteration: int) -> dict[str, float]:
    """Label fresh outputs of the policy and train on them, with a share of earlier labels.

    Returns the model's accuracy on the fresh outputs before it has learned from them.
    """
    inputs, model = run.inputs, run.inputs.reward_model
    cfg = label_settings(run.cfg, model.trained)
    key = (run.seed, "judge", iteration)
    asked = questions_of(run, iteration)
    new = sample_outputs(run.engine, inputs.tokenizer, asked, cfg, key)
    new = [{**row, "round": iteration} for row in new]

    rows, ends, labels = flatten(outcome_labels(new))
    scores = model(rows, ends)
    hits = sum((s[0] > 0.5) == (label[0] > 0.5) for s, label in zip(scores, labels, strict=True))
    run.total["samples"] += len(new)
    run.total["flops"] += flops.rows_pass(flops.shape_of(run.policy.config), rows)
    run.total["flops"] += flops.rows_pass(model.shape, rows)

    weighted, history = (
        [row for row in part if row["weight"]] for part in (new, history_of(run, iteration))
    )
    replay_seed = row_seed(run.seed, "replay", iteration)
    mixed = with_replay(weighted, history, run.arm.replay, replay_seed)
    write_jsonl(run.state / f"labels-{iteration}.jsonl", new)
    write_jsonl(run.out / f"judge-{iteration}.jsonl", mixed)

    data = training_labels(mixed, cfg.labels_at)
    optim = label_optim(run.cfg, cfg.steps(len(data)))
    run.total["flops"] += one_pass(model.model, data, cfg, optim, row_seed(*key))
    return {"judge_accuracy": hits / len(scores)}


def label_settings(cfg: RLConfig, trained: dict) -> RewardConfig:
    """How outputs are sampled and labelled: as RL samples, and as the reward model was trained."""
    return RewardConfig(
        samples=cfg.group_size,
        temperature=cfg.temperature,
        max_new_tokens=cfg.max_new_tokens,
        epochs=1,
        questions_per_step=cfg.judge_questions_per_step,
        micro_batch_tokens=cfg.micro_batch_tokens,
        compute_dtype=cfg.compute_dtype,
        protocol=cfg.protocol,
        style=cfg.style,
        **trained,
    )


def label_optim(cfg: RLConfig, steps: int) -> OptimConfig:
    """How the reward model moves between two iterations: linearly to 0, at a rate of its own."""
    return OptimConfig(
        steps=steps,
        lr=cfg.judge_lr,
        betas=(cfg.adam_beta1, cfg.adam_beta2),
        weight_decay=cfg.weight_decay,
        max_grad_norm=cfg.max_grad_norm,
    )


def questions_of(run: Training, iteration: int) -> list[Question]:
    """The RL questions whose outputs are labelled before this iteration."""
    everyone = run.inputs.questions
    seed = row_seed(run.seed, "judge questions", iteration)
    order = np.random.default_rng(seed).permutation(len(everyone))
    return [everyone[i] for i in order[: run.cfg.judge_questions]]


def history_of(run: Training, iteration: int) -> list[dict]:
    """Labels of the reward stage and of earlier rounds."""
    rows = [{**row, "round": 0} for row in run.inputs.label_history]
    for earlier in range(1, iteration):
        rows += read_jsonl(run.state / f"labels-{earlier}.jsonl")
    return rows


def with_replay(
    new: Sequence[dict], history: Sequence[dict], share: float, seed: int
) -> list[dict]:
    """New rows and history in one list, of which exactly `share` is history (as many as the rows
    allow).

    No row is there twice. Without history (round one) only new rows. New rows that would make the
    share inexact are left out: 10 % needs nine new rows for each one of history.
    """
    if not history or share == 0:
        return list(new)
    of_history, of_new = whole_parts(share)
    count = min(len(new) // of_new, len(history) // of_history)
    rng = np.random.default_rng(seed)
    old_at = sorted(rng.choice(len(history), size=count * of_history, replace=False))
    new_at = sorted(rng.choice(len(new), size=count * of_new, replace=False))
    return [new[i] for i in new_at] + [history[i] for i in old_at]


def whole_parts(share: float) -> tuple[int, int]:
    """The smallest whole numbers (of history, of new) with this share of history. 0.1 gives (1, 9)."""
    for whole in range(2, 101):
        if abs(share * whole - round(share * whole)) < 1e-9:
            return round(share * whole), whole - round(share * whole)
    raise UserError(f"replay {share}: give a share of whole percents")
