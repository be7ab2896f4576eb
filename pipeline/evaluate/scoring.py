"""How an output of a benchmark is judged where the checker alone is not the benchmark's rule.

- ocw: OCWCourses (EVAL_PROTOCOL): numbers within 1 %, equations and expressions by the checker
- bbh: BIG-Bench Hard: the text after "the answer is" equals the target, but for case, spaces and a
  final full stop
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.grading import Grade, extract, grade_many
from pipeline.grading.grade import grade_answer
from pipeline.grading.tolerance import real_value

OCW_TOLERANCE = 0.01
MAX_ANSWER = 2000  # characters

_FINAL = re.compile(r"[Ff]inal answer is:?\s*(.*?)\.?\s*I hope", re.S)
_ANSWER_IS = re.compile(r"(?:the|so the) answer is:?[ \t]*([^\n]*)", re.I)


def grade_outputs(
    scoring: str, items: Sequence[tuple[str, str, str]], mode: str = "strict"
) -> list[Grade]:
    """Grades of (output, reference, question) items, in order. scoring -- of the benchmark; "": the
    checker."""
    if not scoring:
        return grade_many(items, mode=mode)
    judge = {"ocw": ocw, "bbh": bbh}[scoring]
    known: dict[tuple[str, str], Grade] = {}
    grades = []
    for output, reference, _ in items:
        if (output, reference) not in known:
            known[output, reference] = judge(output, reference)
        grades.append(known[output, reference])
    return grades


def ocw(output: str, reference: str) -> Grade:
    """A number within 1 % of the reference (of zero: zero), else what the checker says.

    >>> ocw("Final answer: The final answer is 4.5e33. I hope it is correct.", "4.49e33").verdict
    'right'
    >>> ocw("The final answer is $x^2$. I hope it is correct.", "x^2+1").verdict
    'wrong'
    """
    said = _FINAL.findall(output[-20_000:])
    answer = said[-1].strip() if said else extract(output)
    if not answer or len(answer) > MAX_ANSWER:
        return Grade("no_answer", None, "extract")
    found = grade_answer(answer, reference)
    wanted = real_value(reference)
    if found.verdict == "right" or wanted is None:
        return found
    value = real_value(answer)
    if value is not None and abs(value - wanted) <= OCW_TOLERANCE * abs(wanted):
        return Grade("right", answer, "within 1 %")
    return found


def bbh(output: str, reference: str) -> Grade:
    """The text after the last "the answer is" of an output, against the target.

    >>> bbh("We get B. So the answer is (B).", "(B)").verdict, bbh("The answer is a b.", "b a").verdict
    ('right', 'wrong')
    """
    said = _ANSWER_IS.findall(output[-20_000:])
    answer = said[-1].strip() if said else ""
    if not answer:
        return Grade("no_answer", None, "extract")
    right = _plain(answer) == _plain(reference)
    return Grade("right" if right else "wrong", answer[:MAX_ANSWER], "exact match")


def _plain(text: str) -> str:
    text = re.sub(r"\s+", " ", text.strip().rstrip(".").strip('*$" ')).lower()
    return text[1:-1] if re.fullmatch(r"\([a-z]\)", text) else text
