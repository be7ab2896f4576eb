"""Layout of MathML: fractions, roots, tables, fences and enclosures."""

from __future__ import annotations

import re

from pipeline.corpus.text.mathml_row import fenced_special, latex, no_line, row, table_body
from pipeline.corpus.text.mathml_tree import Node, fence, leaf_text
from pipeline.corpus.text.symbols import SYMBOLS, latex_of_text

TEX = re.compile(r"(?:^|[/-])(?:la)?tex\b", re.I)
STRETCHED = frozenset("()[]{}|/\\⟨⟩⌊⌋⌈⌉‖∥∣↑↓↕⇑⇓〈〉") | {""}
ENCLOSED = {
    "box": "\\boxed", "roundedbox": "\\boxed", "circle": "\\boxed", "top": "\\overline", "bottom": "\\underline",
    "radical": "\\sqrt", "horizontalstrike": "\\cancel", "actuarial": "\\overline", "phasorangle": "\\underline",
}  # fmt: skip


def mtable(node: Node) -> str:
    if (
        len(node.children) == 1
        and node.children[0].name == "mlabeledtr"
        and len(node.children[0].children) == 2
    ):
        label, body = map(latex, node.children[0].children)
        return f"{body} \\tag{{{re.sub(r'[()]|.text|[{}]', '', label).strip()}}}"
    aligned = "right" in node.attrs.get("columnalign", "") and len(node.children) >= 1
    kind = "aligned" if aligned else "matrix"
    return f"\\begin{{{kind}}}{table_body(node)}\\end{{{kind}}}"


def mfrac(node: Node) -> str:
    if len(node.children) != 2:
        return row(node.children)
    top, bottom = (latex(child).strip() for child in node.children)
    if node.attrs.get("bevelled") == "true":
        return f"{top}/{bottom}"
    if no_line(node):
        return f"{{{top} \\atop {bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def msqrt(node: Node) -> str:
    return f"\\sqrt{{{row(node.children)}}}"


def mroot(node: Node) -> str:
    if len(node.children) != 2:
        return msqrt(node)
    radicand, index = map(latex, node.children)
    if "]" in index:
        index = f"{{{index}}}"  # else the bracket would end the index
    return f"\\sqrt[{index}]{{{radicand}}}"


def delimiter(sign: str) -> str:
    """What may stand after \\left or \\right; a dot for a sign that LaTeX cannot stretch."""
    latex_sign = SYMBOLS.get(sign, sign).strip()
    return latex_sign if sign in STRETCHED else "."


def mfenced(node: Node) -> str:
    left, right = node.attrs.get("open", "(").strip(), node.attrs.get("close", ")").strip()
    separator = latex_of_text((node.attrs.get("separators", ",") or "").strip()[:1])
    inner = separator.join(map(latex, node.children))
    return f"\\left{apart(delimiter(left))}{inner}\\right{apart(delimiter(right))}"


def apart(command: str) -> str:
    return command + " " if command[-1:].isalpha() else command


def mrow(node: Node) -> str:
    """A row; between stretching fences it becomes \\left ... \\right."""
    children = node.children
    inner_class = node.attrs.get("data-mjx-texclass") == "INNER"
    if (
        inner_class
        and len(children) >= 2
        and all(fence(c) is not None for c in (children[0], children[-1]))
    ):
        special = fenced_special(children)
        if special is not None:
            return special
        left, right = fence(children[0]), fence(children[-1])
        body = row(children[1:-1])
        return f"\\left{delimiter(left)} {body}\\right{apart(delimiter(right))}"
    return row(children)


def menclose(node: Node) -> str:
    """Lines around or through a formula; those that LaTeX has no command for are left out."""
    inner = row(node.children)
    notations = node.attrs.get("notation", "longdiv").split()
    crossed = {"updiagonalstrike": "\\cancel", "downdiagonalstrike": "\\bcancel"}
    strikes = [crossed[name] for name in notations if name in crossed]
    if len(strikes) == 2:
        inner = f"\\xcancel{{{inner}}}"
    elif strikes:
        inner = f"{strikes[0]}{{{inner}}}"
    for name in notations:
        if name in ENCLOSED:
            inner = f"{ENCLOSED[name]}{{{inner}}}"
    return inner


def semantics(node: Node) -> str:
    """The TeX annotation of this part of a formula, else its presentation."""
    for child in node.children[1:]:
        if child.name == "annotation" and TEX.search(child.attrs.get("encoding", "")):
            text = " ".join(leaf_text(child).split())
            if text:
                return text
    return latex(node.children[0]) if node.children else ""


def nothing(node: Node) -> str:
    return ""


ELEMENTS = {
    "mtable": mtable, "mfrac": mfrac, "msqrt": msqrt, "mroot": mroot, "mfenced": mfenced, "mrow": mrow,
    "menclose": menclose, "semantics": semantics, "annotation": nothing, "annotation-xml": nothing, "none": nothing,
    "mprescripts": nothing, "mphantom": nothing, "merror": nothing,
}  # fmt: skip
