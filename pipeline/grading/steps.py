"""Section 4.1.3, process supervision without a model: the exact step checker of the miniature
world.

A solution is lines. Every line but the last holds one equation over integers or fractions (`She has
3+4=7 apples.`); the last line holds the boxed answer. Integers and Fractions only, a parser of our
own, nothing evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from pipeline.grading.grade import grade

MAX_LINE = 400  # characters; a longer line is no step of the miniature world
MAX_DIGITS = 30  # of one number

_EQUATION = re.compile(r"([-(]*\d[\d.+\-*/()×÷ ]*)=\s*(-?\d+(?:\.\d+|/\d+)?)(?![\d.]*\d)")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[-+*/()×÷]")


def step_verdicts(output: str, trace: Sequence[str], answer: str) -> list[tuple[int, bool]]:
    """Judge every line of `output` that is not blank.

    output -- a sampled solution; trace -- the value of each step of the only solution; answer --
    the reference answer. Returns (end, right) a line, where output[:end] ends with the line's last
    character. Step j is right iff its equation is arithmetically true, its value is trace[j], and
    every earlier step was right. A last line with a box is right iff the boxed value is the answer;
    without a box it is a step like any other (a truncated output).

    >>> step_verdicts("3+4=7\\n7*2=15\\n\\\\boxed{14}", ("7", "14"), "14")
    [(5, True), (12, False), (23, True)]
    """
    lines = list(_lines(output))
    verdicts, so_far = [], True
    for j, (end, line) in enumerate(lines):
        if j == len(lines) - 1 and "\\boxed" in line:
            verdicts.append((end, _boxed_right(line, answer)))
            break
        value = equation_value(line)
        so_far = so_far and j < len(trace) and value is not None and value == number(trace[j])
        verdicts.append((end, so_far))
    return verdicts


def equation_value(line: str) -> Fraction | None:
    """The value of a line's last equation, or None when the line has no equation or a false one.

    >>> equation_value("She has 12/4=3 apples."), equation_value("3+4=8")
    (Fraction(3, 1), None)
    """
    if len(line) > MAX_LINE:
        return None
    found = _EQUATION.findall(line)
    if not found:
        return None
    left, right = arithmetic(found[-1][0]), number(found[-1][1])
    return right if left is not None and left == right else None


def has_false_equation(output: str) -> bool:
    """Whether some line holds an equation over numbers that does not hold: wrong arithmetic.

    An output without one whose answer is wrong has been misread, or has no end.

    >>> has_false_equation("3+4=8\\n8*2=16"), has_false_equation("2x=6\\n3+4=7")
    (True, False)
    """
    for line in output.split("\n"):
        for left, right in _EQUATION.findall(line) if len(line) <= MAX_LINE else ():
            value = arithmetic(left)
            if value is not None and value != number(right):
                return True
    return False


def arithmetic(text: str) -> Fraction | None:
    """Exact value of numbers joined by + - * / × ÷ and parentheses; None when malformed or divided
    by zero."""
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != text.replace(" ", "") or text.count("(") > 20:
        return None
    if any(len(token) > MAX_DIGITS for token in tokens):
        return None
    try:
        value, rest = _sum(tokens, 0)
    except (
        IndexError,
        ValueError,
        ZeroDivisionError,
    ):  # ran off the end; a stray operator; a division by zero
        return None
    return value if rest == len(tokens) else None


def number(text: str) -> Fraction | None:
    """`7`, `-2.5` or `3/4` as an exact Fraction, else None."""
    match = re.fullmatch(r"\s*(-?\d{1,30}(?:\.\d{1,30})?)(?:/(\d{1,30}))?\s*", text)
    if not match or (match[2] and int(match[2]) == 0):
        return None
    return Fraction(match[1]) / int(match[2] or 1)


def _lines(output: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in output.split("\n"):
        if line.strip():
            yield start + len(line), line
        start += len(line) + 1


def _boxed_right(line: str, answer: str) -> bool:
    """As the rule judges it, so that the reward of the last step and of the outcome cannot drift
    apart."""
    return grade(line, answer).verdict == "right"


def _sum(tokens: list[str], at: int) -> tuple[Fraction, int]:
    value, at = _product(tokens, at)
    while at < len(tokens) and tokens[at] in "+-":
        term, after = _product(tokens, at + 1)
        value = value + term if tokens[at] == "+" else value - term
        at = after
    return value, at


def _product(tokens: list[str], at: int) -> tuple[Fraction, int]:
    value, at = _unit(tokens, at)
    while at < len(tokens) and tokens[at] in "*/×÷":
        factor, after = _unit(tokens, at + 1)
        value = value * factor if tokens[at] in "*×" else value / factor
        at = after
    return value, at


def _unit(tokens: list[str], at: int) -> tuple[Fraction, int]:
    sign = 1
    while tokens[at] == "-":
        sign, at = -sign, at + 1
    if tokens[at] == "(":
        value, at = _sum(tokens, at + 1)
        if tokens[at] != ")":
            raise ValueError(tokens[at])
        return sign * value, at + 1
    return sign * Fraction(tokens[at]), at + 1
