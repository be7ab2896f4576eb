"""The numerical tests as other processors would run them: `make test-portable`.

    python tests/portable.py [--only TEXT] [PYTEST ARGUMENT ...]

One run per level of vector instructions (torch's plain code, AVX2, and what the processor has) and
per number of threads, and one next to busy processes, where the time limit of a test would show.
Each of these changes the order of floating-point sums, so whatever hangs on one processor's
rounding fails in some of them. Prints one line per run, and under it the tests that failed; the
whole output of a run is kept in build/portable/. Exit status 1 if any run failed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMERICAL = (
    "test_rl_*.py",
    "test_lm_passes.py",
    "test_reward_model.py",
    "test_train.py",
    "test_generate.py",
    "test_flops.py",
)
# torch's kernels by ATEN_CPU_CAPABILITY; MKL has no switch for AVX2 that works on every processor,
# so its oldest code is taken there, whose sums differ from those of the two other levels
LEVELS = {
    "default": {"ATEN_CPU_CAPABILITY": "default"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "COMPATIBLE"},
    "as found": {},
}
THREADS = (1, 2)
BUSY = 4  # processes


@dataclass(frozen=True)
class Setting:
    """One way to run the tests."""

    level: str
    threads: int
    busy: int = 0

    @property
    def name(self) -> str:
        beside = f", next to {self.busy} busy processes" if self.busy else ""
        return f"{self.level}, {self.threads} thread{'s' * (self.threads > 1)}{beside}"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            k: v for k, v in os.environ.items() if k not in ("ATEN_CPU_CAPABILITY", "MKL_CBWR")
        }
        threads = str(self.threads)  # DSM_TEST_THREADS is read by tests/rl_tiny.py
        limits = {
            "OMP_NUM_THREADS": threads,
            "MKL_DYNAMIC": "FALSE",
            "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait do not take the cores of others
            "DSM_TEST_THREADS": threads,
        }
        return inherited | limits | LEVELS[self.level]


def settings() -> list[Setting]:
    found = [Setting(level, threads) for level in LEVELS for threads in THREADS]
    return [*found, Setting("as found", 1, BUSY)]


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep `count` processes computing until the block, or this process, ends."""
    work = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
    running = [subprocess.Popen([sys.executable, "-c", work]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def run(setting: Setting, arguments: list[str]) -> bool:
    """Run the tests in this setting and print what they showed. Returns whether all passed."""
    files = sorted(path for pattern in NUMERICAL for path in (ROOT / "tests").glob(pattern))
    kinds = ["-m", "not slow and not e2e and not gpu and not vllm"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *kinds, *arguments]
    begin = time.monotonic()
    with busy_processes(setting.busy):
        done = subprocess.run(
            [*command, *map(str, files)],
            cwd=ROOT,
            env=setting.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    log = ROOT / "build/portable" / f"{re.sub('[^a-z0-9]+', '-', setting.name)}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout, encoding="utf-8")

    lines = done.stdout.splitlines()
    last = lines[-1].strip("= ") if lines else "no output"
    print(f"{setting.name}: {last} ({time.monotonic() - begin:.0f} s in all)", flush=True)
    for line in lines:
        if line.startswith(("FAILED", "ERROR")):
            print(f"    {line}", flush=True)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="runs whose name has this text, such as avx2")
    options, arguments = parser.parse_known_args()
    chosen = [setting for setting in settings() if options.only in setting.name]
    if not chosen:
        names = "; ".join(setting.name for setting in settings())
        parser.error(f"no run has {options.only!r} in its name; there are: {names}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with this
    passed = [run(setting, arguments) for setting in chosen]
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
