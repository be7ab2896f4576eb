"""Whether two trees are the same function: exact values, then a finite field, then floats, in that
order of trust.

A yes needs the field (pipeline/grading/expr/field.py) and, where roots were taken, the floats too,
because the field does not know the sign of a nested root. A difference of floats is a no. A yes of
the floats alone is undecided and goes to the worker. Nothing takes unbounded work: exact values are
capped in bits, powers in the field are modular."""

from __future__ import annotations

import cmath
import math
from decimal import Decimal
from fractions import Fraction

from pipeline.grading.expr import exact, floats
from pipeline.grading.expr.field import Ring
from pipeline.grading.expr.tree import MINUS, Node, Unknown, has_big, has_symbol, symbols

_INFINITY = ("s", "infty")
_MINUS_INFINITY = ("*", (MINUS, _INFINITY))
POINTS = 3
ROOT_POINTS = 8  # where roots were taken: each point may have the other root by chance
FAR_TOLERANCE = 1e-3  # of floats at far points, where sums cancel
LONG_DECIMAL = (
    10  # significant digits from which a decimal may stand for the exact value that it rounds
)
FLOAT_DIGITS = 15  # significant digits from which a decimal may be a double with its noise: 0.30000000000000004
DOUBLE_DIGITS = 17  # no double is written with more
_FAILURES = (Unknown, ValueError, OverflowError, ZeroDivisionError, RecursionError)


def equal(a: Node, b: Node) -> tuple[bool | None, str]:
    """(verdict, rule): True, False, or None when only a proof would decide ("undecided") or no
    value is in reach ("cap")."""
    if a == b:
        return True, "same tree"
    if _endless(a) or _endless(b):
        return False, "infinity"
    try:
        x, y = exact.exact(a), exact.exact(b)
    except ZeroDivisionError:
        return False, "division by zero"
    except exact.TooLarge:
        x = y = None
    if x is not None and y is not None:
        return x == y or rounds(a, b) or rounds(b, a), "number"
    if _long_decimal(a) or _long_decimal(b):
        return rounds(a, b) or rounds(b, a), "decimal"
    return _symbolic(a, b)


def _symbolic(a: Node, b: Node) -> tuple[bool | None, str]:
    ring = Ring()
    try:
        field = all(ring.value(a, point) == ring.value(b, point) for point in range(POINTS))
        if field and ring.roots:
            more = range(POINTS, ROOT_POINTS)
            field = all(ring.value(a, point) == ring.value(b, point) for point in more)
    except _FAILURES:
        field = None
    if field is False and ring.exact:
        return False, "field"
    if _steps(a) or _steps(b):  # n is whole where floor((n+1)/2) is ceil(n/2)
        if field:
            return True, "field"
        return (False, "whole numbers") if _differ_at_integers(a, b) else (None, "cap")
    agree = close(a, b, far=ring.roots)
    if agree is False:
        return False, "floats"
    if field and (agree or not ring.roots):
        return True, "field"
    if agree is None and (has_big(a) or has_big(b)):
        return (False, "whole numbers") if _differ_at_integers(a, b) else (None, "undecided")
    if field is False and agree is None and not ring.large:
        return False, "field"
    return None, "undecided" if agree else "cap"


def _endless(node: Node) -> bool:
    """Whether infinity is an operand, as in inf - inf, which has no value; -inf alone has one, and
    so has a sum to infinity."""
    if node[0] not in "+*^" or node == _MINUS_INFINITY:
        return False
    children = node[1] if node[0] in "+*" else node[1:]
    return any(
        child == _INFINITY or _endless(child) or child == _MINUS_INFINITY for child in children
    )


def _steps(node: Node) -> bool:
    """Whether floor or ceiling of a symbol occurs."""
    if node[0] in "ns":
        return False
    if node[0] == "f" and node[1] in ("floor", "ceil"):
        return bool(symbols(node))
    return any(map(_steps, node[1] if node[0] in "+*" else node[1:] if node[0] == "^" else node[2]))


def _differ_at_integers(a: Node, b: Node) -> bool:
    """Whether two trees with sums or products up to a symbol differ where the symbols are small
    whole numbers."""
    names = sorted(symbols(a) | symbols(b))
    for start in (2, 3, 5, 8):
        env = {name: Fraction(start + k) for k, name in enumerate(names)}
        try:
            x, y = exact.exact(a, env), exact.exact(b, env)
        except (exact.TooLarge, ZeroDivisionError):
            continue
        if x is not None and y is not None and x != y:
            return True
    return False


