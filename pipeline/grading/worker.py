"""sympy in a process that can be killed: `prove` in the caller, a fork server behind it.

The server imports sympy once, then forks a child per pair with its own limits on CPU time and memory. The caller waits
for a line with a deadline and kills the server when none comes, so neither a loop inside sympy nor a held GIL can stall
it; no signal handlers, any thread, any process. Trees travel as JSON, sympy objects are built from them node by node,
and no text is ever parsed by sympy. Run as a module: the server.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.grading.expr.compare import OverTime
from pipeline.grading.expr.tree import Node

CPU_SECONDS = (
    1  # the cap that decides, so that a verdict does not depend on how busy the machine is
)
WALL_SECONDS = 8  # for a child that gets no processor
MEMORY_BYTES = 2 << 30
START_SECONDS = 120  # for the import of sympy on a busy machine, once
MAX_NODES = 200
DIGITS = 60

_lock = threading.Lock()
os.register_at_fork(
    after_in_child=lambda: globals().update(_lock=threading.Lock())
)  # a thread may hold it at the fork
_server: dict[
    str, Any
] = {}  # "process", "pid" of the owner: a forked child must not share its parent's pipes


def prove(a: Node, b: Node) -> bool:
    """Whether a - b is zero, by sympy. Raises OverTime when that takes more than the caps."""
    if _size(a) + _size(b) > MAX_NODES:
        raise OverTime("a tree over the size cap")
    request = (json.dumps([_plain(a), _plain(b)]) + "\n").encode()
    with _lock:
        process = start()
        process.stdin.write(request)
        process.stdin.flush()
        answer = _line(process, WALL_SECONDS + 1)
        if answer not in (b"true\n", b"false\n", b"late\n", b"unproven\n"):
            _stop()
    if answer not in (b"true\n", b"false\n"):
        raise OverTime("unproven" if answer == b"unproven\n" else "sympy took too long")
    return answer == b"true\n"


def start() -> subprocess.Popen[bytes]:
    """The server of this process, started and ready (the first call takes as long as the import of sympy)."""
    process = _server.get("process")
    if process is not None and _server["pid"] == os.getpid() and process.poll() is None:
        return process
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        "PYTHONPATH": root,
        "PATH": os.environ.get("PATH", ""),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.grading.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    if _line(process, START_SECONDS) != b"ready\n":
        process.kill()
        raise RuntimeError("the sympy worker did not start; is sympy installed for this Python?")
    _server.update(process=process, pid=os.getpid())
    return process


@atexit.register
def _stop() -> None:
    process = _server.pop("process", None)
    if process is not None and _server["pid"] == os.getpid():
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""


def _size(node: Node) -> int:
    if node[0] in "ns":
        return 1
    children = node[1] if node[0] in "+*" else node[1:] if node[0] == "^" else node[2]
    return 1 + sum(map(_size, children))


def _plain(node: Node) -> list:
    """The tree as JSON values."""
    if node[0] == "n":
        return ["n", str(node[1])]
    if node[0] == "s":
        return list(node)
    if node[0] in "+*":
        return [node[0], *map(_plain, node[1])]
    if node[0] == "^":
        return ["^", _plain(node[1]), _plain(node[2])]
    return ["f", node[1], *map(_plain, node[2])]


# ---- the server ------------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer requests, one line each, until stdin closes: true, false or late."""
    import sympy

    sympy.simplify(
        sympy.sqrt(2) * sympy.Symbol("x") - sympy.sin(1)
    )  # imports what the first call would import
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(_in_child(line) + "\n")
        sys.stdout.flush()


def _in_child(line: str) -> str:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _limit()
        try:
            answer = {True: "true", False: "false", None: "unproven"}[_zero(*json.loads(line))]
        except (
            Exception
        ):  # the child's own failure (memory, a sympy bug): no proof, so the pair is undecided
            answer = "late"
        os.write(write_end, answer.encode())
        os._exit(0)
    os.close(write_end)
    ready, _, _ = select.select([read_end], [], [], WALL_SECONDS)
    answer = os.read(read_end, 16).decode() if ready else ""
    os.close(read_end)
    if not ready:
        os.kill(pid, 9)
    os.waitpid(pid, 0)
    return answer or "late"


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _zero(a: list, b: list) -> bool | None:
    """Whether a - b is zero: no where its value at a fixed point is not, yes where it simplifies to zero, else None."""
    import sympy

    difference = (_sympy(a, sympy) - _sympy(b, sympy)).doit()
    if difference == 0:
        return True
    free = sorted(difference.free_symbols, key=str)
    whole = any(word in json.dumps([a, b]) for word in ('"sum"', '"prod"', '"factorial"', '"binom"'))
    for point in (Fraction(5), Fraction(8)) if whole else (Fraction(37, 53), Fraction(101, 67)):
        values = {
            symbol: sympy.Rational(point.numerator + k, point.denominator)
            for k, symbol in enumerate(free)
        }
        value = difference.subs(values).evalf(DIGITS, maxn=400)
        if value.is_number and value.is_finite and abs(value) > sympy.Float(10) ** (-DIGITS // 2):
            return False
    return True if sympy.simplify(difference).equals(0) is True else None


def _sympy(node: list, sympy: Any) -> Any:
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
        parts = [_sympy(child, sympy) for child in node[1:]]
        return sympy.Add(*parts) if kind == "+" else sympy.Mul(*parts)
    if kind == "^":
        base, exponent = _sympy(node[1], sympy), _sympy(node[2], sympy)
        odd = exponent.is_Rational and exponent.q % 2 and exponent.q > 1
        return (
            sympy.real_root(base, exponent.q) ** exponent.p
            if odd and base.is_real
            else sympy.Pow(base, exponent)
        )
    arguments = [_sympy(child, sympy) for child in node[2:]]
    return _function(node[1], arguments, sympy)


def _function(name: str, arguments: list, sympy: Any) -> Any:
    named = {
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
    if name in ("log", "lg"):
        base = arguments[1] if len(arguments) == 2 else 10
        return sympy.log(arguments[0], base)
    if name in ("sum", "prod"):
        variable, low, high, body = arguments
        return (sympy.Sum if name == "sum" else sympy.Product)(body, (variable, low, high))
    known = named.get(name, name)
    if known in (
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "log",
        "exp",
        "Abs",
        "floor",
        "ceiling",
        "asin",
        "acos",
        "atan",
        "factorial",
        "binomial",
        "Max",
        "Min",
    ):
        return getattr(sympy, known)(*arguments)
    return sympy.Function(f"f_{name}")(*arguments)


if __name__ == "__main__":
    serve()
