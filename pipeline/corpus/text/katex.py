"""KaTeX's drawing back to LaTeX, for pages that carry neither its MathML nor its source.

The drawing is nested spans: atoms with a class for what they are (mord, mbin, mrel, mop), and
stacks (vlist) whose entries say how high they stand. Depth and size are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape

from pipeline.corpus.text.symbols import FUNCTIONS, OVER, latex_of_text

TAG = re.compile(r"<(/?)(span|svg)\b([^>]*)>|<[^>]*>")
CLASS = re.compile(r"""\bclass\s*=\s*["']?([^"'>]*)""")
HEIGHT = re.compile(r"\btop:\s*(-?\d{0,4}(?:\.\d{0,8})?)em")
WIDTH = re.compile(r"margin-right:\s*(\d{1,3}(?:\.\d{0,8})?)em")
MAX_DEPTH, MAX_MARKUP = 120, 400_000
EMPTY = frozenset(
    "strut pstrut vlist-s frac-line nulldelimiter hide-tail arraycolsep overline-line underline-line tag eqn-num fix"
    " vertical-separator hline rule".split()
)
FONTS = {
    "mathbf": "\\mathbf", "boldsymbol": "\\boldsymbol", "mathbb": "\\mathbb", "mathcal": "\\mathcal",
    "mathfrak": "\\mathfrak", "mathsf": "\\mathsf", "mathtt": "\\mathtt", "mathscr": "\\mathscr", "mathrm": "\\mathrm",
    "mathit": "\\mathit", "textbf": "\\mathbf", "amsrm": "\\mathbb",
}  # fmt: skip
PIECES = (
    dict.fromkeys("⎛⎜⎝", "(")
    | dict.fromkeys("⎞⎟⎠", ")")
    | dict.fromkeys("⎡⎢⎣", "[")
    | dict.fromkeys("⎤⎥⎦", "]")
)
PIECES |= dict.fromkeys("⎧⎨⎩⎪", "{") | dict.fromkeys("⎫⎬⎭", "}")
MATRICES = {
    ("(", ")"): "pmatrix",
    ("[", "]"): "bmatrix",
    ("|", "|"): "vmatrix",
    ("{", ""): "cases",
    ("‖", "‖"): "Vmatrix",
}
# Tall delimiters and long accents are paths; these are the starts by which they are told apart.
SHAPES = {
    sign: re.compile(r"\bd=[\"']" + start, re.S)
    for sign, start in (
        ("[", "M403 1759 V84 H666 V0 H319 V1759 v[-.\\d]+ v1759"), ("]", "M347 1759 V0 H0 V84 H263 V1759 v[-.\\d]+ v1759"),
        ("⌈", "M403 1759 V84"), ("⌉", "M347 1759 V0 H0"), ("⌊", "M319 602 V0 H403 V602 v[-.\\d]+ v1715"), ("⌋", "M319 602"),
        ("‖", "M145 15 .{0,200}M367"), ("|", "M145 15"), ("(", "M863,9c0"), (")", "M76,0c-16"), ("⃗", "M377 20c0"),
        ("→", "M0 241v40"),
    )
}  # fmt: skip
NOT = "\ue020"  # the stroke of KaTeX's font that crosses out what follows
PMOD = re.compile(r"(?:\\quad )*\(\\mathrm\{mod\} ?([^()]*)\)")


@dataclass
class Span:
    """A span: its classes, style, and content, which is spans and texts."""

    classes: frozenset[str] = frozenset()
    style: str = ""
    content: list[Span | str] = field(default_factory=list)

    @cached_property
    def spans(self) -> list[Span]:
        return [child for child in self.content if isinstance(child, Span)]

    @cached_property
    def within(self) -> frozenset[str]:
        """The classes in it, its own too."""
        return self.classes.union(*(child.within for child in self.spans))

    @cached_property
    def text(self) -> str:
        """Its text without the blanks of no width that KaTeX puts into stacks."""
        return "".join(
            child if isinstance(child, str) else child.text for child in self.content
        ).replace("\u200b", "")

    def find(self, name: str) -> Span | None:
        """The first span of a class, itself or inside."""
        span = self if name in self.within else None
        while span is not None and name not in span.classes:
            span = next(child for child in span.spans if name in child.within)
        return span


def latex_of_katex(markup: str) -> str:
    """LaTeX of the inside of a KaTeX element without its MathML; "" when there is no drawing in it."""
    drawing = parse(markup).find("katex-html")
    if drawing is None or (
        "vlist" in markup and "vlist-t" not in markup
    ):  # before 0.8 stacks were of another kind
        return ""
    return PMOD.sub(r"\\pmod{\1}", " ".join(row(drawing.content).split()))


def parse(markup: str) -> Span:
    """The tree of spans; unclosed and stray tags do no harm, deeper levels are flattened."""
    root = Span()
    stack, at, deeper = [root], 0, 0
    for found in TAG.finditer(markup[:MAX_MARKUP]):
        if found.start() > at:
            stack[-1].content.append(unescape(markup[at : found.start()]))
        at = found.end()
        if found[0].startswith("<path"):
            stack[-1].content.append(
                next((sign for sign, shape in SHAPES.items() if shape.search(found[0])), "")
            )
        if not found[2] or found[3].endswith("/"):
            continue
        if found[1]:
            if deeper:
                deeper -= 1
            elif len(stack) > 1:
                stack.pop()
            continue
        if len(stack) >= MAX_DEPTH:
            deeper += 1
            continue
        classes = CLASS.search(found[3])
        span = Span(frozenset(classes[1].split() if classes else ()), found[3])
        stack[-1].content.append(span)
        stack.append(span)
    return root


def row(content: list[Span | str]) -> str:
    """LaTeX of a sequence; a command is kept apart from a letter after it."""
    out = ""
    for child in content:
        piece = (
            latex_of_text(child.replace("\u200b", "")) if isinstance(child, str) else latex(child)
        )
        if piece[:1].isalnum() and re.search(r"\\[A-Za-z]+$", out[-40:]):
            out += " "
        out += piece
    return out


def latex(span: Span) -> str:
    """LaTeX of one span."""
    classes = span.classes
    if classes & EMPTY:
        return ""
    for name, rule in RULES.items():
        if name in classes:
            return rule(span)
    if span.text == "∣":
        return "|"
    font = next((FONTS[name] for name in classes if name in FONTS), None)
    if font and not span.spans:
        return f"{font}{{{latex_of_text(span.text).strip()}}}"
    return fenced(span) or row(span.content)


def entries(span: Span) -> list[Span]:
    """The entries of a stack from the lowest to the highest."""
    stack = span.find("vlist")
    return sorted(stack.spans if stack else [], key=lambda entry: -height(entry))


def height(entry: Span) -> float:
    found = HEIGHT.search(entry.style)
    return float(found[1]) if found and re.search(r"\d", found[1]) else 0.0


def mfrac(span: Span) -> str:
    parts = entries(span)
    bars = [entry for entry in parts if entry.find("frac-line") and not entry.text.strip()]
    low, *rest = [entry for entry in parts if entry not in bars] or [Span()]
    above, below = row(rest[-1].content if rest else []), row(low.content)
    return f"\\frac{{{above}}}{{{below}}}" if bars else f"{{{above} \\atop {below}}}"


def msupsub(span: Span) -> str:
    parts = [row(entry.content).strip() for entry in entries(span)]
    if len(parts) == 1:
        stack = span.find("vlist-t")  # the second class is that of stacks that reach below the line
        return script("_" if stack and "vlist-t2" in stack.classes else "^", parts[0])
    return "".join(script(mark, part) for mark, part in zip("_^", parts, strict=False))


def script(mark: str, text: str) -> str:
    if mark == "^" and text and not text.strip("'"):
        return text
    return f"{mark}{{{text}}}" if text else ""


def limits(span: Span) -> str:
    """A big operator with what stands below and above it."""
    parts = entries(span)
    at = next((place for place, entry in enumerate(parts) if entry.find("mop")), None)
    if at is None:
        return row(span.content)
    below, above = (
        row(parts[place].content).strip() if 0 <= place < len(parts) else ""
        for place in (at - 1, at + 1)
    )
    return row(parts[at].content).strip() + script("_", below) + script("^", above)


def mop(span: Span) -> str:
    if span.find("vlist") or span.find("mop") is not span or span.find("mspace"):
        return limits(span) if "op-limits" in span.classes else row(span.content)
    text = span.text.strip()
    if text.isalpha() and text.isascii():
        return (
            f"\\{text}"
            if text in FUNCTIONS
            else f"\\operatorname{{{text}}}"
            if len(text) > 1
            else text
        )
    return row(span.content)


def sqrt(span: Span) -> str:
    root = span.find("root")
    stack = Span(content=[child for child in span.spans if child is not root])
    body = next((entry for entry in entries(stack) if entry.find("mord")), Span())
    return f"\\sqrt{'[' + row(root.content).strip() + ']' if root else ''}{{{row(body.content)}}}"


def accent(span: Span) -> str:
    body, *above = entries(span) or [Span()]
    sign = above[-1].text.strip() if above else ""
    mark = "\\overrightarrow" if sign == "→" else OVER.get(sign, "\\widehat")
    return f"{mark}{{{row(body.content).strip()}}}"


def line(command: str):
    def rule(span: Span) -> str:
        body = [entry for entry in entries(span) if entry.text.strip()]
        return f"{command}{{{row(body[0].content) if body else ''}}}"

    return rule


def mtable(span: Span) -> str:
    return f"\\begin{{{kind(span)}}}{cells(span)}\\end{{{kind(span)}}}"


def kind(table: Span) -> str:
    return "aligned" if any("col-align-r" in column.classes for column in table.spans) else "matrix"


def cells(table: Span) -> str:
    columns = [
        entries(column)[::-1]
        for column in table.spans
        if any(name.startswith("col-align") for name in column.classes)
    ]
    height_of = max(map(len, columns), default=0)
    rows = [
        [row(column[at].content).strip() if at < len(column) else "" for column in columns]
        for at in range(height_of)
    ]
    return " " + " \\\\ ".join(" & ".join(line) for line in rows) + " "


def fenced(span: Span) -> str | None:
    """A binomial or a matrix between its fences; None for anything else."""
    parts = [part for part in span.spans if part.classes & {"mopen", "mclose"} or part.text.strip()]
    if len(parts) != 3 or "mopen" not in parts[0].classes or "mclose" not in parts[2].classes:
        return None
    ends = tuple(fence(part).replace("∣", "|").replace("∥", "‖") for part in (parts[0], parts[2]))
    inner = parts[1]
    while not inner.classes & {"mtable", "mfrac"} and len(inner.content) == 1 and inner.spans:
        inner = inner.spans[0]
    if "mtable" in inner.classes and ends in MATRICES:
        return f"\\begin{{{MATRICES[ends]}}}{cells(inner)}\\end{{{MATRICES[ends]}}}"
    if "mfrac" in inner.classes and ends == ("(", ")") and not inner.find("frac-line"):
        low, *rest = entries(inner) or [Span()]
        return f"\\binom{{{row(rest[-1].content if rest else [])}}}{{{row(low.content)}}}"
    return None


def fence(span: Span) -> str:
    text = span.text.strip()
    return PIECES.get(text[:1], text[:1])


def delimiter(span: Span) -> str:
    return latex_of_text(fence(span))


def words(span: Span) -> str:
    command = "textbf" if span.find("textbf") else "text"
    return f"\\{command}{{{span.text.replace(chr(0xA0), ' ')}}}"


def mspace(span: Span) -> str:
    width = WIDTH.search(span.style)
    return "\\quad " if width and float(width[1]) >= 0.9 else ""


def mrel(span: Span) -> str:
    if span.text.strip().startswith(NOT):
        return "\\not" + latex_of_text(span.text.replace(NOT, "").strip())
    if span.find("llap") and "∈" in span.text:
        return "\\notin "
    return row(span.content)


def mbin(span: Span) -> str:
    return "\\bmod " if span.text == "mod" else row(span.content)


RULES = {
    "mfrac": mfrac, "msupsub": msupsub, "op-limits": limits, "sqrt": sqrt, "accent": accent, "mtable": mtable,
    "overline": line("\\overline"), "underline": line("\\underline"), "delimsizing": delimiter, "text": words,
    "mspace": mspace, "mop": mop, "mrel": mrel, "mbin": mbin,
}  # fmt: skip
