"""What the extractor must know about HTML: kinds of elements, noise, attributes, and where an
element ends.

The extractor reads a page as a stream of tags, not as a tree: most bytes of a page (scripts, menus,
rendered formulas) are then passed over at the speed of a search for their end, and a broken tree is
no problem.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

# A tag, the beginning of a comment, or what a browser takes for a comment up to its next >.
TAG = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9:_-]*)([^>]*)>|!--|[!?][a-zA-Z\[][^>]*>)")
ANY_TAG = re.compile(r"<(?:!--.*?-->|/?[a-zA-Z][^>]*>)", re.S)
TAG_BETWEEN = re.compile(f"({ANY_TAG.pattern})", re.S)
# The look behind keeps a long word without = from being tried at each of its letters.
ATTRIBUTE = re.compile(
    r"""(?<![\w:.-])([a-zA-Z_:][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
)
BLOCKS = frozenset(
    "address article blockquote body center dd details div dl dt fieldset figcaption figure form h1 h2 h3 h4 h5 h6"
    " header hr html li main ol p section summary table tbody tfoot thead tr ul caption".split()
)
RAW = frozenset(
    "script style textarea title noscript template svg iframe select button object canvas audio video".split()
)
SKIPPED = RAW | frozenset("head nav footer aside dialog menu map".split())
# Elements whose content is LaTeX.
LATEX_TAGS = frozenset(
    "tex-math d-math x-tex tex la-tex latex math-field katex-element ktex m-math mathjax math-renderer katex"
    " x-katex ng-katex vue-mathjax vue-katex inline-math block-math".split()
)
# Classes of elements whose text is delimited LaTeX, or bare LaTeX in those of the second list.
DELIMITED_CLASSES = frozenset(
    "math-container arithmatex math tex2jax_process mathjax_process mathjax".split()
)
LATEX_CLASSES = frozenset(
    "math-tex tex latex math-inline math-display math-block katex-inline katex-block mathtex wp-katex-eq".split()
)
LATEX_ATTRIBUTES = (
    "data-latex", "data-tex", "data-math", "data-expr", "data-formula", "data-katex", "data-equation-content",
)  # fmt: skip
# The same of the elements of LATEX_TAGS alone.
COMPONENT_ATTRIBUTES = ("expr", "expression", "equation", "formula", "latex", "tex", "math")
MAIN_MARKS = ("<main", 'role="main"', "role=main", "mw-content-text", "bodyContent", "mainbar")
# What a page's own settings of MathJax say is no mathematics.
IGNORED = re.compile(r"\b(?:tex2jax_ignore|mathjax_ignore|no-?mathjax)\b")
CLASS = re.compile(r"""\bclass\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
NUMBERS = (  # the tag of what holds the numbers of lines
    r"<(span|td|div|a)\b[^>]*class\s*=\s*[\"']?(?:[^\"'>]*\s)?"
    r"(?:gutter|lnt|lineno|linenos|linenumber|line-numbers?(?:-rows)?|hljs-ln-numbers|hljs-ln-n|lnum|code-line-number)"
    r"(?=[\s\"'>])[^>]*>"
)
NUMBERED = re.compile(NUMBERS, re.I)
GUTTER = re.compile(NUMBERS + r"(?:(?!</?\1\b).)*</\1>", re.S | re.I)
ENDS_LINE = re.compile(r"<br|</(?:div|li|tr|p>)")
SCRIPT = re.compile(r"<(sup|sub)\b[^>]*>([^<]{1,40})</\1>", re.I)
LINE_END = re.compile(r"<br\s*/?>\n?|</(?:div|li|tr|p)>\n?(?=.)", re.S | re.I)
CONTAINERS = frozenset("div section ul ol table header form span".split())
# Elements whose name begins the name of no other element.
ALONE = frozenset("div span section article main nav table code pre ul ol form figure dl".split())
NEITHER, FORMULA, NOISE = 0, 1, 2
CARRIES_LATEX = re.compile(
    r"\bdata-(?:latex|tex|math|expr|formula|katex|mathml|equation-content)\s*=|\blatex-data\s*="
    r"|\bdata-attrs\s*=[^>]*persistentExpression|\bmathtag\s*=|\bvalue\s*=\s*[\"']data:[^>]*code%22"
)


def attributes(raw: str) -> dict[str, str]:
    """The attributes of a tag by lower-case name; those without a value are there with "".

    Callers share what is returned, and must not change it.
    """
    return remembered(raw) if len(raw) <= 160 else parsed(raw)


def parsed(raw: str) -> dict[str, str]:
    found = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in ATTRIBUTE.finditer(raw)}
    return {key: unescape(value) for key, value in found.items()} if "&" in raw else found


remembered = lru_cache(maxsize=1_024)(parsed)  # pages repeat few short ones very often


def hints_noise(name: str, raw: str) -> bool:
    """Whether noise.may_be_noise is worth asking; plain searches, because most tags pass here."""
    if (
        "role=" in raw
        or "aria-hidden" in raw
        or "visibility" in raw
        or ("display" in raw and "none" in raw)
    ):
        return True
    return "id=" in raw and name in CONTAINERS


def plain(markup: str) -> str:
    """The text of a piece of markup: tags removed, entities undone."""
    if "<" in markup:
        markup = ANY_TAG.sub("", markup)
    return unescape(markup) if "&" in markup else markup


def plain_code(markup: str) -> str:
    """The text of code: a line for each line that is shown, no line numbers, powers kept apart from
    their base.
    """
    if "<" in markup:
        only_spans = markup.count("<") == 2 * markup.count("</span")
        if not only_spans or may_be_numbered(markup):
            markup = laid_out(markup)
        else:
            markup = ANY_TAG.sub("", markup)
    text = unescape(markup) if "&" in markup else markup
    if not text[:8].strip()[:1].isdecimal():
        return text
    lines = text.split()
    counted = len(lines) > 1 and all(map(str.isdecimal, lines))
    if counted and list(map(int, lines)) == list(range(int(lines[0]), int(lines[0]) + len(lines))):
        return ""
    return text


def may_be_numbered(markup: str) -> bool:
    """Whether a class that NUMBERED knows may be in a piece of markup, by plain searches."""
    return (
        ("ln" in markup and ("lnt" in markup or "lnum" in markup or "hljs-ln" in markup))
        or ("line" in markup and any(word in markup for word in ("lineno", "linenum", "line-num")))
        or "gutter" in markup
    )


def laid_out(markup: str) -> str:
    """Code without its tags and line numbers, whose lines end as they are shown, and whose scripts
    keep apart from their base.
    """
    pieces = TAG_BETWEEN.split(markup)
    tags = "".join(set(pieces[1::2]))  # few, because code repeats them
    ends_line, scripts = ENDS_LINE.search(tags), "<su" in tags
    numbered = may_be_numbered(tags) and NUMBERED.search(tags)
    if not (ends_line or scripts or numbered):
        return "".join(pieces[::2])
    if numbered:
        markup = GUTTER.sub("", markup)
    if scripts:
        markup = SCRIPT.sub(
            lambda m: f"{'^' if m[1].lower() == 'sup' else '_'}{braced(m[2])}", markup
        )
    return ANY_TAG.sub("", LINE_END.sub("\n", markup) if ends_line else markup)


def braced(script: str) -> str:
    return script if len(script) == 1 or script.isdecimal() else f"{{{script}}}"


class Ends:
    """Finds where elements end in one page, within a budget of characters read, so that a hostile
    page stays linear.
    """

    def __init__(self, page: str):
        self.page, self.budget, self.missing = page, 6 * len(page) + 1_000_000, set()

    def raw(self, name: str, start: int) -> tuple[int, int] | None:
        """(end of content, end of element) of an element that holds no elements of its own kind."""
        if name in self.missing:
            return None
        close = self.page.find("</" + name, start)
        if close < 0:
            found = re.compile("</" + name, re.I).search(self.page, start)
            if found is None:
                self.missing.add(name)
                return None
            close = found.start()
        end = self.page.find(">", close)
        return (close, end + 1) if end >= 0 else None

    def nested(self, name: str, start: int) -> tuple[int, int] | None:
        """The same for one that may. None when it never ends or the budget is spent."""
        page = self.page
        if self.budget <= 0:
            return None
        at, opening, closing = start, "<" + name, "</" + name
        depth = 1
        while (close := page.find(closing, at)) >= 0:
            opened = page.count(opening, at, close)
            if opened and name not in ALONE:
                break
            depth += opened - 1
            at = close + len(closing)
            if not depth:
                end = page.find(">", at)
                if end < 0 or page[at:end].strip():
                    break
                self.budget -= close - start
                return close, end + 1
        return self.nested_in_any_case(name, start)

    def nested_in_any_case(self, name: str, start: int) -> tuple[int, int] | None:
        """The same, read tag by tag."""
        depth, at = 1, start
        for found in nested_tags(name).finditer(self.page, start):
            at = found.end()
            depth += -1 if found[1] else 1
            if depth == 0:
                self.budget -= at - start
                return found.start(), at
        self.budget -= len(self.page) - start
        return None


@lru_cache(maxsize=256)
def nested_tags(name: str) -> re.Pattern:
    return re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])[^>]*>", re.I)
