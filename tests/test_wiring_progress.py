"""One bar that fits the terminal; plain whole lines elsewhere; true totals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from pipeline.wiring.progress import Progress, counted

ROOT = Path(__file__).parents[1]
WORK = """
import time
from pipeline.wiring.progress import Progress
with Progress("rl a_long_name_of_an_arm-0", 40, initial=10) as progress:
    for step in range(11, 41):
        progress.show({"step": step, "reward": 0.25, "kl": 0.001, "accuracy": 0.5, "length": 33.3})
        time.sleep(0.02)
"""


def on_a_terminal(columns: int) -> str:
    """What the work writes to a terminal of that width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "DSM_PROGRESS"}
    command = [sys.executable, "-c", WORK]
    running = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=follower, close_fds=True)
    os.close(follower)
    text = b""
    while True:
        try:
            piece = os.read(leader, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(leader)
    assert running.wait() == 0
    return text.decode()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_bar_fits_the_terminal(columns: int) -> None:
    text = on_a_terminal(columns)
    assert max(map(len, re.split(r"[\r\n]+", text))) <= columns
    assert text.count("\n") == 1  # redrawn in place
    if columns > 40:
        assert "40/40" in text


def test_lines_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture) -> None:
    with Progress("sft", 40, initial=None) as progress:
        for step in (10, 20, 40):
            progress.show({"step": step, "loss": 0.5, "name": "x"})
            progress.bar.start_t -= 5  # seconds
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2  # the first and the last; others within ten seconds are left out
    assert lines[0].startswith("sft 10/40 [") and "loss 0.5" in lines[0]
    assert lines[0].endswith("?step/s], loss 0.5")  # nothing was timed yet
    assert lines[1].startswith("sft 40/40 [00:10<") and "step/s" in lines[1]


def test_work_done_before_a_resume_counts_for_no_rate(capsys: pytest.CaptureFixture) -> None:
    with Progress("sft", 4000, initial=3000) as progress:
        progress.bar.start_t -= 10  # seconds of which 20 steps took
        progress.go_to(3020)
    assert re.search(r"3020/4000 \[00:10<08:\d\d, +[12]\.\d+step/s\]", capsys.readouterr().err)


def test_rows_of_an_earlier_attempt_do_not_turn_the_count_back(
    capsys: pytest.CaptureFixture,
) -> None:
    with Progress("evaluate", 12, initial=8, unit="question") as progress:
        for step in (4, 8, 12):
            progress.show({"step": step, "greedy": 0.5})
            assert progress.bar.n == max(8, step)
    assert "evaluate 12/12" in capsys.readouterr().err


def test_counted_yields_everything(capsys: pytest.CaptureFixture) -> None:
    assert list(counted("abc", "letters")) == ["a", "b", "c"]
    assert "letters 3/3" in capsys.readouterr().err


def test_parallel_jobs_write_whole_lines(tmp_path: Path) -> None:
    """As `launcher=parallel` starts them: with one stderr for both, terminal or not."""
    log = tmp_path / "log"
    environment = {**os.environ, "DSM_PROGRESS": "lines"}
    with log.open("w") as file:
        jobs = [
            subprocess.Popen([sys.executable, "-c", WORK], cwd=ROOT, env=environment, stderr=file)
            for _ in range(2)
        ]
        assert [job.wait() for job in jobs] == [0, 0]
    lines = log.read_text().splitlines()
    assert len(lines) == 4 and all(re.match(r"rl a_long_name\S+ \d+/40 \[", line) for line in lines)


STEPS = """
import time
from pipeline.wiring import progress
progress.Progress.EVERY = {0}
show = progress.Steps("corpus")
for done in range(3):
    show("extract", done, 2)
show("train", 0, 1)
time.sleep(2.5)
show("train", 1, 1)
time.sleep(2.5)
"""


def test_silent_steps_are_seen_to_go_on_and_ended_ones_are_not() -> None:
    environment = os.environ | {"DSM_PROGRESS": "lines"}
    done = subprocess.run(
        [sys.executable, "-c", STEPS.format(1.0)], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=True
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert lines[0].startswith("corpus: extract 0/2") and lines[1].startswith("corpus: extract 2/2")
    training = [line for line in lines if line.startswith("corpus: train")]
    assert sum(" 0/1 " in line for line in training) >= 2, "while nothing is reported"
    assert " 1/1 " in training[-1] and sum(" 1/1 " in line for line in training) == 1
