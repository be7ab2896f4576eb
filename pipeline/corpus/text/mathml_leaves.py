"""Leaves of MathML: identifiers, operators, numbers, words and blanks."""

from __future__ import annotations

import re

from pipeline.corpus.text.mathml_tree import Node, leaf_text
from pipeline.corpus.text.symbols import FUNCTIONS, VARIANTS, latex_of_text

# What has a meaning of its own in \\text, and how it is written there.
ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "%$#&_{}"}
    | {"\\": "\\textbackslash ", "^": "\\textasciicircum ", "~": "\\textasciitilde "}
)
BLANKS = ((2, "\\qquad "), (1, "\\quad "), (0.27, "\\;"), (0.1001, "\\,"))


def mi(node: Node) -> str:
    text = leaf_text(node)
    variant = node.attrs.get("mathvariant", "")
    if text in FUNCTIONS:
        return f"\\{text}"
    inner = latex_of_text(text)
    if inner[:1] == "\\" and variant == "normal":
        return inner
    if variant in VARIANTS and text:
        return f"{VARIANTS[variant]}{{{inner.strip()}}}"
    if len(text) > 1 and text.isalpha() and text.isascii():
        return f"\\mathrm{{{text}}}"
    return inner


def mo(node: Node) -> str:
    text = leaf_text(node)
    if text in FUNCTIONS:
        return f"\\{text}"
    if text in ("mod", "lim sup", "lim inf"):
        return {"mod": "\\bmod ", "lim sup": "\\limsup", "lim inf": "\\liminf"}[text]
    if len(text) > 1 and text.isalpha() and text.isascii():
        return f"\\operatorname{{{text}}}"
    return latex_of_text(text)


def mn(node: Node) -> str:
    text, variant = latex_of_text(leaf_text(node)), node.attrs.get("mathvariant", "normal")
    return f"{VARIANTS[variant]}{{{text}}}" if variant in VARIANTS and variant != "normal" else text


def mtext(node: Node) -> str:
    text = leaf_text(node).replace("\u00a0", " ")
    if not text.strip():
        return "\\ " if text else ""
    return f"\\text{{{text.translate(ESCAPES)}}}"


def mspace(node: Node) -> str:
    """A blank of about the width that is asked for, in em."""
    found = re.match(r"(-?\d+(?:\.\d*)?|\.\d+)em", node.attrs.get("width", ""))
    width = float(found[1]) if found else 0.0
    for least, blank in BLANKS:
        if width >= least:
            return blank
    return ""


ELEMENTS = {"mi": mi, "mo": mo, "mn": mn, "mtext": mtext, "ms": mtext, "mspace": mspace}
