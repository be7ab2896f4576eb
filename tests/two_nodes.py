"""Two Ray nodes on this machine, each with one processor, and their sudden death."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# no telemetry; and no token in the home folder, which nodes of one machine do not need
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def family(pid: int) -> list[int]:
    """A process and all that it started, however deep, as /proc tells."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # it has just ended
        parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def kill_at_once(pid: int) -> None:
    """What the loss of a machine is to the others: nothing on it says goodbye."""
    members = family(pid)
    for stop in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none starts another
        for member in members:
            try:
                os.kill(member, stop)
            except ProcessLookupError:
                pass


class Cluster:
    """A head and one more node; `address` is for RAY_ADDRESS."""

    def __init__(self) -> None:
        self.folder = Path(
            tempfile.mkdtemp(prefix="ray", dir="/tmp")
        )  # its sockets need a short path
        port = free_port()
        head = ["--head", f"--port={port}", f"--temp-dir={self.folder}"]
        self.nodes = [self.start(*head, "--include-dashboard=false")]
        try:
            self.address = self.told_address()
            self.wait_for(1)
            self.mend()
        except BaseException:
            self.close()
            raise

    def mend(self) -> None:
        """A second node where there is none."""
        if len(self.nodes) < 2:
            self.nodes.append(self.start(f"--address={self.address}"))
        self.wait_for(2)

    def lose_a_node(self) -> None:
        lost = self.nodes.pop()
        kill_at_once(lost.pid)
        lost.wait()

    def start(self, *words: str) -> subprocess.Popen:
        room = ["--num-cpus=1", "--object-store-memory=80000000"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *room, *words]
        environment = {**os.environ, **ENVIRONMENT}
        log = (self.folder / "log").open("a")
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def told_address(self, seconds: float = 120) -> str:
        """The address that the head says others shall join."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            log = (self.folder / "log").read_text()
            if said := re.search(r"--address='([\d.:]+)'", log):
                return said[1]
            time.sleep(0.5)
        raise AssertionError(log)

    def alive(self) -> int:
        """How many nodes the head counts."""
        script = (
            "import ray; from ray._raylet import GcsClient; "
            f"print(sum(n.state == 0 for n in GcsClient(address={self.address!r})"
            ".get_all_node_info().values()))"
        )
        told = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        return int(told.stdout.split()[-1]) if told.returncode == 0 and told.stdout else 0

    def wait_for(self, count: int, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while self.alive() != count:
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(1)

    def close(self) -> None:
        for node in reversed(self.nodes):
            kill_at_once(node.pid)
            node.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
