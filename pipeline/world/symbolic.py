"""Symbolic problems with LaTeX answers, levels 1 to 5, each solved by exact integer steps."""

from __future__ import annotations

import math
import random

from pipeline.world.problems import Problem, Step


def symbolic_problem(rng: random.Random, level: int) -> Problem:
    """One problem of the family that belongs to `level` (FAMILIES)."""
    family, make = FAMILIES[level]
    question, steps, answer, key = make(rng)
    return Problem(
        question=question,
        steps=tuple(steps),
        answer=answer,
        lang="en",
        level=level,
        family=family,
        structure=f"{family}:{key}",
    )


def _op(left: int, op: str, right: int) -> Step:
    return Step(
        left,
        op,
        right,
        {"+": left + right, "-": left - right, "*": left * right, "/": left // right}[op],
    )


def _signed(n: int, tail: str = "") -> str:
    """+3x, -x, +7: a coefficient with its sign; 1 is left out before a letter."""
    size = "" if abs(n) == 1 and tail else str(abs(n))
    return ("+" if n > 0 else "-") + size + tail


def _reduce(rng: random.Random):
    top, bottom, factor = rng.randint(1, 15), rng.randint(2, 15), rng.randint(2, 12)
    if math.gcd(top, bottom) != 1:
        return _reduce(rng)
    a, b = top * factor, bottom * factor
    question = rng.choice(
        ["Simplify $\\frac{%d}{%d}$.", "Write $\\frac{%d}{%d}$ in lowest terms."]
    ) % (a, b)
    return (
        question,
        [_op(a, "/", factor), _op(b, "/", factor)],
        f"\\frac{{{top}}}{{{bottom}}}",
        f"{a}/{b}",
    )


def _solve(rng: random.Random):
    factor, x, plus = rng.randint(2, 9), rng.randint(2, 12), rng.randint(2, 20)
    total = factor * x + plus
    question = rng.choice(["Solve $%dx+%d=%d$.", "Find $x$ if $%dx+%d=%d$."]) % (
        factor,
        plus,
        total,
    )
    return (
        question,
        [_op(total, "-", plus), _op(total - plus, "/", factor)],
        str(x),
        f"{factor}x+{plus}={total}",
    )


def _derive(rng: random.Random):
    a, b, c = (rng.randint(2, 9) for _ in range(3))
    n = rng.randint(3, 5)
    m = rng.randint(2, n - 1)
    question = rng.choice(
        ["Differentiate $%dx^%d+%dx^%d+%dx$.", "Find the derivative of $%dx^%d+%dx^%d+%dx$."]
    ) % (a, n, b, m, c)
    terms = f"{a * n}x^{n - 1}{_signed(b * m, 'x' if m == 2 else f'x^{m - 1}')}{_signed(c)}"
    return question, [_op(a, "*", n), _op(b, "*", m)], terms, f"{a}x^{n}+{b}x^{m}+{c}x"


def _expand(rng: random.Random):
    a, b, c, d = rng.randint(1, 5), rng.randint(1, 9), rng.randint(1, 5), rng.randint(1, 9)
    left, right = _signed(a, "x")[1:] + _signed(b), _signed(c, "x")[1:] + _signed(d)
    question = rng.choice(["Expand $(%s)(%s)$.", "Multiply out $(%s)(%s)$."]) % (left, right)
    steps = [_op(a, "*", c), _op(a, "*", d), _op(b, "*", c), _op(a * d, "+", b * c), _op(b, "*", d)]
    return (
        question,
        steps,
        f"{_signed(a * c, 'x^2')[1:]}{_signed(a * d + b * c, 'x')}{_signed(b * d)}",
        f"({left})({right})",
    )


def _add_fractions(rng: random.Random):
    (a, b), (c, d) = ((rng.randint(1, 9), rng.randint(2, 12)) for _ in range(2))
    top, bottom = a * d + c * b, b * d
    if b == d or a >= b or c >= d or math.gcd(top, bottom) != 1:
        return _add_fractions(rng)
    first, second = f"\\frac{{{a}}}{{{b}}}", f"\\frac{{{c}}}{{{d}}}"
    question = rng.choice([f"Compute ${first}+{second}$.", f"Add ${first}$ and ${second}$."])
    steps = [_op(a, "*", d), _op(c, "*", b), _op(a * d, "+", c * b), _op(b, "*", d)]
    return question, steps, f"\\frac{{{top}}}{{{bottom}}}", f"{a}/{b}+{c}/{d}"


# level -> (family, maker)
FAMILIES = {
    1: ("reduce", _reduce),
    2: ("solve", _solve),
    3: ("derive", _derive),
    4: ("add_fractions", _add_fractions),
    5: ("expand", _expand),
}
