"""Two more sets of attacks, with honest outputs that look like them or are unusual. The author of
the second had not read the checker; pairs and verdicts of both were written before the first run.

A row of grading_attacks_second.jsonl or grading_attacks_third.jsonl: output, reference, question
(perhaps), right, kind; boxes: the output is written that often, {i} counting from 0; accepted or
rejected: why strict judges the row otherwise than it should, as docs/grading.md tells."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.grading import extract, grade
from pipeline.grading.answer.measure import differ
from pipeline.grading.answer.visible import visible

FILES = [Path(__file__).with_name(f"grading_attacks_{name}.jsonl") for name in ("second", "third")]
ROWS = [
    json.loads(line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines()
]


def output_of(row: dict) -> str:
    if "boxes" not in row:
        return row["output"]
    return "".join(row["output"].replace("{i}", str(i)) for i in range(row["boxes"]))


def is_accepted(row: dict) -> bool:
    found = grade(output_of(row), row["reference"], question=row.get("question", ""))
    return found.verdict == "right"


def test_the_set_is_large_and_names_no_pair_twice():
    pairs = Counter((output_of(row), row["reference"], row.get("question")) for row in ROWS)
    assert max(pairs.values()) == 1
    assert sum(not row["right"] for row in ROWS) >= 300
    assert sum(row["right"] for row in ROWS) >= 100


def test_no_attack_is_accepted_but_by_a_known_convention():
    attacks = [row for row in ROWS if not row["right"]]
    differing = [
        (row["kind"], row["output"][:80], row["reference"])
        for row in attacks
        if is_accepted(row) != ("accepted" in row)
    ]
    assert differing == []


def test_every_honest_look_alike_is_accepted_but_the_known_ones():
    honest = [row for row in ROWS if row["right"]]
    differing = [
        (row["output"], row["reference"])
        for row in honest
        if is_accepted(row) != ("rejected" not in row)
    ]
    assert differing == []
    assert sum("rejected" in row for row in honest) <= 6


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("\\boxed{7}, not \\boxed{9}", "7"),
        ("\\boxed{7}. Oops, it should be 9.", "9"),
        ("\\boxed{7}. I could not solve it.", None),
        ("\\boxed{700} cents or \\boxed{7} dollars", "7"),
        ("\\boxed{7} or else \\boxed{9}", "7 \\text{ and } 9"),
        ("\\boxed{7}. The answer is 9.", "7 \\text{ or } 9"),
        ("$-\\boxed{7}.5$", "-7.5"),
        ("\\boxed{7 \\boxed{9}}", "7 {9}"),
    ],
)
def test_what_a_text_says_about_its_box(output, answer):
    assert extract(output) == answer


def test_what_a_reader_does_not_see_is_left_out():
    assert visible("a<!-- <b> --> b <del>c<del>d</del></del>e") == "a b e"
    assert visible("<s>a</s> <s>b</s>") == "<s>a</s> "
    assert visible("<del>never closed") == "<del>never closed"
    assert visible("<think>never closed") == ""
    assert visible("<b class='hidden-no'>a</b>") == "<b class='hidden-no'>a</b>"


def test_units_of_one_dimension_differ():
    asked = frozenset({("time", "min"), ("time", "h")})
    assert differ("3\\text{ m}", "3\\text{ cm}") and not differ("3\\text{ m}", "3")
    assert not differ("3 kg", "3\\text{ cm}"), "another dimension is no other scale"
    assert not differ("3 days", "3", asked), "the question names two units"
