"""Presentation and content MathML to LaTeX, for formulas whose page carries no TeX source."""

from __future__ import annotations

import re

from pipeline.corpus.text import mathml_content, mathml_layout, mathml_leaves, mathml_scripts
from pipeline.corpus.text.mathml_row import RULES, row
from pipeline.corpus.text.mathml_tree import parse

PMOD = re.compile(r"\\(?:q?quad|;)\s*\(\\mathrm\{mod\}\\[;,]\s*")
# MathJax writes the blanks of \iff out.
ARROWS = re.compile(r"\\;\s*(\\(?:iff|implies|impliedby))\s*\\;")

for _part in (mathml_leaves, mathml_scripts, mathml_layout, mathml_content):
    RULES.update(_part.ELEMENTS)


def latex_of_mathml(markup: str) -> str:
    """LaTeX of the inside of a <math> element: "<mfrac><mn>1</mn><mi>n</mi></mfrac>" gives
    "\\frac{1}{n}".
    """
    latex_text = re.sub(r"\s+", " ", row(parse(markup).children)).strip()
    if latex_text.endswith("\\") and not latex_text.endswith("\\\\"):
        latex_text += " "  # "\\ " is a command, not a blank
    return with_pmod(ARROWS.sub(r"\1 ", latex_text))


def with_pmod(text: str) -> str:
    """Blank and bracketed mod, which is what MathML has left of \\pmod, become \\pmod again."""
    out, at = [], 0
    for found in PMOD.finditer(text):
        depth, end = 1, found.end()
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if depth == 0 and found.start() >= at:
            out += [text[at : found.start()], f"\\pmod{{{text[found.end() : end - 1]}}}"]
            at = end
    return "".join(out) + text[at:]
