"""Exact rational value of a tree, with a cap on its size; and the number of bits a power would
take."""

from __future__ import annotations

import math
from fractions import Fraction

from pipeline.grading.expr.tree import Node, has_big

MAX_BITS = 20_000
MAX_TERMS = 300  # of a sum or product written out
MAX_NESTED_TERMS = 10  # of one with another inside


class TooLarge(Exception):
    """The value exists but is over a cap."""


def exact(node: Node, env: dict[str, Fraction] | None = None) -> Fraction | None:
    """The rational value of `node`, or None when it has none that field arithmetic gives.

    Raises TooLarge over MAX_BITS and ZeroDivisionError for a division by zero.
    """
    kind = node[0]
    if kind == "n":
        return node[1]
    if kind == "s":
        return (env or {}).get(node[1])
    if kind in ("+", "*"):
        values = [exact(child, env) for child in node[1]]
        if any(value is None for value in values):
            return None
        total = values[0]
        for value in values[1:]:
            total = _capped(total + value if kind == "+" else total * value)
        return total
    if kind == "^":
        base, exponent = exact(node[1], env), exact(node[2], env)
        return None if base is None or exponent is None else power(base, exponent)
    return _function(node[1], node[2], env)


def power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """base ** exponent when it is rational, else None."""
    if exponent.denominator != 1:
        root = _root(base, exponent.denominator) if exponent.denominator < 100 else None
        return None if root is None else power(root, Fraction(exponent.numerator))
    if base in (0, 1, -1):
        if base == 0 and exponent <= 0:
            raise ZeroDivisionError("0 to a power that is not positive")
        return base if base != -1 or exponent % 2 else Fraction(1)
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * size > MAX_BITS:
        raise TooLarge("a power over the bit cap")
    return base ** int(exponent)


def _root(base: Fraction, degree: int) -> Fraction | None:
    if base < 0:
        root = _root(-base, degree) if degree % 2 else None
        return None if root is None else -root
    up, down = _integer_root(base.numerator, degree), _integer_root(base.denominator, degree)
    return None if up is None or down is None else Fraction(up, down)


def _integer_root(value: int, degree: int) -> int | None:
    if degree == 2:
        root = math.isqrt(value)
    elif value.bit_length() > 900:
        return None
    else:
        root = round(value ** (1 / degree))
    return root if root**degree == value else None


def _function(
    name: str, args: tuple[Node, ...], env: dict[str, Fraction] | None
) -> Fraction | None:
    if name in ("sum", "prod"):
        return _written_out(name, args, env)
    if name not in ("factorial", "binom", "abs", "floor", "ceil", "gcd", "lcm", "max", "min"):
        return None
    values = [exact(arg, env) for arg in args]
    if any(value is None for value in values):
        return None
    if name in ("abs", "floor", "ceil"):
        return Fraction({"abs": abs, "floor": math.floor, "ceil": math.ceil}[name](values[0]))
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    if any(value.denominator != 1 or value < 0 for value in values):
        return None
    whole = [int(value) for value in values]
    if name in ("gcd", "lcm"):
        return Fraction(math.gcd(*whole) if name == "gcd" else math.lcm(*whole))
    if whole[0] > 1000:
        raise TooLarge(f"a {name} over the cap")
    return Fraction(math.factorial(whole[0]) if name == "factorial" else math.comb(*whole))


def _written_out(
    name: str, args: tuple[Node, ...], env: dict[str, Fraction] | None
) -> Fraction | None:
    variable, low, high, body = args
    first, last = exact(low, env), exact(high, env)
    if first is None or last is None or first.denominator != 1 or last.denominator != 1:
        return None
    if last - first > (MAX_NESTED_TERMS if has_big(body) else MAX_TERMS):
        raise TooLarge(f"a {name} of too many terms")
    total = Fraction(int(name == "prod"))
    for k in range(int(first), int(last) + 1):
        value = exact(body, {**(env or {}), variable[1]: Fraction(k)})
        if value is None:
            return None
        total = _capped(total + value if name == "sum" else total * value)
    return total


def _capped(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise TooLarge("a value over the bit cap")
    return value
