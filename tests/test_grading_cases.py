"""The project's own cases, written from the categories that a checker must handle, without a look at its code."""

from collections import defaultdict
from pathlib import Path

from pipeline.grading.grade import grade, grade_answer
from pipeline.records import read_jsonl

CASES = list(read_jsonl(Path(__file__).with_name("grading_cases.jsonl")))


def test_no_false_accept_and_few_false_rejects_in_any_category():
    accepted, rejected, true = [], defaultdict(list), defaultdict(int)
    for case in CASES:
        judge = grade_answer if case["kind"] == "answer" else grade
        question = case.get("question") or ""
        right = judge(case["prediction"], case["reference"], "strict", question).verdict == "right"
        true[case["category"]] += case["expected"]
        if right and not case["expected"]:
            accepted.append(case)
        if case["expected"] and not right:
            rejected[case["category"]].append(case)
    assert accepted == []
    for category, cases in rejected.items():
        assert len(cases) <= 0.02 * true[category], (category, cases)


def test_cases_are_distinct():
    assert (
        len(
            {
                (case["kind"], case["prediction"], case["reference"], case.get("question"))
                for case in CASES
            }
        )
        == len(CASES)
        > 1000
    )
