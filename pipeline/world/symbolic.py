"""Symbolic problems with LaTeX answers, levels 1 to 5, each solved by exact integer steps.

The families have more than 30,000 different problems. The structure of a problem does not depend on
the order of its terms, so that a problem and the same one with its terms swapped share a split.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from pipeline.world.chains import step
from pipeline.world.problems import Problem, Step, structure_of
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "symbolic")
# formulas of the question, steps, answer, what identifies the problem, its program ("": the steps);
# None: try again
Drawn = tuple[tuple[str, ...], tuple[Step, ...], str, str, str] | None
FRACTION = "from fractions import Fraction\nprint({})"


def symbolic_problem(rng: random.Random, level: int) -> Problem:
    """One problem of a family that belongs to `level` (FAMILIES)."""
    family = rng.choice(FAMILIES[level])
    drawn = None
    while drawn is None:
        drawn = MAKERS[family](rng)
    formulas, steps, answer, key, program = drawn
    return Problem(
        question=rng.choice(WORDS[family.partition(":")[0]]).format(*formulas),
        steps=steps,
        answer=answer,
        lang="en",
        level=level,
        family=family.partition(":")[0],
        structure=f"{family}:{key}",
        program=program,
    )


def _signed(n: int, tail: str = "") -> str:
    """+3x, -x, +7: a coefficient with its sign; 1 is left out before a letter."""
    size = "" if abs(n) == 1 and tail else str(abs(n))
    return ("+" if n > 0 else "-") + size + tail


def _fraction(top: int, bottom: int) -> str:
    return f"\\frac{{{top}}}{{{bottom}}}"


def _reduce(rng: random.Random) -> Drawn:
    top, bottom, factor = rng.randint(1, 30), rng.randint(2, 30), rng.randint(2, 12)
    if math.gcd(top, bottom) != 1 or max(top, bottom) * factor > 200:
        return None
    a, b = top * factor, bottom * factor
    steps = step(a, "/", factor), step(b, "/", factor)
    program = FRACTION.format(f"Fraction({a},{b})")
    return (_fraction(a, b),), steps, _fraction(top, bottom), f"{a}/{b}", program


def _compute(rng: random.Random) -> Drawn:
    r"""$a+b\cdot c$ and $a-b\cdot c$, where the product comes first, and $b\cdot c\pm a$."""
    a, b, c = rng.randint(2, 60), rng.randint(2, 9), rng.randint(2, 12)
    product, op = b * c, rng.choice("+-")
    times = f"{b}\\cdot {c}"
    if rng.random() < 0.5:
        formula, second = f"{times}{op}{a}", step(product, op, a, left_ref=0)
    else:
        formula, second = f"{a}{op}{times}", step(a, op, product, right_ref=0)
    if not 1 <= second.value <= 150:
        return None
    steps = (step(b, "*", c), second)
    return (formula,), steps, str(second.value), structure_of(steps), ""


def _brackets(rng: random.Random) -> Drawn:
    """$a(b+c)-d$: what is in brackets comes first."""
    a, b, c, d = (rng.randint(2, high) for high in (6, 20, 12, 30))
    inner, outer = rng.choice("+-"), rng.choice("+-")
    if inner == "-" and b <= c:
        return None
    first = step(b, inner, c)
    second = step(first.value, "*", a, left_ref=0)
    third = step(second.value, outer, d, left_ref=1)
    if third.value < 1 or max(second.value, third.value) > 150:
        return None
    steps = (first, second, third)
    formula = f"{a}({b}{inner}{c}){outer}{d}"
    return (formula,), steps, str(third.value), structure_of(steps), ""


def _solve(rng: random.Random) -> Drawn:
    """$ax+b=c$."""
    a, x, b = rng.randint(2, 9), rng.randint(1, 15), rng.choice((-1, 1)) * rng.randint(1, 30)
    c = a * x + b
    if c < 1:
        return None
    first = step(c, "-" if b > 0 else "+", abs(b))
    formula = f"{a}x{_signed(b)}={c}"
    return (formula,), (first, step(first.value, "/", a, left_ref=0)), str(x), formula, ""


def _both_sides(rng: random.Random) -> Drawn:
    """$ax+b=cx+d$ with a > c and b < d."""
    c, b, x = rng.randint(2, 9), rng.randint(1, 20), rng.randint(1, 12)
    a = c + rng.randint(2, 6)
    d = (a - c) * x + b
    steps = step(a, "-", c), step(d, "-", b), step(d - b, "/", a - c, left_ref=1, right_ref=0)
    formula = f"{a}x+{b}={c}x+{d}"
    return (formula,), steps, str(x), formula, ""


def _derive(rng: random.Random) -> Drawn:
    a, b, c, n = rng.randint(2, 9), rng.randint(2, 9), rng.randint(2, 20), rng.randint(3, 5)
    m = rng.randint(2, n - 1)
    formula = f"{a}x^{n}{_signed(b, f'x^{m}')}{_signed(c, 'x')}"
    power = "x" if m == 2 else f"x^{m - 1}"
    slope = f"{a * n}x^{n - 1}{_signed(b * m, power)}{_signed(c)}"
    steps = step(a, "*", n), step(b, "*", m)
    shown = f"{{a}}x^{{{n}-1}}{{b:+}}{'x' if m == 2 else f'x^{{{m}-1}}'}{_signed(c)}"
    program = f"a={a}*{n}\nb={b}*{m}\nprint(f'{shown}')"
    return (formula,), steps, slope, formula, program


def _expand(rng: random.Random) -> Drawn:
    a, c = rng.randint(1, 5), rng.randint(1, 5)
    b, d = (rng.choice((-1, 1)) * rng.randint(1, 12) for _ in range(2))
    left, right = (_signed(k, "x").lstrip("+") + _signed(n) for k, n in ((a, b), (c, d)))
    middle = a * d + b * c
    if middle == 0:
        return None
    steps = (
        step(a, "*", c),
        step(a, "*", d),
        step(b, "*", c),
        step(a * d, "+", b * c, left_ref=1, right_ref=2),
        step(b, "*", d),
    )
    answer = _signed(a * c, "x^2").lstrip("+") + _signed(middle, "x") + _signed(b * d)
    key = "".join(f"({factor})" for factor in sorted((left, right)))
    sums = f"a={a}*{c}\nb={a}*{d}+{b}*{c}\nc={b}*{d}"
    program = f"{sums}\nprint(f'{{a}}x^2{{b:+}}x{{c:+}}')"
    return (f"({left})({right})",), steps, answer, key, program


def _fractions(rng: random.Random, op: str) -> Drawn:
    a, b, c, d = (rng.randint(low, high) for low, high in ((1, 19), (2, 20), (1, 19), (2, 20)))
    steps = (
        step(a, "*", d),
        step(c, "*", b),
        step(a * d, op, c * b, left_ref=0, right_ref=1),
        step(b, "*", d),
    )
    top, bottom = steps[2].value, b * d
    if b == d or a >= b or c >= d or top < 1 or bottom > 200 or math.gcd(top, bottom) != 1:
        return None
    terms = ((a, b), (c, d)) if op == "-" else sorted(((a, b), (c, d)))
    key = op.join(f"{p}/{q}" for p, q in terms)
    program = FRACTION.format(f"Fraction({a},{b}){op}Fraction({c},{d})")
    return (_fraction(a, b), _fraction(c, d)), steps, _fraction(top, bottom), key, program


def _add_fractions(rng: random.Random) -> Drawn:
    return _fractions(rng, "+")


def _subtract_fractions(rng: random.Random) -> Drawn:
    return _fractions(rng, "-")


# "family:variant": the variants of a family are asked in the same words.
MAKERS: dict[str, Callable[[random.Random], Drawn]] = {
    "reduce": _reduce,
    "compute": _compute,
    "compute:brackets": _brackets,
    "solve": _solve,
    "solve:both_sides": _both_sides,
    "derive": _derive,
    "add_fractions": _add_fractions,
    "subtract_fractions": _subtract_fractions,
    "expand": _expand,
}
FAMILIES = {
    1: ("reduce", "compute"),
    2: ("solve", "compute:brackets"),
    3: ("derive", "solve:both_sides"),
    4: ("add_fractions", "subtract_fractions"),
    5: ("expand",),
}
