"""Runs of tokens: trimmed of what ends them, split at the top level, and whether one bracket holds
them all."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.grading.expr.tokens import Token

OPEN, CLOSE = {"(", "[", "{"}, {")", "]", "}"}  # a LaTeX group and \\{ \\} alike


def trim(tokens: list[Token]) -> list[Token]:
    if len(tokens) > 1 and tokens[-1] == ("op", "'") != tokens[0]:  # x' is no quotation
        return tokens
    start, end = 0, len(tokens)
    while start < end and tokens[start] in _EDGES:
        start += 1
    while end > start and tokens[end - 1] in _EDGES:
        end -= 1
    return tokens[start:end]


_EDGES = {
    ("op", ","),
    ("op", ";"),
    ("op", "."),
    ("op", ":"),
    ("text", "and"),
    ("op", '"'),
    ("op", "'"),
    ("cmd", "\\"),
}


def split(
    tokens: list[Token], is_separator: Callable[[Token], bool]
) -> tuple[list[list[Token]], list[Token]]:
    """Pieces of `tokens` between top-level separators, and the separators."""
    pieces, separators, depth, current = [], [], 0, []
    for token in tokens:
        if token.kind in ("op", "cmd"):
            depth += token.text in OPEN or token.text.startswith("begin ")
            depth -= token.text in CLOSE or token.text.startswith("end ")
        if depth == 0 and is_separator(token):
            pieces.append(current)
            separators.append(token)
            current = []
        else:
            current.append(token)
    return [*pieces, current], separators


def closes_at_end(tokens: list[Token]) -> bool:
    """Whether the bracket at the start closes at the very end."""
    level = 0
    for k, token in enumerate(tokens):
        if token.kind in ("op", "cmd"):
            level += token.text in OPEN
            level -= token.text in CLOSE
        if level == 0:
            return k == len(tokens) - 1
    return False
