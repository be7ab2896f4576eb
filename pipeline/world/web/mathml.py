r"""LaTeX to presentation MathML, for the formulas that the built-in web writes."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\[,;:!{}%]|\d+(?:\.\d+)?|[a-zA-Z]|[{}^_]|\s+|.", re.DOTALL)
_OPERATORS = {
    r"\times": "×",
    r"\div": "÷",
    r"\cdot": "⋅",
    r"\pm": "±",
    r"\le": "≤",
    r"\leq": "≤",
    r"\ge": "≥",
    r"\geq": "≥",
    r"\ne": "≠",
    r"\neq": "≠",
    r"\approx": "≈",
    r"\equiv": "≡",
    r"\to": "→",
    r"\in": "∈",
    r"\cup": "∪",
    r"\cap": "∩",
    r"\sum": "∑",
    r"\prod": "∏",
    r"\int": "∫",
    r"\ldots": "…",
    r"\cdots": "⋯",
    r"\{": "{",
    r"\}": "}",
    r"\%": "%",
    r"\Rightarrow": "⇒",
    r"\mid": "∣",
    r"\circ": "∘",
}
_IDENTIFIERS = {
    r"\pi": "π",
    r"\alpha": "α",
    r"\beta": "β",
    r"\theta": "θ",
    r"\infty": "∞",
    r"\gcd": "gcd",
    r"\sin": "sin",
    r"\cos": "cos",
    r"\tan": "tan",
    r"\log": "log",
    r"\ln": "ln",
    r"\lim": "lim",
    r"\max": "max",
    r"\min": "min",
}
_SPACES = {r"\,", r"\;", r"\:", r"\!", r"\quad"}


class _Unknown(Exception):
    """The formula leaves the subset."""


@lru_cache(maxsize=1 << 15)
def to_mathml(latex: str) -> str | None:
    """The inside of <math>, or None when the formula is outside the subset."""
    tokens = [token for token in _TOKEN.findall(latex) if not token.isspace()]
    try:
        nodes, rest = _row(tokens, 0, end="")
    except (_Unknown, IndexError):
        return None
    return "".join(nodes) if rest == len(tokens) else None


def _row(tokens: list[str], at: int, end: str) -> tuple[list[str], int]:
    nodes: list[str] = []
    while at < len(tokens) and tokens[at] != end:
        node, at = _atom(tokens, at)
        scripts: dict[str, str] = {}
        while at < len(tokens) and tokens[at] in "^_" and tokens[at] not in scripts:
            mark = tokens[at]
            scripts[mark], at = _atom(tokens, at + 1)
        if len(scripts) == 2:
            node = f"<msubsup>{node}{scripts['_']}{scripts['^']}</msubsup>"
        elif "^" in scripts:
            node = f"<msup>{node}{scripts['^']}</msup>"
        elif "_" in scripts:
            node = f"<msub>{node}{scripts['_']}</msub>"
        if node:
            nodes.append(node)
    return nodes, at


def _atom(tokens: list[str], at: int) -> tuple[str, int]:
    token = tokens[at]
    if token == "{":
        nodes, at = _row(tokens, at + 1, end="}")
        if at >= len(tokens):
            raise _Unknown
        return (nodes[0] if len(nodes) == 1 else f"<mrow>{''.join(nodes)}</mrow>"), at + 1
    if token in (r"\frac", r"\dfrac"):
        top, at = _atom(tokens, at + 1)
        bottom, at = _atom(tokens, at)
        return f"<mfrac>{top}{bottom}</mfrac>", at
    if token == r"\sqrt":
        if at + 1 < len(tokens) and tokens[at + 1] == "[":
            raise _Unknown
        inner, at = _atom(tokens, at + 1)
        return f"<msqrt>{inner}</msqrt>", at
    if token in _OPERATORS:
        return f"<mo>{_OPERATORS[token]}</mo>", at + 1
    if token in _IDENTIFIERS:
        return f"<mi>{_IDENTIFIERS[token]}</mi>", at + 1
    if token in (r"\left", r"\right"):
        return _atom(tokens, at + 1)
    if token in _SPACES:
        return "", at + 1
    if token[0].isdigit():
        return f"<mn>{token}</mn>", at + 1
    if token.isascii() and token.isalpha():
        return f"<mi>{token}</mi>", at + 1
    if token in "+-*/=<>()[]|,.:;!'?":
        return f"<mo>{'−' if token == '-' else escape(token)}</mo>", at + 1
    raise _Unknown
