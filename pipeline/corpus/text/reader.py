"""A page as a stream of tags to blocks of text with marks for formulas."""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape

from pipeline.corpus.text.blocks import Block
from pipeline.corpus.text.delimiters import delimiters_of
from pipeline.corpus.text.families import family_formula, label_formula
from pipeline.corpus.text.formulas import Formulas
from pipeline.corpus.text.images import image_formula, may_be_formula_image
from pipeline.corpus.text.marks import BREAK, PLACE, shield, shield_code, unescaped
from pipeline.corpus.text.marks import OPEN as OPENED
from pipeline.corpus.text.markup import (
    FORMULA,
    NOISE,
    RAW,
    SKIPPED,
    TAG,
    Ends,
    attributes,
    plain,
    plain_code,
)
from pipeline.corpus.text.noise import LOOKED_AT, is_noise, is_note, may_be_noise, weight
from pipeline.corpus.text.recognise import (
    CUSTOM,
    SCRIPT_NEXT,
    UNREAD,
    element_formula,
    script_formula,
)
from pipeline.corpus.text.tags import (
    BLOCK,
    BREAKS,
    CELL,
    COMMENT,
    END_BLOCK,
    END_LINK,
    END_SCRIPT,
    LINK,
    LONGEST,
    NOTHING,
    OPEN,
    OPENING,
    SCRIPT,
    TORN,
    Tag,
    opening,
    tag_of,
)

MAX_TAGS = 400_000
ORDINAL = frozenset({"st", "nd", "rd", "th", "tm"})
SLASHES = frozenset({"/", "\u2044", "&frasl;", "\u2215"})
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
TEMPLATES = frozenset({"text/template", "text/x-markdown", "text/markdown"})


@dataclass
class Script:
    """A <sup> or <sub> that is open: the part of the block at which it starts, and whether it is or
    holds a link.
    """

    name: str
    start: int
    linked: bool


