"""Which elements are formulas, and the LaTeX in them.

A formula is often on a page several times: as source, as MathML for screen readers and as drawn
glyphs. An element that holds all of them is read as one, and its best source is taken: annotation,
alttext, data-latex, script, image text, and only then the own converters of MathML and of KaTeX's
drawing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from urllib.parse import unquote

from pipeline.corpus.text.asciimath import latex_of_asciimath
from pipeline.corpus.text.delimiters import TEXT_ARGUMENT
from pipeline.corpus.text.families import family_formula, label_formula, mathml_formula
from pipeline.corpus.text.formulas import NAMES, WORD
from pipeline.corpus.text.images import (
    DELIMITERS,
    LATEX_SIGN,
    Found,
    image_formula,
    is_no_prose,
    undelimited,
)
from pipeline.corpus.text.katex import latex_of_katex
from pipeline.corpus.text.markup import (
    COMPONENT_ATTRIBUTES,
    DELIMITED_CLASSES,
    FORMULA,
    LATEX_ATTRIBUTES,
    LATEX_CLASSES,
    LATEX_TAGS,
    NEITHER,
    NOISE,
    attributes,
    plain,
)
from pipeline.corpus.text.mathml import latex_of_mathml
from pipeline.corpus.text.noise import WHOLE, is_noise_word

MATH = frozenset({"math", "m:math", "mml:math", "mathml:math"})
CUSTOM = LATEX_TAGS | MATH | {"mjx-container"}
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
        "mjx-svg",
        "ltx_math",
        "tex",
        "asciimath",
        "latex-rendered",
        "mathjye",
        "js-render-math",
        "language-math",
    }
)
ANNOTATION = re.compile(
    r"<annotation\b(?!-)[^>]*encoding\s*=\s*[\"']?\s*(?:(?:application|text)/)?(?:x-)?(?:la)?tex\b[^>]*>"
    r"(.*?)</annotation",
    re.S | re.I,
)
# What may stand around the one <semantics> of a formula whose annotation is of the whole.
AROUND = re.compile(r"(?:\s|</?(?:mrow|mstyle|mpadded)\b[^>]*>)*", re.I)
LISTING = frozenset(
    "highlight hljs prettyprint sourcecode listing brush code-block codehilite shiki".split()
)
VALUE = re.compile(r"""[\w-]+\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")
PREFIX = re.compile(r"<(/?)(?:m|mml|mathml):(?=[a-z])", re.I)
CDATA = re.compile(r"(?<!\\)%?\s*(?:<!\[CDATA\[|\]\]>)")  # kramdown hides it behind % from TeX
# What MathJax 2 draws or leaves beside a preview; what comes after a preview that stands alone is
# none of these.
RENDERED = re.compile(
    r"\s*<(?:script\b[^>]{0,200}math/|[a-z-]+\b[^>]{0,400}(?:MathJax|mjx-))", re.I
)
DRAWN = re.compile(r"<(?:nobr|svg|mjx-|img)|class=[\"'](?:mjx-|mi\b|mo\b|mrow)", re.I)
ANY_LEAF = re.compile(r"<m[ion]\b|<mtext\b|<c[in]\b", re.I)
UNREAD = "unread"
SCRIPT_NEXT = re.compile(r"\s*<script\b[^>]{0,200}math/", re.I)
PLACEHOLDERS = frozenset({"[math]", "[Math Processing Error]"})
MATH_SCRIPT = re.compile(
    r"<script\b([^>]*math/(?:tex|asciimath|mml)[^>]*)>(.*?)</script", re.S | re.I
)
BARE = re.compile(
    r"(?!\s*(?:\$|\\[(\[]))(?=[^<]*[\\^_=+<>&])[^<]{1,2000}$"
)  # no markup, no delimiters, and a sign
ESCAPED = re.compile(TEXT_ARGUMENT + r"|\\.", re.S)
SURE_CLASSES = frozenset(
    {"wp-katex-eq", "katex-inline", "katex-block"}
)  # their text is LaTeX whatever it looks like
DISPLAY_CLASSES = frozenset(
    "katex-display mathjax_display mathjax_svg_display math-display katex-block math-block".split()
)
MATHJAX2_CLASSES = frozenset(
    "mathjax_preview mathjax mathjax_display mathjax_chtml mathjax_svg mathjax_svg_display mjx-chtml".split()
)
FORMULA_CLASSES = WRAPPERS | DELIMITED_CLASSES | LATEX_CLASSES


@lru_cache(maxsize=4_096)
def kind_of(name: str, classes: str) -> int:
    """Whether an element may be a formula, or noise, by its name and classes."""
    words = [word.lower() for word in classes.split()[:12]]
    if name in CUSTOM:
        return FORMULA
    if FORMULA_CLASSES.intersection(words) and not LISTING.intersection(words):
        return FORMULA
    if name not in WHOLE and any(map(is_noise_word, words)):
        return NOISE
    return NEITHER