def rounds(literal: Node, other: Node) -> bool:
    """Whether a decimal of ten digits or more is `other` rounded or cut at its last digit (from 15:
    one float step off)."""
    if not _long_decimal(literal):
        return False
    noisy = FLOAT_DIGITS <= literal[2] <= DOUBLE_DIGITS
    if other[0] == "n" and not noisy:  # two literals: only a double's noise
        return False
    value = constant(other)
    if value is None:
        value = real(other)
        if value is None or not math.isfinite(value):
            return False
        value, noisy = Fraction(value), literal[2] >= FLOAT_DIGITS
    if value == 0 or (value < 0) != (literal[1] < 0):
        return False
    over, digits = abs(literal[1]) - abs(value), literal[2]
    if noisy:
        return abs(over) <= abs(value) * Fraction(10) ** (1 - FLOAT_DIGITS)
    unit = Fraction(10) ** (
        (Decimal(literal[1].numerator) / literal[1].denominator).adjusted() + 1 - digits
    )
    return -unit < over <= unit / 2


def _long_decimal(node: Node) -> bool:
    return node[0] == "n" and node[2] >= LONG_DECIMAL


def real(node: Node) -> float | None:
    """Real float value of a tree without symbols, or None."""
    if symbols(node):
        return None
    try:
        value = floats.value(node, {})
    except _FAILURES:
        return None
    return None if isinstance(value, complex) or math.isnan(value) else value


def close(a: Node, b: Node, far: bool = False) -> bool | None:
    """Whether the two agree in floats at every point where both have a value; None when there is no
    such point.

    far -- whether to look at far points too, with a wide tolerance.
    """
    names = sorted(symbols(a) | symbols(b))
    agreed, imaginary = None, has_symbol(a, "i") or has_symbol(b, "i")
    for point in range(floats.FAR_POINTS if far and names else floats.POINTS):
        env = floats.environment(names, point)
        tolerance = 1e-9 if point < floats.POINTS else FAR_TOLERANCE
        try:
            x, y = floats.value(a, env, imaginary), floats.value(b, env, imaginary)
        except _FAILURES:
            continue
        if cmath.isnan(x) or cmath.isnan(y) or (cmath.isinf(x) and cmath.isinf(y)):
            continue
        if cmath.isinf(x) or cmath.isinf(y):
            if point < floats.POINTS:
                return False
            continue
        if abs(x - y) > tolerance * max(abs(x), abs(y), 1e-6):
            return False
        agreed = True
        if not names:
            break
    return agreed


def ratio(a: Node, b: Node) -> tuple[bool | None, float]:
    """(whether a = c b for a constant c that is not zero, the sign of c); (None, 0) when not
    known."""
    quotient: Node = ("*", (a, ("^", b, MINUS)))
    names = sorted(symbols(a) | symbols(b))
    if not names:
        return None, 0.0
    ring = Ring()
    try:
        values = [ring.value(quotient, point) for point in range(ROOT_POINTS)]
        if len(set(values)) > 1 or values[0] == (0, 0):
            return False, 0.0
    except _FAILURES:
        return None, 0.0
    try:
        constant = floats.value(quotient, floats.environment(names, 0))
    except _FAILURES:  # y' + y = 0: equal as equations, of a sign that is not known
        return (None if ring.roots else True), 0.0
    if ring.roots and not _constant_in_floats(quotient, constant, names):
        return False, 0.0
    return True, math.copysign(1.0, constant.real)


def _constant_in_floats(quotient: Node, constant: complex, names: list[str]) -> bool:
    """Whether the quotient is `constant` wherever it has a value: the field knows no sign of
    |x|."""
    for point in range(floats.FAR_POINTS):
        try:
            value = floats.value(quotient, floats.environment(names, point))
        except _FAILURES:
            continue
        if not abs(value - constant) <= FAR_TOLERANCE * abs(constant):
            return False
    return True


def constant(node: Node) -> Fraction | None:
    """The rational value of a tree, or None; no exception for what is over a cap."""
    try:
        return exact.exact(node)
    except (exact.TooLarge, ZeroDivisionError):
        return None
