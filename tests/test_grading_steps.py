"""The exact step checker of the miniature world."""

from fractions import Fraction

import pytest

from pipeline.grading.steps import arithmetic, equation_value, step_verdicts

SOLUTION = "She has 3+4=7 apples.\n7*2=14\nSo the answer is \\boxed{14}."


def test_a_right_solution_is_right_at_every_line_end():
    verdicts = step_verdicts(SOLUTION, ("7", "14"), "14")
    assert [right for _, right in verdicts] == [True, True, True]
    assert [SOLUTION[:end].split("\n")[-1] for end, _ in verdicts] == SOLUTION.split("\n")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "3+4=8\n7*2=14\n\\boxed{14}",
            [False, False, True],
        ),  # a false equation spoils every later step
        ("5+2=7\n7*3=21\n\\boxed{21}", [True, False, False]),  # true, but not the trace's value
        ("3+4=7\n\n7*2=14\n\\boxed{14}", [True, True, True]),  # blank lines are no steps
        (
            "3+4=7\n7*2=14\n14+0=14\n\\boxed{14}",
            [True, True, False, True],
        ),  # a step beyond the trace
        ("3+4=7\n7*2=1", [True, False]),  # cut off: a last line without a box is a step
        ("\\boxed{14", [True]),  # an unclosed box counts here as it counts for the rule
        ("no equation here\n\\boxed{14}", [False, True]),
        ("", []),
    ],
)
def test_verdicts(output, expected):
    assert [right for _, right in step_verdicts(output, ("7", "14"), "14")] == expected


def test_fractions_are_exact():
    assert equation_value("1/3+1/6=1/2") == Fraction(1, 2)
    assert equation_value("0.1+0.2=0.3") == Fraction(3, 10)
    assert equation_value("12/4=3") == 3
    assert equation_value("1/3=0.333") is None


@pytest.mark.parametrize(
    "text", ["", "1/0", "1+", "(1", "1)", "2**3", "9" * 40, "(" * 50 + "1" + ")" * 50]
)
def test_malformed_arithmetic_has_no_value(text):
    assert arithmetic(text) is None


def test_hostile_lines_end_at_once():
    assert step_verdicts("(" * 200_000 + "=1", ("1",), "1") == [(200_002, False)]
    assert step_verdicts("1+" * 200_000 + "1=1", ("1",), "1") == [(400_003, False)]


def test_a_boxed_fraction_is_judged_as_the_rule_judges_it():
    output = "10/2=5\n26/2=13\n\\boxed{\\frac{5}{13}}"
    assert [right for _, right in step_verdicts(output, ("5", "13"), "\\frac{5}{13}")] == [
        True,
        True,
        True,
    ]
    assert [right for _, right in step_verdicts(output, ("5", "13"), "\\frac{5}{14}")] == [
        True,
        True,
        False,
    ]
