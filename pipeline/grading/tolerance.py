"""Numbers that agree within a relative tolerance: an explicit option, never a rule of `strict`."""

from __future__ import annotations

from pipeline.grading.answer.text import MAX_CHARS, clean
from pipeline.grading.expr import algebra
from pipeline.grading.expr.compare import value_of
from pipeline.grading.expr.forms import Form
from pipeline.grading.modes.strict import readings


def within(answer: str, reference: str, tolerance: float) -> bool:
    """Whether both are real numbers and |answer - reference| <= tolerance * |reference|.

    >>> within("0.333", "\\\\frac13", 0.01), within("0.3", "\\\\frac13", 0.01), within("x", "x", 0.01)
    (True, False, False)
    """
    x, y = real_value(answer), real_value(reference)
    return x is not None and y is not None and abs(x - y) <= tolerance * abs(y)


def real_value(text: str) -> float | None:
    """The number that an answer states, as a float, or None; a percentage is its number before the
    sign."""
    if len(text) > MAX_CHARS:
        return None
    for _, form in readings(clean(text)):
        value: Form | None = form
        if form.kind == "relation":
            value = value_of(form, bare=True)
        if value is not None and value.kind == "scalar":
            number = algebra.real(value.parts[0])
            if number is not None:
                return number
    return None
