"""Which elements are formulas, and the LaTeX in them.

A formula is often on a page several times: as source, as MathML for screen readers and as drawn glyphs. An element that
holds all of them is read as one, and its best source is taken: annotation, alttext, data-latex, script, image text,
and only then the own converter of MathML.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.corpus.asciimath import latex_of_asciimath
from pipeline.corpus.formulas import TEXT_ARGUMENT
from pipeline.corpus.markup import (
    DELIMITED_CLASSES,
    FORMULA,
    LATEX_ATTRIBUTES,
    LATEX_CLASSES,
    LATEX_TAGS,
    NEITHER,
    NOISE,
    attributes,
    is_noise_word,
    plain,
)
from pipeline.corpus.mathml import latex_of_mathml

CUSTOM = LATEX_TAGS | {"math", "mjx-container"}
WRAPPERS = frozenset(
    {
        "katex",
        "katex-display",
        "mwe-math-element",
        "mathjax_display",
        "mathjax",
        "mathjax_preview",
        "mathjax_chtml",
        "mathjax_svg",
        "mathjax_svg_display",
        "mjx-chtml",
        "mjpage",
        "ltx_math",
        "tex",
        "asciimath",
    }
)
ANNOTATION = re.compile(
    r"<annotation\b[^>]*encoding\s*=\s*[\"']?(?:application/x-tex|latex|tex|application/x-latex)\b[^>]*>(.*?)</annotation",
    re.S | re.I,
)
VALUE = re.compile(r"""[\w-]+\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")
MATH_SCRIPT = re.compile(r"<script\b([^>]*math/(?:tex|asciimath|mml)[^>]*)>(.*?)</script", re.S | re.I)
DELIMITERS = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))
ESCAPED = re.compile(TEXT_ARGUMENT + r"|\\.", re.S)
LATEX_SIGN = re.compile(r"[\\^_={}]|^\s*[A-Za-z0-9]\s*$")
IMAGE_CLASS = re.compile(
    r"\b(?:latex|tex|math|mwe-math-fallback-image\w*|equation|formula|texhtml|mathtex|wp-latex)", re.I
)
SURE_CLASS = re.compile(r"\b(?:latex|tex|mathtex|wp-latex|mwe-math-fallback-image\w*)\b")
IMAGE_SOURCE = re.compile(
    r"latex\.php|codecogs\.com|mimetex|mathtex|/math/render/|chart\?.*cht=tx|/latex(?:image|render)?[/?]|texify|/tex\.(?:cgi|php)|zhihu\.com/equation",
    re.I,
)

FORMULA_CLASSES = WRAPPERS | DELIMITED_CLASSES | LATEX_CLASSES

Found = tuple[str, bool, str]  # LaTeX, whether display, source


def kind_of(name: str, classes: str) -> int:
    """Whether an element may be a formula, or is noise, by its name and classes."""
    words = classes.split()[:12]
    if name in CUSTOM or any(word.lower() in FORMULA_CLASSES for word in words):
        return FORMULA
    if name not in ("body", "html", "main", "article") and any(map(is_noise_word, words)):
        return NOISE
    return NEITHER


def element_formula(name: str, attrs: dict[str, str], inner: str, page: str) -> Found | None:
    """The formula that an element is. ("", ..) when it only draws one that stands elsewhere; None when it is none."""
    classes = frozenset(attrs.get("class", "").lower().split())
    display = (
        attrs.get("display", "").lower() in ("true", "block") or attrs.get("mode") == "display" or "block" in attrs
    )
    display = display or bool(
        classes
        & {"katex-display", "mathjax_display", "mathjax_svg_display", "math-display", "katex-block", "math-block"}
    )
    if name == "math":
        return math_element(attrs, inner, display)
    for key in LATEX_ATTRIBUTES:
        if attrs.get(key, "").strip() and not classes & {"math-container"}:
            return undelimited(attrs[key], display, "data-latex")
    if name in LATEX_TAGS:
        return undelimited(plain(inner), display, "delimiters")
    if (
        classes
        & {
            "mathjax_preview",
            "mathjax",
            "mathjax_display",
            "mathjax_chtml",
            "mathjax_svg",
            "mathjax_svg_display",
            "mjx-chtml",
        }
        and name != "mjx-container"
    ):
        return rendered_by_mathjax2(attrs, inner, display, page)
    found = inside(inner, display)
    if found is not None or name == "mjx-container":
        return found
    if "asciimath" in classes:
        return latex_of_asciimath(plain(inner).strip().strip("`")), display, "asciimath"
    if classes & DELIMITED_CLASSES or classes & LATEX_CLASSES:
        return delimited_element(plain(inner), display, bool(classes & LATEX_CLASSES))
    return None


