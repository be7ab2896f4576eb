"""A strict reader of LaTeX mathematics for tests: says why TeX would refuse a formula, "" when it
would not.
"""

from __future__ import annotations

import re

TOKEN = re.compile(r"\\(?:[A-Za-z]+|.|$)|[{}^_&#%$']|\s+|.", re.S)
ARGUMENTS = {
    r"\frac": 2, r"\binom": 2, r"\sqrt": 1, r"\overset": 2, r"\underset": 2, r"\text": 1, r"\mathrm": 1,
    r"\operatorname": 1, r"\overline": 1, r"\hat": 1, r"\boxed": 1,
}  # fmt: skip
FENCES = set("()[]/|.<>") | {
    rf"\{name}" for name in "{ } | langle rangle lfloor rfloor lceil rceil backslash uparrow downarrow updownarrow"
    " Uparrow Downarrow mid parallel".split()
}  # fmt: skip
TABLES = ("matrix", "pmatrix", "bmatrix", "vmatrix", "Vmatrix", "Bmatrix", "cases", "aligned")


class Refused(Exception):
    pass


def problem_of(latex: str) -> str:
    """Why TeX would refuse the formula; "" when it would not."""
    try:
        tokens = [token for token in TOKEN.findall(latex) if not token.isspace()]
        end = sequence(tokens, 0, "", False)
        return "" if end == len(tokens) else f"stray {tokens[end]}"
    except Refused as refused:
        return str(refused)


def sequence(tokens: list[str], at: int, closing: str, cells: bool) -> int:
    """Read until `closing`; returns the place of it. `cells`: whether & may stand here."""
    scripts: set[str] = set()
    while at < len(tokens):
        token = tokens[at]
        if token == closing:
            return at
        if token in ("}", r"\right", r"\end"):
            raise Refused(f"stray {token}")
        if token in "%#$" or (token == "&" and not cells) or token == "\\":
            raise Refused(f"bare {token}")
        if token in "^_'":
            mark = "^" if token == "'" else token
            run_of_primes = token == "'" and at and tokens[at - 1] == "'"
            if mark in scripts and not run_of_primes:
                raise Refused("double script")
            scripts.add(mark)
            at = at + 1 if token == "'" else argument(tokens, at + 1, cells)
            continue
        scripts = set()
        at = element(tokens, at, cells)
    if closing:
        raise Refused(f"no {closing}")
    return at


def element(tokens: list[str], at: int, cells: bool) -> int:
    token = tokens[at]
    if token == "{":
        return sequence(tokens, at + 1, "}", False) + 1
    if token == r"\left":
        end = sequence(tokens, at + 2, r"\right", False)
        for place in (at + 1, end + 1):
            if place >= len(tokens) or tokens[place] not in FENCES:
                raise Refused("no fence")
        return end + 2
    if token == r"\begin":
        end = sequence(tokens, after_name(tokens, at), r"\end", True)
        return after_name(tokens, end)
    if token == r"\sqrt" and at + 1 < len(tokens) and tokens[at + 1] == "[":
        at = sequence(tokens, at + 2, "]", False)
    for _ in range(ARGUMENTS.get(token, 0)):
        at = argument(tokens, at + 1, cells) - 1
    return at + 1


def after_name(tokens: list[str], at: int) -> int:
    name = "".join(tokens[at + 2 : at + 2 + len("smallmatrix")]).split("}")[0]
    if name not in TABLES:
        raise Refused(f"environment {name}")
    return at + 3 + len(name)


def argument(tokens: list[str], at: int, cells: bool) -> int:
    if at >= len(tokens) or tokens[at] in "}^_&":
        raise Refused("no argument")
    return element(tokens, at, cells)