class Reader:
    """Turns the tags of one page into blocks."""

    def __init__(self, page: str):
        self.page, self.ends = page, Ends(page)
        self.formulas = Formulas(delimiters_of(page))
        given = self.formulas.delimiters
        self.has_own = bool(given.own or given.asciimath)
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.tag, self.linked, self.link_start = "", 0, -1
        self.scripts: list[Script] = []
        self.is_atcoder = page.find("atcoder", 0, 20_000) >= 0 and "katex" in page
        self.script_end = -1  # where the last script with a formula ended
        self.scripted: bool | None = None
        self.image_end = -1  # where the last image of a formula ended
        self.ignored_until = -1  # where what MathJax is told to pass over ends
        self.looks = 2 * len(page) + 2_000_000  # characters that may be looked at to judge noise
        self.tags: dict[str, Tag] = {}  # by spelling

    def read(self, start: int, end: int) -> list[Block]:
        """The blocks between two places of the page."""
        page, find, tags, at = self.page, self.page.find, self.tags, start
        look, beyond = start, start  # for the next <, and behind the next >
        for _ in range(MAX_TAGS):
            begin = find("<", look)
            if not 0 <= begin < end:
                break
            if beyond <= begin:  # else the next > is known
                beyond = find(">", begin) + 1 or len(page) + 1
            tag = tags.get(page[begin:beyond]) if beyond - begin <= LONGEST else None
            if tag is None:
                found = TAG.match(page, begin)
                if found is None:  # a sign of less than
                    look = begin + 1
                    continue
                tag = tag_of(found)
                if beyond - begin <= LONGEST:
                    tags[page[begin:beyond]] = tag
            if begin > at:
                if begin <= self.ignored_until:
                    self.text(at, begin)
                else:
                    self.parts.append(page[at:begin])
            at, does = beyond, tag.does
            if does > END_BLOCK:
                at = self.do(does, tag, beyond)
            elif does:
                self.flush(tag.name if does == BLOCK else "")
            look = at
        self.text(at, end)
        self.flush("")
        return self.blocks

    def text(self, at: int, end: int) -> None:
        """Text between tags; where the page's settings leave it out of mathematics, its delimiters
        are none.
        """
        piece = self.page[at:end]
        if end <= self.ignored_until and ("$" in piece or "\\" in piece or "`" in piece):
            piece = shield(piece)
        self.parts.append(piece)

    def whole_tag(self, raw: str, at: int) -> tuple[str, int]:
        """Attributes that hold a > between quotes: read on to the > after the closing quote."""
        quote = '"' if raw.count('"') & 1 else "'"
        closing = self.page.find(quote, at, at + 20_000)
        end = self.page.find(">", closing, closing + 20_000) if closing >= 0 else -1
        if end < 0 or (quote == "'" and "=" + quote not in raw):
            return raw, at
        return raw + self.page[at - 1 : end], end + 1

    def do(self, does: int, tag: Tag, at: int) -> int:
        """Do what a tag asks for whose end is at `at`: returns where to read on."""
        if does == BLOCK:
            self.flush(tag.name)
        elif does == END_BLOCK:
            self.flush("")
        elif does == LINK:
            self.link_start = len(self.parts)
            if self.scripts:
                self.scripts[-1].linked = True
        elif does == END_LINK:
            self.end_link()
        elif does == BREAKS:
            self.parts.append(BREAK)
        elif does == CELL:
            if self.parts:
                self.parts.append(" | ")
        elif does == SCRIPT:
            linked = self.link_start == len(self.parts)
            self.scripts.append(Script(tag.name, len(self.parts), linked))
        elif does == END_SCRIPT:
            self.script(tag.name)
        elif does == COMMENT:
            close = self.page.find("-->", self.page.rfind("<!--", 0, at) + 2)
            return close + 3 if close >= 0 else len(self.page)
        elif does == TORN:
            raw, at = self.whole_tag(tag.raw, at)
            tag = opening(tag.name, raw)
            return self.do(tag.does, tag, at)
        elif does == OPEN:
            return self.open(tag, at)
        return at

    def open(self, tag: Tag, at: int) -> int:
        """An opening tag of which more than the name counts."""
        name, raw, beyond = tag.name, tag.raw, None
        if name in SKIPPED:
            return self.skip(name, raw, at)
        if name == "img":
            self.image(raw, at)
            return at
        if tag.kind == FORMULA:
            beyond = self.formula(name, raw, at)
        elif tag.kind == NOISE:
            beyond = self.noise(name, raw, at)
        if beyond is not None:
            return beyond
        if tag.ignored and (ends := self.ends.nested(name, at)) is not None:
            self.ignored_until = max(self.ignored_until, ends[0])
        if name == "pre":
            return self.preformatted(at)
        if name == "code":
            return self.code(at)
        if name == "var":
            return self.variable(at) if self.is_atcoder else at
        return self.do(OPENING.get(name, NOTHING), tag, at)

    def end_link(self) -> None:
        if self.link_start < 0:
            return
        text = "".join(self.parts[self.link_start :])
        if "&" in text:
            text = unescape(text)
        if self.tag in HEADINGS and len(text) < 9 and not any(map(str.isalnum, text)):
            del self.parts[self.link_start :]  # the sign by which a heading links to itself
        else:
            self.linked += weight(PLACE.sub("", text) if OPENED in text else text)
        self.link_start = -1

    def script(self, name: str) -> None:
        """x<sup>2</sup> becomes x^{2} and <sup>1</sup>/<sub>2</sub> becomes 1/2.

        A script that is or holds a link is a footnote mark and stays as it is, as do ordinals and
        formulas.
        """
        while self.scripts:
            script = self.scripts.pop()
            if script.name == name:
                break
        else:
            return
        start = script.start
        inner = "".join(self.parts[start:]).strip()
        linked = script.linked or OPENED in inner or inner[:1] == "["
        if not inner or len(inner) >= 40 or linked or inner in ORDINAL:
            return
        slash = self.parts[start - 1].strip() if start > 1 else ""
        above = self.parts[start - 2] if slash in SLASHES else ""
        if name == "sub" and above[:2] == "^{" and above[-1:] == "}":
            before = "".join(self.parts[: start - 2])[-1:]
            whole = " " if before.isdecimal() else ""
            self.parts[start - 2 :] = [f"{whole}{above[2:-1]}/{inner}"]
            return
        self.parts[start:] = [f"{'^' if name == 'sup' else '_'}{{{inner}}}"]

    def skip(self, name: str, raw: str, at: int) -> int:
        """Pass over an element that holds no text of the page, unless it holds a formula or belongs
        to the text.
        """
        if raw.endswith("/"):
            return at
        ends = self.ends.raw(name, at) if name in RAW else self.ends.nested(name, at)
        if ends is None:
            return at
        inner = self.page[at : ends[0]] if name in ("script", "svg", "noscript", "aside") else ""
        if name == "script" and raw:
            attrs = attributes(raw)
            formula = script_formula(attrs, inner)
            if formula is not None:
                self.parts.append(self.formulas.add(*formula))
                self.script_end = ends[1]
            elif attrs.get("type", "") in TEMPLATES and "data-markdown" in self.page:
                self.markdown(inner)
        elif name == "svg" and ("<title" in inner or "aria-label" in raw):
            formula = label_formula(f"<svg {raw}>{inner}", False)
            if formula is not None:
                self.parts.append(self.formulas.add(*formula))
        elif name == "noscript" and "<img" in inner and not self.after_image(at - len(raw) - 10):
            image = inner.find("<img")
            self.image(inner[image + 4 : inner.find(">", image)], ends[1])
        elif name == "aside" and is_note(raw, inner):
            self.flush("")
            return at
        return ends[1]

    def markdown(self, source: str) -> None:
        """Slides that reveal.js makes from Markdown when they are shown: a block per line."""
        for line in source.split("\n"):
            self.flush("p")
            self.parts.append(line.replace("<", "&lt;"))
        self.flush("")

    def after_image(self, begin: int) -> bool:
        """Whether only blanks stand between the last image of a formula and a place of the page."""
        return 0 <= self.image_end >= begin - 200 and not self.page[self.image_end : begin].strip()

    def image(self, raw: str, end: int) -> None:
        """An image, which may be a formula and may have it still to be loaded."""
        if not may_be_formula_image(raw) and "data-mathml" not in raw:
            return
        attrs = attributes(raw)
        formula = family_formula(attrs, "", False) or image_formula(attrs)
        if formula is None:
            return
        mark = self.formulas.add(*formula)
        if mark:
            self.parts.append(mark)
            self.image_end = end
        else:
            self.formulas.unread += 1

    def noise(self, name: str, raw: str, at: int) -> int | None:
        """Where an element ends that is no part of the text; None for any other."""
        attrs = attributes(raw)
        ends = self.ends.nested(name, at) if may_be_noise(name, attrs) else None
        if ends is None or ends[1] - at >= 0.6 * len(self.page) or self.looks <= 0:
            return None
        self.looks -= min(ends[0] - at, LOOKED_AT)
        begin = at - len(raw) - len(name) - 2
        before = self.page[max(0, begin - 300) : begin]
        return ends[1] if is_noise(name, attrs, self.page[at : ends[0]], before) else None

    def formula(self, name: str, raw: str, at: int) -> int | None:
        """Where the formula ends that an element is; None when it is none after all."""
        ends = self.ends.raw(name, at) if name in CUSTOM else self.ends.nested(name, at)
        if ends is None:
            return None
        begin = at - len(raw) - len(name) - 2
        if name == "mjx-container" and self.beside_script(begin, ends[1]):
            return ends[1]
        inner = self.page[at : ends[0]]
        found = element_formula(name, attributes(raw), inner, self.page, ends[1], self.has_scripts)
        if found is None:
            return None
        if found[2] == UNREAD:
            self.formulas.unread += 1
        else:
            if name == "pre":
                self.flush("")
            self.parts.append(self.formulas.add(*found))
        return ends[1]

    def has_scripts(self) -> bool:
        """Whether the page holds scripts that MathJax 2 draws; looked for once."""
        if self.scripted is None:
            self.scripted = "math/tex" in self.page or "math/asciimath" in self.page
        return self.scripted

    def beside_script(self, begin: int, end: int) -> bool:
        """Whether a drawn formula between two places of the page stands next to the script that it
        was drawn from.
        """
        after = 0 <= self.script_end <= begin and not self.page[self.script_end : begin].strip()
        return after or SCRIPT_NEXT.match(self.page, end) is not None

    def preformatted(self, at: int) -> int:
        ends = self.ends.nested("pre", at)
        if ends is None:
            return at
        self.flush("pre")
        code = shield_code(plain_code(self.page[at : ends[0]]))
        self.parts.append(code.strip("\n").replace("\n", BREAK))
        self.flush("")
        return ends[1]

    def code(self, at: int) -> int:
        ends = self.ends.nested("code", at)
        if ends is None:
            return at
        self.parts.append(shield_code(plain_code(self.page[at : ends[0]])))
        return ends[1]

    def variable(self, at: int) -> int:
        """AtCoder has KaTeX draw what stands in <var>."""
        ends = self.ends.nested("var", at)
        if ends is None:
            return at
        self.parts.append(self.formulas.add(plain(self.page[at : ends[0]]), False, "delimiters"))
        return ends[1]

    def flush(self, tag: str) -> None:
        """End the block that is being read; `tag` begins the next."""
        if self.parts:
            text = "".join(self.parts)
            if self.tag != "pre":
                text = " ".join(text.split())
            if text:
                if "&" in text:
                    text = unescaped(text)
                if "\\" in text or "$" in text or "[/" in text or "{/" in text or self.has_own:
                    text = self.formulas.mark_delimited(text)
                if 0 <= self.link_start < len(self.parts):
                    self.linked += weight("".join(self.parts[self.link_start :]))
                self.blocks.append(Block(text, self.linked, self.tag))
            self.parts = []
        self.tag, self.linked = tag, 0
        if self.scripts:
            self.scripts = []
        if self.link_start >= 0:
            self.link_start = 0
