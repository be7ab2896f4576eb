"""What kinds of mistake do models make, and which does an arm make less often?

From the samples of finished evaluations.

    python -m benchmarks.error_kinds [--data data/lab] [--benchmarks mini_gsm8k mini_cmath]
        [--least-level 5] [--samples 4]

The first line of a wrong output that is not the step of the solution gives the mistake its kind:

    slip       the equation is false (3+4=8)
    operand    it is true, but not what the question asks for at this step
    early      all lines are right, and the answer is boxed before the last step
    late       all steps are right, and another follows
    form       no equation, no box, or a box that is not the last value
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.grading.steps import equation_value
from pipeline.grading.steps import number as value_of
from pipeline.records import read_jsonl
from pipeline.report.arms import arm_label, arm_order
from pipeline.report.data import split_model

KINDS = ("right", "slip", "operand", "early", "late", "form")


def kind(text: str, trace: Sequence[str], right: bool) -> str:
    """The kind of an output in the world's format; `trace`: the value of each solution step."""
    if right:
        return "right"
    lines = [line for line in text.split("\n") if line.strip()]
    boxed = bool(lines) and "\\boxed" in lines[-1]
    steps = lines[: len(lines) - boxed]
    for line, expected in zip(steps, trace, strict=False):
        found = equation_value(line)
        if found is None:
            return "slip" if "=" in line and any(c.isdigit() for c in line) else "form"
        if found != value_of(expected):
            return "operand"
    if not boxed:
        return "late" if len(steps) > len(trace) else "form"
    return "early" if len(steps) < len(trace) else "late" if len(steps) > len(trace) else "form"


def shares(
    folder: Path,
    traces: dict[str, tuple[Sequence[str], int]],
    benchmark: str,
    least: int,
    samples: int,
) -> np.ndarray:
    """shares_K over KINDS of one model's first samples, on questions of at least this level."""
    found: Counter[str] = Counter()
    for row in read_jsonl(folder / f"{benchmark}.jsonl"):
        trace, level = traces[row["id"]]
        if level >= least:
            found.update(
                kind(s["text"], trace, s["verdict"] == "right") for s in row["samples"][:samples]
            )
    return np.array([found[name] for name in KINDS]) / found.total()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/lab"))
    parser.add_argument("--benchmarks", nargs="+", default=["mini_gsm8k", "mini_cmath"])
    parser.add_argument(
        "--least-level", type=int, default=0, help="questions of at least so many steps"
    )
    parser.add_argument("--samples", type=int, default=4)
    args = parser.parse_args()
    models = sorted(
        p.name
        for p in (args.data / "chains/0/evaluate").iterdir()
        if p.is_dir() and p.name != "base"
    )
    arms = sorted({split_model(name)[0] for name in models}, key=arm_order)
    for benchmark in args.benchmarks:
        world = list(read_jsonl(args.data / "world/benchmarks" / f"{benchmark}.jsonl"))
        traces = {row["id"]: (row["trace"], row["level"]) for row in world}
        asked = {
            row["id"]
            for row in read_jsonl(args.data / "chains/0/evaluate/instruct" / f"{benchmark}.jsonl")
        }
        count = sum(traces[i][1] >= args.least_level for i in asked)
        print(
            f"\n{benchmark}: {count} questions of at least {args.least_level} steps, "
            f"{args.samples} samples each; percent\n"
        )
        print(
            "| arm | seeds | "
            + " | ".join(KINDS)
            + " |\n| --- "
            + "| ---: " * (len(KINDS) + 1)
            + "|"
        )
        for arm in arms:
            folders = [
                args.data / "chains/0/evaluate" / name
                for name in models
                if split_model(name)[0] == arm
            ]
            mean_K = np.mean(
                [shares(f, traces, benchmark, args.least_level, args.samples) for f in folders], 0
            )
            print(
                f"| {arm_label(arm)} | {len(folders)} | "
                + " | ".join(f"{100 * x:.1f}" for x in mean_K)
                + " |"
            )


if __name__ == "__main__":
    main()
