"""Who judges (Table 10, reward function): the rule, exact step verdicts, or a reward model read at
step ends.

Every reward function gives each output a list of rewards, one per step, and the token at which each
step ends. An outcome reward is one step that ends with the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.grading import step_verdicts
from pipeline.lm.passes import Rows, first_equal
from pipeline.lm.rollouts import Rollouts, right_answers, rule_grades
from pipeline.lm.step_ends import line_ends, token_ends
from pipeline.records import Question
from pipeline.reward.model import RewardModel

CLOCK = "cap: clock"  # how the rule of such a verdict begins (pipeline/grading/worker.py)


@dataclass(frozen=True)
class Rewarded:
    """The rewards of each output, and whether the rule finds its final answer right (a metric of
    every arm).
    """

    rewards: list[list[float]]
    ends: list[list[int]]  # the last token of each step; of the last step, the output's last token
    right: list[bool]
    means: dict[str, float] = field(default_factory=dict)  # of the parts of a weighted reward
    # rules of the verdicts that the clock decided, by output: a second run might decide otherwise
    by_clock: dict[int, str] = field(default_factory=dict)


def reward_outputs(
    name: str, rollouts: Rollouts, tokenizer, reward_model: RewardModel | None = None
) -> Rewarded | None:
    """Rewards of a step's outputs by the reward function of this name; None where there is nothing
    to judge.
    """
    if not rollouts.rows.outputs:
        return None
    return REWARD_FUNCTIONS[name](rollouts, tokenizer, reward_model)


def rule(rollouts: Rollouts, tokenizer, reward_model: RewardModel | None) -> Rewarded:
    """1 if the final answer is right, else 0."""
    grades = rule_grades(rollouts)
    right = [grade.verdict == "right" for grade in grades]
    by_clock = {b: grade.rule for b, grade in enumerate(grades) if grade.rule.startswith(CLOCK)}
    ends = _last_tokens(rollouts)
    return Rewarded([[float(r)] for r in right], ends, right, by_clock=by_clock)


def rule_steps(rollouts: Rollouts, tokenizer, reward_model: RewardModel | None) -> Rewarded:
    """The verdict of the exact step checker for each line, which needs the trace of the question.

    The step that states the answer is judged by the rule, which reads any LaTeX.
    """
    right = right_answers(rollouts)
    rewards, ends = [], []
    for b, (text, question) in enumerate(zip(rollouts.texts, rollouts.owners, strict=True)):
        # an empty output is one step
        verdicts = step_verdicts(text, question.trace, question.answer) or [(len(text), right[b])]
        before_last = verdicts[-2][0] if len(verdicts) > 1 else 0
        if "\\boxed" in text[before_last:]:
            verdicts[-1] = (verdicts[-1][0], right[b])
        stops = [end for end, _ in verdicts]
        rewards.append([float(ok) for _, ok in verdicts])
        ends.append(token_ends(tokenizer, rollouts.rows.outputs[b], text, stops))
    return Rewarded(rewards, ends, right)


def outcome(rollouts: Rollouts, tokenizer, reward_model: RewardModel | None) -> Rewarded:
    """The reward model's score at the last token."""
    ends = _last_tokens(rollouts)
    return Rewarded(_scores(reward_model, rollouts.rows, ends), ends, right_answers(rollouts))


def process(rollouts: Rollouts, tokenizer, reward_model: RewardModel | None) -> Rewarded:
    """The reward model's score at the end of each line."""
    ends = [
        token_ends(tokenizer, tokens, text, line_ends(text))
        for tokens, text in zip(rollouts.rows.outputs, rollouts.texts, strict=True)
    ]
    return Rewarded(_scores(reward_model, rollouts.rows, ends), ends, right_answers(rollouts))


def nothing(rollouts: Rollouts, tokenizer, reward_model: RewardModel | None) -> None:
    """Worked solutions are not judged."""
    return None


REWARD_FUNCTIONS: dict[str, Callable] = {
    "none": nothing,
    "rule": rule,
    "rule_steps": rule_steps,
    "outcome": outcome,
    "process": process,
}
NEEDS_MODEL = ("outcome", "process")


def check_rewardable(
    arm: str,
    name: str,
    parts: Sequence[str],
    questions: Sequence[Question],
    reward_model: RewardModel | None,
) -> None:
    """Refuse, before anything is sampled, what this reward function, or one of the parts of a
    weighted one, could not judge. Raises UserError.
    """
    if name in NEEDS_MODEL and reward_model is None:
        raise UserError(f"reward_function {name}: no reward model was given; run the reward stage")
    if name in ("rule", "rule_steps") or "rule" in parts:
        empty = next((q.id for q in questions if not q.answer.strip()), None)
        if empty is not None:
            raise UserError(
                f"arm {arm}: question {empty} has no answer, so reward_function "
                f"{'rule' if parts else name} would give 0 to every output; leave it out, or give a "
                "reward function of your own"
            )
    bare = next((q.id for q in questions if not q.trace), None) if name == "rule_steps" else None
    if bare is not None:
        raise UserError(
            f"arm {arm}: question {bare} has no trace of its steps, which reward_function "
            "rule_steps needs; only the miniature world's questions have one: take the arm out of "
            "the plan"
        )


def _last_tokens(rollouts: Rollouts) -> list[list[int]]:
    return [[len(tokens) - 1] for tokens in rollouts.rows.outputs]


def _scores(model: RewardModel, rows: Rows, ends: Sequence[Sequence[int]]) -> list[list[float]]:
    """Equal outputs are scored once.

    In two micro-batches their scores would differ by rounding, and a group whose outputs are all
    equal would get a variance, and advantages, out of nothing.
    """
    first = first_equal(rows)
    kept = sorted(set(first))
    few = Rows(rows.prompts, [rows.outputs[b] for b in kept], [rows.prompt_of[b] for b in kept])
    scores = dict(zip(kept, model(few, [ends[b] for b in kept]), strict=True))
    return [scores[b] for b in first]
