"""Solution sets: inequalities as intervals, unions merged, the reals without points."""

from __future__ import annotations

import math

from pipeline.grading.expr import algebra
from pipeline.grading.expr.forms import REALS, Form
from pipeline.grading.expr.tokens import FUNCTIONS
from pipeline.grading.expr.tree import Node, has_symbol, minus, symbols

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ENDS = REALS.parts
_INVERTED = {("s", name) for name in "fghFGH"}
_POLYNOMIALS = {("s", name) for name in "pPqQ"}


def is_name(form: Form) -> bool:
    """x, x_1, f(x), |AB|, z^3, (p, q), A : B, words: a left side that only names the value."""
    if form.kind == "text":
        return True
    if form.kind in ("bracket", "ratio", "list", "union"):
        return all(is_name(part) for part in form.parts)
    return form.kind == "scalar" and not form.unit and _is_name_tree(form.parts[0])


def _is_name_tree(node: Node) -> bool:
    if node[0] == "s":
        return node[1] not in ("pi", "infty", "i", "±")
    if node[0] == "^":
        if (
            node[2][0] == "n" and node[2][1] < 0 and node[1] not in _INVERTED
        ):  # x^{-1} = 5 says that x is 1/5
            return False
        return _is_name_tree(node[1]) and (
            node[2][0] == "n" or node[2] == ("s", "circ") or _is_name_tree(node[2])
        )
    if node[0] == "*":
        head = node[1][0]
        applied = head in _POLYNOMIALS or (head[0] == "^" and head[1] in _INVERTED)
        if len(node[1]) == 2 and applied and node[1][1][0] == "n":  # p(2), f^{-1}(2): no products
            return True
        return all(_is_name_tree(child) for child in node[1])
    if node[0] == "f" and len(node[1]) == 1:  # f(2)
        return True
    return (
        node[0] == "f"
        and node[1] not in ("sum", "prod", "base", "binom", "factorial")
        and bool(symbols(node))
    )


def is_unsolved(form: Form, value: Form) -> bool:
    """x^2, |x|, \\log_2 x, e^x, x + y, xy: expressions in unknowns, so an equation for them gives
    no value.

    x, f(x), x_1, \\sin A, |z|, m + n and AB are what a question asks for; so is y(t), which reads
    as a product, when `value`, the other side, holds t."""
    if form.kind != "scalar":
        return False
    tree = form.parts[0]
    if tree[0] == "*" and len(tree[1]) == 2 and value.kind == "scalar":
        if tree[1][1][0] == "s" and has_symbol(value.parts[0], tree[1][1][1]):
            return False
    if tree[0] == "s" or (tree[0] == "f" and tree[1] not in _OPERATORS):
        return False
    if tree[0] == "f" and any(map(_is_composed, tree[2])):  # \\arcsin(1.3 \\sin A)
        return True
    unknown = _REAL_UNKNOWNS if tree[0] == "^" or tree[:2] == ("f", "abs") else _UNKNOWNS
    return bool(symbols(tree)) and symbols(tree) <= unknown


def _is_composed(node: Node) -> bool:
    """Whether a function or a power occurs."""
    if node[0] in "f^":
        return True
    return node[0] in "+*" and any(map(_is_composed, node[1]))


_REAL_UNKNOWNS = frozenset("xyt")  # |z| and z^3 are values of a complex number
_UNKNOWNS = _REAL_UNKNOWNS | {"z"}
_OPERATORS = FUNCTIONS | {
    "abs",
    "factorial",
    "binom",
    "floor",
    "ceil",
    "arcsin",
    "arccos",
    "arctan",
}


def solution_set(relation: Form) -> Form | None:
    """The interval or union that inequalities on one name describe: x < 2, 1 <= |z| <= 3/2, x !=
    0."""
    parts, signs = relation.parts, relation.marks
    if any(part.kind != "scalar" for part in parts) or set(signs) - {"<", ">", "<=", ">=", "!="}:
        return None
    if len(parts) == 2:
        if not is_name(parts[0]):
            parts, signs = parts[::-1], tuple(_FLIPPED.get(sign, sign) for sign in signs)
        if not is_name(parts[0]):
            return None
        if signs[0] == "!=":
            return punctured(Form("minus", (REALS, Form("set", (parts[1],)))))
        low, high = (parts[1], None) if signs[0][0] == ">" else (None, parts[1])
        return _interval(parts[0], low, signs[0], high, signs[0])
    if len(parts) == 3 and is_name(parts[1]) and signs[0][0] == signs[1][0] and "!=" not in signs:
        if signs[0][0] == ">":
            parts, signs = parts[::-1], tuple(_FLIPPED[sign] for sign in signs[::-1])
        return _interval(parts[1], parts[0], signs[0], parts[2], signs[1])
    return None


def _interval(
    name: Form, low: Form | None, low_sign: str, high: Form | None, high_sign: str
) -> Form:
    tree = name.parts[0]
    if tree[0] == "f" and tree[1] == "abs":
        return _absolute(low, low_sign, high, high_sign)
    left = ("[" if "=" in low_sign else "(") if low else "("
    right = ("]" if "=" in high_sign else ")") if high else ")"
    return Form("bracket", (low or _ENDS[0], high or _ENDS[1]), (left, right))


def _absolute(low: Form | None, low_sign: str, high: Form | None, high_sign: str) -> Form:
    """low < |z| < high as one interval or the union of two."""
    left, right = ("[" if "=" in low_sign else "("), ("]" if "=" in high_sign else ")")
    mirror = {"(": ")", "[": "]", ")": "(", "]": "["}

    def negative(form: Form) -> Form:
        return Form("scalar", (minus(form.parts[0]),))

    if low is None:
        return Form("bracket", (negative(high), high), (mirror[right], right))
    top, closing = (high, right) if high else (_ENDS[1], ")")
    return Form(
        "union",
        (
            Form("bracket", (negative(top), negative(low)), (mirror[closing], mirror[left])),
            Form("bracket", (low, top), (left, closing)),
        ),
    )


