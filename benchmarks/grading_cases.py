"""Scores on checker cases by category and policy, as the tables of docs/grading.md.

    python benchmarks/grading_cases.py CASES.jsonl [CASES.jsonl ...]

A case: {id, kind (answer or text), prediction, reference, expected (bool), category, optional
policy and question}."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from pipeline.grading.grade import MODES, grade, grade_answer
from pipeline.records import read_jsonl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument(
        "--wrong",
        action="store_true",
        help="list the cases that strict judges otherwise than expected",
    )
    options = parser.parse_args()
    cases = [case for path in options.cases for case in read_jsonl(path)]
    accepted = {
        mode: {case["id"]: verdict(case, mode) == "right" for case in cases} for mode in MODES
    }
    print("| cases | n | strict | deepseek |\n| --- | --- | --- | --- |")
    for name, members in groups(cases):
        print(
            f"| {name} | {len(members)} | "
            + " | ".join(score(members, accepted[mode]) for mode in MODES)
            + " |"
        )
    for case in cases:
        if options.wrong and accepted["strict"][case["id"]] != case["expected"]:
            print(
                case["id"],
                repr(case["prediction"][-80:]),
                repr(case["reference"]),
                "expected",
                case["expected"],
            )


def verdict(case: dict, mode: str) -> str:
    judge = grade_answer if case["kind"] == "answer" else grade
    return judge(case["prediction"], case["reference"], mode, case.get("question") or "").verdict


def groups(cases: list[dict]) -> list[tuple[str, list[dict]]]:
    """Core (no policy, no multiple choice) as score_cases.py splits it, then every category and
    policy, largest first."""
    core = [
        case
        for case in cases
        if not case.get("policy") and case["category"] not in ("mcq", "choices")
    ]
    one = [
        case
        for case in core
        if case["kind"] == "answer" or case["prediction"].count("\\boxed{") == 1
    ]
    found = [
        ("core A: answer or exactly one box", one),
        ("core B: other texts", [case for case in core if case not in one]),
    ]
    for key, prefix in (("category", ""), ("policy", "policy ")):
        members = defaultdict(list)
        for case in cases:
            if case.get(key):
                members[prefix + case[key]].append(case)
        found += sorted(members.items(), key=lambda item: -len(item[1]))
    return [(name, members) for name, members in found if members]


def score(cases: list[dict], accepted: dict[str, bool]) -> str:
    """right (false accepts / false rejects)."""
    accepts = sum(accepted[case["id"]] and not case["expected"] for case in cases)
    rejects = sum(case["expected"] and not accepted[case["id"]] for case in cases)
    return f"{len(cases) - accepts - rejects} ({accepts}/{rejects})"


if __name__ == "__main__":
    main()
