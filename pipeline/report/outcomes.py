"""Outcomes per question in one compressed file, from which every interval can be computed again
without a build.

`outcomes.json.xz` holds, of every model and benchmark, the greedy verdict and how the samples of each question vote; of
every RL run its validation, its counts and its settings; and what the claims read of the stages before. It has no texts:
outputs.py writes those of a few questions for a reader. Vote counts are kept and not the order of the samples, which no
metric reads. The file is the same bytes for the same build.

    patterns[i]                     how the samples of a question vote (pattern_of)
    benchmarks[name]                ids and levels of the questions, in the order of the rows below
    models[model][benchmark]        greedy: "0110..."; votes: a pattern per question; asked: indices of the questions,
                                    where not all were asked
    cells[arm]["chain/seed"]        validation, iteration ends, summary, settings, scale, cost
    files[stage][name]              excerpts
"""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluate.metrics import NO_ANSWER, RIGHT
from pipeline.report.data import Cell, Results, Scores, Unit

FORMAT = 1
NAME = "outcomes.json.xz"
MOST_BYTES = 512 * 2**20  # unpacked; a file that unpacks to more is refused

# What the claims read of the stages before RL.
EXCERPTS = {
    ("world", "summary"): ("instruct",),
    ("world", "config"): ("world",),
    ("corpus", "funnel"): ("iterations",),
    ("pretrain", "summary"): ("parameters",),
    ("reward", "summary"): ("outcome", "process"),
    ("reward", "chains"): (),  # all of them
}
BULKY = ("bins",)  # of a reward model's summary: drawn, not claimed
SUMMARY = ("flops", "tokens", "outputs", "samples", "parameters")
COST = ("seconds", "cpu_seconds", "peak_rss_mb", "seconds_sampling", "seconds_update")
END = -9  # in a pattern: the first samples end here
SHARES = 64  # the largest number of validation samples that is looked for


def write_outcomes(results: Results, path: Path) -> int:
    """Write the outcomes of a build; returns the bytes of the file."""
    text = json.dumps(packed(results), sort_keys=True, separators=(",", ":"))
    data = lzma.compress(text.encode(), preset=9)
    path.write_bytes(data)
    return len(data)


def read_outcomes(path: Path) -> Results:
    """The results of a build out of its outcomes. Raises UserError naming the file where it is no
    such file.
    """
    try:
        with lzma.open(path) as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise UserError(f"{path}: unpacks to more than {MOST_BYTES // 2**20} MiB")
        content = json.loads(text)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; the report stage of a build writes it") from None
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise UserError(f"{path}: not a file of outcomes ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: not a file of outcomes of format {FORMAT}")
    try:
        return unpacked(content)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged; {type(error).__name__} {error}") from None


def packed(results: Results) -> dict[str, Any]:
    patterns: dict[tuple[int, ...], int] = {}
    benchmarks = {name: questions_of(results, name) for name in results.benchmarks}
    models = {
        model: {
            name: packed_scores(scores, benchmarks[name]["ids"], patterns)
            for name, scores in found.items()
        }
        for model, found in results.scores.items()
    }
    return {
        "format": FORMAT,
        "profile": results.profile,
        "seed": results.seed,
        "origin": results.origin,
        "benchmarks": benchmarks,
        "models": models,
        "patterns": [list(pattern) for pattern in patterns],
        "cells": {
            arm: {f"{unit.chain}/{unit.seed}": packed_cell(cell) for unit, cell in cells.items()}
            for arm, cells in results.cells.items()
        },
        "files": excerpts(results),
    }


def questions_of(results: Results, benchmark: str) -> dict[str, list]:
    """Every question of a benchmark that a model was asked, by id."""
    level: dict[str, int | None] = {}
    for found in results.scores.values():
        if benchmark in found:
            scores = found[benchmark]
            levels = scores.levels or [None] * len(scores.ids)
            level |= dict(zip(scores.ids, levels, strict=True))
    ids = sorted(level)
    return {"ids": ids, "levels": [level[i] for i in ids]}


def packed_scores(
    scores: Scores, ids: Sequence[str], patterns: dict[tuple[int, ...], int]
) -> dict[str, Any]:
    def index(votes: Sequence[int]) -> int:
        return patterns.setdefault(pattern_of(votes, scores.samples), len(patterns))

    at = {i: n for n, i in enumerate(scores.ids)}
    asked = [n for n, i in enumerate(ids) if i in at]
    order = [at[ids[n]] for n in asked]
    kept = ("n", "no_answer", "truncated", "greedy", "sampled", "protocol", "data")
    return {
        "samples": scores.samples,
        "asked": None if len(asked) == len(ids) else asked,
        "greedy": "".join(str(int(scores.greedy_N[n])) for n in order),
        "votes": [index(scores.votes[n]) for n in order],
        "summary": {key: scores.summary[key] for key in kept if key in scores.summary},
        "measures": {
            name: [float(f"{values[n]:.6g}") for n in order]
            for name, values in scores.measures.items()
        },
    }


