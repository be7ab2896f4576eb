"""Trees of scalar expressions: nested tuples, so they hash and compare.

("n", Fraction, digits) a number and the count of significant digits it was written with when it has
a decimal point (0 = exact), ("s", name) a symbol, ("+", (..)), ("*", (..)), ("^", base, exponent),
("f", name, (..)) a function or an operator that is not one of those."""

from __future__ import annotations

import functools
from fractions import Fraction

Node = tuple
ONE, MINUS = ("n", Fraction(1), 0), ("n", Fraction(-1), 0)
BIG = frozenset({"sum", "prod"})
_FIXED = frozenset({"pi", "e", "i", "infty", "°", "%"})


class Unknown(Exception):
    """No value here: outside the domain, or an operator that an evaluator does not know."""


def minus(node: Node) -> Node:
    return ("n", -node[1], node[2]) if node[0] == "n" else ("*", (MINUS, node))


def substitute(node: Node, name: str, by: Node) -> Node:
    """`node` with the symbol `name` replaced."""
    if node[0] == "s":
        return by if node[1] == name else node
    if node[0] == "n":
        return node
    if node[0] in "+*":
        return node[0], tuple(substitute(child, name, by) for child in node[1])
    if node[0] == "^":
        return "^", substitute(node[1], name, by), substitute(node[2], name, by)
    return "f", node[1], tuple(substitute(child, name, by) for child in node[2])


@functools.lru_cache(maxsize=512)
def symbols(node: Node) -> frozenset[str]:
    """Names of the free symbols; constants such as pi, e and i are not among them."""
    return frozenset(name for name in _names(node) if name not in _FIXED)


def has_symbol(node: Node, name: str) -> bool:
    return name in _names(node)


@functools.lru_cache(maxsize=512)
def _names(node: Node) -> frozenset[str]:
    if node[0] in "ns":
        return frozenset({node[1]}) if node[0] == "s" else frozenset()
    children = node[1] if node[0] in "+*" else node[1:] if node[0] == "^" else node[2]
    names = frozenset().union(*map(_names, children))
    return names - {children[0][1]} if node[0] == "f" and node[1] in ("sum", "prod") else names


def has_big(node: Node) -> bool:
    """Whether a sum or product sign occurs."""
    if node[0] in "ns":
        return False
    if node[0] == "f" and node[1] in BIG:
        return True
    return any(
        map(has_big, node[1] if node[0] in "+*" else node[1:] if node[0] == "^" else node[2])
    )
