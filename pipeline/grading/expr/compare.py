"""Whether two forms say the same. Conventions are stated in docs/grading.md, section "Conventions
of strict"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.grading.expr import algebra
from pipeline.grading.expr.forms import Form
from pipeline.grading.expr.sets import is_name, is_unsolved, joined, merged, punctured, solution_set
from pipeline.grading.expr.tree import MINUS, ONE, Node, has_symbol, minus, substitute, symbols

MAX_SET = 60  # elements of two sets that are compared with all others


class OverTime(Exception):
    """Equality was not decided within the caps on work."""


@dataclass
class Comparer:
    """prove -- decides a pair of trees that floats cannot tell apart (the worker); order() -- of
    a comma list: "any" (lists are sets), "given" (as written), "" (by the convention)."""

    prove: Callable[[Node, Node], bool]
    order: Callable[[], str]
    rule: str = "form"

    def same(self, a: Form, b: Form) -> bool:
        """a: the answer, b: the reference. Raises OverTime."""
        a, b = simplified(a), simplified(b)
        if a.kind == b.kind == "relation":
            return self.relations(a, b)
        if a.kind == "relation" or b.kind == "relation":
            return self.relation_and_value(a, b)
        if "minus" in (a.kind, b.kind) and a.kind != b.kind:
            a, b = punctured(a), punctured(b)
        if a.kind == "list" and b.kind == "scalar" and {"and", "or"} & set(a.marks):
            return all(self.same(item, b) for item in a.parts)  # \\boxed{x+11} or \\boxed{11+x}
        if {a.kind, b.kind} <= {"list", "set", "bracket"}:
            return self.collections(a, b)
        if {a.kind, b.kind} == {"matrix", "bracket"}:
            a, b = as_vector(a), as_vector(b)
        if {a.kind, b.kind} == {"matrix", "bracket"}:
            a, b = as_matrix(a), as_matrix(b)
        if a.kind == "list" and b.kind == "scalar" and _is_restricted(a):
            return self.same(a.parts[0], b)
        if a.kind != b.kind:
            return self.as_sets(a, b)
        if a.kind == "text":
            self.rule = "text"
            return a.parts == b.parts
        if a.kind == "scalar":
            return self.scalars(a, b)
        if a.kind == "union":
            return self.unordered(a.parts, b.parts)
        if a.kind == "ratio":
            return self.ratios(a, b)
        if a.kind == "matrix":
            shape = [len(row) for row in a.parts] == [len(row) for row in b.parts]
            return shape and all(self.ordered(x, y) for x, y in zip(a.parts, b.parts, strict=True))
        return self.ordered(a.parts, b.parts)

    def trees(self, a: Node, b: Node) -> bool:
        verdict, self.rule = algebra.equal(a, b)
        if verdict is None:
            if self.rule == "cap":
                raise OverTime("over a cap")
            self.rule = "sympy"
            return self.prove(a, b)
        return verdict

    def scalars(self, a: Form, b: Form) -> bool:
        """Percent against no percent: the same number, or its hundredth where the bare one is a
        fraction of one: 50% is 50 and 0.5, but 1200% is not 12 (a question that asks for percent
        has the reference 12)."""
        if self.trees(a.parts[0], b.parts[0]):
            return True
        if "°" in (a.unit, b.unit):
            return self.degrees(a, b)
        if a.unit == b.unit:
            return False
        plain = algebra.constant((b if a.unit else a).parts[0])
        if plain is None or abs(plain) > 1:
            return False
        hundredth = [
            ("*", (f.parts[0], ("n", Fraction(1, 100), 0))) if f.unit == "%" else f.parts[0]
            for f in (a, b)
        ]
        return self.trees(*hundredth)

    def degrees(self, a: Form, b: Form) -> bool:
        """60° is pi/3, where only one side has the sign and the other is a multiple of pi."""
        if a.unit == b.unit:
            return False
        written, radians = (a, b) if a.unit else (b, a)
        if radians.unit or not has_symbol(radians.parts[0], "pi"):
            return False
        turned = ("*", (written.parts[0], ("s", "°")))
        return self.trees(turned, radians.parts[0])

    def ordered(self, a: tuple[Form, ...], b: tuple[Form, ...]) -> bool:
        return len(a) == len(b) and all(self.same(x, y) for x, y in zip(a, b, strict=True))

    def unordered(self, a: tuple[Form, ...], b: tuple[Form, ...], repeats: bool = True) -> bool:
        """repeats -- whether 1, 1, 2 differs from 1, 2; in sets it does not."""
        if not repeats and len(a) + len(b) <= MAX_SET:
            return all(any(self.same(x, y) for y in b) for x in a) and all(
                any(self.same(x, y) for x in a) for y in b
            )
        left = list(b)
        for x in a:
            match = next((k for k, y in enumerate(left) if self.same(x, y)), None)
            if match is None:
                return False
            del left[match]
        return not left

    def collections(self, a: Form, b: Form) -> bool:
        kinds = {a.kind, b.kind}
        order = self.order()
        if order != "any" and _names_each(a) != _names_each(b) and "set" not in kinds:
            return (a if _names_each(b) else b).marks != ("[", "]") and self.ordered(
                a.parts, b.parts
            )
        if kinds == {"bracket"}:
            return a.marks == b.marks and self.ordered(a.parts, b.parts)
        if kinds == {"list", "bracket"}:  # 12,34 for (12,34); a list read from 1,234 is left alone
            bracket, items = (a, b) if a.kind == "bracket" else (b, a)
            if bracket.marks == ("[", "]") and len(bracket.parts) > 2:  # a list as Python prints it
                return self.collections(
                    replace(a, kind="list", marks=(",",)), replace(b, kind="list", marks=(",",))
                )
            return (
                bracket.marks == ("(", ")")
                and items.marks == (",",)
                and self.ordered(a.parts, b.parts)
            )
        if kinds == {"set", "bracket"}:
            return False
        free = "set" in kinds or order == "any"
        if not free and order != "given":
            joined_by_words = bool({"and", "or"} & {*a.marks, *b.marks})
            free = joined_by_words or any(not _is_number(item) for item in (*a.parts, *b.parts))
        if free:
            return self.unordered(a.parts, b.parts, repeats="set" not in kinds)
        return self.ordered(a.parts, b.parts)

    def as_sets(self, a: Form, b: Form) -> bool:
        """x > 1 or x < -1 against a union; a one-element set against its element is no match."""
        if a.kind == "list" and b.kind in ("union", "bracket"):
            a = joined(a)
        elif b.kind == "list" and a.kind in ("union", "bracket"):
            b = joined(b)
        else:
            return False
        return a.kind == b.kind and self.same(a, b)

    def ratios(self, a: Form, b: Form) -> bool:
        if self.ordered(a.parts, b.parts):
            return True
        if len(a.parts) != len(b.parts):
            return False
        rows = [[part.parts[0] for part in form.parts if part.kind == "scalar"] for form in (a, b)]
        if len(rows[0]) != len(a.parts) or len(rows[1]) != len(b.parts):
            return False
        if any(algebra.constant(node) == 0 for row in rows for node in row):
            return False
        (first, *rest), (against, *others) = rows
        return all(
            self.trees(("*", (first, other)), ("*", (node, against)))
            for node, other in zip(rest, others, strict=True)
        )

    # ---- equations and inequalities

    def relations(self, a: Form, b: Form) -> bool:
        if a.marks == b.marks and self.ordered(a.parts, b.parts):
            return True
        if a.marks == b.marks == ("=",):
            if is_name(a.parts[0]) and is_name(b.parts[0]) and self.same(a.parts[0], b.parts[0]):
                return self.same(a.parts[1], b.parts[1])
            return self.equations(a, b)
        if set(a.marks + b.marks) <= {"<", ">", "<=", ">=", "!="}:
            return self.inequalities(a, b)
        values = value_of(a, bare=False), value_of(b, bare=False)
        return None not in values and a.parts[0] == b.parts[0] and self.same(*values)

    def equations(self, a: Form, b: Form) -> bool:
        """l1 - r1 = c (l2 - r2) for a constant c."""
        differences = [difference(form) for form in (a, b)]
        if None in differences:
            return False
        self.rule = "equation"
        return algebra.ratio(*differences)[0] is True

    def inequalities(self, a: Form, b: Form) -> bool:
        if len(a.marks) == len(b.marks) == 1 and "!=" not in a.marks + b.marks:
            above = [difference(form, positive=True) for form in (a, b)]
            strict = ["=" in form.marks[0] for form in (a, b)]
            if (
                None not in above
                and strict[0] == strict[1]
                and algebra.ratio(*above) == (True, 1.0)
            ):
                self.rule = "inequality"
                return True
        x, y = solution_set(a), solution_set(b)
        names = symbols_of(a) == symbols_of(b) and _applied(a) == _applied(b)
        return x is not None and y is not None and names and x.kind == y.kind and self.same(x, y)

    def relation_and_value(self, a: Form, b: Form) -> bool:
        relation, other = (a, b) if a.kind == "relation" else (b, a)
        if set(relation.marks) & {"=", "to"}:
            value = value_of(relation, bare=relation is a and other.kind == "scalar")
            if value is None:
                return False
            return self.same(value, other) if relation is a else self.same(other, value)
        solutions = solution_set(relation)
        if solutions is None:
            return False
        other = (
            punctured(other)
            if other.kind == "minus"
            else joined(other)
            if other.kind == "list"
            else other
        )
        return solutions.kind == other.kind and self.same(solutions, other)


def simplified(form: Form) -> Form:
    """Plus-minus written out as two values; one-element unions and chains of equal numbers as their
    value."""
    if form.kind == "scalar" and has_symbol(form.parts[0], "±"):
        signs = [
            replace(form, parts=(substitute(form.parts[0], "±", sign),)) for sign in (ONE, MINUS)
        ]
        return Form("list", tuple(signs), ("and",))
    if form.kind == "bracket" and form.marks == ("(", ")"):
        return _points(form)
    if form.kind == "list" and form.parts[0].kind == "relation" and joined(form).kind != "list":
        return merged(joined(form))
    if form.kind in ("list", "set") and any(
        part.kind in ("scalar", "relation") for part in form.parts
    ):
        items: list[Form] = []
        for part in map(simplified, form.parts):
            items += part.parts if part.kind == "list" else (part,)
        return replace(form, parts=tuple(items))
    if (
        form.kind == "relation"
        and form.marks == ("=",)
        and form.parts[1].kind in ("scalar", "list")
    ):
        right = simplified(form.parts[1])
        if right.kind == "list":
            return Form(
                "list",
                tuple(replace(form, parts=(form.parts[0], item)) for item in right.parts),
                ("and",),
            )
    return merged(form)


def _points(form: Form) -> Form:
    """(\\pm 1, 0) as two points, where one coordinate has the sign."""
    signed = [
        k
        for k, part in enumerate(form.parts)
        if part.kind == "scalar" and has_symbol(part.parts[0], "±")
    ]
    if len(signed) != 1:
        return form
    at = signed[0]
    both = simplified(form.parts[at]).parts
    points = (replace(form, parts=(*form.parts[:at], one, *form.parts[at + 1 :])) for one in both)
    return Form("list", tuple(points), ("and",))


def value_of(relation: Form, bare: bool) -> Form | None:
    """The value that an equation gives to a name, or None. bare: also m + n = 17 for 17 (an answer
    to a bare number)."""
    if set(relation.marks) - {"=", "to"}:
        return None
    first, last = relation.parts[0], relation.parts[-1]
    if not _chain_holds(relation.parts[1:]) or is_unsolved(first, last):
        return None
    if is_name(first):
        return last
    if is_name(last) and len(relation.parts) == 2:
        return None if is_unsolved(last, first) else first
    constants = [
        algebra.constant(part.parts[0]) if part.kind == "scalar" else None
        for part in relation.parts
    ]
    if None not in constants:
        if first.parts[0][0] == last.parts[0][0] == "n":
            return None
        return last if len(set(constants)) == 1 else None
    plain_sum = (
        first.kind == "scalar"
        and first.parts[0][0] == "+"
        and all(term[0] == "s" for term in first.parts[0][1])
    )
    return last if bare and plain_sum and constants[-1] is not None else None


def _chain_holds(parts: tuple[Form, ...]) -> bool:
    """Whether the values of x = 5 = 6 may be one; only a proven difference says no."""
    for x, y in zip(parts, parts[1:], strict=False):
        if x.kind != y.kind:
            return False
        if x.kind == "scalar" and x.unit == y.unit:
            if algebra.equal(x.parts[0], y.parts[0])[0] is False:
                return False
    return True


def as_vector(form: Form) -> Form:
    """A matrix of one column or one row as the tuple of its entries; anything else unchanged."""
    if form.kind != "matrix":
        return form
    if all(len(row) == 1 for row in form.parts):
        return Form("bracket", tuple(row[0] for row in form.parts), ("(", ")"))
    return Form("bracket", form.parts[0], ("(", ")")) if len(form.parts) == 1 else form


def _is_restricted(form: Form) -> bool:
    """A value with the points where it is not defined: (x+1)/(x-1), x != 1."""
    if len(form.parts) != 2 or form.parts[0].kind != "scalar":
        return False
    return form.parts[1].kind == "relation" and form.parts[1].marks == ("!=",)


def as_matrix(form: Form) -> Form:
    """[[1, 2], [3, 4]], as Python prints it, as a matrix; anything else unchanged."""
    rows = form.parts
    if form.kind != "bracket" or any(
        row.kind != "bracket" or row.marks != ("[", "]") for row in rows
    ):
        return form
    return Form("matrix", tuple(row.parts for row in rows))


def difference(form: Form, positive: bool = False) -> Node | None:
    """left - right as a tree; with `positive`, turned so that the inequality says it is above
    zero."""
    if len(form.parts) != 2 or any(
        part.kind != "scalar" or part.unit == "%" for part in form.parts
    ):
        return None
    left, right = form.parts[0].parts[0], form.parts[1].parts[0]
    if positive and form.marks[0] in ("<", "<="):
        left, right = right, left
    return ("+", (left, minus(right)))


def _names_each(form: Form) -> bool:
    """x = 2, y = 1: every item gives its value to another name, so the order of bare values beside
    it counts."""
    names = [
        part.parts[0]
        for part in form.parts
        if part.kind == "relation" and part.marks == ("=",) and is_name(part.parts[0])
    ]
    return form.kind == "list" and len(set(names)) == len(names) == len(form.parts)


def _is_number(item: Form) -> bool:
    return item.kind == "scalar" and algebra.constant(item.parts[0]) is not None


def _applied(form: Form) -> frozenset[Node]:
    """The sides such as f(2), which name a value and hold no symbol."""
    return frozenset(
        part.parts[0]
        for part in form.parts
        if part.kind == "scalar" and part.parts[0][0] == "f" and is_name(part)
        if part.parts[0][1] != "abs"
    )


def symbols_of(form: Form) -> frozenset[str]:
    return frozenset().union(
        *(symbols(part.parts[0]) for part in form.parts if part.kind == "scalar")
    )
