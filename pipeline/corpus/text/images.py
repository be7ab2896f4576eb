"""Images of formulas: their LaTeX from the address of the server that drew them, or from their alternative text."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

DELIMITERS = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))
LATEX_SIGN = re.compile(r"[\\^_={}]|^\s*[A-Za-z0-9]\s*$")
IMAGE_CLASS = re.compile(
    r"\b(?:latex|tex|math|mwe-math-fallback-image\w*|equation|formula|texhtml|mathtex|wp-latex)",
    re.I,
)
SURE_CLASS = re.compile(r"\b(?:latex|tex|mathtex|wp-latex|mwe-math-fallback-image\w*)\b")
IMAGE_SOURCE = re.compile(
    r"latex\.php|codecogs\.com|mimetex|mathtex|/math/render/|chart\?.*cht=tx|/latex(?:image|render)?[/?]|texify|/tex\.(?:cgi|php)|zhihu\.com/equation",
    re.I,
)
QUERY_IS_LATEX = re.compile(
    r"codecogs\.com/\w*(?:gif|png|svg|pdf|swf|emf)|mimetex|mathtex|/tex\.cgi|texify", re.I
)
# What codecogs' editor writes for characters that an address cannot hold, and its settings before the formula.
CODECOGS = (("&space;", " "), ("&plus;", "+"), ("&hash;", "#"), ("&amp;", "&"))
SETTINGS = re.compile(
    r"^(?:\\(?:dpi\s*\{\d+\}|bg[_{]\w+\}?|fn_\w+|inline|(?:tiny|small|large|huge)(?![a-z]))\s*)+",
    re.I,
)
ALL_LATEX = re.compile(r"\\[A-Za-z]+\s*[{^_]|[_^]\{|^\\[A-Za-z]+$")
NOT_PROSE = re.compile(r"\\(?:text|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\[A-Za-z]+")
PROSE = re.compile(r"[A-Za-z]{3,}[ ,;:.]+[A-Za-z]{3,}")

Found = tuple[str, bool, str]  # LaTeX, whether display, source


def may_be_formula_image(raw: str) -> bool:
    """Whether the attributes of an image are worth reading."""
    if "$" in raw or "\\" in raw:
        return True
    return (
        IMAGE_CLASS.search(raw, 0, 4_000) is not None
        or IMAGE_SOURCE.search(raw, 0, 4_000) is not None
    )


def image_formula(attrs: dict[str, str]) -> Found | None:
    """An image of a formula: LaTeX in its address (codecogs, latex.php, mimetex ...) or in its alternative text."""
    source = attrs.get("src", "") or attrs.get("data-src", "")
    by_source = IMAGE_SOURCE.search(source) is not None
    classes = attrs.get("class", "")
    display = "display" in classes or "block" in classes
    alt = attrs.get("alt", "").strip() or attrs.get("title", "").strip()
    alt = SETTINGS.sub("", alt).strip() if by_source and alt[:1] == "\\" else alt
    if not by_source and not IMAGE_CLASS.search(classes):
        return undelimited(alt, display, "img") if is_latex(alt) else None
    latex = latex_of_address(source) if by_source else ""
    if alt and (
        LATEX_SIGN.search(alt) or (not latex and (by_source or SURE_CLASS.search(classes)))
    ):
        return undelimited(alt, display, "img")
    return (latex, display, "img") if latex else None


def is_latex(alt: str) -> bool:
    """Whether an alternative text is one formula and nothing else, of an image that nothing else says is one."""
    inner = undelimited(alt, False, "")[0]
    return (
        (inner != alt or ALL_LATEX.search(alt) is not None)
        and "$" not in inner
        and is_no_prose(inner)
    )


def is_no_prose(latex: str) -> bool:
    """Whether something is said, and no two words in a row of it are words."""
    return not PROSE.search(NOT_PROSE.sub(" ", latex)) and any(map(str.isalnum, latex))


def latex_of_address(source: str) -> str:
    """The LaTeX in the query of an image server's URL."""
    try:
        parts = urlsplit(source)
    except ValueError:
        return ""
    query = parts.query + ("#" + parts.fragment if parts.fragment else "")
    if not query:
        return ""
    for written, character in CODECOGS:
        if written in query:
            query = query.replace(written, character)
    named = dict(parse_qsl(query.replace("+", "%2B")))
    for key in ("latex", "tex", "chl", "eq", "math", "formula"):
        if key in named:
            return named[key]
    query = SETTINGS.sub("", unquote(query)).strip()
    return query if QUERY_IS_LATEX.search(source) or LATEX_SIGN.search(query) else ""


def undelimited(text: str, display: bool, source: str) -> Found:
    """LaTeX that may stand between delimiters."""
    text = text.strip()
    for left, right, is_display in DELIMITERS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            return text[len(left) : -len(right)], display or is_display, source
    return text, display, source
