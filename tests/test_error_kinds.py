"""The first wrong line of an output names its mistake."""

import pytest

from benchmarks.error_kinds import kind

TRACE = ("7", "14", "10")


@pytest.mark.parametrize(("text", "right", "expected"), [
    ("3+4=7\n7*2=14\n14-4=10\n\\boxed{10}", True, "right"),
    ("3+4=8\n8*2=16\n16-4=12\n\\boxed{12}", False, "slip"),
    ("3+4=7\n7*3=21\n21-4=17\n\\boxed{17}", False, "operand"),
    ("3+4=7\n7*2=13\n14-4=11\n\\boxed{11}", False, "slip"),  # the first one counts
    ("3+4=7\n7*2=14\n\\boxed{14}", False, "early"),
    ("3+4=7\n7*2=14\n14-4=10\n10+4=14\n\\boxed{14}", False, "late"),
    ("3+4=7\n7*2=14\n14-4=10\n10+4=14", False, "late"),
    ("3+4=7\n7*2=14\n14-4=10\n\\boxed{11}", False, "form"),
    ("3+4=7\n7*2=14\n14-4=10", False, "form"),
    ("seven\n7*2=14\n\\boxed{14}", False, "form"),
    ("", False, "form"),
    ("1=///3=\n\\boxed{1}", False, "slip"),
])  # fmt: skip
def test_kind_of_a_mistake(text, right, expected):
    assert kind(text, TRACE, right) == expected
