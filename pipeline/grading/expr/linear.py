"""A tree as a linear combination: rational coefficients in front of products that have none."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

from pipeline.grading.expr import exact
from pipeline.grading.expr.tree import Node

MAX_TERMS = 40  # that a product of sums is multiplied out to

Term = tuple[Fraction, tuple[Node, ...]]  # coefficient, factors that are not rational numbers


def linear_terms(node: Node, scale: Fraction = Fraction(1)) -> list[Term]:
    """The terms of `scale * node`; products of sums are multiplied out.

    Raises `exact.TooLarge` and ZeroDivisionError where a coefficient is out of reach.

    >>> half = ("^", ("n", Fraction(2), 0), ("n", Fraction(-1), 0))
    >>> linear_terms(("*", (("+", (("s", "x"), ("s", "pi"))), half)))
    [(Fraction(1, 2), (('s', 'x'),)), (Fraction(1, 2), (('s', 'pi'),))]
    """
    value = exact.exact(node)
    if value is not None:
        return [(scale * value, ())]
    if node[0] == "+":
        return [term for child in node[1] for term in linear_terms(child, scale)]
    if node[0] != "*":
        return [(scale, (node,))]
    rest: list[Node] = []
    for factor in node[1]:
        value = exact.exact(factor)
        if value is not None:
            scale *= value
        elif factor[0] == "*":
            inner = linear_terms(factor)
            scale *= inner[0][0] if len(inner) == 1 else 1
            rest += inner[0][1] if len(inner) == 1 else (factor,)
        else:
            rest.append(factor)
    sums = [factor for factor in rest if factor[0] == "+"]
    if not sums or math.prod(len(factor[1]) for factor in sums) > MAX_TERMS:
        return [(scale, tuple(rest))]
    others = tuple(factor for factor in rest if factor[0] != "+")
    products = itertools.product(*(factor[1] for factor in sums))
    if not others and len(sums) == 1:
        return linear_terms(sums[0], scale)
    return [term for chosen in products for term in linear_terms(("*", (*others, *chosen)), scale)]
