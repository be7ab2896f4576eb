"""The converter of MathML: which rule reads an element, and how a row is put together.

The rules of single elements register themselves in `RULES` (mathml.py imports them all).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline.corpus.text.mathml_tree import STROKE, Node, fence, leaf_text, unwrapped
from pipeline.corpus.text.symbols import FUNCTIONS

Rule = Callable[[Node], str]
RULES: dict[str, Rule] = {}
UPRIGHT = re.compile(r"\\mathrm\{([A-Za-z]+)\}$")
TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\S", re.S)
COMMAND_LAST = re.compile(r"\\[A-Za-z]+$")


def latex(node: Node) -> str:
    """LaTeX of one element."""
    rule = RULES.get(node.name)
    return rule(node) if rule else row(node.children)


def row(children: list[Node]) -> str:
    """LaTeX of a sequence; a command is kept apart from a letter after it."""
    parts: list[str] = []
    skip = fenced_special(children)
    if skip is not None:
        return skip
    children = struck(children)
    for index, child in enumerate(children):
        piece = latex(child)
        if is_function_name(child, children[index + 1 : index + 2]):
            piece = f"\\operatorname{{{leaf_text(child)}}}"
        if not piece:
            continue
        if parts and piece[:1].isalnum() and COMMAND_LAST.search(parts[-1]):
            parts.append(" ")
        primes = piece[:1] == "'" and parts and not parts[-1].strip("'")
        if parts and piece[:1] in "'^_" and not primes and ends_in_script(parts[-1]):
            parts.append("{}")  # two superscripts of one base are no LaTeX
        if parts and (upright := UPRIGHT.match(piece)) and UPRIGHT.match(parts[-1]):
            parts[-1] = f"{parts[-1][:-1]}{upright[1]}}}"  # KaTeX writes (mod n) letter by letter
        else:
            parts.append(piece)
    return "".join(parts)


def ends_in_script(text: str) -> bool:
    """Whether a second script right after `text` would have the same base as its last one."""
    depth, is_argument, ends = 0, False, False
    for token in TOKEN.findall(text):
        if depth:
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth:
                continue
        elif token in "_^":
            is_argument = True
            continue
        elif token == "{":
            depth = 1
            continue
        ends = is_argument or token == "'"
        is_argument = False
    return ends


def struck(children: list[Node]) -> list[Node]:
    """A row in which a stroke that is an element of its own is joined to the relation before it."""
    if not any(child.name == "mo" and STROKE in leaf_text(child) for child in children):
        return children
    out: list[Node] = []
    for child in children:
        alone = child.name == "mo" and leaf_text(child).strip() == STROKE
        if alone and out and out[-1].name in ("mo", "mi") and not out[-1].children:
            out[-1] = Node(out[-1].name, out[-1].attrs, [], leaf_text(out[-1]) + STROKE)
        else:
            out.append(child)
    return out


def is_function_name(node: Node, following: list[Node]) -> bool:
    text = leaf_text(node)
    applied = bool(following) and following[0].name == "mo" and leaf_text(following[0]) == "\u2061"
    return (
        node.name == "mi"
        and len(text) > 1
        and text.isalpha()
        and text.isascii()
        and applied
        and text not in FUNCTIONS
    )


def fenced_special(children: list[Node]) -> str | None:
    """Binomials, matrices and cases: a fraction without line, or a table, between fences."""
    core = [c for c in children if not (c.name == "mrow" and not c.children) and c.name != "mspace"]
    if len(core) not in (2, 3):
        return None
    left, middle = fence(core[0]), unwrapped(core[1])
    right = fence(core[2]) if len(core) == 3 else ""
    if left is None or right is None:
        return None
    if middle.name == "mfrac" and (left, right) == ("(", ")") and no_line(middle):
        return f"\\binom{{{latex(middle.children[0])}}}{{{latex(middle.children[1])}}}"
    if middle.name == "mtable":
        body = table_body(middle)
        named = {
            ("(", ")"): "pmatrix",
            ("[", "]"): "bmatrix",
            ("{", ""): "cases",
            ("|", "|"): "vmatrix",
            ("‖", "‖"): "Vmatrix",
            ("{", "}"): "Bmatrix",
        }
        kind = named.get((left.replace("∣", "|"), right.replace("∣", "|")))
        if kind:
            return f"\\begin{{{kind}}}{body}\\end{{{kind}}}"
    return None


def no_line(node: Node) -> bool:
    return (
        len(node.children) == 2
        and re.match(r"0(?:\.0*)?\s*(?:pt|em|px|ex)?$", node.attrs.get("linethickness", "x"))
        is not None
    )


def table_body(node: Node) -> str:
    rows = []
    for line in node.children:
        cells = [latex(cell).strip() for cell in line.children]
        rows.append(" & ".join(cells[1:] if line.name == "mlabeledtr" else cells))
    return " " + " \\\\ ".join(rows) + " "
