"""Formulas and blocks as HTML, as real pages write them, and as an ideal extraction gives them.

A text holds an inline formula as OPEN latex CLOSE; a block with the tag "display" holds the LaTeX
of one display formula.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import quote

from pipeline.world.web.mathml import to_mathml

OPEN, CLOSE = "\x02", "\x03"
_FORMULA = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
_DOLLARS = re.compile(r"\$([^$\n]+)\$")
_PROSE = re.compile(r"[a-z]{3,} +[a-z]{2,}|[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Doc:
    """What a page says, apart from its chrome: blocks of (tag, text).

    Tags are h1, h2, p, li, pre, row, quote and display.
    """

    title: str
    blocks: tuple[tuple[str, str], ...]


def mark(text: str) -> str:
    r"""Turn `$latex$` into marked formulas.

    A pair of dollars around words ("$5 and pays $") stays as it is.
    """
    return _DOLLARS.sub(lambda m: m[0] if _PROSE.search(m[1]) else OPEN + m[1] + CLOSE, text)


def plain(doc: Doc) -> str:
    """The text of an ideal extraction.

    One line per block, formulas as $..$ and $$..$$, the cells of a row separated by spaces.
    """
    out = [doc.title]
    for tag, text in doc.blocks:
        if tag == "display":
            out.append(f"$${text}$$")
        else:
            out.append(_FORMULA.sub(r"$\1$", text.replace("\t", " ")))
    return "\n".join(out)


def formulas(doc: Doc) -> list[dict]:
    """Its formulas in order: {"latex", "display"}."""
    found = [{"latex": latex, "display": False} for latex in _FORMULA.findall(doc.title)]
    for tag, text in doc.blocks:
        if tag == "display":
            found.append({"latex": text, "display": True})
        else:
            found.extend({"latex": latex, "display": False} for latex in _FORMULA.findall(text))
    return found


def _mathjax_script(latex: str, display: bool) -> str:
    mode = "; mode=display" if display else ""
    return f'<span class="MathJax_Preview"></span><script type="math/tex{mode}">{latex}</script>'


def _parentheses(latex: str, display: bool) -> str:
    return rf"\[{escape(latex, quote=False)}\]" if display else rf"\({escape(latex, quote=False)}\)"


def _dollars(latex: str, display: bool) -> str:
    return f"$${escape(latex, quote=False)}$$" if display else f"${escape(latex, quote=False)}$"


def _container(latex: str, display: bool) -> str:
    return f'<span class="math-container">{_dollars(latex, display)}</span>'


_MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML"'


def _annotation(latex: str) -> str:
    return f'<annotation encoding="application/x-tex">{escape(latex, quote=False)}</annotation>'


def _katex(latex: str, display: bool) -> str:
    inner = to_mathml(latex)
    if inner is None:
        return _parentheses(latex, display)
    glyphs = re.sub(r"\\[a-zA-Z]+|[{}^_\s]", "", latex)
    visual = "".join(f'<span class="mord">{escape(glyph)}</span>' for glyph in glyphs)
    html = (
        f'<span class="katex"><span class="katex-mathml">{_MATH}><semantics>'
        f"<mrow>{inner}</mrow>{_annotation(latex)}</semantics></math></span>"
        f'<span class="katex-html" aria-hidden="true"><span class="base">'
        f'<span class="strut" style="height:0.64em"></span>{visual}</span></span></span>'
    )
    return f'<span class="katex-display">{html}</span>' if display else html


def _mathml_annotated(latex: str, display: bool) -> str:
    inner = to_mathml(latex)
    if inner is None:
        return _parentheses(latex, display)
    mode = ' display="block"' if display else ""
    alt = escape(rf"{{\displaystyle {latex}}}")
    return (
        f'{_MATH}{mode} alttext="{alt}"><semantics><mrow>{inner}</mrow>'
        f"{_annotation(latex)}</semantics></math>"
    )


def _mathml(latex: str, display: bool) -> str:
    inner = to_mathml(latex)
    if inner is None:
        return _parentheses(latex, display)
    mode = ' display="block"' if display else ""
    return f"{_MATH}{mode}><mrow>{inner}</mrow></math>"


def _image(latex: str, display: bool) -> str:
    kind = "latex displaystyle" if display else "latex"
    return (
        f'<img src="https://latex.codecogs.com/png.latex?{quote(latex)}" alt="{escape(latex)}" '
        f'title="{escape(latex)}" class="{kind}">'
    )


SOURCES: dict[str, Callable[[str, bool], str]] = {
    "mathjax_script": _mathjax_script,
    "parentheses": _parentheses,
    "dollars": _dollars,
    "container": _container,
    "katex": _katex,
    "mathml_annotated": _mathml_annotated,
    "mathml": _mathml,
    "image": _image,
}


@lru_cache(maxsize=1 << 15)
def formula_html(latex: str, display: bool, source: str) -> str:
    """One formula in the notation `source` (a key of SOURCES)."""
    return SOURCES[source](latex, display)


def inline_html(text: str, source: str) -> str:
    """The text escaped, its formulas in the notation `source`."""
    if OPEN not in text:
        return escape(text, quote=False)
    pieces = _FORMULA.split(text)
    return "".join(
        formula_html(piece, False, source) if k % 2 else escape(piece, quote=False)
        for k, piece in enumerate(pieces)
    )


_WRAP = {"li": ("<ul>\n", "</ul>\n"), "row": ('<table class="data">\n', "</table>\n")}


def body_html(doc: Doc, source: str) -> str:
    """The blocks as HTML.

    Neighbouring li become a list, neighbouring rows (cells separated by tabs) a table.
    """
    out: list[str] = []
    group = ""
    for tag, text in doc.blocks:
        wanted = tag if tag in _WRAP else ""
        if wanted != group:
            out.append((_WRAP[group][1] if group else "") + (_WRAP[wanted][0] if wanted else ""))
            group = wanted
        if tag == "display":
            out.append(f'<div class="formula">{formula_html(text, True, source)}</div>\n')
        elif tag == "row":
            cells = "".join(f"<td>{inline_html(cell, source)}</td>" for cell in text.split("\t"))
            out.append(f"<tr>{cells}</tr>\n")
        elif tag == "pre":
            out.append(f"<pre><code>{escape(text, quote=False)}</code></pre>\n")
        elif tag == "quote":
            out.append(f"<blockquote><p>{inline_html(text, source)}</p></blockquote>\n")
        else:
            out.append(f"<{tag}>{inline_html(text, source)}</{tag}>\n")
    out.append(_WRAP[group][1] if group else "")
    return "".join(out)
