"""Formulas: what one is, how its LaTeX is cleaned, and delimiters in plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LATEX = 4_000  # characters; longer "formulas" are text that ran away
OPEN, CLOSE, BREAK = "\ue000", "\ue001", "\ue002"  # private-use marks around a formula's number, and for a line break
ARTEFACTS = frozenset({"\\begingroup", "\\endgroup"})  # Stack Exchange brackets each post with them
PLACE = re.compile(OPEN + r"(\d+)" + CLOSE)
COMMENT = re.compile(r"(?<!\\)%[^\n]*\n")
DISPLAYSTYLE = re.compile(r"^\{\s*\\(displaystyle|textstyle)\b\s*(.*)\}$", re.S)
ENVIRONMENTS = "align|aligned|alignat|equation|eqnarray|gather|multline|displaymath|math"
# Each alternative stops at the next opening of its own kind, so that a page of unclosed delimiters stays linear.
DELIMITED = re.compile(
    r"\\\((?P<i>(?:[^\\]++|\\[^()])++)\\\)|\\\[(?P<d>(?:[^\\]++|\\[^\[\]])++)\\\]"
    rf"|(?P<e>\\begin\{{(?P<n>(?:{ENVIRONMENTS})\*?)\}}"
    r"(?:[^\\]++|\\(?!(?:begin|end)\{(?P=n)\}).)++\\end\{(?P=n)\})",
    re.S,
)
DOLLARS = re.compile(
    r"\\\$|\$\$(?P<d>(?:\\.|[^$\\])+?)\$\$|\$(?P<i>(?![\s$])(?:\\.|[^$\\])*?)(?<![\s\\])\$(?!\d)", re.S
)


@dataclass(frozen=True)
class Formula:
    """`source`: annotation, alttext, data-latex, script, img, delimiters, asciimath, mathml (converted) or visual."""

    latex: str
    display: bool
    source: str

    def written(self) -> str:
        """As it stands in the text of a page."""
        return f"$${self.latex}$$" if self.display else f"${self.latex}$"


def clean_latex(latex: str) -> str:
    """One line, no comments, without the {\\displaystyle ...} that Wikipedia puts around every formula."""
    latex = latex.strip()
    if "%" in latex:
        latex = COMMENT.sub(" ", latex)
    latex = " ".join(latex.split())
    while wrapped := DISPLAYSTYLE.match(latex):
        inner = wrapped.group(2).strip()
        if not _balanced(inner):
            break
        latex = inner
    return latex


def _balanced(latex: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


class Formulas:
    """The formulas of one page in reading order; `add` gives the mark that stands for one while text is put
    together."""

    def __init__(self, limit: int = 20_000):
        self.found: list[Formula] = []
        self.limit = limit

    def add(self, latex: str, display: bool, source: str) -> str:
        """The mark of a new formula; "" when it is empty, the text itself when it is too long or one too many."""
        latex = clean_latex(latex)
        if not latex or latex in ARTEFACTS:
            return ""
        if len(latex) > MAX_LATEX or len(self.found) >= self.limit:
            return latex
        self.found.append(Formula(latex, display, source))
        return f"{OPEN}{len(self.found) - 1}{CLOSE}"

    def mark_delimited(self, text: str, dollars: bool) -> str:
        """Replace delimited formulas in `text` (one block of a page) by marks. `dollars`: whether $ is a delimiter."""
        if "\\" in text and ("\\(" in text or "\\[" in text or "\\begin{" in text):
            text = DELIMITED.sub(self._delimited, text)
        if dollars and "$" in text:
            text = DOLLARS.sub(self._dollars, text)
        return text

    def _delimited(self, match: re.Match) -> str:
        inner = match["i"] or match["d"] or match["e"]
        return self._mark(match, inner, match["i"] is None)

    def _dollars(self, match: re.Match) -> str:
        if match["d"] is None and match["i"] is None:
            return match[0]
        return self._mark(match, match["d"] or match["i"], match["d"] is not None)

    def _mark(self, match: re.Match, inner: str, display: bool) -> str:
        if OPEN in inner or not inner.strip():
            return match[0]
        return self.add(inner.replace(BREAK, " "), display, "delimiters")


def latex_of_marks(text: str, found: list[Formula]) -> tuple[str, list[Formula]]:
    """The text with every mark written out, and the formulas that stand in it, in order."""
    used = [found[int(number)] for number in PLACE.findall(text)]
    return PLACE.sub(lambda m: found[int(m[1])].written(), text), used
