"""Checks a second beside math-verify on recorded model outputs, one run, one table.

    python benchmarks/grading.py [--limit N] [--shared FOLDER]

Every peer gets the same (output, reference) pairs, whole outputs, on one core, and its own
extraction. The peers take turns every BLOCK outputs, so that a load on the machine meets all of
them. Times are wall clock and, for a busy machine, processor time per check; without the start of
our worker, with empty caches."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.recorded import SETS, Record, read_set
from pipeline.grading import worker
from pipeline.grading.grade import grade, grade_many

BLOCK = 50
DEFAULT = Path(os.environ.get("DSM_SHARED", Path(__file__).parents[1].parent / "shared"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=DEFAULT, help="folder with datasets/outputs")
    parser.add_argument(
        "--limit", type=int, default=400, help="outputs a set (every n-th); 0 = all"
    )
    args = parser.parse_args()
    records = [
        record
        for name in SETS
        for record in _thinned(list(read_set(args.shared / "datasets/outputs", name)), args.limit)
    ]
    worker.start()
    judges = {"strict": _ours("strict"), "deepseek": _ours("deepseek"), "math-verify": _peer()}
    rows = [(name, [], [], []) for name in judges]
    for start in range(0, len(records), BLOCK):
        for row, judge in zip(rows, judges.values(), strict=True):
            for column, values in zip(
                row[1:], _timed(records[start : start + BLOCK], judge), strict=True
            ):
                column += values
    start = time.perf_counter()
    grade_many([(r.output, r.reference, r.question) for r in records] * 8)
    again = 8 * len(records) / (time.perf_counter() - start)
    print(f"{len(records)} outputs of {len(SETS)} recorded sets, one core")
    print(
        "| grader | checks/s | median ms | p99 ms | max ms | p99 CPU ms | max CPU ms | right | agrees with the record |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    known = [k for k, record in enumerate(records) if record.right is not None]
    for name, times, processor, verdicts in rows:
        ordered, busy = sorted(times), sorted(processor)
        agreed = sum(verdicts[k] == records[k].right for k in known)
        print(
            f"| {name} | {len(times) / sum(times):.0f} | {1e3 * ordered[len(times) // 2]:.3f} | "
            f"{1e3 * ordered[int(0.99 * len(times))]:.2f} | {1e3 * ordered[-1]:.1f} | "
            f"{1e3 * busy[int(0.99 * len(times))]:.2f} | {1e3 * busy[-1]:.1f} | {sum(verdicts)} | "
            f"{agreed} of {len(known)} |"
        )
    print(
        f"strict / math-verify: {sum(rows[2][1]) / sum(rows[0][1]):.1f} times by wall clock, "
        f"{sum(rows[2][2]) / sum(rows[0][2]):.1f} times by processor time; "
        f"grade_many on eight samples of each: {again:.0f} checks/s"
    )


def _thinned(records: list[Record], limit: int) -> list[Record]:
    return records[:: max(1, len(records) // limit)][:limit] if limit else records


def _timed(
    records: list[Record], judge: Callable[[Record], bool]
) -> tuple[list[float], list[float], list[bool]]:
    times, processor, verdicts = [], [], []
    for record in records:
        start, busy = time.perf_counter(), time.process_time()
        verdicts.append(judge(record))
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return times, processor, verdicts


def _ours(mode: str) -> Callable[[Record], bool]:
    return lambda r: grade(r.output, r.reference, mode, r.question).verdict == "right"


def _peer() -> Callable[[Record], bool]:
    """math-verify, with its imports done."""
    from math_verify import parse, verify

    def judge(record: Record) -> bool:
        return bool(verify(parse(f"${record.reference}$"), parse(record.output)))

    return judge


if __name__ == "__main__":
    main()
