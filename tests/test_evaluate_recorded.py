"""Recorded samples of a 7B model (100 MATH questions x 8): our accuracy, pass@8 and maj@8 against
those of the record.
"""

import os
from pathlib import Path

import pytest

from pipeline.evaluate.metrics import answer_classes, question_scores
from pipeline.evaluate.run import add_votes
from pipeline.grading import grade_many
from pipeline.records import read_jsonl

SHARED = Path(os.environ.get("DSM_SHARED", Path(__file__).parents[1].parent / "shared"))
FILE = SHARED / "datasets/outputs/qwen_math_cot_100x8.jsonl"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="no ../shared/datasets/outputs")


def mean_scores(votes):
    scores = [question_scores(v, (1, 8)) for v in votes]
    return {
        f"{kind}@{k}": sum(s[kind][k] for s in scores) / len(scores)
        for kind in ("maj", "pass")
        for k in ("1", "8")
    }


def test_metrics_of_the_recorded_verdicts():
    rows = list(read_jsonl(FILE))
    votes = [
        answer_classes(list(zip(row["pred"], row["score"], strict=True)), str.__eq__)
        for row in rows
    ]
    got = mean_scores(votes)
    assert got["pass@8"] == pytest.approx(0.96) and got["pass@1"] == pytest.approx(
        got["maj@1"]
    ) == pytest.approx(0.91)
    assert got["maj@8"] == pytest.approx(
        0.93, abs=0.01
    )  # one vote by text, ties to the first: 0.93


def test_our_grades_of_the_recorded_texts():
    rows = list(read_jsonl(FILE))
    texts = [(text, row["gt"], row["question"]) for row in rows for text in row["code"]]
    grades = grade_many(texts)
    disagree = sum(
        (g.verdict == "right") != right
        for g, right in zip(grades, (s for row in rows for s in row["score"]), strict=True)
    )
    samples = [
        {"samples": [{"extracted": g.extracted, "verdict": g.verdict} for g in grades[i : i + 8]]}
        for i in range(0, len(grades), 8)
    ]
    for row in samples:
        add_votes(row, "strict")
    got = mean_scores([[s["vote"] for s in row["samples"]] for row in samples])
    assert disagree <= 10  # the record has eight verdicts wrong, on one question
    assert got["pass@8"] == pytest.approx(0.96, abs=0.0101) and got["maj@8"] == pytest.approx(
        0.93, abs=0.0201
    )