def punctured(form: Form) -> Form:
    """R without finitely many numbers as a union of open intervals; anything else unchanged."""
    if form.kind != "minus" or form.parts[0] != REALS or form.parts[1].kind != "set":
        return form
    values = [
        (algebra.real(part.parts[0]), part) for part in form.parts[1].parts if part.kind == "scalar"
    ]
    if len(values) != len(form.parts[1].parts) or any(value is None for value, _ in values):
        return form
    ends = [_ENDS[0], *(part for _, part in sorted(values, key=lambda pair: pair[0])), _ENDS[1]]
    return Form(
        "union",
        tuple(Form("bracket", pair, ("(", ")")) for pair in zip(ends, ends[1:], strict=False)),
    )


def joined(form: Form) -> Form:
    """x < -1 or x > 1 as a union, x > 1 and x < 3 as an interval; anything else unchanged."""
    parts = [part for part in form.parts if part != REALS]  # x in R, x != 2
    if all(part.kind == "relation" and set(part.marks) <= {"=", "to"} for part in parts):
        return form
    sets = [_solutions(part) for part in parts]
    if any(s is None for s in sets) or len({_name_of(part) for part in parts}) != 1:
        return form
    if "or" in form.marks:
        return Form("union", tuple(sets))
    if len(sets) == 1:
        return sets[0]
    if len(sets) == 2 and all(s.kind == "bracket" for s in sets):
        lows = [s for s in sets if s.parts[0] != _ENDS[0]]
        highs = [s for s in sets if s.parts[1] != _ENDS[1]]
        if len(lows) == len(highs) == 1:
            return Form(
                "bracket",
                (lows[0].parts[0], highs[0].parts[1]),
                (lows[0].marks[0], highs[0].marks[1]),
            )
    return _intersection(sets) or form


def _solutions(part: Form) -> Form | None:
    if part.kind != "relation":
        return None
    if part.marks == ("=",) and is_name(part.parts[0]) and part.parts[1].kind == "scalar":
        return Form("set", (part.parts[1],))
    return solution_set(part)


def _intersection(sets: list[Form]) -> Form | None:
    """The common part of intervals and unions of them, when all ends are numbers."""
    common = [(REALS, (-math.inf, math.inf))]
    for form in sets:
        pieces = form.parts if form.kind == "union" else (form,)
        spans = [_span(piece) for piece in pieces]
        if None in spans:
            return None
        common = [
            both
            for one in common
            for other in zip(pieces, spans, strict=True)
            if (both := _overlap(one, other)) is not None
        ]
    if not common:
        return Form("set", ())
    forms = tuple(form for form, _ in sorted(common, key=lambda pair: pair[1]))
    return forms[0] if len(forms) == 1 else Form("union", forms)


def _overlap(
    a: tuple[Form, tuple[float, float]], b: tuple[Form, tuple[float, float]]
) -> tuple[Form, tuple[float, float]] | None:
    (one, (low1, high1)), (two, (low2, high2)) = a, b
    lower = one if (low1, one.marks[0] == "(") >= (low2, two.marks[0] == "(") else two
    upper = one if (high1, one.marks[1] == "]") <= (high2, two.marks[1] == "]") else two
    low, high = max(low1, low2), min(high1, high2)
    marks = (lower.marks[0], upper.marks[1])
    if low > high or (low == high and marks != ("[", "]")):
        return None
    return Form("bracket", (lower.parts[0], upper.parts[1]), marks), (low, high)


def merged(form: Form) -> Form:
    """A union of finite sets as one set, and of intervals that overlap or touch as fewer; anything
    else unchanged."""
    if form.kind != "union":
        return form
    if all(part.kind == "set" for part in form.parts):
        return Form("set", tuple(dict.fromkeys(item for part in form.parts for item in part.parts)))
    spans = [_span(part) for part in form.parts]
    if None in spans:
        return form
    order = sorted(range(len(spans)), key=lambda k: spans[k])
    result: list[tuple[tuple[float, float], Form]] = []
    for k in order:
        span, part = spans[k], form.parts[k]
        if result and _touches(result[-1], (span, part)):
            before_span, before = result[-1]
            last = (
                part
                if (span[1], part.marks[1] == "]") > (before_span[1], before.marks[1] == "]")
                else before
            )
            left = "[" if before_span[0] == span[0] and part.marks[0] == "[" else before.marks[0]
            whole = Form("bracket", (before.parts[0], last.parts[1]), (left, last.marks[1]))
            result[-1] = ((before_span[0], max(span[1], before_span[1])), whole)
        else:
            result.append((span, part))
    parts = tuple(part for _, part in result)
    return parts[0] if len(parts) == 1 else Form("union", parts)


def _span(part: Form) -> tuple[float, float] | None:
    if (
        part.kind != "bracket"
        or len(part.parts) != 2
        or any(end.kind != "scalar" for end in part.parts)
    ):
        return None
    low, high = (algebra.real(end.parts[0]) for end in part.parts)
    return None if low is None or high is None or low > high else (low, high)


def _touches(a: tuple[tuple[float, float], Form], b: tuple[tuple[float, float], Form]) -> bool:
    """Whether interval b, which does not begin before a, leaves no gap after a."""
    (_, end), (start, _) = a[0], b[0]
    return start < end or (
        start == end and "]" in a[1].marks[1] + ("]" if b[1].marks[0] == "[" else "")
    )


def _name_of(relation: Form) -> Form | None:
    return next((part for part in relation.parts if is_name(part)), None)
