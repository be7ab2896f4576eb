"""Outputs that try to be accepted without an answer (benchmarks/grading_attacks.py) are not."""

import json

from benchmarks.grading_attacks import REFERENCES, attacks
from pipeline.grading import grade

ROWS = json.loads(REFERENCES.read_text(encoding="utf-8"))


def test_no_attack_is_accepted():
    pairs = list(attacks(ROWS))
    assert len(pairs) > 1000
    accepted = [
        (pattern, output[-80:], reference)
        for pattern, output, reference, question in pairs
        if grade(output, reference, question=question).verdict == "right"
    ]
    assert accepted == []


def test_the_right_answer_is_accepted_with_the_same_references():
    """So the attacks fail for what they are, not because the references are not read."""
    for row in ROWS:
        for text in ("So we get \\boxed{%s}.", "The answer is %s.", "#### %s"):
            found = grade(text % row["reference"], row["reference"], question=row["question"])
            assert found.verdict == "right", (text, row)
