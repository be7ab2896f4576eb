"""Commands that are killed at a certain file, for the tests: by what was written, not by a clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

KILLER = Path(__file__).parent / "killer"


def started(command: list[str], cwd: Path, env: dict[str, str] | None = None) -> subprocess.Popen:
    """A command in a process group of its own, without its output."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=cwd, env=env, start_new_session=True, **quiet)


def kill(
    command: list[str],
    cwd: Path,
    at: Path | str,
    count: int = 1,
    alone: bool = False,
    env: dict[str, str] | None = None,
) -> int:
    """Run a command that is killed once `count` files match the pattern `at`; one that ends is a
    failure. `alone`: only the process that was started, as a person does it. Returns its group.
    """
    path = os.pathsep.join([str(KILLER), *filter(None, [os.environ.get("PYTHONPATH")])])
    asked = json.dumps([str(at), count, alone])
    given = {**(env or os.environ), "PYTHONPATH": path, "DSM_TEST_KILL": asked}
    process = started(command, cwd, given)
    assert process.wait() == -signal.SIGKILL, f"it ended before a kill at {at}"
    return process.pid
