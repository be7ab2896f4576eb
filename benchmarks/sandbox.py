"""Milliseconds a snippet in the sandbox, sympy importable.

    python benchmarks/sandbox.py [--snippets N]

One server, one snippet after the other, wall clock as the caller sees it, and processor time of
server and child.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from pipeline.grading.sandbox import Limits, Sandbox

SNIPPETS = {
    "print": "print(6*7)",
    "arithmetic": "total = 0\nfor k in range(1000):\n    total += k * k\nprint(total)",
    "import sympy, solve": "from sympy import symbols, solve\nx = symbols('x')\nprint(solve(x**2 - 5*x + 6))",
    "import numpy": "import numpy as np\nprint(np.linalg.det(np.array([[1.0, 2.0], [3.0, 4.0]])))",
    "error": "1/0",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snippets", type=int, default=50, help="runs of each snippet")
    count = parser.parse_args().snippets
    start = time.perf_counter()
    with Sandbox(Limits(seconds=10)) as sandbox:
        print(
            f"started in {time.perf_counter() - start:.1f} s; layers: {', '.join(sandbox.layers)}"
        )
        print("| snippet | median ms | p90 ms | max ms | processor ms |")
        print("| --- | --- | --- | --- | --- |")
        for name, code in SNIPPETS.items():
            times, busy = [], processor_seconds(sandbox.servers[0].process.pid)
            for _ in range(count):
                start = time.perf_counter()
                sandbox.run(code)
                times.append(1e3 * (time.perf_counter() - start))
            times.sort()
            busy = 1e3 * (processor_seconds(sandbox.servers[0].process.pid) - busy) / count
            print(
                f"| {name} | {times[count // 2]:.1f} | {times[int(0.9 * count)]:.1f} | {times[-1]:.1f} | {busy:.1f} |"
            )


def processor_seconds(pid: int) -> float:
    """Processor time of a process and its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
