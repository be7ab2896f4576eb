"""Formulas: what one is, how its LaTeX is cleaned, and delimiters in plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.corpus.text.asciimath import latex_of_asciimath

MAX_LATEX = 4_000  # characters; longer "formulas" are text that ran away
OPEN, CLOSE, BREAK = (
    "\ue000",
    "\ue001",
    "\ue002",
)  # private-use marks around a formula's number, and for a line break
DOLLAR, BACKSLASH, TICK = (
    "\ue003",
    "\ue004",
    "\ue005",
)  # stand for $, \ and ` in code, where they delimit nothing
APART_LEFT, APART_RIGHT = f"$\\{DOLLAR}{BACKSLASH}", f"${OPEN}{DOLLAR}"
ARTEFACTS = frozenset({"\\begingroup", "\\endgroup"})  # Stack Exchange brackets each post with them
PLACE = re.compile(OPEN + r"(\d+)" + CLOSE)
COMMENT = re.compile(r"(?<!\\)%[^\n]*\n")
DISPLAYSTYLE = re.compile(r"^\{\s*\\(displaystyle|textstyle)\b\s*(.*)\}$", re.S)
ENVIRONMENTS = "align|aligned|alignat|equation|eqnarray|gather|multline|displaymath|math"
# The delimiters of one formula, whichever opens first: an environment between dollars is one formula. Each alternative
# begins with a literal, by which `re` skips text, and stops at the next opening of its own kind, so that a page of
# unclosed delimiters stays linear.
TEXT_ARGUMENT = r"\\(?:text|textrm|mbox|hbox)\{[^{}$]*(?:\$[^{}$]+\$(?!\$)[^{}$]*)*+\}"  # may hold dollars of its own
DISPLAYED = rf"\$\$(?P<dd>(?:{TEXT_ARGUMENT}|\\.|[^$\\]++)++)\$\$"
BRACKETED = (
    r"|\\\((?P<i>(?:[^\\]++|\\[^()])++)\\\)|\\\[(?P<d>(?:[^\\]++|\\[^\[\]])++)\\\]"
    rf"|\\begin\{{(?P<n>(?:{ENVIRONMENTS})\*?)\}}"
    r"(?:[^\\]++|\\(?!(?:begin|end)\{(?P=n)\}).)++\\end\{(?P=n)\}"
    r"|\$latex\s(?P<w>(?:\\.|[^$\\])+?)\$|\[(?P<t>latex|tex|math)\](?P<s>[^\[\]]*+(?:\[(?!/?(?P=t)\])[^\[\]]*+|\])*+)\[/(?P=t)\]"
)
INLINE = rf"|\$(?P<di>(?![\s$])(?:{TEXT_ARGUMENT}|\\[^()\[\]]|[^$\\]++){{0,1000}}+)(?:(?<![\s\\])|(?<=\\ ))\$(?!\d)"
WITH_DOLLARS = re.compile(r"\\\$|" + DISPLAYED + BRACKETED + INLINE, re.S)
WITHOUT_DOLLARS = re.compile(r"\\\$|" + DISPLAYED + BRACKETED, re.S)
MAY_BE_DELIMITED = re.compile(r"\\[(\[]|\\begin\{|\$\$|\$latex|\[(?:latex|tex|math)\]")
TICKED = re.compile(r"`([^`]{1,1000})`")
INNER = ("dd", "i", "d", "w", "s", "di")  # the groups that are what stands between delimiters
SIGN = re.compile(r"\\[A-Za-z]|[_^]")  # what no price has


@dataclass(frozen=True)
class Formula:
    """`source`: annotation, alttext, data-latex, script, img, delimiters, asciimath, mathml (converted) or visual (read off
    KaTeX's drawing)."""

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
    if latex.endswith("\\") and (len(latex) - len(latex.rstrip("\\"))) % 2:
        latex += " "  # "\\ " is a command, not a blank
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
        """Replace delimited formulas in `text` (one block of a page) by marks. `dollars`: whether $ is a delimiter; $$
        is one anyway where what stands between is LaTeX beyond doubt."""
        if dollars and "$" in text:
            return WITH_DOLLARS.sub(self._delimited, text)
        return WITHOUT_DOLLARS.sub(self._sure, text) if MAY_BE_DELIMITED.search(text) else text

    def mark_asciimath(self, text: str) -> str:
        """Replace what stands between backticks, which is how AsciiMath is written in a page that loads it."""
        return TICKED.sub(self._asciimath, text)

    def _asciimath(self, match: re.Match) -> str:
        inner = match[1].replace(BREAK, " ").strip()
        return (
            match[0]
            if OPEN in inner or not inner
            else self.add(latex_of_asciimath(inner), False, "asciimath")
        )

    def _delimited(self, match: re.Match) -> str:
        found = match.groupdict()
        inner = (
            match[0]
            if found["n"]
            else next((found[name] for name in INNER if found.get(name) is not None), None)
        )
        display = any(found[name] is not None for name in ("dd", "d", "n"))
        if inner is None or OPEN in inner or not inner.strip():
            return match[0]
        return self.add(inner.replace(BREAK, " "), display, "delimiters")

    def _sure(self, match: re.Match) -> str:
        return match[0] if match["dd"] and not SIGN.search(match["dd"]) else self._delimited(match)


def latex_of_marks(text: str, found: list[Formula]) -> tuple[str, list[Formula]]:
    """The text with every mark written out, and the formulas that stand in it, in order. A blank keeps a formula apart
    from what would change how its dollars are read: another formula, a digit, a dollar, a backslash."""
    used = [found[int(number)] for number in PLACE.findall(text)]

    def written(match: re.Match) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        latex = found[int(match[1])].written()
        left = " " if before and before in APART_LEFT else ""
        return left + latex + (" " if after and (after in APART_RIGHT or after.isdecimal()) else "")

    return PLACE.sub(written, text), used
