"""`deepseek`: the quirks of the paper's scorer, as published and as measured, and no code run."""

import pytest

from pipeline.grading.grade import grade, grade_answer
from pipeline.grading.modes.deepseek import extract_all, strip


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("4200", "42"),
        ("0.07", "7"),
        ("0.333", "1/3"),
        ("1.414", "\\sqrt{2}"),
        ("0.0009", "0.0001"),
        ("(x+1)(x-5)", "(x+1)(x+7)"),
        ("(x-3)^2+(y-1)^2=1", "(x-3)^2+y^2=2"),
        ("[0,1)", "(0,1)"),
        ("x=5", "5"),
        ("5", "x=5"),
        ("-34x-45y+20z-100=0", "34x+45y-20z+100=0"),
        ("3.0", "3"),
        ("3/5", "\\frac{3}{5}"),
        ("17\\text{ meters}", "17"),
        ("22^\\circ", "22"),
        ("50\\%", "0.5"),
        ("\\frac12", "0.5"),
        ("1,234", "1234"),
        ("\\begin{bmatrix}1\\\\2\\end{bmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
        ("[1,3]\\cup[5,7]", "[5,7]\\cup[1,3]"),
        ("2\\frac{1}{2}", "1"),
        ("\\frac{2}{4}", "\\frac{1}{2}"),
        ("12345.0004", "12345"),
    ],
)
def test_accepted(answer, reference):
    assert grade_answer(answer, reference, "deepseek").verdict == "right"


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("2\\frac{1}{2}", "\\frac{5}{2}"),
        ("x<2", "(-\\infty,2)"),
        ("18（元）", "18"),
        ("√2", "\\sqrt{2}"),
        ("six", "6"),
        ("\\{1,2,3\\}", "\\{3,2,1\\}"),
        ("f(x)=1", "1"),
        ("y=5", "x=6"),
        ("", "5"),
        ("43", "42"),
        ("1,2", "2,1"),
    ],
)
def test_refused(answer, reference):
    assert grade_answer(answer, reference, "deepseek").verdict != "right"


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("The final answer is $\\frac12$. I hope it is correct. \\boxed{3}", ["\\frac{1}{2}"]),
        ("\\boxed{1} and \\boxed{2}", ["1", "2"]),
        ("\\boxed{50}% of them", ["50}"]),  # the original keeps the brace
        ("The answer is 2,125.", ["2,125"]),
        ("it prints\n```output\n12\n```\nso", ["12"]),
        ("She has 1,234 apples", ["1234"]),
        ("no number", []),
    ],
)
def test_extraction(output, found):
    assert extract_all(output) == found


def test_math_takes_as_many_boxes_as_there_are_references():
    question = "Enter all the solutions, separated by commas."
    assert (
        grade("\\boxed{7}, then \\boxed{2} and \\boxed{-1}", "-1,2", "deepseek", question).verdict
        == "right"
    )
    assert grade("\\boxed{2}", "-1,2", "deepseek", question).verdict == "wrong"
    assert grade("\\boxed{2,-1}", "-1,2", "deepseek", question).verdict == "right"


def test_no_answer_and_normal_form():
    assert grade("no number", "5", "deepseek").verdict == "no_answer"
    assert strip("\\left(\\tfrac12, 3.0\\right)") == "(\\frac{1}{2},3)"
