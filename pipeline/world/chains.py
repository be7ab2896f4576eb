"""Chains of exact steps: each step works on the value of the step before, so their order is forced.

Values stay between 1 and 99, and factors and divisors between 2 and 5: this is what a model of some
100,000 parameters can learn to calculate.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from pipeline.world.problems import Step

LARGEST_VALUE = 99
FACTORS = range(2, 6)
Rules = Mapping[str, Callable[[int], list[int]]]


def result(left: int, op: str, right: int) -> int:
    """left op right; "/" is exact by construction."""
    return {"+": left + right, "-": left - right, "*": left * right, "/": left // right}[op]


def operands(value: int, op: str, largest: int = 9) -> list[int]:
    """What `value` may be combined with so that every value stays in 1..99.

    `largest` bounds what is added or taken away.
    """
    if op == "+":
        return [n for n in range(2, largest + 1) if value + n <= LARGEST_VALUE]
    if op == "-":
        return [n for n in range(2, largest + 1) if value - n >= 1]
    if op == "*":
        return [n for n in FACTORS if value * n <= LARGEST_VALUE]
    return [n for n in FACTORS if value % n == 0]


def step(left: int, op: str, right: int, left_ref: int = -1, right_ref: int = -1) -> Step:
    """A step with its value worked out."""
    return Step(left, op, right, result(left, op, right), left_ref, right_ref)


def grow(
    rng: random.Random, steps: tuple[Step, ...], op: str, largest: int, most: int = 5
) -> tuple[Step, ...] | None:
    """`steps` and one more, on the value of the last; None when no operand of `op` fits.

    `most` bounds factors and divisors.
    """
    value = steps[-1].value
    choice = [n for n in operands(value, op, largest) if op in "+-" or n <= most]
    if not choice:
        return None
    return (*steps, step(value, op, rng.choice(choice), left_ref=len(steps) - 1))


def chain(
    rng: random.Random, length: int, largest: int, most: Mapping[str, int] | None = None
) -> tuple[Step, ...]:
    """`length` steps (at least 1) from a first number between 3 and 20.

    most   the largest factor of "*" and divisor of "/", where a wording has no more; an operation
           that is mapped to 0 is not used
    """
    most = {"*": 5, "/": 5, **(most or {})}
    value = rng.randint(3, 20)
    steps: list[Step] = []
    for i in range(length):
        choices = {op: operands(value, op, largest) for op in "+-*/"}
        for op in "*/":
            choices[op] = [n for n in choices[op] if n <= most[op]]
        op = rng.choice([op for op in "+-*/" if choices[op]])
        steps.append(step(value, op, rng.choice(choices[op]), left_ref=i - 1))
        value = steps[-1].value
    return tuple(steps)
