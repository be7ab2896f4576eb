"""What models answered, for a reader: texts of a few questions per benchmark and arm, in one
compressed file.

A row is one answer: model, benchmark, question, reference, the greedy text with its verdict, one
sampled text with its verdict, and, where the question comes with the values of its steps, which
lines are right (grading/steps.py). Rows of benchmark `rl` are outputs of the last saved step of
training, with the rewards that training gave them.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.grading.steps import step_verdicts
from pipeline.records import read_jsonl
from pipeline.report.data import split_model
from pipeline.report.load import chain_folders, evaluated, json_of

NAME = "outputs.jsonl.xz"
QUESTIONS = 30  # per benchmark and arm


def write_outputs(data: Path, path: Path, count: int = QUESTIONS) -> int:
    """Write the answers to the first `count` questions of each benchmark, of one model per arm;
    returns the bytes.
    """
    chain = next(iter(chain_folders(data).values()))
    traces = traces_of(data / "world/benchmarks")
    models = one_per_arm(evaluated(chain))
    rows = [row for folder in models for row in answers(folder, traces, count)]
    rows += [row for folder in models for row in trained_on(chain / "rl" / folder.name, count)]
    return pack(rows, path)


def pack(rows: list[dict[str, Any]], path: Path) -> int:
    """Write the rows as compressed lines of JSON; returns the bytes."""
    lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    packed = lzma.compress(lines.encode(), preset=9)
    path.write_bytes(packed)
    return len(packed)


def read_outputs(path: Path) -> list[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def one_per_arm(folders: list[Path]) -> list[Path]:
    """Base, instruct, and the first seed of every arm."""
    first: dict[str, Path] = {}
    for folder in sorted(folders, key=lambda path: split_model(path.name)[1] or 0):
        first.setdefault(split_model(folder.name)[0], folder)
    return [first[arm] for arm in sorted(first)]


def traces_of(benchmarks: Path) -> dict[str, list[str]]:
    """The values of the steps by question id, where the world has them."""
    return {
        row["id"]: row["trace"]
        for path in sorted(benchmarks.glob("*.jsonl"))
        for row in read_jsonl(path)
        if row.get("trace")
    }


def answers(folder: Path, traces: dict[str, list[str]], count: int) -> Iterator[dict[str, Any]]:
    """The first `count` questions of every benchmark of one model."""
    for benchmark in json_of(folder / "summary.json")["benchmarks"]:
        for row in islice(read_jsonl(folder / f"{benchmark}.jsonl"), count):
            said = {"greedy": row["greedy"]}
            if row["samples"]:
                said["sampled"] = row["samples"][0]
            found = {
                name: {"text": one["text"], "verdict": one["verdict"]} for name, one in said.items()
            }
            if trace := traces.get(row["id"]):
                for one in found.values():
                    steps = step_verdicts(one["text"], trace, row["answer"])
                    one["steps"] = [int(right) for _, right in steps]
            yield {
                "model": folder.name,
                "benchmark": benchmark,
                "id": row["id"],
                "question": row["question"],
                "answer": row["answer"],
                **found,
            }


def trained_on(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """Outputs of the last saved step of training, one per question, with their rewards."""
    steps = sorted((folder / "rollouts").glob("step-*.jsonl"))
    seen: set[str] = set()
    for row in read_jsonl(steps[-1]) if steps else ():
        if row["question"] in seen or "rewards" not in row:
            continue
        if len(seen) == count:
            return
        seen.add(row["question"])
        yield {
            "model": folder.name,
            "benchmark": "rl",
            "id": row["question"],
            "step": int(steps[-1].stem.rpartition("-")[2]),
            "text": row["text"],
            "right": row["right"],
            "rewards": row["rewards"],
        }
