"""What the extractor must know about HTML: kinds of elements, noise, attributes, and where an element ends.

The extractor reads a page as a stream of tags, not as a tree: most bytes of a page (scripts, menus, rendered formulas)
are then passed over at the speed of a search for their end, and a broken tree is no problem.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

TAG = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9:_-]*)([^>]*)>|!--)")
ANY_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^>]*>", re.S)
ATTRIBUTE = re.compile(r"""([a-zA-Z_:][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
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
    "tex-math d-math x-tex tex la-tex latex math-field katex-element ktex m-math mathjax math-renderer".split()
)
# Classes of elements whose text is delimited LaTeX, or bare LaTeX in those of the second list.
DELIMITED_CLASSES = frozenset(
    "math-container arithmatex math tex2jax_process mathjax_process mathjax".split()
)
LATEX_CLASSES = frozenset(
    "math-tex tex latex math-inline math-display math-block katex-inline katex-block mathtex wp-katex-eq".split()
)
LATEX_ATTRIBUTES = ("data-latex", "data-tex", "data-math", "data-expr", "data-formula")
NOISE_WORD = (
    r"nav|navbar|navbox|navigation|navigator|menu|menus|sidebar|side-?bar|breadcrumbs?|footer|site-?header|top-?bar|toolbar"
    r"|cookies?|consent|gdpr|shar(?:e|ing)|social|related|recommend(?:ed|ation)?s?|ads?|advert\w*|sponsor\w*|promo|banner"
    r"|popup|modal|login|signup|sign-up|subscribe|newsletter|pagination|pager|toc|toctree\w*|table-of-contents|catlinks"
    r"|printfooter|noprint|mw-editsection|mw-jump-link|headerlink|skip-?link|post-menu|post-taglist|user-info"
    r"|post-signature|vote|votecell|votes|tags|hot-network\w*|copyright|disclaimer|search|searchbox|dropdown|tooltip"
    r"|widget|edit-?button|prev-?next|pageinfo|page-?meta|hidden|sr-only|visually-hidden"
)
NOISE_NAME = re.compile(
    rf"^(?:[\w]+[-_]+)*(?:{NOISE_WORD})(?:[-_]+(?:{NOISE_WORD}|list|item|links?|inner|left|right|top|bottom|wrapper|container|box|bar|menu|area|section|text|title|primary|secondary|wrap|block|main))*$",
    re.I,
)
NOT_NOISE = re.compile(
    r"^(?:no|has|with|hide|show|js|is|tex2jax|layout|without|md-main|markdown)[-_]|[-_](?:layout|page)$",
    re.I,
)
NOISE_ROLES = frozenset(
    "navigation banner contentinfo search complementary menu menubar dialog tablist".split()
)
INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
MAIN_MARKS = ("<main", 'role="main"', "role=main", "mw-content-text", "bodyContent", "mainbar")
CLASS = re.compile(r"""\bclass\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
CONTAINERS = frozenset("div section ul ol table header form span".split())
NEITHER, FORMULA, NOISE = 0, 1, 2
CARRIES_LATEX = re.compile(r"\bdata-(?:latex|tex|math|expr|formula)\s*=")


def attributes(raw: str) -> dict[str, str]:
    """The attributes of a tag by lower-case name; those without a value are there with ""."""
    found = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in ATTRIBUTE.finditer(raw)}
    return {key: unescape(value) if "&" in value else value for key, value in found.items()}


def hints_noise(name: str, raw: str) -> bool:
    """Whether `is_noise` is worth asking; plain searches, because most tags pass here."""
    if (
        "role=" in raw
        or "aria-hidden" in raw
        or "visibility" in raw
        or ("display" in raw and "none" in raw)
    ):
        return True
    return "id=" in raw and name in CONTAINERS


def is_noise(attrs: dict[str, str], name: str) -> bool:
    """Whether role, style or id say that an element is navigation, advertising, or not to be seen."""
    if name in ("body", "html", "main", "article"):
        return False
    if attrs.get("role", "").lower() in NOISE_ROLES or INVISIBLE.search(attrs.get("style", "")):
        return True
    return attrs.get("aria-hidden") == "true" or is_noise_word(attrs.get("id", ""))


def is_noise_word(word: str) -> bool:
    """Whether a class or id names navigation, advertising or the like."""
    return (
        0 < len(word) < 48 and NOISE_NAME.match(word) is not None and NOT_NOISE.search(word) is None
    )


def plain(markup: str) -> str:
    """The text of a piece of markup: tags removed, entities undone."""
    return unescape(ANY_TAG.sub("", markup))


class Ends:
    """Finds where elements end in one page, within a budget of characters read, so that a hostile page stays linear."""

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
        close = page.find("</" + name, start)
        if close >= 0 and page.find("<" + name, start, close) < 0 and name.islower():
            self.budget -= close - start
            end = page.find(">", close)
            if end >= 0 and page[close + 2 + len(name) : end].strip() == "":
                return close, end + 1
        depth, at = 1, start
        for found in nested_tags(name).finditer(page, start):
            at = found.end()
            depth += -1 if found[1] else 1
            if depth == 0:
                self.budget -= at - start
                return found.start(), at
        self.budget -= len(page) - start
        return None


@lru_cache(maxsize=256)
def nested_tags(name: str) -> re.Pattern:
    return re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])[^>]*>", re.I)
