"""What of a page is no part of its text: navigation, advertising, and what is not to be seen.

A word in a class or an id only raises a suspicion: ids are the slugs of headings ("line-search",
"copyright"), and page builders call every container a widget. What an element is (its landmark
role, a heading that its id repeats) and what it holds (words outside links, formulas) decides.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

from pipeline.corpus.text.markup import ANY_TAG, plain

# Names that tools give to chrome and to nothing else.
CHROME = (
    r"nav|navbar|navbox|navigation|navigator|menu|menus|sidebar|side-?bar|breadcrumbs?|footer|site-?header|top-?bar"
    r"|toolbar|cookies?|consent|gdpr|social|ads|advert\w*|sponsor\w*|popup|login|signup|sign-up|subscribe|newsletter"
    r"|pagination|pager|toc|toctree\w*|table-of-contents|catlinks|printfooter|noprint|mw-editsection|mw-jump-link"
    r"|headerlink|skip-?link|post-menu|post-taglist|user-info|post-signature|votecell|hot-network\w*|searchbox"
    r"|edit-?button|prev-?next|pageinfo|page-?meta|sr-only|visually-hidden"
)
# Names that content has as well; what the element holds decides.
DOUBTFUL = (
    r"search|shar(?:e|ing)|related|recommend(?:ed|ation)?s?|ad|promo|banner|modal|vote|votes|tags|copyright|disclaimer"
    r"|dropdown|tooltip|widget|hidden"
)
WORDS = f"{CHROME}|{DOUBTFUL}"
TAIL = (
    "list|item|links?|inner|left|right|top|bottom|wrapper|container|box|bar|menu|area|section|text|title|primary"
    "|secondary|wrap|block|main|posts?|articles?|news|entries|topics|stories"
)
NOISE_NAME = re.compile(rf"^(?:[\w]+[-_]+)*(?:{WORDS})(?:[-_]+(?:{WORDS}|{TAIL}))*$", re.I)
CHROME_NAME = re.compile(rf"^(?:[\w]+[-_]+)*(?:{CHROME})(?:[-_]+(?:{WORDS}|{TAIL}))*$", re.I)
NOT_NOISE = re.compile(
    r"^(?:no|has|with|hide|show|js|is|tex2jax|layout|without|md-main|markdown)[-_]|[-_](?:layout|page)$",
    re.I,
)
WIDGET = re.compile(r"(?:^|[-_])widgets?(?:[-_]|$)", re.I)
NOISE_ROLES = frozenset(
    "navigation banner contentinfo search complementary menu menubar dialog tablist".split()
)
WHOLE = frozenset({"body", "html", "main", "article"})
UNSHOWN = re.compile(r"display\s*:\s*none", re.I)
UNSEEN = re.compile(r"visibility\s*:\s*hidden", re.I)
# What names or precedes an answer that a reader opens with a click.
ANSWER = re.compile(
    r"answer|solution|hint|proof|reveal|spoiler|explanation|explain|knowl|collaps|toggle|accordion|expand|show|derivation"
    r"|steps?\b|答案|解答|解析|提示|证明|證明|展开|查看",
    re.I,
)
NOTE = re.compile(
    r"foot-?note|end-?note|side-?note|margin|admonition|callout|topic|theorem|definition|example|exercise|remark|lemma"
    r"|proof|\bnote|hint|\btip\b|warning|question|aside-math|doc-(?:footnote|endnotes?|tip|notice|example)",
    re.I,
)
LINK = re.compile(r"<a\b[^>]*>(.*?)</a", re.S | re.I)
UNREAD = re.compile(r"<(script|style|template|svg|noscript)\b.*?</\1", re.S | re.I)
HEADING = re.compile(
    r"\s*(?:<(?!h[1-6])(?:span|a|div|header)\b[^>]*>(?:\s*</(?:span|a)>)?\s*){0,4}<h[1-6]\b[^>]*>(.*?)</h[1-6]",
    re.S | re.I,
)
SIGN_OF_FORMULA = re.compile(
    r"\\[(\[]|\$\$|<(?:\w+:)?math\b|class=[\"'][^\"']*(?:katex|mathjax|\bmath\b|math-|latex)|math/tex",
    re.I,
)
OPERATOR = re.compile(r"[\s+\-\u2212/\u2044\u00d7\u00f7.,:]{1,4}\Z")
LOOKED_AT = 30_000  # characters of an element that are looked at
ENOUGH = 250  # of prose, by `weight`
MUCH = 1_200
DENSE = 300  # characters of markup to a link, under which an element is a list of links


def weight(text: str) -> int:
    """How much a text says, in letters of English: its bytes in UTF-8, of which a CJK character has
    three.
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=8_192)
def is_noise_word(word: str) -> bool:
    """Whether a class or id may name navigation, advertising or the like."""
    return (
        0 < len(word) < 48 and NOISE_NAME.match(word) is not None and NOT_NOISE.search(word) is None
    )


