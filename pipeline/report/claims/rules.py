"""The rules by which a claim gets its verdict. docs/preregistration.md says the same in prose, and
why.

A claim has one primary comparison, sometimes with a second that has to hold as well. Each is a
`Test`: a value with its interval, oriented so that the claim wants it large, and what the claim
says of it.

    gain       the value is above 0
    no gain    the value stays below d
    same       the value lies within -d and d

The verdict follows from p-values, corrected by Holm's method over all claims of the table
(`settle`):

    holds            significantly as claimed, in every test, and no single benchmark significantly against it
    opposite         significantly the other way
    equal within d   not significant, and two one-sided tests place a claimed gain within -d and d
    open             anything else; the report prints the interval and the n that would decide
    not testable     not measured, or measured in a way that cannot answer the question

d is the smaller of one point and a third of the paper's effect. What depends on how a training run
fell out needs at least two trained models; with one, nothing is significant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.report.stats import Interval, t_quantile

HOLDS, OPPOSITE, EQUAL = "holds", "opposite", "equal within d"
OPEN, UNTESTABLE = "open", "not testable"
VERDICTS = (HOLDS, OPPOSITE, EQUAL, OPEN, UNTESTABLE)

GAIN, NO_GAIN, SAME = "gain", "no gain", "same"
ALPHA = 0.05  # of the whole table, two-sided
LARGEST_D = 0.01  # one point
MOST_UNITS, FEW_UNITS = 200, 32  # of "the n that would decide": no more, or rather more questions
MORE_QUESTIONS = (1, 2, 4, 8, 16)  # times as many

FLOOR = 0.05  # where all scores compared are below this accuracy, a difference says nothing about a method
GATE = 0.05  # by how much a reward model's AUC inside a question has to exceed that of plain likelihood
GATE_QUESTIONS = 2000  # on at least so many held-out questions


def margin(effect: float | None) -> float:
    """d for an effect of the paper in accuracy (0..1); None where the paper gives no number."""
    return LARGEST_D if effect is None else min(LARGEST_D, abs(effect) / 3)


@dataclass(frozen=True)
class Test:
    """One comparison of a claim.

    value   -- oriented so that the claim wants it above 0 (gain), below d (no gain), or near 0 (same)
    parts   -- the same value on each benchmark, where there are several
    trained -- whether the value depends on how a training run fell out
    """

    name: str
    value: Interval
    d: float
    kind: str = GAIN
    unit: str = "points"
    parts: Mapping[str, Interval] = field(default_factory=dict)
    trained: bool = True

    @property
    def measured(self) -> bool:
        """Whether the interval has every source of variation in it that decides."""
        return math.isfinite(self.value.se) and not (self.trained and self.value.seeds < 2)

    @property
    def p_for(self) -> float:
        """One-sided p-value of the evidence for the claim."""
        if not self.measured:
            return 1.0
        if self.kind == GAIN:
            return self.value.p_above(0.0)
        if self.kind == NO_GAIN:
            return self.value.p_below(self.d)
        return self.p_equal

    @property
    def p_against(self) -> float:
        """One-sided p-value of the evidence for the opposite."""
        if not self.measured:
            return 1.0
        if self.kind == GAIN:
            return self.value.p_below(0.0)
        if self.kind == NO_GAIN:
            return self.value.p_above(0.0)
        return min(self.value.p_above(0.0), self.value.p_below(0.0))

    @property
    def p_equal(self) -> float:
        """The larger of two one-sided tests that the value lies within -d and d."""
        if not self.measured:
            return 1.0
        return max(self.value.p_above(-self.d), self.value.p_below(self.d))

    @property
    def part_against(self) -> str:
        """The first benchmark that is significantly against the claim, or ""."""
        for name, part in self.parts.items():
            if self.kind == GAIN and part.high < 0 or self.kind != GAIN and part.low > self.d:
                return name
        return ""


def p_value(tests: Sequence[Test]) -> float:
    """Two-sided p-value of a claim whose tests must all hold.

    For it speaks the largest p of its tests; against it the smallest, times their number.
    """
    if not tests:
        return 1.0
    return min(1.0, 2 * min(p_for(tests), p_against(tests)))


def p_for(tests: Sequence[Test]) -> float:
    return max(test.p_for for test in tests)


def p_against(tests: Sequence[Test]) -> float:
    return min(1.0, len(tests) * min(test.p_against for test in tests))


def verdict(tests: Sequence[Test], adjusted: float) -> str:
    """The verdict of a claim whose p-value, corrected for the table, is `adjusted`."""
    if not tests:
        return UNTESTABLE
    if adjusted < ALPHA and p_for(tests) <= p_against(tests):
        return OPEN if any(test.part_against for test in tests) else HOLDS
    if adjusted < ALPHA:
        return OPPOSITE
    first = tests[0]
    return EQUAL if first.kind == GAIN and first.p_equal < ALPHA else OPEN


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted


@dataclass(frozen=True)
class Needed:
    """Trained models (chains, where there are several) and questions that would decide a claim, if
    its values stay, and what the verdict would be.
    """

    units: int
    questions: int
    verdict: str

    def shown(self, units: str) -> str:
        """`24 chains and 5,200 questions`."""
        asked = f" and {self.questions:,} questions" if self.questions else ""
        return f"{number_of(self.units, units)}{asked}"


def number_of(count: int, units: str) -> str:
    """`1 chain`, `3 chains`."""
    return f"{count} {units if count > 1 else units.removesuffix('s')}"


def needed(tests: Sequence[Test], times: float = 1.0) -> Needed | None:
    """The n that would decide a claim whose values stay as they are, each benchmark's too; None
    where no n within MOST_UNITS and MORE_QUESTIONS does, or the spread is not known.

    times -- by how much Holm's correction would raise the p-value
    The search starts at the n that is there. Questions are multiplied only where more models alone
    would not do with FEW_UNITS of them; the answers of a single model have nothing else to grow by.
    """
    first = tests[0].value
    if not all(test.measured for test in tests):
        return None
    least = rows_of(first)
    found = []
    for factor in MORE_QUESTIONS:
        for units in range(least, (MOST_UNITS if least > 1 else 1) + 1):
            larger = [grown(test, units, factor) for test in tests]
            word = verdict(larger, min(1.0, times * p_value(larger)))
            if word in VERDICTS[:3]:
                found.append(Needed(units, factor * first.questions, word))
                break
        if found and found[-1].units <= FEW_UNITS:
            return found[-1]
    return min(found, key=lambda n: n.units, default=None)


def grown(test: Test, units: int, factor: int) -> Test:
    parts = {name: grow(part, units, factor) for name, part in test.parts.items()}
    return replace(test, value=grow(test.value, units, factor), parts=parts)


def grow(value: Interval, units: int, factor: int) -> Interval:
    """The same mean from so many units and `factor` times the questions; at the n of `value`, its
    own interval.
    """
    rows = rows_of(value)
    asked = value.question_se**2 if math.isfinite(value.question_se) else 0.0
    spread = max(0.0, value.se**2 - asked)
    # By Satterthwaite nearly all of the doubt about a variance is that of its rows' mean square, which
    # holds their spread and a residual; the residual shrinks with more questions, as theirs does.
    residual = max(0.0, value.se**2 * math.sqrt((rows - 1) / value.freedom) - spread)
    variance = spread * rows / units + asked / factor
    doubt = (spread + residual / factor) * rows / units
    freedom = variance**2 * (units - 1) / doubt**2 if doubt else math.inf
    se = math.sqrt(variance)
    half = t_quantile(freedom) * se
    low, high = value.mean - half, value.mean + half
    return replace(value, low=low, high=high, se=se, freedom=freedom, seeds=units)


def rows_of(value: Interval) -> int:
    return value.chains if value.chains > 1 else value.seeds
