"""Who judges (Table 10, reward function): the rule, exact step verdicts, or a reward model read at step ends.

Every judge gives each output a list of rewards, one a step, and the token at which each step ends. An outcome reward is
one step that ends with the output.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from pipeline.errors import UserError
from pipeline.grading import grade_many, step_verdicts
from pipeline.lm.flops import Shape
from pipeline.lm.passes import Rows, first_equal
from pipeline.rl.data_source import Rollouts


class Scorer(Protocol):
    """A reward model (`pipeline.reward.model.Judge`)."""

    shape: Shape

    def __call__(self, rows: Rows, ends: list[list[int]]) -> list[list[float]]:
        """The score of each output at each of these token indices."""


@dataclass(frozen=True)
class Judged:
    """What a judge said of each output, and whether the rule finds its final answer right (a metric in every arm)."""

    rewards: list[list[float]]
    ends: list[
        list[int]
    ]  # index of the last token of each step; the last one is the output's last token
    right: list[bool]


def judge(name: str, rollouts: Rollouts, tokenizer, model: Scorer | None) -> Judged:
    """Rewards of a step's outputs. `name`: rule | rule_steps | outcome | process."""
    right = rule(rollouts)
    last = [[len(tokens) - 1] for tokens in rollouts.rows.outputs]
    if name == "rule":
        return Judged([[float(r)] for r in right], last, right)
    if name == "rule_steps":
        return _exact_steps(rollouts, tokenizer, right)
    if model is None:
        raise UserError(f"reward_function {name}: no reward model was given; run the reward stage")
    ends = (
        last
        if name == "outcome"
        else [
            token_ends(tokenizer, tokens, text, line_ends(text))
            for tokens, text in zip(rollouts.rows.outputs, rollouts.texts, strict=True)
        ]
    )
    return Judged(_scores(model, rollouts.rows, ends), ends, right)


def _scores(model: Scorer, rows: Rows, ends: list[list[int]]) -> list[list[float]]:
    """Equal outputs are scored once. In two micro-batches their scores would differ by rounding, and a group that answers
    with one voice would have a variance, and advantages, out of nothing."""
    first = first_equal(rows)
    kept = sorted(set(first))
    few = Rows(rows.prompts, [rows.outputs[b] for b in kept], [rows.prompt_of[b] for b in kept])
    scores = dict(zip(kept, model(few, [ends[b] for b in kept]), strict=True))
    return [scores[b] for b in first]


def rule(rollouts: Rollouts) -> list[bool]:
    """Whether each output's final answer is right."""
    answers = [rollouts.questions[slot].answer for slot in rollouts.rows.prompt_of]
    return [
        grade.verdict == "right"
        for grade in grade_many(list(zip(rollouts.texts, answers, strict=True)))
    ]


def _exact_steps(rollouts: Rollouts, tokenizer, right: Sequence[bool]) -> Judged:
    rewards, ends = [], []
    for b, text in enumerate(rollouts.texts):
        question = rollouts.questions[rollouts.rows.prompt_of[b]]
        if not question.trace:
            raise UserError(
                f"question {question.id}: no trace of its steps; reward_function rule_steps needs the "
                "miniature world's questions"
            )
        # an empty output is one step; the step that states the answer is judged by the rule, which reads any LaTeX
        verdicts = step_verdicts(text, question.trace, question.answer) or [(len(text), right[b])]
        if "\\boxed" in text[verdicts[-2][0] if len(verdicts) > 1 else 0 :]:
            verdicts[-1] = (verdicts[-1][0], right[b])
        found = token_ends(tokenizer, rollouts.rows.outputs[b], text, [end for end, _ in verdicts])
        rewards.append([float(ok) for _, ok in verdicts])
        ends.append(found)
    return Judged(rewards, ends, list(right))


def line_ends(text: str) -> list[int]:
    """Steps of a solution are its lines: the end (exclusive) of every line that is not blank, at least one."""
    ends, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            ends.append(start + len(line))
        start += len(line) + 1
    return ends or [len(text)]


def token_ends(tokenizer, tokens: Sequence[int], text: str, ends: Sequence[int]) -> list[int]:
    """Index of the token that completes text[:end] for each end; the last step runs to the output's last token.

    `text` is the tokens decoded without special tokens. Decided on the tokens themselves, by decoding prefixes, so any
    merges and characters split over several tokens are safe. Ends that fall into one token keep the order of the steps.
    """
    pieces = [_piece(tokenizer, token) for token in tokens]
    if "".join(pieces) == text:
        lengths, total = [], 0
        for piece in pieces:
            total += len(piece)
            lengths.append(total)
        found = [min(bisect_left(lengths, end), len(tokens) - 1) for end in ends]
    else:
        upto = range(len(tokens) - 1)
        found = [
            bisect_left(
                upto, True, key=lambda t, end=end: _starts(tokenizer, tokens, t, text[:end])
            )
            for end in ends
        ]
    found[-1] = len(tokens) - 1
    return found


def _starts(tokenizer, tokens: Sequence[int], t: int, prefix: str) -> bool:
    decoded = tokenizer.decode(
        tokens[: t + 1], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return decoded.startswith(prefix)


@lru_cache(maxsize=1 << 18)
def _piece(tokenizer, token: int) -> str:
    return tokenizer.decode([token], skip_special_tokens=True, clean_up_tokenization_spaces=False)