def may_be_noise(name: str, attrs: dict[str, str]) -> bool:
    """Whether role, style or names of an element raise the suspicion that it is no part of the
    text.
    """
    if name in WHOLE:
        return False
    style = attrs.get("style", "")
    return (
        attrs.get("role", "").lower() in NOISE_ROLES
        or attrs.get("aria-hidden") == "true"
        or UNSHOWN.search(style) is not None
        or UNSEEN.search(style) is not None
        or is_noise_word(attrs.get("id", ""))
        or any(map(is_noise_word, attrs.get("class", "").split()[:12]))
    )


def is_noise(name: str, attrs: dict[str, str], inner: str, before: str) -> bool:
    """Whether an element under suspicion is to be left out. `before`: some markup in front of it."""
    if attrs.get("aria-hidden") == "true" or attrs.get("role", "").lower() in NOISE_ROLES:
        return True
    style, words = attrs.get("style", ""), attrs.get("class", "").split()[:12]
    if UNSHOWN.search(style):
        return not is_answer(attrs, inner, before)
    if UNSEEN.search(style) and not holds_content(inner):
        return True
    named = [word for word in words if is_noise_word(word)]
    if is_noise_word(attrs.get("id", "")) and not is_section(name, attrs["id"], inner):
        named.append(attrs["id"])
    if not named:
        return False
    if len(inner) < 12 and OPERATOR.match(unescape(inner)) and inner.strip():
        return False  # the sign of a fraction, hidden because the drawing shows it
    if any(CHROME_NAME.match(word) for word in named):
        links = inner.count("<a")
        if 3 * len(inner) < MUCH or links * DENSE > len(inner):
            return True
        return not holds_content(inner, MUCH)
    if all(map(WIDGET.search, named)):
        return is_of_links(inner)
    if any(word.lower().endswith("hidden") for word in named) and is_answer(attrs, inner, before):
        return False
    return not holds_content(inner)


def is_section(name: str, identifier: str, inner: str) -> bool:
    """Whether an element is a section of the text: it begins with the heading that its id repeats."""
    found = HEADING.match(inner[:2_000])
    if found is None:
        return False
    heading = slug(plain(found[1]))
    repeats = slug(identifier) in heading or (name == "section" and heading in slug(identifier))
    return repeats and not is_of_links(inner)


def slug(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def measured(inner: str) -> tuple[int, int]:
    """(weight of the text outside links, weight of the text inside) of an element's beginning."""
    markup = UNREAD.sub("", inner[:LOOKED_AT])
    linked = sum(weight(plain(link).strip()) for link in LINK.findall(markup))
    return max(0, weight(" ".join(ANY_TAG.sub(" ", markup).split())) - linked), linked


def is_of_links(inner: str) -> bool:
    """Whether an element holds nothing to read, or mostly links."""
    prose, linked = measured(inner)
    return prose < 1 or linked > prose


def holds_content(inner: str, enough: int = ENOUGH) -> bool:
    """Whether an element holds text that someone wrote to be read: sentences or formulas outside
    links.
    """
    if 3 * len(inner) < enough // 4:
        return False
    prose, linked = measured(inner)
    if linked > 0.5 * (prose + linked):
        return False
    if prose >= enough:
        return True
    if enough != ENOUGH or prose < enough // 4:
        return False
    return SIGN_OF_FORMULA.search(inner, 0, LOOKED_AT) is not None


def is_answer(attrs: dict[str, str], inner: str, before: str) -> bool:
    """Whether what is not shown is an answer, a hint or a proof that a reader opens with a click."""
    names = " ".join((attrs.get("id", ""), attrs.get("class", "")))
    called = ANSWER.search(names) or ANSWER.search(plain(before[-300:]))
    return called is not None and measured(inner)[0] >= 20 and not is_of_links(inner)


def is_note(raw: str, inner: str) -> bool:
    """Whether an <aside> belongs to the text: a footnote, a note in the margin, a theorem; or it
    holds formulas.
    """
    if NOTE.search(raw):
        return not is_of_links(inner)
    has_formula = SIGN_OF_FORMULA.search(inner, 0, LOOKED_AT) is not None
    return has_formula and holds_content(inner, ENOUGH)
