"""Values of trees in double precision: real where no `i` occurs, complex where it does. Overflow is
infinity."""

from __future__ import annotations

import cmath
import math

from pipeline.grading.expr.element import pseudo_random
from pipeline.grading.expr.exact import MAX_NESTED_TERMS, MAX_TERMS
from pipeline.grading.expr.tree import Node, Unknown, has_big, has_symbol

# (low, high) of the symbols at each point: positive, below one, negative
_RANGES = ((0.6, 1.9), (0.2, 0.9), (-1.7, -0.4))
# far ones, for signs of roots alone, since sums cancel there: sqrt((x-30)^2) is 30-x at all the
# others
_FAR = ((3.0, 9.0), (-9.0, -3.0), (10.0, 50.0), (-50.0, -10.0), (60.0, 300.0), (-300.0, -60.0))
POINTS, FAR_POINTS = len(_RANGES), len(_RANGES) + len(_FAR)
CONSTANTS = {"pi": math.pi, "e": math.e, "infty": math.inf, "°": math.pi / 180, "%": 0.01}
Number = float | complex

_REAL = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "exp": math.exp,
    "ln": math.log,
    "lg": math.log10,
    "log": math.log10,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "cot": lambda x: 1 / math.tan(x),
    "sec": lambda x: 1 / math.cos(x),
    "csc": lambda x: 1 / math.sin(x),
    "factorial": lambda x: math.gamma(x + 1),
}
_COMPLEX = {"sin": cmath.sin, "cos": cmath.cos, "exp": cmath.exp, "ln": cmath.log, "abs": abs}


def environment(names: list[str], point: int) -> dict[str, float]:
    """A fixed value for each symbol at `point`."""
    low, high = (*_RANGES, *_FAR)[point]
    return {
        name: low + (high - low) * (pseudo_random("float", name, point) % 10**9) / 10**9
        for name in names
    }


def value(node: Node, env: dict[str, float], imaginary: bool | None = None) -> Number:
    """The value at `env`. Raises Unknown, ValueError, ZeroDivisionError where there is none;
    overflow gives inf.

    imaginary -- whether roots of negative numbers exist; None: if and only if `i` occurs.
    """
    return _value(node, env, has_symbol(node, "i") if imaginary is None else imaginary)


def _value(node: Node, env: dict[str, float], imaginary: bool) -> Number:
    kind = node[0]
    if kind == "n":
        return float(node[1])
    if kind == "s":
        if node[1] == "i":
            return 1j
        return CONSTANTS[node[1]] if node[1] in CONSTANTS else env[node[1]]
    if kind == "+":
        return sum(_value(child, env, imaginary) for child in node[1])
    if kind == "*":
        return math.prod(_value(child, env, imaginary) for child in node[1])
    if kind == "^":
        return _power(node, env, imaginary)
    return _function(node[1], node[2], env, imaginary)


def _power(node: Node, env: dict[str, float], imaginary: bool) -> Number:
    base, exponent = (_value(child, env, imaginary) for child in node[1:])
    if not imaginary and base < 0 and exponent != int(exponent):
        degree = _odd_degree(node[2])
        if degree is None:
            raise Unknown("a root of a negative number")
        return -((-base) ** exponent)
    try:
        return base**exponent
    except OverflowError:
        return math.inf if imaginary or base > 0 or exponent % 2 == 0 else -math.inf


def _odd_degree(exponent: Node) -> int | None:
    """n for the tree of 1/n with n odd."""
    if (
        exponent[0] == "^"
        and exponent[1][0] == "n"
        and exponent[1][1].denominator == 1
        and exponent[1][1] % 2
    ):
        return int(exponent[1][1])
    return None


def _function(name: str, args: tuple[Node, ...], env: dict[str, float], imaginary: bool) -> Number:
    if name in ("sum", "prod"):
        return _written_out(name, args, env, imaginary)
    values = [_value(arg, env, imaginary) for arg in args]
    if name in ("log", "base") and len(values) == 2:
        return _log(values) if name == "log" else _unknown(name)
    if name == "binom":
        return _binomial(*values)
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    table = _COMPLEX if imaginary else _REAL
    if name not in table or len(values) != 1:
        _unknown(name)
    try:
        return table[name](values[0])
    except OverflowError:
        return math.inf


def _binomial(n: float, k: float) -> float:
    """Gamma(n+1) / (Gamma(k+1) Gamma(n-k+1)), by logarithms, whose signs are taken apart."""
    parts = (n + 1, k + 1, n - k + 1)
    size = math.lgamma(parts[0]) - math.lgamma(parts[1]) - math.lgamma(parts[2])
    return math.prod(map(_gamma_sign, parts)) * _exp(size)


def _gamma_sign(x: float) -> int:
    return 1 if x > 0 or math.floor(x) % 2 == 0 else -1


def _unknown(name: str) -> Number:
    raise Unknown(f"{name} has no float value")


def _log(values: list[Number]) -> float:
    return math.log(values[0]) / math.log(values[1])


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


def _written_out(
    name: str, args: tuple[Node, ...], env: dict[str, float], imaginary: bool
) -> Number:
    variable, low, high, body = args
    first, last = _value(low, env, imaginary), _value(high, env, imaginary)
    if (
        first != int(first)
        or last != int(last)
        or last - first > (MAX_NESTED_TERMS if has_big(body) else MAX_TERMS)
    ):
        raise Unknown("bounds that are no integers, or too many terms")
    terms = [
        _value(body, {**env, variable[1]: float(k)}, imaginary)
        for k in range(int(first), int(last) + 1)
    ]
    return sum(terms) if name == "sum" else math.prod(terms)