def inside(inner: str, display: bool) -> Found | None:
    """The one formula inside a wrapper, from its best source."""
    script = MATH_SCRIPT.search(inner) if "<script" in inner else None
    if script:
        return script_formula(attributes(script[1]), script[2])
    at = inner.find("data-latex")
    data = VALUE.match(inner, at) if at >= 0 else None
    if data:
        return unescape(data[1] or data[2] or data[3] or ""), display, "data-latex"
    at = inner.find("<math")
    if at >= 0:
        start, end = inner.find(">", at), inner.rfind("</math")
        attrs = attributes(inner[at + 5 : start])
        display = display or attrs.get("display") == "block" or "mathml-display" in inner[:at]
        return math_element(attrs, inner[start + 1 : end if end > start else None], display)
    at = inner.find("<img")
    return image_formula(attributes(inner[at + 4 : inner.find(">", at)])) if at >= 0 else None


def math_element(attrs: dict[str, str], inner: str, display: bool) -> Found | None:
    """A <math> element: its TeX annotation, its alttext, its data-latex, else converted."""
    at = inner.find("<annotation")
    annotation = ANNOTATION.search(inner, at) if at >= 0 else None
    if annotation and annotation[1].strip():
        return unescape(annotation[1]), display, "annotation"
    for key, source in (("alttext", "alttext"), ("data-latex", "data-latex")):
        if attrs.get(key, "").strip():
            return attrs[key], display, source
    return latex_of_mathml(inner), display, "mathml"


def rendered_by_mathjax2(attrs: dict[str, str], inner: str, display: bool, page: str) -> Found | None:
    """What MathJax 2 draws beside its script: nothing when the script is there, else the MathML that it carries."""
    if "mathjax_preview" in attrs.get("class", "").lower() or "math/tex" in page or "math/asciimath" in page:
        return "", display, "script"
    mathml = attrs.get("data-mathml", "")
    if not mathml and "data-mathml" in inner:
        mathml = next(
            (a["data-mathml"] for a in map(attributes, re.findall(r"<span\b([^>]*)>", inner)) if "data-mathml" in a), ""
        )
    return inside(mathml or inner, display)


def script_formula(attrs: dict[str, str], inner: str) -> Found | None:
    """A <script type="math/..."> element."""
    kind = attrs.get("type", "").lower()
    display = "mode=display" in kind.replace(" ", "")
    inner = inner.replace("<![CDATA[", "").replace("]]>", "").replace("% <![CDATA[", "").strip()
    if kind.startswith("math/tex"):
        return unescape(inner) if "&" in inner and "\\" not in inner else inner, display, "script"
    if kind.startswith("math/asciimath"):
        return latex_of_asciimath(inner), display, "asciimath"
    if kind.startswith("math/mml"):
        return inside(inner, display)
    return None


def may_be_formula_image(raw: str) -> bool:
    return IMAGE_CLASS.search(raw, 0, 4_000) is not None or IMAGE_SOURCE.search(raw, 0, 4_000) is not None


def image_formula(attrs: dict[str, str]) -> Found | None:
    """An image of a formula: LaTeX in its address (codecogs, latex.php, mimetex ...) or in its alternative text."""
    source = attrs.get("src", "") or attrs.get("data-src", "")
    by_source = IMAGE_SOURCE.search(source) is not None
    classes = attrs.get("class", "")
    if not by_source and not IMAGE_CLASS.search(classes):
        return None
    display = "display" in classes or "block" in classes
    alt = attrs.get("alt", "").strip() or attrs.get("title", "").strip()
    if alt and (by_source or SURE_CLASS.search(classes) or LATEX_SIGN.search(alt)):
        return undelimited(alt, display, "img")
    latex = latex_of_address(source) if by_source else ""
    return (latex, display, "img") if latex else None


def latex_of_address(source: str) -> str:
    """The LaTeX in the query of an image server's URL."""
    try:
        parts = urlsplit(source)
    except ValueError:
        return ""
    if not parts.query:
        return ""
    named = dict(parse_qsl(parts.query.replace("+", "%2B")))
    for key in ("latex", "tex", "chl", "eq", "math", "formula"):
        if key in named:
            return named[key]
    query = unquote(parts.query)
    query = re.sub(r"^(?:\\(?:dpi\{\d+\}|large|inline|fn_\w+|bg_\w+))+\s*", "", query)
    return query if LATEX_SIGN.search(query) else ""


def undelimited(text: str, display: bool, source: str) -> Found:
    """LaTeX that may stand between delimiters."""
    text = text.strip()
    for left, right, is_display in DELIMITERS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            return text[len(left) : -len(right)], display or is_display, source
    return text, display, source


def delimited_element(text: str, display: bool, bare: bool) -> Found | None:
    """An element whose whole text is one delimited formula; without delimiters only when `bare` and it looks like
    LaTeX."""
    text = text.strip()
    for left, right, is_display in DELIMITERS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            inner = text[len(left) : -len(right)]
            seen = ESCAPED.sub("", inner) if left[0] == "$" else inner
            if left not in seen and right not in seen:
                return inner, display or is_display, "delimiters"
            return None
    if text.startswith("\\begin{") and text.endswith("}"):
        return text, True, "delimiters"
    return (text, display, "delimiters") if bare and LATEX_SIGN.search(text) and len(text) < 2_000 else None