def pattern_of(votes: Sequence[int], samples: int) -> tuple[int, ...]:
    """Votes as counts: right, without an answer, then the other answers from the most frequent on;
    of the first `samples` votes, and after END the same for those that follow, answer by answer.

    >>> pattern_of([0, 2, 2, -1, 2, 0], 4)
    (1, 1, 2, -9, 1, 0, 1)
    """
    first, rest = Counter(votes[:samples]), Counter(votes[samples:])
    others = {*first, *rest} - {RIGHT, NO_ANSWER}
    ordered = sorted(others, key=lambda kind: (-first[kind], -rest[kind]))
    kinds = [RIGHT, NO_ANSWER, *ordered]
    more = [END, *(rest[kind] for kind in kinds)] if rest else []
    return (*(first[kind] for kind in kinds), *more)


def votes_of(pattern: Sequence[int]) -> tuple[int, ...]:
    """Votes with these counts, the first samples before the others."""
    pattern = list(pattern)
    cut = pattern.index(END) if END in pattern else len(pattern)
    votes: list[int] = []
    for counts in (pattern[:cut], pattern[cut + 1 :]):
        for kind, count in enumerate(counts):
            votes += [kind - 1 if kind > 1 else (RIGHT, NO_ANSWER)[kind]] * count
    return tuple(votes)


def packed_cell(cell: Cell) -> dict[str, Any]:
    ids = sorted({i for found in cell.validation.values() for i in found})
    samples = validation_samples(cell)
    ends = {str(row["iteration"]): row["step"] for row in cell.metrics if "iteration" in row}
    return {
        "validation": {
            "ids": ids,
            "samples": samples,
            "right": {
                str(step): [round(found[i] * samples) if i in found else -1 for i in ids]
                for step, found in cell.validation.items()
            },
        },
        "iterations": ends,
        "summary": {key: cell.summary[key] for key in SUMMARY if key in cell.summary},
        "settings": cell.settings,
        "scale": cell.scale,
        "cost": {key: cell.cost[key] for key in COST if key in cell.cost},
    }


def validation_samples(cell: Cell) -> int:
    """The smallest number of samples that all shares of a cell are multiples of."""
    shares = np.array([s for found in cell.validation.values() for s in found.values()])
    for samples in range(1, SHARES + 1):
        if np.allclose(shares * samples, np.round(shares * samples), atol=1e-6):
            return samples
    return SHARES


def excerpts(results: Results) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (stage, name), keys in EXCERPTS.items():
        content = results.file(stage, name)
        kept = {key: content[key] for key in keys or content if key in content}
        if stage == "reward":
            kept = {
                kind: {k: v for k, v in model.items() if k not in BULKY}
                for kind, model in kept.items()
            }
        found.setdefault(stage, {})[name] = kept
    return found


def unpacked(content: dict[str, Any]) -> Results:
    patterns = content["patterns"]
    scores = {
        model: {
            name: unpacked_scores(found, content["benchmarks"][name], patterns)
            for name, found in by_benchmark.items()
        }
        for model, by_benchmark in content["models"].items()
    }
    cells = {
        arm: {unit_from(name): unpacked_cell(cell) for name, cell in found.items()}
        for arm, found in content["cells"].items()
    }
    return Results(
        content["profile"],
        content["seed"],
        scores,
        cells,
        content["files"],
        {},
        content["origin"],
    )


def unit_from(name: str) -> Unit:
    chain, _, seed = name.partition("/")
    return Unit(int(chain), int(seed))


def unpacked_scores(found: dict[str, Any], questions: dict[str, list], patterns) -> Scores:
    asked = range(len(questions["ids"])) if found["asked"] is None else found["asked"]
    votes = [votes_of(patterns[index]) for index in found["votes"]]
    levels = [questions["levels"][n] for n in asked]
    return Scores(
        tuple(questions["ids"][n] for n in asked),
        np.array([float(c) for c in found["greedy"]]),
        tuple(votes),
        found["samples"],
        found["summary"],
        tuple(levels) if None not in levels else (),
        {name: np.array(values) for name, values in found["measures"].items()},
    )


def unpacked_cell(found: dict[str, Any]) -> Cell:
    validation = found["validation"]
    shares = {
        int(step): {
            i: right / validation["samples"]
            for i, right in zip(validation["ids"], counts, strict=True)
            if right >= 0
        }
        for step, counts in validation["right"].items()
    }
    metrics = [{"iteration": int(i), "step": step} for i, step in found["iterations"].items()]
    return Cell(metrics, shares, found["summary"], found["settings"], found["scale"], found["cost"])
