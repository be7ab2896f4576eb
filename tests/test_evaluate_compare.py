"""The paired comparison of two evaluated models."""

import pytest

from pipeline.cli.compare import compare, main
from pipeline.errors import UserError
from pipeline.records import write_jsonl


def rows(rights, ids=None):
    """One row per question: a greedy answer and four samples, the first `right` of them right."""
    return [
        {
            "id": str(key),
            "greedy": {"verdict": "right" if right else "wrong"},
            "samples": [
                {"verdict": "right" if i < right else "wrong", "vote": 0 if i < right else 1}
                for i in range(4)
            ],
        }
        for key, right in zip(ids or range(len(rights)), rights, strict=True)
    ]


def test_differences_are_taken_question_by_question(tmp_path):
    """Hard and easy questions alike, one sample in four better: the pairs leave no noise, two
    separate means would.
    """
    write_jsonl(tmp_path / "a/own.jsonl", rows([1, 4, 1, 4, 2, 3]))
    write_jsonl(tmp_path / "b/own.jsonl", rows([2, 1, 3, 0, 3, 0], ids=[4, 2, 3, 0, 1, 5])[:5])
    found = {score: (a, b, gap) for _, score, a, b, gap in compare(tmp_path / "a", tmp_path / "b")}
    a, b, gap = found["sampled"]
    assert (gap.questions, gap.mean, gap.low, gap.high) == (
        5,
        pytest.approx(0.15),
        *[pytest.approx(x, abs=1e-3) for x in (0.15 - 0.170, 0.15 + 0.170)],
    )
    assert a.mean == pytest.approx(0.6) and b.mean == pytest.approx(0.45)
    assert set(found) == {"greedy", "sampled", "maj@2", "maj@4", "pass@2", "pass@4"}


def test_a_model_against_itself_differs_by_nothing(tmp_path, capsys):
    write_jsonl(tmp_path / "a/own.jsonl", rows([0, 1, 2, 3]))
    assert all(
        (gap.mean, gap.low, gap.high) == (0, 0, 0)
        for *_, gap in compare(tmp_path / "a", tmp_path / "a")
    )
    assert (
        main([str(tmp_path / "a"), str(tmp_path / "none")]) == 1
        and capsys.readouterr().err.count("\n") == 1
    )
    write_jsonl(tmp_path / "b/own.jsonl", rows([1], ids=["other"]))
    with pytest.raises(UserError, match="different questions"):
        list(compare(tmp_path / "a", tmp_path / "b"))
