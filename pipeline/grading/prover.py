"""The sympy process behind worker.py: run as a module, it answers one line per request until stdin
closes.

It imports sympy once and forks a child per pair, so that every proof starts from the same state. A
request is a JSON list [tree, tree, calls]; the answer is "true", "false", "unproven" (sympy finds
neither), "calls" (the budget of Python calls is spent) or "clock" (a limit of processor time or
memory, the last resort)."""

from __future__ import annotations

import json
import os
import resource
import select
import sys
from fractions import Fraction
from typing import Any

CALLS_PER_SECOND = 250_000  # a quarter of what a slow core does; beyond it the clock ends what runs inside one call
WALL_SECONDS = 20  # for a child that gets no processor
MEMORY_BYTES = 2 << 30
DIGITS = 60

_NAMES = {
    "ln": "log",
    "binom": "binomial",
    "abs": "Abs",
    "ceil": "ceiling",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "max": "Max",
    "min": "Min",
}
_KNOWN = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh log exp Abs floor ceiling asin acos atan factorial binomial Max Min".split()
)


def serve() -> None:
    """Answer requests, one line each, until stdin closes."""
    import sympy

    warm_up = sympy.sqrt(2) * sympy.Symbol("x") - sympy.sin(1)
    sympy.simplify(warm_up)  # imports what the first proof would import
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(_in_child(line) + "\n")
        sys.stdout.flush()


def _in_child(line: str) -> str:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        a, b, calls = json.loads(line)
        _limit(1 + calls // CALLS_PER_SECOND)
        _answer(write_end, a, b, calls)
    os.close(write_end)
    ready, _, _ = select.select([read_end], [], [], WALL_SECONDS)
    answer = os.read(read_end, 16).decode() if ready else ""
    os.close(read_end)
    if not ready:
        os.kill(pid, 9)
    os.waitpid(pid, 0)
    return answer or "clock"


def _limit(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(out: int, a: list, b: list, calls: int) -> None:
    """In the child: write the outcome to `out` and end.

    Python calls are counted, the same on a busy machine as on an idle one. A spent budget ends the
    process there and then: an exception could be swallowed by sympy, and Python drops a trace
    function that raises."""
    left = calls

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            _end(out, "calls")

    sys.settrace(count)
    try:
        verdict = is_zero(a, b)
    except MemoryError:
        _end(out, "clock")
    except Exception:  # sympy's own failure: no proof, so the pair is undecided
        _end(out, "unproven")
    _end(out, {True: "true", False: "false", None: "unproven"}[verdict])


def _end(out: int, answer: str) -> None:
    os.write(out, answer.encode())
    os._exit(0)


def is_zero(a: list, b: list) -> bool | None:
    """Whether a - b is zero: no where its value at a fixed point is not, yes where it simplifies to
    zero, else None."""
    import sympy

    left, right = to_sympy(a, sympy), to_sympy(b, sympy)
    difference = (left - right).doit()
    if difference == 0:
        return True
    free = sorted(difference.free_symbols, key=str)
    text = json.dumps([a, b])
    whole = any(f'"{name}"' in text for name in ("sum", "prod", "factorial", "binom"))
    for point in (Fraction(5), Fraction(8)) if whole else (Fraction(37, 53), Fraction(101, 67)):
        values = {  # floats: the exact value of a rational to a rational power may be huge
            symbol: sympy.Rational(point.numerator + k, point.denominator).evalf(DIGITS + 20)
            for k, symbol in enumerate(free)
        }
        if whole:
            values = {symbol: sympy.Integer(point + k) for k, symbol in enumerate(free)}
        value = difference.evalf(DIGITS, subs=values, maxn=400)
        if not (value.is_number and value.is_finite):
            continue
        size = abs(left.doit().evalf(15, subs=values))
        if (
            size.is_number
            and size.is_finite
            and abs(value) > size * sympy.Float(10) ** (-DIGITS // 2)
        ):
            return False
    return True if sympy.simplify(difference).equals(0) is True else None


def to_sympy(node: list, sympy: Any) -> Any:
    """A tree from JSON as a sympy expression, built node by node: no text is parsed."""
    kind = node[0]
    if kind == "n":
        return sympy.Rational(*map(int, node[1].split("/")))
    if kind == "s":
        constants = {
            "pi": sympy.pi,
            "e": sympy.E,
            "i": sympy.I,
            "infty": sympy.oo,
            "°": sympy.pi / 180,
        }
        return constants.get(node[1]) or sympy.Symbol(node[1], real=True)
    if kind in "+*":
        parts = [to_sympy(child, sympy) for child in node[1:]]
        return sympy.Add(*parts) if kind == "+" else sympy.Mul(*parts)
    if kind == "^":
        base, exponent = to_sympy(node[1], sympy), to_sympy(node[2], sympy)
        odd = exponent.is_Rational and exponent.q % 2 and exponent.q > 1
        if odd and base.is_real:
            return sympy.real_root(base, exponent.q) ** exponent.p
        return sympy.Pow(base, exponent)
    return _function(node[1], [to_sympy(child, sympy) for child in node[2:]], sympy)


def _function(name: str, arguments: list, sympy: Any) -> Any:
    if name in ("log", "lg"):
        base = arguments[1] if len(arguments) == 2 else 10
        return sympy.log(arguments[0], base)
    if name in ("sum", "prod"):
        variable, low, high, body = arguments
        return (sympy.Sum if name == "sum" else sympy.Product)(body, (variable, low, high))
    known = _NAMES.get(name, name)
    if known in _KNOWN:
        return getattr(sympy, known)(*arguments)
    return sympy.Function(f"f_{name}")(*arguments)


if __name__ == "__main__":
    serve()
