"""Two evaluated models on the same questions: their scores and the paired difference with its 95 %
interval.

    dsm compare OUT_A OUT_B

OUT_A and OUT_B are folders that `dsm evaluate` or the stage evaluate wrote. A difference is taken
question by question, so what makes a question hard for both is not counted as noise; the samples of
a question are one cluster.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluate.metrics import question_scores
from pipeline.records import read_jsonl
from pipeline.report.stats import Interval, level, paired

Row = tuple[str, str, Interval, Interval, Interval]  # benchmark, score, A, B, A - B


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("a", type=Path, metavar="OUT_A")
    parser.add_argument("b", type=Path, metavar="OUT_B")
    options = parser.parse_args(arguments)
    try:
        rows = list(compare(options.a, options.b))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        "| benchmark | questions | score | A | B | A - B | 95 % interval |",
        "|" + " --- |" * 7,
        sep="\n",
    )
    for name, score, a, b, gap in rows:
        print(
            f"| {name} | {gap.questions} | {score} | {a.mean:.3f} | {b.mean:.3f} | "
            f"{gap.mean:+.3f} | "
            f"{gap.low:+.3f} to {gap.high:+.3f} |"
        )
    return 0


def compare(a: Path, b: Path) -> Iterator[Row]:
    """Every score of every benchmark that both folders hold. Raises UserError when there is none,
    or no common question.
    """
    names = sorted(
        {path.name for path in a.glob("*.jsonl")}
        & {path.name for path in b.glob("*.jsonl")} - _OTHERS
    )
    if not names:
        raise UserError(
            f"{a}, {b}: no benchmark in common; give two folders that an evaluation wrote"
        )
    for name in names:
        left, right = ({row["id"]: row for row in read_jsonl(folder / name)} for folder in (a, b))
        common = [key for key in left if key in right]
        if not common:
            raise UserError(
                f"{name}: the models were asked different questions; evaluate both with the same settings"
            )
        tables = [[scores(side[key]) for key in common] for side in (left, right)]
        for score in tables[0][0]:
            if all(score in row for table in tables for row in table):
                values = [np.array([[row[score] for row in table]]) for table in tables]
                yield (
                    name.removesuffix(".jsonl"),
                    score,
                    level(values[0]),
                    level(values[1]),
                    paired(*values),
                )


_OTHERS = {"metrics.jsonl", "timings.jsonl"}


def scores(row: dict) -> dict[str, float]:
    """greedy, mean of the samples, and maj@K, pass@K for every power of two up to the samples of
    one question.
    """
    found = {"greedy": float(row["greedy"]["verdict"] == "right")}
    if votes := [sample["vote"] for sample in row["samples"]]:
        found["sampled"] = sum(sample["verdict"] == "right" for sample in row["samples"]) / len(
            votes
        )
        for kind, values in question_scores(votes, [2**k for k in range(1, 7)]).items():
            found |= {f"{kind}@{k}": value for k, value in values.items()}
    return found


if __name__ == "__main__":
    sys.exit(main())