def element_formula(
    name: str,
    attrs: dict[str, str],
    inner: str,
    page: str,
    end: int,
    has_scripts: Callable[[], bool],
) -> Found | None:
    """The formula that an element is, which ends at `end` of the page. `has_scripts` says
    whether MathJax 2 finds formulas in scripts of the page.

    ("", .., "script") when it only draws a formula that stands elsewhere, ("", .., UNREAD) when it
    draws one whose source is nowhere, None when it is none.
    """
    traits = traits_of(attrs.get("class", ""))
    display = is_display(attrs, traits)
    if name in MATH:
        return math_element(attrs, inner, display)
    if not traits.container:
        for key in LATEX_ATTRIBUTES:
            if key in attrs and attrs[key].strip():
                escaped = "x-ck12-" in attrs.get("class", "")
                latex = unquote(attrs[key]) if escaped else attrs[key]
                return undelimited(latex, display, "data-latex")
    if name in LATEX_TAGS:
        for key in COMPONENT_ATTRIBUTES:
            if attrs.get(key, "").strip():
                return undelimited(attrs[key], display, "data-latex")
    if name in LATEX_TAGS or traits.code:
        return undelimited(plain(inner), display or name == "pre", "delimiters")
    if traits.mathjax2 and name != "mjx-container":
        return rendered_by_mathjax2(attrs, inner, display, page, end, has_scripts)
    found = inside(inner, display) if "<" in inner else None
    if found is None and traits.katex and "katex-html" in inner:
        found = latex_of_katex(inner), display, "visual"
    if found is None:
        found = family_formula(attrs, inner, display)
    if found is not None:
        return found if found[0].strip() else ("", display, UNREAD)
    if name == "mjx-container":
        return "", display, UNREAD
    return written_out(name, traits, inner, display)


def is_display(attrs: dict[str, str], traits: Traits) -> bool:
    return (
        traits.display
        or attrs.get("display", "").lower() in ("true", "block")
        or "display" in (attrs.get("mode"), attrs.get("data-math-style"))
        or "block" in attrs
        or attrs.get("data-display") == "true"
    )


def written_out(name: str, traits: Traits, inner: str, display: bool) -> Found | None:
    """The formula that is the text of an element, with delimiters or without."""
    if traits.asciimath:
        return latex_of_asciimath(plain(inner).strip().strip("`")), display, "asciimath"
    if traits.sure or (traits.pandoc and "<" not in inner):
        return undelimited(plain(inner), display, "delimiters")
    if traits.only_math and name in ("em", "code", "var") and "<" not in inner:  # Texinfo
        return undelimited(plain(inner), display, "delimiters")
    if traits.only_math and BARE.match(inner) and is_no_prose(inner):  # kramdown without an engine
        return undelimited(plain(inner), display or name == "div", "delimiters")
    if traits.delimited or traits.latex:
        return delimited_element(plain(inner), display, traits.latex)
    return None


@dataclass(frozen=True)
class Traits:
    """What the classes of an element say of it."""

    display: bool
    container: bool  # of Stack Exchange, whose attributes repeat what it holds
    mathjax2: bool
    katex: bool
    asciimath: bool
    sure: bool
    pandoc: bool
    only_math: bool
    delimited: bool
    latex: bool
    code: bool  # of GitLab, Gitea and GitHub, where it holds bare LaTeX


@lru_cache(maxsize=4_096)
def traits_of(value: str) -> Traits:
    """The traits of the value of a class attribute; pages repeat few of them very often."""
    classes = frozenset(value[:400].lower().split())
    pandoc = "math" in classes and bool(classes & {"inline", "display"})
    return Traits(
        display=bool(classes & DISPLAY_CLASSES)
        or ("display" in classes and (pandoc or "language-math" in classes)),
        container="math-container" in classes,
        mathjax2=bool(classes & MATHJAX2_CLASSES),
        katex=bool(classes & {"katex", "katex-display"}),
        asciimath="asciimath" in classes,
        sure=bool(classes & SURE_CLASSES),
        pandoc=pandoc,
        only_math=classes == {"math"},
        delimited=bool(classes & DELIMITED_CLASSES),
        latex=bool(classes & LATEX_CLASSES),
        code=bool(classes & {"js-render-math", "language-math"}),
    )


def inside(inner: str, display: bool) -> Found | None:
    """The one formula inside a wrapper, from its best source."""
    script = MATH_SCRIPT.search(inner) if "<script" in inner else None
    if script:
        return script_formula(attributes(script[1]), script[2])
    at = inner.find("data-latex")
    data = VALUE.match(inner, at) if at >= 0 else None
    if data and is_of_whole(inner, at):
        return unescape(data[1] or data[2] or data[3] or ""), display, "data-latex"
    at = inner.find("<math")
    if at < 0 and ":math" in inner:
        inner = PREFIX.sub(r"<\1", inner)
        at = inner.find("<math")
    if at >= 0:
        start, end = inner.find(">", at), inner.rfind("</math")
        attrs = attributes(inner[at + 5 : start])
        display = display or attrs.get("display") == "block" or "mathml-display" in inner[:at]
        return math_element(attrs, inner[start + 1 : end if end > start else None], display)
    if data:
        return unescape(data[1] or data[2] or data[3] or ""), display, "data-latex"
    if "<svg" in inner and (labelled := label_formula(inner, display)):
        return labelled
    at = inner.find("<img")
    return image_formula(attributes(inner[at + 4 : inner.find(">", at)])) if at >= 0 else None


