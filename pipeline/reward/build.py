"""The two reward models of a run: sampled and labelled with the instruct model, trained, measured
on held-out questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.lm.generate import make_engine
from pipeline.lm.parallel import exists, first, write_jsonl
from pipeline.lm.whole import prepared, save_weights
from pipeline.records import Instruction, Question, read_jsonl
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import (
    outcome_labels,
    process_labels,
    sample_outputs,
    step_labels,
    training_labels,
)
from pipeline.reward.measure import (
    against_likelihood,
    auc,
    auc_within,
    best_of_n,
    calibration,
    step_agreement,
)
from pipeline.reward.model import Labelled, RewardModel, flatten, new_reward_model
from pipeline.reward.own import body_examples, train_body
from pipeline.reward.train import train_reward_model


@dataclass
class Setting:
    """What both models are made from. `state` survives a kill; labels are drawn once and kept
    there.
    """

    cfg: RewardConfig
    seed: int
    device: str
    tokenizer: Any
    instruct: Any
    start: Path  # folder of the model whose body the head is put on
    questions: Sequence[Question]
    out: Path
    state: Path
    instructions: Sequence[Instruction] = ()  # worked solutions, for a body of its own

    @cached_property
    def engine(self):
        cfg = self.cfg
        return make_engine(cfg.engine, self.instruct, self.tokenizer, cfg.compute_dtype)

    @property
    def by_id(self) -> dict[str, Question]:
        return {q.id: q for q in self.questions}


Follow = Callable[..., dict[str, Any]]


def train_own(setting: Setting, follow: Follow) -> dict:
    """Train the body of start=own, which both reward models then start from. Returns its last
    metric row.

    It learns from the worked solutions that RL's control learns from, in the protocol and languages
    of the RL questions; those of held-out questions are left out.
    """
    cfg, state = setting.cfg, setting.state / "own"
    state.mkdir(parents=True, exist_ok=True)
    languages = {q.lang for q in setting.questions}
    solutions = [
        i for i in setting.instructions if i.format == cfg.protocol and i.lang in languages
    ]
    held_out = {q.id for q in split(setting)[1]}
    examples = body_examples(
        setting.tokenizer, solutions, held_out, cfg.own, cfg.style, setting.seed
    )
    setting.start = state / "model"
    rows = train_body(
        setting.tokenizer, examples, cfg.own, setting.seed, setting.start, state / "training"
    )
    last = follow(rows, cfg.own.train.steps, "metrics_own")
    return {**last, "examples": len(examples)}


def train_outcome(setting: Setting, follow: Follow) -> dict:
    """Write outcome/ and labels.jsonl. Returns the figures on held-out questions for the summary."""
    cfg = setting.cfg
    train, held = split(setting)
    rows = once(
        setting,
        "labels",
        lambda: [
            {**row, "split": name}
            for name, questions in (("train", train), ("held_out", held))
            for row in sample_outputs(
                setting.engine,
                setting.tokenizer,
                questions,
                cfg,
                (setting.seed, "reward", name),
                setting.state / f"labels-{name}",
            )
        ],
    )
    write_jsonl(setting.out / "labels.jsonl", rows)
    kept, held_out = (
        [row for row in rows if row["split"] == name] for name in ("train", "held_out")
    )
    reward_model, last = fit(setting, "outcome", training_labels(kept, cfg.labels_at), follow)
    scores = [s[-1] for s in score(reward_model, outcome_labels(held_out))]
    return {
        **last,
        "labels": len(kept),
        **calibration(scores, [row["right"] for row in held_out]),
        "auc_within": auc_within(held_out, scores),
        "of_n": best_of_n(held_out, scores),
        "samples": cfg.samples,
        "likelihood": likelihood(held_out),
        "within": against_likelihood(held_out, scores),
    }


def train_process(setting: Setting, follow: Follow) -> dict:
    """Write process/ and step_labels.jsonl. Returns the figures on held-out questions for the
    summary.
    """
    cfg, rows = setting.cfg, list(read_jsonl(setting.out / "labels.jsonl"))
    answers = {q.id: q.answer for q in setting.questions}
    labelled = once(
        setting,
        "step_labels",
        lambda: [
            row
            for name in ("train", "held_out")
            for row in step_labels(
                setting.engine,
                setting.tokenizer,
                some_outputs(rows, name, cfg),
                answers,
                cfg,
                (setting.seed, "steps", name),
                setting.state / f"step_labels-{name}",
            )
        ],
    )
    write_jsonl(setting.out / "step_labels.jsonl", labelled)
    kept, held_out = (
        [row for row in labelled if row["split"] == name] for name in ("train", "held_out")
    )
    reward_model, last = fit(setting, "process", process_labels(kept, cfg.balance), follow)
    scores = score(reward_model, process_labels(held_out))
    flat = [value for values in scores for value in values]
    right = [label > 0.5 for row in held_out for label in row["labels"]]
    return {
        **last,
        "labels": sum(len(row["labels"]) for row in kept),
        **calibration(flat, right),
        "auc_within": auc_within(held_out, [min(values) for values in scores]),
        "within": against_likelihood(held_out, [min(values) for values in scores]),
        "against_exact_steps": step_agreement(held_out, scores, setting.by_id),
        "of_n": best_of_n(held_out, [min(values) for values in scores]),
        "samples": cfg.process_samples,
    }


def likelihood(rows: Sequence[dict]) -> dict:
    """What ranking by the sampler's own log-probability achieves: a yardstick that needs no reward
    model.
    """
    scores = [row["logprob"] for row in rows]
    return {
        "auc": auc(scores, [row["right"] for row in rows]),
        "auc_within": auc_within(rows, scores),
        "best_of_n": best_of_n(rows, scores)["best_of_n"],
    }


def split(setting: Setting) -> tuple[list[Question], list[Question]]:
    """Training questions and, after them, the held-out ones. Raises UserError when there are too
    few.
    """
    cfg = setting.cfg
    if len(setting.questions) <= cfg.held_out:
        raise UserError(
            f"reward: {len(setting.questions)} questions, of which held_out={cfg.held_out}; lower reward.held_out"
        )
    count = min(cfg.questions, len(setting.questions) - cfg.held_out)
    return list(setting.questions[:count]), list(setting.questions[count : count + cfg.held_out])


def some_outputs(rows: Sequence[dict], name: str, cfg: RewardConfig) -> list[dict]:
    """The first outputs of the first questions of a split, for step labels."""
    count: dict[str, int] = {}
    chosen = []
    for row in rows:
        if row["split"] == name and (
            row["question"] in count or len(count) < cfg.process_questions
        ):
            count[row["question"]] = count.get(row["question"], 0) + 1
            if count[row["question"]] <= cfg.process_samples:
                chosen.append(row)
    return chosen


def once(setting: Setting, name: str, make: Callable[[], list[dict]]) -> list[dict]:
    """Rows that are made once and survive a kill."""
    path = setting.state / f"{name}.jsonl"
    if not exists(path):
        write_jsonl(path, make())
        setting.engine.sleep()  # the reward model trains next
    return list(read_jsonl(path))


def fit(
    setting: Setting, name: str, data: list[Labelled], follow: Follow
) -> tuple[RewardModel, dict]:
    """Train a reward model on the labels and save it. Returns it and its last metric row."""
    cfg, state = setting.cfg, setting.state / name
    state.mkdir(parents=True, exist_ok=True)
    model = prepared(new_reward_model(setting.start, setting.device, cfg), cfg.peft, setting.seed)
    rows = train_reward_model(model, data, cfg, setting.seed, state)
    last = follow(rows, cfg.steps(len(data)), f"metrics_{name}")
    save_weights(model, setting.out / name)
    if first():
        setting.tokenizer.save_pretrained(setting.out / name)
    return RewardModel(model.eval(), cfg.micro_batch_tokens, cfg.compute_dtype), last


def score(reward_model: RewardModel, data: Sequence[Labelled]) -> list[list[float]]:
    """Scores of each output, a few questions at a time."""
    found: list[list[float]] = []
    for start in range(0, len(data), 64):
        rows, ends, _ = flatten(data[start : start + 64])
        found += reward_model(rows, ends)
    return found
