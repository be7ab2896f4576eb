"""sympy in processes that can be killed: `prove` in the caller, a small pool of prover.py behind
it.

The budget of a proof is counted in Python calls, so that a verdict does not depend on how busy the
machine is; a deadline by the clock, for the proof and for the caller who waits for a free process,
is the last resort, and its rule begins with "clock". No signal handlers, any thread, any process.
Trees travel as JSON."""

from __future__ import annotations

import atexit
import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.grading.bounded import BoundedCache
from pipeline.grading.expr.compare import OverTime
from pipeline.grading.expr.tree import Node

FULL_CALLS = 1_000_000  # of one proof on its own: about a second of processor time
# (calls, proofs in a batch of BATCH_ITEMS): the passes over what a batch asks to be proved, from
# the smallest trees on
BATCH_PASSES = ((20_000, 100), (120_000, 12), (600_000, 2))
BATCH_ITEMS = 1024
BATCH_CLOCKS = 4  # proofs of a batch that the clock may end; after them it ends the batch's others
WALL_SECONDS = 22.0  # for one answer; the process is replaced after it
WAIT_SECONDS = 10.0  # for a free process
START_SECONDS = 120  # for the import of sympy on a busy machine, once
MAX_NODES = 200
PROCESSES = max(1, min(4, os.cpu_count() or 1))

_DECIDED = {"true": True, "false": False}
_WHY = {
    "unproven": "unproven",
    "calls": "operations of one proof",
    "batch": "proofs of one batch",
    "clock": "clock: the proof",
    "wait": "clock: no process was free",
}
_proofs = BoundedCache(8 << 20)  # (a, b) as JSON, calls -> answer; what the clock took is not kept


def prove(a: Node, b: Node, calls: int = FULL_CALLS) -> bool:
    """Whether a - b is zero, by sympy, within a budget of Python calls. Raises OverTime when that
    is not decided."""
    return _verdict(_ask(_request(a, b), calls))


class Batch:
    """The proofs of one batch of answers, put off and then done together within one budget.

    `prove` knows what has been proved, raises OverTime for what has not, and remembers that it was
    asked; `settle` does what was asked for. Its budgets are counts, so that the verdicts of a batch
    depend on the batch alone."""

    def __init__(self, items: int = 0) -> None:
        self.answers: dict[str, str] = {}
        self.asked: dict[str, None] = {}
        self.clocks = 0
        self.left = [count * max(1, items // BATCH_ITEMS) for _, count in BATCH_PASSES]

    def prove(self, a: Node, b: Node) -> bool:
        request = _request(a, b)
        if request not in self.answers:
            self.asked[request] = None
            raise OverTime("put off")
        return _verdict(self.answers[request])

    def settle(self) -> bool:
        """Do the proofs that were asked for since the last call; False when there were none."""
        waiting = sorted(self.asked, key=lambda request: (len(request), request))
        self.asked.clear()
        if not waiting:
            return False
        for number, (calls, _) in enumerate(BATCH_PASSES):
            chosen = waiting[: self.left[number]]
            self.left[number] -= len(chosen)
            for request, answer in zip(chosen, _ask_all(chosen, calls), strict=True):
                self.clocks += answer == "clock"
                if answer != "calls" or number == len(BATCH_PASSES) - 1:
                    self.answers[request] = answer
            if self.clocks > BATCH_CLOCKS:
                self.left = [0] * len(BATCH_PASSES)
            waiting = [request for request in waiting if request not in self.answers]
        self.answers.update(dict.fromkeys(waiting, "batch"))
        return True


def _verdict(answer: str) -> bool:
    if answer not in _DECIDED:
        raise OverTime(_WHY[answer])
    return _DECIDED[answer]


def _request(a: Node, b: Node) -> str:
    if _size(a) + _size(b) > MAX_NODES:
        raise OverTime("a tree over the size cap")
    return json.dumps([_plain(a), _plain(b)])


def _ask_all(requests: Sequence[str], calls: int) -> Iterable[str]:
    clocks = 0

    def ask(request: str) -> str:
        nonlocal clocks
        answer = _ask(request, calls, patient=True) if clocks <= BATCH_CLOCKS else "clock"
        clocks += answer == "clock"
        return answer

    with ThreadPoolExecutor(PROCESSES) as threads:
        return list(threads.map(ask, requests))


def _ask(request: str, calls: int, patient: bool = False) -> str:
    """The prover's answer. patient -- whether to wait for a free process without a deadline (within
    a batch)."""
    known = _proofs.get((request, calls))
    if known is not None:
        return known
    pool = _pool()
    try:
        process = pool.get(timeout=None if patient else WAIT_SECONDS)
    except queue.Empty:
        return "wait"
    try:
        process = process or _start()
        process.stdin.write(f"{request[:-1]}, {calls}]\n".encode())
        process.stdin.flush()
        answer = _line(process, WALL_SECONDS).decode().strip()
        if answer not in _DECIDED and answer not in _WHY:  # no answer in time
            _end(process)
            process, answer = None, "clock"
    finally:
        pool.put(process)
    if answer != "clock":
        _proofs.put((request, calls), answer, 4 * len(request) + 200)
    return answer


# ---- the processes

_lock = threading.Lock()
_owner: dict[
    int, queue.LifoQueue
] = {}  # by process id: a forked child must not share its parent's pipes
_started: list[subprocess.Popen[bytes]] = []


def _renew() -> None:
    """After a fork: a thread of the parent may have held the lock, and the processes are the
    parent's."""
    global _lock
    _lock = threading.Lock()
    _owner.clear()
    _started.clear()


os.register_at_fork(after_in_child=_renew)


def _pool() -> queue.LifoQueue:
    """PROCESSES places, each None until its process is needed."""
    with _lock:
        if os.getpid() not in _owner:
            places: queue.LifoQueue = queue.LifoQueue()
            for _ in range(PROCESSES):
                places.put(None)
            _owner[os.getpid()] = places
        return _owner[os.getpid()]


def start() -> None:
    """Start one process now (it takes as long as the import of sympy), so that the first proof need
    not."""
    pool = _pool()
    process = pool.get()
    try:
        process = process or _start()
    finally:
        pool.put(process)


def _start() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        "PYTHONPATH": root,
        "PATH": os.environ.get("PATH", ""),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.grading.prover"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    if _line(process, START_SECONDS) != b"ready\n":
        _end(process)
        raise RuntimeError("the sympy worker did not start; is sympy installed for this Python?")
    _started.append(process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    if process in _started:
        _started.remove(process)


@atexit.register
def _end_all() -> None:
    if os.getpid() in _owner:
        for process in list(_started):
            _end(process)


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""


# ---- trees as JSON


def _size(node: Node) -> int:
    if node[0] in "ns":
        return 1
    children = node[1] if node[0] in "+*" else node[1:] if node[0] == "^" else node[2]
    return 1 + sum(map(_size, children))


def _plain(node: Node) -> list:
    if node[0] == "n":
        return ["n", str(node[1])]
    if node[0] == "s":
        return list(node)
    if node[0] in "+*":
        return [node[0], *map(_plain, node[1])]
    if node[0] == "^":
        return ["^", _plain(node[1]), _plain(node[2])]
    return ["f", node[1], *map(_plain, node[2])]
