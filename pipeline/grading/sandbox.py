"""Running model-written Python without trusting it (the tool use of section 3.2 and Table 5).

A small clean server process imports numpy and sympy once and forks a child per snippet. The child
gets its own process group, no file descriptors but three, rlimits, no_new_privs, no capabilities, a
Landlock rule set (read-only Python folders, no network) and a seccomp filter with a list of allowed
calls (sandbox_calls.py), then runs the snippet. The server reads its output up to a cap and kills
it at a deadline. Only text comes back. Nothing leaks from one snippet to the next, so results do
not depend on the order of snippets or on the number of servers. Needs no root. docs/grading.md has
the threat model.
"""

from __future__ import annotations

import json
import queue
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

LAYERS = ("rlimits", "no_new_privs", "capabilities", "landlock", "seccomp")
_SERVER = Path(__file__).with_name("sandbox_server.py")
_START_SECONDS = 120
_GRACE_SECONDS = 5


@dataclass(frozen=True)
class Limits:
    """seconds: wall clock a snippet; memory_mb: address space; output_bytes: of stdout and of
    stderr, each."""

    seconds: float = 10.0
    memory_mb: int = 1536
    output_bytes: int = 65_536


@dataclass(frozen=True)
class Result:
    """status: "ok" | "error" (an exception, in `error`) | "timeout" | "output" (over the cap) |
    "killed" (a signal, for instance over a limit). stdout and error are text, cut at the cap."""

    status: str
    stdout: str
    error: str


class Sandbox:
    """A pool of fork servers. Raises UserError when a layer is missing, unless `allow_fewer` says
    to go on without.

    >>> with Sandbox() as sandbox:  # doctest: +SKIP
    ...     sandbox.run("print(6*7)").stdout
    '42\\n'
    """

    def __init__(
        self, limits: Limits = Limits(), processes: int = 1, allow_fewer: bool = False
    ) -> None:  # noqa: B008
        if processes < 1 or limits.seconds <= 0:
            raise UserError(
                f"sandbox: processes {processes} and seconds {limits.seconds} must be positive"
            )
        self.limits = limits
        self.idle: queue.SimpleQueue[_Server] = queue.SimpleQueue()
        self.servers = [_Server() for _ in range(processes)]
        self.layers = self.servers[0].layers
        missing = [layer for layer in LAYERS if layer not in self.layers]
        if missing and not allow_fewer:
            self.close()
            raise UserError(
                f"sandbox: {', '.join(missing)} not available on this machine, so model-written Python could do "
                "harm; use a Linux kernel with them, or pass allow_fewer=True where that is acceptable"
            )
        for server in self.servers:
            self.idle.put(server)

    def run(self, code: str) -> Result:
        """Run one snippet; callable from any thread."""
        server = self.idle.get()
        try:
            return server.run(code, self.limits)
        finally:
            self.idle.put(server)

    def run_many(self, codes: Iterable[str]) -> list[Result]:
        """Run snippets on all servers; results in the order of the snippets."""
        with ThreadPoolExecutor(len(self.servers)) as threads:
            return list(threads.map(self.run, codes))

    def close(self) -> None:
        for server in self.servers:
            server.stop()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server:
    """One server process; started again when it does not answer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.layers = self.start()

    def start(self) -> tuple[str, ...]:
        environment = {
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "Agg",
        }
        self.process = subprocess.Popen(  # -I: neither the environment nor the current folder reaches the server
            [sys.executable, "-I", str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
            cwd="/",
        )
        hello = self._receive(_START_SECONDS)
        if hello is None:
            self.stop()
            raise RuntimeError(
                "the sandbox server did not start; are numpy and sympy installed for this Python?"
            )
        return tuple(hello["layers"])

    def run(self, code: str, limits: Limits) -> Result:
        with self.lock:
            if self.process.poll() is not None:
                self.start()
            message = json.dumps({"code": code, **asdict(limits)}).encode()
            self.process.stdin.write(struct.pack("!I", len(message)) + message)
            self.process.stdin.flush()
            answer = self._receive(limits.seconds + _GRACE_SECONDS)
            if answer is None:
                self.stop()
                return Result("timeout", "", "the server did not answer and was replaced")
        if answer["status"] == "refused":
            raise RuntimeError(
                f"a layer of the sandbox failed after it had worked: {answer['error']}"
            )
        return Result(answer["status"], answer["stdout"], answer["error"])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        header = self.process.stdout.read(4) if ready else b""
        if len(header) < 4:
            return None
        return json.loads(self.process.stdout.read(struct.unpack("!I", header)[0]))
