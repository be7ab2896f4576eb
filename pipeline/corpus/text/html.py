"""HTML to text with its mathematics: formulas as LaTeX between $ or $$, boilerplate left out, Chinese kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from pipeline.corpus.text.blocks import PRIVATE, Block, finish, shield
from pipeline.corpus.text.formulas import BREAK, OPEN, Formula, Formulas
from pipeline.corpus.text.images import image_formula, may_be_formula_image
from pipeline.corpus.text.markup import (
    BLOCKS,
    CARRIES_LATEX,
    CLASS,
    FORMULA,
    MAIN_MARKS,
    NOISE,
    RAW,
    SKIPPED,
    TAG,
    Ends,
    attributes,
    hints_noise,
    is_noise,
    plain,
)
from pipeline.corpus.text.recognise import (
    CUSTOM,
    SCRIPT_NEXT,
    element_formula,
    kind_of,
    script_formula,
)

MAX_TAGS = 400_000
WHERE_SCRIPTS_ARE = (
    20_000  # characters at either end of a page in which a loader of AsciiMath is looked for
)
ASCIIMATH = ("-AM_", "=AM_", "sciimath", "sciiMath", "SCIIMath")
PROLOGUE = re.compile(r"\A\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype[^>]*>)?", re.I)
TORN = re.compile(r"<[a-zA-Z/!]")  # a tag without its end, after the last that has one
ORDINAL = frozenset({"st", "nd", "rd", "th", "tm"})
SHORTEST_MAIN = 250  # characters; a "main" element with less text is not where the page is


@dataclass(frozen=True)
class Extracted:
    """Text of a page, one block (paragraph, list item, table row) a line, and the formulas in it in order."""

    text: str
    formulas: tuple[Formula, ...]


@dataclass
class Script:
    """A <sup> or <sub> that is open: the part of the block at which it starts, and whether it is or holds a link."""

    name: str
    start: int
    linked: bool


def extract(page: str) -> Extracted:
    """The main text of an HTML page. Time is linear in its length; a formula occurs once however often it is drawn."""
    torn = TORN.search(page, page.rfind(">") + 1)
    page = PROLOGUE.sub("", page[: torn.start()] if torn else page)
    if PRIVATE.search(page):
        page = PRIVATE.sub("", page)
    reader = Reader(page)
    start, end = main_range(page, reader.ends)
    text, formulas = finish(reader.read(start, end), reader.formulas.found)
    if (start, end) != (0, len(page)) and len(text) < SHORTEST_MAIN:
        reader = Reader(page)
        whole = finish(reader.read(0, len(page)), reader.formulas.found)
        if len(whole[0]) > 4 * len(text):
            text, formulas = whole
    return Extracted(text, tuple(formulas))


def main_range(page: str, ends: Ends) -> tuple[int, int]:
    """Where the element lies that says it is the main content; the whole page when none does, or several articles
    do."""
    marks = MAIN_MARKS + (("<article",) if page.count("<article") == 1 else ())
    for mark in marks:
        at = page.find(mark)
        begin = page.rfind("<", 0, at + 1)
        tag = TAG.match(page, begin) if at >= 0 else None
        if tag is None or not tag[2] or tag[1] or tag.end() < at:
            continue
        inside = ends.nested(tag[2].lower(), tag.end())
        if inside is not None:
            return tag.end(), inside[0]
    return 0, len(page)


class Reader:
    """Turns the tags of one page into blocks."""

    def __init__(self, page: str):
        self.page, self.ends, self.formulas = page, Ends(page), Formulas()
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.tag, self.linked, self.link_start = "", 0, -1
        self.scripts: list[Script] = []
        self.dollars = "athJax" in page or "mathjax" in page or "katex" in page or "KaTeX" in page
        ends = page[:WHERE_SCRIPTS_ARE] + page[-WHERE_SCRIPTS_ARE:]
        self.asciimath = any(name in ends for name in ASCIIMATH)
        self.script_end = -1  # where the last script with a formula ended
        self.kinds: dict[tuple[str, str], int] = {}

    def read(self, start: int, end: int) -> list[Block]:
        """The blocks between two places of the page."""
        page, search, at = self.page, TAG.search, start
        for _ in range(MAX_TAGS):
            found = search(
                page, at
            )  # not up to `end`: an unclosed tag would be looked through again from each < in it
            if found is None or found.start() >= end:
                self.parts.append(page[at:end])
                break
            begin = found.start()
            if begin > at:
                self.parts.append(page[at:begin])
            name = found[2]
            if name is None:  # a comment
                close = page.find("-->", found.end())
                at = close + 3 if close >= 0 else end
                continue
            at = found.end()
            if not name.islower():
                name = name.lower()
            if found[1]:
                self.close(name)
            else:
                raw = found[3]
                if raw and (raw.count('"') & 1 or raw.count("'") & 1):
                    raw, at = self.whole_tag(raw, at)
                at = self.open(name, raw, at)
        self.flush("")
        return self.blocks

    def whole_tag(self, raw: str, at: int) -> tuple[str, int]:
        """Attributes that hold a > between quotes: read on to the > after the closing quote."""
        quote = '"' if raw.count('"') & 1 else "'"
        closing = self.page.find(quote, at, at + 20_000)
        end = self.page.find(">", closing, closing + 20_000) if closing >= 0 else -1
        if end < 0 or (quote == "'" and "=" + quote not in raw):
            return raw, at
        return raw + self.page[at - 1 : end], end + 1

    def open(self, name: str, raw: str, at: int) -> int:
        """An opening tag whose end is at `at`: returns where to read on."""
        if name in SKIPPED:
            return self.skip(name, raw, at)
        if raw or name in CUSTOM:
            beyond = self.element(name, raw, at)
            if beyond is not None:
                return beyond
        if name in BLOCKS:
            self.flush(name)
        elif name == "br":
            self.parts.append(BREAK)
        elif name in ("td", "th"):
            if self.parts:
                self.parts.append(" | ")
        elif name == "pre":
            return self.preformatted(at)
        elif name == "code":
            return self.code(at)
        elif name == "a":
            self.link_start = len(self.parts)
            if self.scripts:
                self.scripts[-1].linked = True
        elif name in ("sup", "sub"):
            self.scripts.append(Script(name, len(self.parts), self.link_start == len(self.parts)))
        return at

    def close(self, name: str) -> None:
        if name in BLOCKS:
            self.flush("")
        elif name == "a" and self.link_start >= 0:
            self.linked += sum(map(len, self.parts[self.link_start :]))
            self.link_start = -1
        elif name in ("sup", "sub"):
            self.script(name)

    def script(self, name: str) -> None:
        """x<sup>2</sup> becomes x^{2}; a script that is or holds a link is a footnote mark and stays as it is, as do
        ordinals and formulas."""
        while self.scripts:
            script = self.scripts.pop()
            if script.name == name:
                break
        else:
            return
        inner = "".join(self.parts[script.start :]).strip()
        linked = script.linked or OPEN in inner or inner[:1] == "["
        if inner and len(inner) < 40 and not linked and inner not in ORDINAL:
            self.parts[script.start :] = [f"{'^' if name == 'sup' else '_'}{{{inner}}}"]

    def skip(self, name: str, raw: str, at: int) -> int:
        """Pass over an element that holds no text of the page; a script may hold a formula."""
        if raw.endswith("/"):
            return at
        ends = self.ends.raw(name, at) if name in RAW else self.ends.nested(name, at)
        if ends is None:
            return at
        if name == "script" and raw:
            formula = script_formula(attributes(raw), self.page[at : ends[0]])
            if formula is not None:
                self.parts.append(self.formulas.add(*formula))
                self.script_end = ends[1]
        return ends[1]

    def element(self, name: str, raw: str, at: int) -> int | None:
        """An element that is a formula or noise: where it ends; None when it is neither."""
        if name == "img":
            formula = image_formula(attributes(raw)) if may_be_formula_image(raw) else None
            if formula is not None:
                self.parts.append(self.formulas.add(*formula))
            return at
        found = CLASS.search(raw) if "class" in raw else None
        classes = (found[1] or found[2] or found[3] or "") if found else ""
        kind = self.kinds.get((name, classes))
        if kind is None:
            kind = self.kinds[name, classes] = kind_of(name, classes)
        if kind == FORMULA or ("data-" in raw and CARRIES_LATEX.search(raw)):
            ends = self.ends.raw(name, at) if name in CUSTOM else self.ends.nested(name, at)
            if ends is not None:
                if name == "mjx-container" and self.beside_script(
                    at - len(raw) - len(name) - 2, ends[1]
                ):
                    return ends[1]
                formula = element_formula(
                    name, attributes(raw), self.page[at : ends[0]], self.page, ends[1]
                )
                if formula is not None:
                    self.parts.append(self.formulas.add(*formula))
                    return ends[1]
        elif kind == NOISE or (hints_noise(name, raw) and is_noise(attributes(raw), name)):
            ends = self.ends.nested(name, at)
            if ends is not None and ends[1] - at < 0.6 * len(self.page):
                return ends[1]
        return None

    def beside_script(self, begin: int, end: int) -> bool:
        """Whether a drawn formula between two places of the page stands next to the script that it was drawn from."""
        after = 0 <= self.script_end <= begin and not self.page[self.script_end : begin].strip()
        return after or SCRIPT_NEXT.match(self.page, end) is not None

    def preformatted(self, at: int) -> int:
        ends = self.ends.nested("pre", at)
        if ends is None:
            return at
        self.flush("pre")
        self.parts.append(shield(plain(self.page[at : ends[0]])).strip("\n").replace("\n", BREAK))
        self.flush("")
        return ends[1]

    def code(self, at: int) -> int:
        ends = self.ends.nested("code", at)
        if ends is None:
            return at
        self.parts.append(shield(plain(self.page[at : ends[0]])))
        return ends[1]

    def flush(self, tag: str) -> None:
        """End the block that is being read; `tag` begins the next."""
        if self.parts:
            text = "".join(self.parts)
            if self.tag != "pre":
                text = " ".join(text.split())
            if text:
                if "&" in text:
                    text = unescape(text)
                if "\\" in text or "$" in text or "[/" in text:
                    text = self.formulas.mark_delimited(text, self.dollars)
                if self.asciimath and "`" in text:
                    text = self.formulas.mark_asciimath(text)
                if 0 <= self.link_start < len(self.parts):
                    self.linked += sum(map(len, self.parts[self.link_start :]))
                self.blocks.append(Block(text, self.linked, self.tag))
            self.parts = []
        self.tag, self.linked = tag, 0
        if self.scripts:
            self.scripts = []
        if self.link_start >= 0:
            self.link_start = 0
