"""Definitions of macros, which pages keep in formulas of their own: they are no formulas."""

from __future__ import annotations

import re

DEFINITION = re.compile(
    r"\s*\\(?:(?:re|provide)?newcommand|providecommand|DeclareMathOperator|definecolor|newenvironment"
    r"|require|[egx]?def|let|DeclarePairedDelimiter|setcounter)(?![A-Za-z])\*?"
)
BARE_NAME = re.compile(r"\s*=?\s*\\(?:[A-Za-z]+|.)")
PARAMETERS = re.compile(r"(?:\s*(?:\[[^\[\]]*\]|#\d))*\s*")
GROUPS = {
    "definecolor": 3,
    "newenvironment": 3,
    "require": 1,
    "DeclarePairedDelimiter": 3,
}  # how many arguments follow; every other definition has a name and a body


def without_definitions(latex: str) -> str:
    """A formula without the definitions at its beginning; "" when it holds nothing else."""
    at = 0
    while found := DEFINITION.match(latex, at):
        name = found[0].strip().strip("\\*")
        end = end_of_definition(latex, found.end(), name)
        if end is None:
            break
        at = end
    return latex[at:].strip() if at else latex


def end_of_definition(latex: str, at: int, name: str) -> int | None:
    """Where the arguments of a definition end; None when they do not."""
    for _ in range(GROUPS.get(name, 2)):
        at = PARAMETERS.match(latex, at).end()
        bare = BARE_NAME.match(latex, at)
        end = bare.end() if bare else end_of_group(latex, at)
        if end is None:
            return None
        at = end
    return at


def end_of_group(latex: str, at: int) -> int | None:
    """Where the group `{...}` that begins at `at` ends."""
    if latex[at : at + 1] != "{":
        return None
    depth, escaped = 0, False
    for place in range(at, len(latex)):
        character = latex[place]
        if escaped:
            escaped = False
            continue
        escaped = character == "\\"
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return place + 1
    return None
