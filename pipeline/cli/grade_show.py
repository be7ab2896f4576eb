"""Forms and trees as people write them, for `explain`. Nothing decides by these texts."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.grading.answer.text import MAX_CHARS, clean
from pipeline.grading.expr.forms import Form
from pipeline.grading.expr.tree import MINUS, Node
from pipeline.grading.modes import deepseek, strict

_JOINTS = {"list": ", ", "union": " ∪ ", "ratio": " : ", "minus": " \\ "}


def form_text(form: Form) -> str:
    """The form in one line: its kind, and what it holds.

    >>> from pipeline.grading.expr.forms import read
    >>> form_text(read("(1, \\\\sqrt{8}]")), form_text(read("x = \\\\frac{1}{2}"))
    ('bracket (1, 8^(1/2)]', 'relation x = 1 * 1/2')
    """
    return f"{form.kind} {_inside(form)}"


def _inside(form: Form) -> str:
    if form.kind == "scalar":
        return tree_text(form.parts[0]) + form.unit
    if form.kind == "text":
        return f'"{form.parts[0]}"'
    if form.kind == "matrix":
        return "[" + "; ".join(", ".join(map(_inside, row)) for row in form.parts) + "]"
    items = [_inside(part) for part in form.parts]
    if form.kind == "relation":
        return " ".join(
            [
                items[0],
                *(f"{mark} {item}" for mark, item in zip(form.marks, items[1:], strict=True)),
            ]
        )
    if form.kind == "set":
        return "{" + ", ".join(items) + "}"
    if form.kind == "bracket":
        return form.marks[0] + ", ".join(items) + form.marks[1]
    return _JOINTS[form.kind].join(items)


def tree_text(node: Node) -> str:
    """A tree as a formula: * between factors, ^ before an exponent, parentheses where they are
    needed or may be.

    >>> tree_text(("*", (("n", 2, 0), ("^", ("s", "x"), ("n", 3, 0)))))
    '2 * x^3'
    """
    kind = node[0]
    if kind in "ns":
        return str(node[1])
    if kind == "+":
        return " + ".join(map(tree_text, node[1]))
    if kind == "*":
        minus, factors = ("-", node[1][1:]) if node[1][0] == MINUS else ("", node[1])
        return minus + " * ".join(_factor(factor, powers=True) for factor in factors)
    if kind == "^":
        return (
            f"1/{_factor(node[1])}"
            if node[2] == MINUS
            else f"{_factor(node[1])}^{_factor(node[2])}"
        )
    return f"{node[1]}({', '.join(map(tree_text, node[2]))})"


def _factor(node: Node, powers: bool = False) -> str:
    """powers -- whether a power may stand without parentheses."""
    text = tree_text(node)
    return text if text.isalnum() or node[0] == "f" or (powers and node[0] == "^") else f"({text})"


def normal_forms(text: str | None, mode: str) -> Iterator[str]:
    """How a mode reads an answer, a line for each way."""
    if text is None:
        yield "none"
    elif len(text) > MAX_CHARS:
        yield f"{len(text)} characters, over the cap of {MAX_CHARS}: compared as a string"
    elif mode == "deepseek":
        yield deepseek.strip(text)
    else:
        yield f"cleaned as {clean(text)!r}"
        for name, form in strict.readings(clean(text)):
            yield f"read {name}: {form_text(form)}"