def is_of_whole(inner: str, at: int) -> bool:
    """Whether the tag around `at` is that of the whole formula, and not of a part that MathJax 4
    labels as well.
    """
    tag = inner.rfind("<", 0, at)
    return tag >= 0 and (not inner[:tag].strip() or inner.startswith(("<mjx-math", "<math"), tag))


def math_element(attrs: dict[str, str], inner: str, display: bool) -> Found | None:
    """A <math> element: the TeX annotation of all of it, its alttext, its data-latex, else
    converted.
    """
    if ":m" in inner:
        inner = PREFIX.sub(r"<\1", inner)
    annotation = annotation_of(inner)
    if annotation:
        return annotation, display, "annotation"
    for key, source in (("alttext", "alttext"), ("data-latex", "data-latex")):
        latex = attrs.get(key, "").strip()
        if not latex:
            continue
        if key == "alttext" and is_spoken(latex):
            converted = latex_of_mathml(inner)
            if converted:
                return converted, display, "mathml"
        return attrs[key], display, source
    converted = latex_of_mathml(inner)
    if converted:
        return converted, display, "mathml"
    return ("", display, UNREAD) if ANY_LEAF.search(inner) else None


def annotation_of(inner: str) -> str:
    """The TeX annotation of a formula; "" when there is none, or only one of a part of it."""
    at = inner.find("<annotation")
    annotation = ANNOTATION.search(inner, at) if at >= 0 else None
    if annotation is None or not annotation[1].strip():
        return ""
    start, end = inner.find("<semantics"), inner.rfind("</semantics")
    if start >= 0:
        close = inner.find(">", end) + 1 if end > start else len(inner)
        if (start and AROUND.sub("", inner[:start])) or (
            close < len(inner) and AROUND.sub("", inner[close:])
        ):
            return ""
    return unescape(annotation[1]) if "&" in annotation[1] else annotation[1]


def is_spoken(text: str) -> bool:
    """Whether an alternative text is read aloud ("x squared plus 1") and not LaTeX."""
    if re.search(r"[\\^_{}]", text):
        return False
    return any(word not in NAMES for word in WORD.findall(text))


def rendered_by_mathjax2(
    attrs: dict[str, str],
    inner: str,
    display: bool,
    page: str,
    end: int,
    has_scripts: Callable[[], bool],
) -> Found | None:
    """What MathJax 2 draws beside its script: nothing when the script is there, else the MathML
    that it carries, or the LaTeX of a preview that stands alone.
    """
    if "mathjax_preview" in attrs.get("class", "").lower():
        text = plain(inner).strip()
        alone = text not in PLACEHOLDERS and RENDERED.match(page, end) is None
        return undelimited(text, display, "delimiters") if alone else ("", display, "script")
    if has_scripts():
        return "", display, "script"
    mathml = attrs.get("data-mathml", "")
    if not mathml and "data-mathml" in inner:
        mathml = next(
            (
                a["data-mathml"]
                for a in map(attributes, re.findall(r"<span\b([^>]*)>", inner))
                if "data-mathml" in a
            ),
            "",
        )
    found = mathml_formula(mathml, display) if mathml else inside(inner, display)
    if found is None or not found[0].strip():
        label = attrs.get("aria-label", "")
        found = label_formula(f'aria-label="{escape(label)}"', display) if label else None
    if found is None and DRAWN.search(inner):
        return "", display, UNREAD
    return found


def script_formula(attrs: dict[str, str], inner: str) -> Found | None:
    """A <script type="math/..."> element."""
    kind = attrs.get("type", "").lower()
    display = "mode=display" in kind.replace(" ", "")
    inner = CDATA.sub("", inner).strip() if "CDATA" in inner else inner.strip()
    if kind.startswith("math/tex"):
        return unescape(inner) if "&" in inner and "\\" not in inner else inner, display, "script"
    if kind.startswith("math/asciimath"):
        return latex_of_asciimath(inner), display, "asciimath"
    if kind.startswith("math/mml"):
        return inside(inner, display)
    return None


def delimited_element(text: str, display: bool, bare: bool) -> Found | None:
    """An element whose whole text is one delimited formula; without delimiters only when `bare` and
    it looks like LaTeX.
    """
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
    return (
        (text, display, "delimiters")
        if bare and LATEX_SIGN.search(text) and len(text) < 2_000
        else None
    )
