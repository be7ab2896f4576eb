"""Formulas: what one is, how its LaTeX is cleaned, and delimiters in plain text."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.corpus.text.asciimath import latex_of_asciimath
from pipeline.corpus.text.definitions import without_definitions
from pipeline.corpus.text.delimiters import OFF, SET, TEXT_ARGUMENT, UNKNOWN, Delimiters
from pipeline.corpus.text.images import is_no_prose
from pipeline.corpus.text.marks import (
    BACKSLASH,
    BREAK,
    CLOSE,
    DOLLAR,
    OPEN,
    PLACE,
    unshield,
    without_marks,
)

MAX_LATEX = 40_000  # characters; longer "formulas" are text that ran away
APART_LEFT, APART_RIGHT = f"$\\{DOLLAR}{BACKSLASH}", f"${OPEN}{DOLLAR}"
# Environments that stand outside of mathematics, and so are in display whatever an element says.
OUTER = re.compile(r"\\begin\{(?:equation|align|alignat|gather|multline|eqnarray|displaymath)\*?\}")
DOCUMENT = re.compile(r"\\documentclass.*?\\begin\{document\}(.*)\\end\{document\}", re.S)
ARTEFACTS = frozenset({"\\begingroup", "\\endgroup"})  # Stack Exchange brackets each post with them
COMMENT = re.compile(r"(?<!\\)%[^\n]*\n")
PEELED = re.compile(r"\{\s*\\(?:displaystyle|textstyle)(?![A-Za-z])\s*")
BRACE = re.compile(r"\\.|([{}])", re.S)
MAY_BE_DELIMITED = re.compile(
    r"\\[(\[]|\\begin\{|\$\$|\$latex|\[(?:latex|i?tex|math|katex)\b|\{tex\}"
)
WORDPRESS_SETTINGS = re.compile(r"(?:&(?:amp;)?(?:s|fg|bg)=[\w-]+)+\s*$")
DISPLAYED_BY = frozenset(
    {"d6", "dd", "d", "n"}
)  # groups of the pattern whose formulas are displayed
SIGN = re.compile(r"\\[A-Za-z]|[_^]")  # what no price has
TEXT_COMMAND = re.compile(TEXT_ARGUMENT + r"|\\[A-Za-z]+")
WORD = re.compile(r"[A-Za-z]{3,}")
NAMES = frozenset(
    "sin cos tan cot sec csc log exp lim max min sup inf det dim ker gcd lcm mod deg arg Pr arcsin arccos arctan sinh "
    "cosh tanh sgn rank tr span".split()
)
CJK = re.compile(r"[\u3400-\u9fff\uff0c\u3002]")


class Formula(NamedTuple):
    """A formula of a page.

    `source`: annotation, alttext, data-latex, script, img, delimiters, asciimath, mathml
    (converted) or visual (read off KaTeX's drawing).
    """

    latex: str
    display: bool
    source: str

    def written(self) -> str:
        """The formula as it stands in the text of a page."""
        return f"$${self.latex}$$" if self.display else f"${self.latex}$"


def clean_latex(latex: str) -> str:
    """One line, no comments, without the `{\\displaystyle ...}` that Wikipedia puts around every
    formula.
    """
    latex = latex.strip()
    if latex.startswith("\\documentclass") and (found := DOCUMENT.match(latex)):
        latex = found[1].strip().strip("$")  # a whole document around it, as publishers write
    if "%" in latex:
        latex = COMMENT.sub(" ", latex)
    latex = " ".join(latex.split())
    if latex.endswith("\\") and (len(latex) - len(latex.rstrip("\\"))) % 2:
        latex += " "  # "\\ " is a command, not a blank
    return peeled(latex) if latex[:1] == "{" else latex


def peeled(latex: str) -> str:
    """The formula inside any number of layers `{\\displaystyle ...}`, in one pass over the braces."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for brace in BRACE.finditer(latex):
        if brace[1] == "{":
            opened.append(brace.start())
        elif brace[1] == "}" and opened:
            partner[opened.pop()] = brace.start()
    start, end = 0, len(latex)
    while (layer := PEELED.match(latex, start)) and partner.get(start) == end - 1:
        start, end = layer.end(), end - 1
        while end > start and latex[end - 1] == " ":
            end -= 1
    return latex[start:end]


class Formulas:
    """The formulas of one page in reading order.

    `add` returns the mark that stands for a formula while the text is put together. `unread` counts
    what the page shows as a formula but gives no source of.
    """

    def __init__(self, delimiters: Delimiters | None = None, limit: int = 20_000):
        self.found: list[Formula] = []
        self.unread = 0
        self.limit = limit
        self.delimiters = delimiters or Delimiters()
        self.pattern = self.delimiters.pattern()

    def add(self, latex: str, display: bool, source: str) -> str:
        """The mark of a new formula; "" when it is empty, the text itself when it is too long or
        one too many.
        """
        if not latex.isascii():
            latex = without_marks(unshield(latex))
        latex = clean_latex(latex)
        if "\\" in latex:
            latex = without_definitions(latex)
        if not latex or latex in ARTEFACTS:
            return ""
        if len(latex) > MAX_LATEX or len(self.found) >= self.limit:
            self.unread += 1
            return latex
        display = display or OUTER.match(latex) is not None
        self.found.append(Formula(latex, display, source))
        return f"{OPEN}{len(self.found) - 1}{CLOSE}"

    def add_or_miss(self, latex: str, display: bool, source: str) -> str:
        """`add`, where an empty formula is one that the page shows and that cannot be read."""
        mark = self.add(latex, display, source)
        self.unread += not mark and not latex.strip()
        return mark

    def mark_delimited(self, text: str) -> str:
        """Replace delimited formulas in `text`, one block of a page, by marks."""
        given = self.delimiters
        if given.asciimath:
            text = self.mark_asciimath(text)
        dollars = given.dollars != OFF and "$" in text
        if not (dollars or given.own or MAY_BE_DELIMITED.search(text)):
            return text
        out, at = [], 0
        while found := self.pattern.search(text, at):
            mark, end = self._delimited(found)
            out += [text[at : found.start()], mark]
            at = end
        return "".join(out) + text[at:]

    def mark_asciimath(self, text: str) -> str:
        """Replace what stands between the page's delimiters of AsciiMath."""
        for left, right in self.delimiters.asciimath:
            if left not in text:
                continue
            pieces, out = text.split(left) if left == right else None, []
            if pieces is None:
                continue
            for place, piece in enumerate(pieces):
                inside = place % 2 == 1 and place + 1 < len(pieces)
                out.append(self._asciimath(piece, left) if inside else left * (place % 2) + piece)
            text = "".join(out)
        return text

    def _asciimath(self, inner: str, mark: str) -> str:
        inner = inner.replace(BREAK, " ").strip()
        if OPEN in inner or not 0 < len(inner) <= 1_000:
            return f"{mark}{inner}{mark}"
        return self.add(latex_of_asciimath(inner), False, "asciimath")

    def _delimited(self, match: re.Match[str]) -> tuple[str, int]:
        """(what is written for a match of the page's delimiters, where to read on)."""
        name = match.lastgroup
        if name is None:
            return match[0], match.end()
        inner, display = match[name], name in DISPLAYED_BY
        if name == "n":
            inner = match[0]
        elif name[0] == "o":
            display = self.delimiters.own[int(name[1:])][2]
        elif name == "di" and not self._takes(inner):
            return "$", match.start() + 1
        elif name == "dd" and self.delimiters.dollars == OFF and not SIGN.search(inner):
            return match[0], match.end()
        elif name == "w":
            inner = WORDPRESS_SETTINGS.sub("", inner)
        return self._marked(match, inner, display)

    def _marked(self, match: re.Match[str], inner: str, display: bool) -> tuple[str, int]:
        if OPEN in inner or not inner.strip():
            return match[0], match.end()
        return self.add(inner.replace(BREAK, " "), display, "delimiters"), match.end()

    def _takes(self, inner: str) -> bool:
        """Whether what stands between two single dollars is a formula, and not the prose between
        two prices.
        """
        if not inner.strip():
            return False
        if self.delimiters.dollars == SET:
            prose = (inner[0].isspace() or CJK.match(inner) is not None) and not SIGN.search(inner)
            return not (prose and (CJK.search(inner) or not is_no_prose(inner)))
        return self.delimiters.dollars == UNKNOWN and is_no_price(inner)


def is_no_price(inner: str) -> bool:
    """Whether a text between two dollars can only be a formula: it has a sign of LaTeX, or no word
    and whole brackets.
    """
    if SIGN.search(inner):
        return True
    bare = TEXT_COMMAND.sub(" ", inner)
    if CJK.search(bare) or any(word not in NAMES for word in WORD.findall(bare)):
        return False
    return bare.count("(") == bare.count(")") or bare[:1] in "[("


def latex_of_marks(text: str, found: list[Formula]) -> tuple[str, list[Formula]]:
    """The text with every mark written out, and the formulas that stand in it, in order.

    A blank keeps a formula apart from what would change how its dollars are read: another formula,
    a digit, a dollar, a backslash.
    """
    used = [found[int(number)] for number in PLACE.findall(text)]

    def written(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        latex = found[int(match[1])].written()
        left = " " if before and before in APART_LEFT else ""
        return left + latex + (" " if after and (after in APART_RIGHT or after.isdecimal()) else "")

    return PLACE.sub(written, text), used
