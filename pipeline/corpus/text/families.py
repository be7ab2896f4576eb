"""Formulas of single tools that keep their LaTeX or MathML in a place of their own.

WIRIS (Moodle), Substack, MathQuill, Yuque, the fractions of Chinese question banks, and labels for
screen readers.
"""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import unquote

from pipeline.corpus.text.images import ALL_LATEX, Found, is_no_prose, undelimited
from pipeline.corpus.text.markup import plain
from pipeline.corpus.text.mathml import latex_of_mathml

# WIRIS writes MathML without the characters that an attribute cannot hold.
WIRIS = str.maketrans("«»¨´§", "<>\"'&")
MATHML = re.compile(r"<(?:\w+:)?math\b[^>]*>(.*)</(?:\w+:)?math", re.S)
TITLE = re.compile(r"<title\b[^>]*>([^<]{1,4000})</title", re.I)
LABEL = re.compile(r"""\baria-label\s*=\s*(?:"([^"]{1,4000})"|'([^']{1,4000})')""")
CELL = re.compile(r"<td\b[^>]*>((?:(?!<t[dr]\b|<table\b|</t[dr]\b).)*)</td", re.S | re.I)
TABLE = re.compile(r"<table\b[^>]*>((?:(?!<table\b).)*?)</table>", re.S | re.I)
SCRIPT = re.compile(r"<(sup|sub)\b[^>]*>([^<]*)</\1>", re.I)
MAX_FRACTIONS = 200


def family_formula(attrs: dict[str, str], inner: str, display: bool) -> Found | None:
    """The formula of an element that such a tool wrote, from its attributes; None when it is none."""
    if attrs.get("data-mathml", "").strip():
        return mathml_formula(attrs["data-mathml"], display)
    if attrs.get("latex-data", "").strip():
        return attrs["latex-data"], display, "data-latex"
    if "persistentExpression" in attrs.get("data-attrs", ""):
        return of_json(attrs["data-attrs"], "persistentExpression", True)
    if attrs.get("name") == "math" and attrs.get("value", "").startswith("data:"):
        value = attrs["value"].removeprefix("data:")
        return of_json(unquote(value), "code", display)
    if attrs.get("mathtag") == "math" or attrs.get("class", "") == "MathJye":
        return question_bank(inner), display, "visual"
    return None


def mathml_formula(markup: str, display: bool) -> Found:
    """MathML in an attribute, as MathJax and WIRIS keep it."""
    if "«" in markup:
        markup = markup.translate(WIRIS)
    found = MATHML.search(markup)
    return latex_of_mathml(found[1] if found else markup), display, "mathml"


def of_json(text: str, key: str, display: bool) -> Found | None:
    """One text of a JSON object in an attribute."""
    try:
        value = json.loads(text).get(key)
    except (ValueError, AttributeError, RecursionError):
        return None
    return (value, display, "data-latex") if isinstance(value, str) else None


def question_bank(inner: str) -> str:
    """The formula of an element of class MathJye, where a fraction is a table of two rows and a
    root is drawn.
    """
    for _ in range(MAX_FRACTIONS):
        inner, changed = TABLE.subn(fraction, inner)
        if not changed:
            break
    inner = SCRIPT.sub(lambda m: f"{'^' if m[1].lower() == 'sup' else '_'}{{{m[2]}}}", inner)
    return " ".join(unescape(plain(inner)).split())


def fraction(table: re.Match[str]) -> str:
    cells = [plain(cell).strip() for cell in CELL.findall(table[1])]
    return f"\\frac{{{cells[0]}}}{{{cells[1]}}}" if len(cells) == 2 else " ".join(cells)


def label_formula(markup: str, display: bool) -> Found | None:
    """LaTeX in the title or label that an image of MathJax or mathjax-node has for screen readers;
    None for speech.
    """
    title, label = TITLE.search(markup), LABEL.search(markup)
    for found in (title and title[1], label and (label[1] or label[2])):
        text = unescape(found or "").strip()
        inner, shown, source = undelimited(text, display, "data-latex")
        if text and (inner != text or ALL_LATEX.search(text)) and is_no_prose(inner):
            return inner, shown, source
    return None
