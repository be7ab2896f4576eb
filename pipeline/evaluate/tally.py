"""Scores of outputs that were made anywhere: accuracy with its interval, maj@K, pass@K, what was
not read.

A question is a dict {"id", "benchmark", "level", "samples": [{"verdict", "rule", "extracted",
"vote", "finished", "text", "reference"}]}. The samples of a question are one cluster: intervals are
over questions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.evaluate.harness import FILTERS, gsm8k_right
from pipeline.evaluate.metrics import answer_classes, question_scores
from pipeline.grading import is_equivalent

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LONGEST_VOTE = (
    200  # characters; longer wrong answers vote together only when they are the same text
)
Z = 1.959964  # of a 95 % interval


def add_votes(samples: Sequence[dict[str, Any]], mode: str) -> None:
    """Write each sample's class of equivalent answers as `vote`."""

    def same(answer: str, other: str) -> bool:
        short = max(len(answer), len(other)) <= LONGEST_VOTE
        return short and is_equivalent(answer, other, mode=mode)

    pairs = [(sample["extracted"], sample["verdict"] == "right") for sample in samples]
    for sample, vote in zip(samples, answer_classes(pairs, same), strict=True):
        sample["vote"] = vote


def tally(questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The scores of some questions, each with at least one sample."""
    samples = [sample for question in questions for sample in question["samples"]]
    shares = [_share(question["samples"]) for question in questions]
    low, high = interval(shares)
    known = [sample["finished"] for sample in samples if sample["finished"] is not None]
    fewest = min(len(question["samples"]) for question in questions)
    ks = [k for k in KS if k <= fewest]
    scores = [
        question_scores([sample["vote"] for sample in question["samples"]], ks)
        for question in questions
    ]
    return {
        "questions": len(questions),
        "outputs": len(samples),
        "accuracy": _mean(shares),
        "interval": [low, high],
        "maj": {str(k): _mean(score["maj"][str(k)] for score in scores) for k in ks},
        "pass": {str(k): _mean(score["pass"][str(k)] for score in scores) for k in ks},
        "no_answer": _mean(sample["verdict"] == "no_answer" for sample in samples),
        "undecided": _mean(sample["verdict"] == "undecided" for sample in samples),
        "unread": _mean(sample["rule"] == "unread" for sample in samples),
        "truncated": _mean(not finished for finished in known) if known else None,
    }


def tallies(questions: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`tally` of every benchmark, of its levels where it has several, and of all where there are
    several benchmarks; beside it GSM8K as lm-evaluation-harness counts it."""
    found = {}
    names = list(dict.fromkeys(question["benchmark"] for question in questions))
    for name in names:
        members = [question for question in questions if question["benchmark"] == name]
        found[name] = tally(members)
        if "gsm8k" in name.lower():
            found[name]["lm_evaluation_harness"] = as_the_harness_counts(members)
        levels = sorted({str(question["level"]) for question in members} - {"", "0"})
        if len(levels) > 1:
            for level in levels:
                chosen = [question for question in members if str(question["level"]) == level]
                found[f"{name}, level {level}"] = tally(chosen)
    if len(names) > 1:
        found["all"] = tally(questions)
    return found


def as_the_harness_counts(questions: Sequence[dict[str, Any]]) -> dict[str, float]:
    """{filter: mean over questions of the share of samples that the harness's GSM8K task counts as
    right}."""
    return {
        name: _mean(
            _mean(gsm8k_right(s["text"], s["reference"], name) for s in question["samples"])
            for question in questions
        )
        for name in FILTERS
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean of values in [0, 1], one per question: Wilson's score interval, with
    the values' own variance where they are shares of several samples."""
    n, mean = len(values), _mean(values)
    spread = sum((value - mean) ** 2 for value in values) / n
    design = min(1.0, spread / (mean * (1 - mean))) if 0 < mean < 1 else 1.0
    effective = n / max(design, 1.0 / n)
    centre = (mean + Z * Z / (2 * effective)) / (1 + Z * Z / effective)
    root = math.sqrt(mean * (1 - mean) / effective + Z * Z / (4 * effective * effective))
    half = Z * root / (1 + Z * Z / effective)
    low = 0.0 if mean == 0 else max(0.0, centre - half)
    return low, 1.0 if mean == 1 else min(1.0, centre + half)


def table(found: dict[str, dict[str, Any]]) -> str:
    """The scores as a Markdown table, in percent, and the harness's counts below it."""
    ks = [k for k in map(str, KS) if k != "1" and all(k in row["maj"] for row in found.values())]
    heads = ["set", "questions", "outputs", "accuracy", "95 % interval"]
    heads += [f"{kind}@{k}" for k in ks for kind in ("maj", "pass")]
    heads += ["no answer", "undecided", "unread", "truncated"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for name, row in found.items():
        low, high = row["interval"]
        cells = [name, str(row["questions"]), str(row["outputs"]), _percent(row["accuracy"])]
        cells.append(f"{_percent(low)} to {_percent(high)}")
        cells += [_percent(row[kind][k]) for k in ks for kind in ("maj", "pass")]
        shares = ("no_answer", "undecided", "unread", "truncated")
        lines.append(_row(cells + [_percent(row[share]) for share in shares]))
    for name, row in found.items():
        for filter, value in row.get("lm_evaluation_harness", {}).items():
            lines.append(f"{name} as lm-evaluation-harness counts it, {filter}: {_percent(value)}")
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.1f}"


def _share(samples: Sequence[dict[str, Any]]) -> float:
    return _mean(sample["verdict"] == "right" for sample in samples)


def _mean(values: Iterable[float]) -> float:
    found = [float(value) for value in values]
    return sum(found) / len(found)
