"""Reward functions of one's own: `package.module:function`, one or several with weights.

A function gets the step's questions (whole rows), the outputs and the reference answers, one of
each per output, and returns for each output a number, or a list with one per line that is not
blank:

    def brief(questions, outputs, references):
        return [1.0 if len(output.tokens) < 50 else 0.0 for output in outputs]

It runs in this process, as any module that is named in a configuration would: name only code that
you would run yourself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pipeline.errors import UserError
from pipeline.lm.rollouts import Rollouts, right_answers
from pipeline.lm.step_ends import line_ends, token_ends
from pipeline.rl.reward_function import Rewarded

RewardFunction = Callable[[Sequence[Any], Sequence["Answer"], Sequence[str]], Sequence[Any]]


@dataclass(frozen=True)
class Answer:
    """An output as a reward function sees it."""

    text: str  # without special tokens
    tokens: list[int]  # EOS included
    finished: bool  # ended by itself, not by max_new_tokens


def named(name: str) -> RewardFunction:
    """The function of `package.module:function`. Raises UserError when there is none."""
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function, None)
    except ImportError as error:
        raise UserError(f"reward function {name}: {error}; is its folder on PYTHONPATH?") from None
    if not callable(found):
        raise UserError(f"reward function {name}: {module} has no function {function!r}")
    return found


def own_reward(weights: Mapping[str, float]) -> Callable[..., Rewarded]:
    """The weighted sum of these functions, `rule` among them, as a reward function of the pipeline.

    Where one of them judges lines, a number from another is added to the last line.
    """
    functions = {name: rule if name == "rule" else named(name) for name in weights}

    def reward(rollouts: Rollouts, tokenizer, reward_model=None) -> Rewarded:
        answers = [
            Answer(text, tokens, finished)
            for text, tokens, finished in zip(
                rollouts.texts, rollouts.rows.outputs, rollouts.finished, strict=True
            )
        ]
        parts = {name: judged(name, f, rollouts, answers) for name, f in functions.items()}
        return combined(rollouts, tokenizer, parts, weights)

    return reward


def rule(questions: Sequence[Any], outputs: Sequence[Answer], references: Sequence[str]):
    """1 if the final answer is right, else 0; for use beside functions of one's own."""
    from pipeline.grading import grade_many

    pairs = [
        (output.text, reference) for output, reference in zip(outputs, references, strict=True)
    ]
    return [float(grade.verdict == "right") for grade in grade_many(pairs)]


def judged(
    name: str, function: RewardFunction, rollouts: Rollouts, answers: list[Answer]
) -> list[list[float]]:
    """What a function says of each output, as lists. Raises UserError that names the output."""
    owners = rollouts.owners
    references = [question.answer for question in owners]
    try:
        said = list(function(owners, answers, references))
    except Exception as error:
        culprit = _culprit(function, owners, answers, references)
        what = f"{type(error).__name__}: {error}"
        raise UserError(f"reward function {name} failed on {culprit} ({what})") from error
    if len(said) != len(answers):
        raise UserError(f"reward function {name}: {len(said)} rewards for {len(answers)} outputs")
    return [_numbers(name, value, owners[b], answers[b]) for b, value in enumerate(said)]


def _culprit(function: RewardFunction, owners, answers, references) -> str:
    """The first output on which the function fails alone."""
    for question, answer, reference in zip(owners, answers, references, strict=True):
        try:
            function([question], [answer], [reference])
        except Exception:  # the very error that is being told
            return _of(question, answer)
    return f"the {len(answers)} outputs of a step together"


def _numbers(name: str, value: Any, question, answer: Answer) -> list[float]:
    several = isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1
    listed = [as_float(x) for x in (value if several else [value])]
    lines = len(line_ends(answer.text)) or 1
    if not all(math.isfinite(x) for x in listed):
        raise UserError(
            f"reward function {name} gave {value!r} for {_of(question, answer)}; a finite number, or "
            "a list of them, is needed"
        )
    if several and len(listed) != lines:
        raise UserError(
            f"reward function {name} gave {len(listed)} numbers for the {lines} lines of "
            f"{_of(question, answer)}"
        )
    return listed


def as_float(value: Any) -> float:
    """A number of Python, numpy or torch; NaN for anything else."""
    if getattr(value, "ndim", None) == 0:  # a scalar of numpy or torch
        value = value.item()
    return float(value) if isinstance(value, (int, float)) else math.nan


def _of(question, answer: Answer) -> str:
    return f"the output {answer.text[:60]!r} to question {question.id}"


def combined(
    rollouts: Rollouts, tokenizer, parts: dict[str, list[list[float]]], weights: Mapping[str, float]
) -> Rewarded:
    """Parts of each output, weighted and added; a step per line where one of the parts has several."""
    rewards, ends = [], []
    by_line = any(len(row) > 1 for rows in parts.values() for row in rows)
    for b, tokens in enumerate(rollouts.rows.outputs):
        width = max(len(rows[b]) for rows in parts.values())
        total = [0.0] * width
        for name, rows in parts.items():
            for k, value in enumerate(rows[b]):
                total[width - len(rows[b]) + k] += weights[name] * value
        rewards.append(total)
        text = rollouts.texts[b]
        stops = line_ends(text) if by_line and width > 1 else []
        ends.append(token_ends(tokenizer, tokens, text, stops) if stops else [len(tokens) - 1])
    told = all(question.answer for question in rollouts.questions)
    right = right_answers(rollouts) if told else [False] * len(rewards)
    means = {name: sum(map(sum, rows)) / len(rows) for name, rows in parts.items()}
    return Rewarded(rewards, ends, right, means)
