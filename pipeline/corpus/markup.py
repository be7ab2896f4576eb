"""What the extractor must know about HTML: kinds of elements, noise, attributes, and where an element ends.

The extractor reads a page as a stream of tags, not as a tree: most bytes of a page (scripts, menus, rendered formulas)
are then passed over at the speed of a search for their end, and a broken tree is no problem.
"""

from __future__ import annotations

import re
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
LATEX_TAGS = frozenset("tex-math d-math x-tex tex la-tex latex math-field katex-element ktex m-math mathjax".split())
# Classes of elements whose text is delimited LaTeX, or bare LaTeX in those of the second list.
DELIMITED_CLASSES = frozenset("math-container arithmatex math tex2jax_process mathjax_process mathjax".split())
LATEX_CLASSES = frozenset(
    "math-tex tex latex math-inline math-display math-block katex-inline katex-block mathtex".split()
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
NOISE = re.compile(
    rf"^(?:[\w]+[-_]+)*(?:{NOISE_WORD})(?:[-_]+(?:{NOISE_WORD}|list|item|links?|inner|left|right|top|bottom|wrapper|container|box|bar|menu|area|section|text|title|primary|secondary|wrap|block|main))*$",
    re.I,
)
NOT_NOISE = re.compile(
    r"^(?:no|has|with|hide|show|js|is|tex2jax|layout|without|md-main|markdown)[-_]|[-_](?:layout|page)$", re.I
)
NOISE_ROLES = frozenset("navigation banner contentinfo search complementary menu menubar dialog tablist".split())
INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
MAIN = re.compile(
    r"""<(main)\b|<(\w+)[^>]*?\b(?:role=["']?main\b|id=["']?(?:mw-content-text|mainbar|bodyContent)\b)|<(article)\b""",
    re.I,
)


def attributes(raw: str) -> dict[str, str]:
    """The attributes of a tag by lower-case name; those without a value are there with ""."""
    found = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in ATTRIBUTE.finditer(raw)}
    return {key: unescape(value) if "&" in value else value for key, value in found.items()}


def is_noise(attrs: dict[str, str]) -> bool:
    """Whether class, id, role or style say that an element is navigation, advertising, or not to be seen."""
    if attrs.get("role", "").lower() in NOISE_ROLES or INVISIBLE.search(attrs.get("style", "")):
        return True
    if attrs.get("aria-hidden") == "true":
        return True
    words = attrs.get("class", "").split()[:12] + attrs.get("id", "").split()[:1]
    return any(len(word) < 48 and NOISE.match(word) and not NOT_NOISE.search(word) for word in words)


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
        found = re.compile(rf"</{name}[^>]*>", re.I).search(self.page, start)
        if found is None:
            self.missing.add(name)
            return None
        return found.start(), found.end()

    def nested(self, name: str, start: int) -> tuple[int, int] | None:
        """The same for one that may. None when it never ends or the budget is spent."""
        if self.budget <= 0 or name in self.missing:
            return None
        depth, at = 1, start
        for found in re.compile(rf"<(/?){name}(?=[\s/>])[^>]*>", re.I).finditer(self.page, start):
            at = found.end()
            depth += -1 if found[1] else 1
            if depth == 0:
                self.budget -= at - start
                return found.start(), at
        self.budget -= len(self.page) - start
        return None
