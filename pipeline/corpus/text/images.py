"""Images of formulas: their LaTeX from the address of the server that drew them, or from their
alternative text.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.corpus.text.asciimath import latex_of_asciimath

# Every class and every address of the patterns below holds one of these.
HINTS = "tex math equation formula ql-img codecogs cht=tx numberempire x-ck12-".split()
DELIMITERS = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))
LATEX_SIGN = re.compile(r"[\\^_={}]|^\s*[A-Za-z0-9]\s*$")
# A word without which an image is not worth reading; where it stands decides what it is worth.
IMAGE_CLASS = re.compile(
    r"\b(?:latex|tex|math|mwe-math-fallback-image\w*|equation|formula|texhtml|mathtex|wp-latex|ql-img|wirisformula"
    r"|inlineformula|displayformula|numberedequation|x-ck12-)",
    re.I,
)
# Classes that only tools give, and give only to formulas: what such an image says is one.
SURE_CLASS = re.compile(
    r"(?:^|\s)(?:latex|tex|math|mathtex|wp-latex|texrender|wirisformula|mwe-math-fallback-image\w*|equation_image"
    r"|formula(?:Inl|Dsp)|inlineformula|displayformula|numberedequation|x-ck12-(?:\w+-)?math|ql-img-(?:inline|displayed)-\w+|quicklatex-auto-format|math-inline|math-display|math-tex)(?=\s|$)",
    re.I,
)
DISPLAY_CLASS = re.compile(r"display|block|formulaDsp|numberedequation", re.I)
# MathWorld, which says of its images what AsciiMath would: sum_(k=1)^infty1/(k^2).
SPELT = re.compile(r"(?:^|\s)(?:inlineformula|displayformula|numberedequation)(?=\s|$)")
IMAGE_SOURCE = re.compile(
    r"latex\.php|codecogs\.com|latex\.csdn\.net|mimetex|mathtex|/math/render/|chart\?.*cht=tx|texify|/tex\.(?:cgi|php)"
    r"|/latex(?:image|render)?[/?]|/mathjax/tex\?|math\.vercel\.app|math\.now\.sh|i\.upmath\.me|tex\.s2cms\.ru"
    r"|/equation\?tex=|/render/math\?|math\.jianshu\.com|card=math|__latex/|/filter/tex/|/_images/math/|numberempire\.com/render",
    re.I,
)
# TeX4ht's images, whose text is what their glyphs say from left to right: "a2" may be a squared.
TEX4HT = re.compile(r"\d+x\.(?:png|svg|gif)$", re.I)
FLATTENED = re.compile(
    r"(?!.*[\\^_{}]).*?(?:[A-Za-z)\]]\s?\d|\n|\s{2}|[\u2211\u222b\u220f\u221a])", re.S
)
QUERY_IS_LATEX = re.compile(
    r"codecogs\.com/\w*(?:gif|png|svg|pdf|swf|emf)|latex\.csdn\.net/eq|mimetex|mathtex|/tex\.cgi|texify|numberempire",
    re.I,
)
# The one kind of server that takes a query as it stands: there a plus is a plus, elsewhere it is a
# blank.
RAW_PLUS = re.compile(r"codecogs\.com|latex\.csdn\.net", re.I)
PATH_IS_LATEX = re.compile(r"(?:i\.upmath\.me|tex\.s2cms\.ru)/(?:svg|png)/(.+)$", re.I | re.S)
NAMED = ("latex", "tex", "chl", "eq", "math", "formula", "code", "from", "inline", "block")
ADDRESSES = ("src", "data-src", "data-lazy-src", "data-original", "data-actualsrc", "data-orig-src")
SOURCE_ATTRIBUTES = ("data-equation-content", "data-latex", "data-tex", "data-formula", "data-math")
# What codecogs' editor writes for characters that an address cannot hold, and its settings before
# the formula.
CODECOGS = (("&space;", " "), ("&plus;", "+"), ("&hash;", "#"), ("&amp;", "&"))
SETTINGS = re.compile(
    r"^(?:\\(?:dpi\s*\{\d+\}|bg[_{]\w+\}?|fn_\w+|inline|(?:tiny|small|large|huge)(?![a-z]))\s*)+",
    re.I,
)
# Canvas writes "LaTeX: " before the formula, others "Equation:"; WordPress leaves its settings
# after it.
PREFIX = re.compile(r"^\s*(?:LaTeX|TeX|MathML)\s*:\s*", re.I)
SUFFIX = re.compile(r"(?:&(?:amp;)?(?:s|fg|bg)=[\w-]+)+\s*$")
PLACEHOLDER = re.compile(
    r"^\W*(?:公式|formula|equation|math|latex|tex|image|img|alt|eq(?:uation)?\s*\d*|rendered by quicklatex\.com)\W*$",
    re.I,
)
ALL_LATEX = re.compile(r"\\[A-Za-z]+\s*[{^_]|[_^]\{|^\\[A-Za-z]+$")
NOT_PROSE = re.compile(r"\\(?:text|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\[A-Za-z]+")
PROSE = re.compile(r"(?<![A-Za-z])[A-Za-z]{3,}+[ ,;:.]++[A-Za-z]{3}")
MATHLIKE = re.compile(r"[-+*/=<>|()\[\]!']|^\s*\S{1,2}\s*$|^\w(?:\s*,\s*\w)*$")

Found = tuple[str, bool, str]  # LaTeX, whether display, source


def may_be_formula_image(raw: str) -> bool:
    """Whether the attributes of an image are worth reading."""
    if "$" in raw or "\\" in raw:
        return True
    small = raw[:4_000].lower()
    if not any(word in small for word in HINTS):
        return False
    return (
        IMAGE_CLASS.search(raw, 0, 4_000) is not None
        or IMAGE_SOURCE.search(raw, 0, 4_000) is not None
    )


def address_of(attrs: dict[str, str]) -> str:
    """Where the image is: the first address that is no placeholder of a lazy loader."""
    found = [attrs[key] for key in ADDRESSES if attrs.get(key)]
    return next((url for url in found if not url.startswith("data:")), "")


def image_formula(attrs: dict[str, str]) -> Found | None:
    """The formula that an image shows.

    Its source is an attribute, its alternative text, or the address at a server that draws
    formulas. ("", ..) for an image that its class, its server or its delimiters call a formula and
    that gives no source; None for any other.
    """
    address, classes = address_of(attrs), attrs.get("class", "")
    by_source = IMAGE_SOURCE.search(address) is not None
    sure = SURE_CLASS.search(classes) is not None
    display = DISPLAY_CLASS.search(classes) is not None
    given = next((attrs[key] for key in SOURCE_ATTRIBUTES if attrs.get(key, "").strip()), "")
    if given:
        return undelimited(given, display, "data-latex")
    alt = alternative(attrs, by_source)
    if "x-ck12-" in classes:
        alt = unquote(alt)
    if alt and "\\" not in alt and SPELT.search(classes):
        return latex_of_asciimath(alt), display, "asciimath"
    latex = latex_of_address(address) if by_source else ""
    if not by_source and not IMAGE_CLASS.search(classes):
        return undelimited(alt, display, "img") if is_latex(alt) else None
    if alt and is_delimited(alt):
        return undelimited(alt, display, "img")
    if TEX4HT.search(address) and FLATTENED.match(attrs.get("alt", "")):
        return "", display, "img"
    if alt and LATEX_SIGN.search(alt):
        return undelimited(alt, display, "img")
    if latex:
        return latex, display, "img"
    if alt and is_no_prose(alt) and (sure or by_source or MATHLIKE.search(alt)):
        return undelimited(alt, display, "img")
    return ("", display, "img") if sure or by_source else None


def alternative(attrs: dict[str, str], by_source: bool) -> str:
    """The alternative text, else the title, without what is no part of the formula."""
    for key in ("alt", "title"):
        text = SUFFIX.sub("", PREFIX.sub("", attrs.get(key, ""))).strip()
        if by_source and text[:1] == "\\":
            text = SETTINGS.sub("", text).strip()
        if text and not PLACEHOLDER.match(text):
            return text
    return ""


def is_delimited(text: str) -> bool:
    """Whether the whole of a text stands between the delimiters of a formula."""
    return undelimited(text, False, "")[0] != text.strip()


def is_latex(alt: str) -> bool:
    """Whether an alternative text is one formula and nothing else, of an image that nothing else
    says is one.
    """
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
    """The LaTeX in the URL of an image server; "" where there is none."""
    if path := PATH_IS_LATEX.search(source):
        return unquote(path[1]).strip()
    try:
        parts = urlsplit(source)
    except ValueError:
        return ""
    query = parts.query + ("#" + parts.fragment if parts.fragment else "")
    if not query:
        return ""
    raw = RAW_PLUS.search(source) is not None
    for written, character in CODECOGS if raw else ():
        query = query.replace(written, character)
    named = dict(parse_qsl((query.replace("+", "%2B") if raw else query).replace("#", "&")))
    for key in NAMED:
        if key in named:
            return SUFFIX.sub("", named[key]).strip()
    query = SETTINGS.sub("", unquote(query if raw else query.replace("+", " "))).strip()
    return query if QUERY_IS_LATEX.search(source) or LATEX_SIGN.search(query) else ""


def undelimited(text: str, display: bool, source: str) -> Found:
    """LaTeX that may stand between delimiters."""
    text = text.strip()
    for left, right, is_display in DELIMITERS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            return text[len(left) : -len(right)].strip(), display or is_display, source
    return text, display, source
