"""Presentation MathML to LaTeX, for formulas whose page carries no TeX source."""

from __future__ import annotations

import re

from pipeline.corpus.text.mathml_tree import Node, fence, is_fenced, leaf_text, parse, unwrapped
from pipeline.corpus.text.symbols import (
    BIG,
    FUNCTIONS,
    OVER,
    SYMBOLS,
    UNDER,
    VARIANTS,
    latex_of_text,
)

PMOD = re.compile(r"\\(?:q?quad|;)\s*\(\\mathrm\{mod\}\\[;,]\s*")
ARROWS = re.compile(
    r"\\;\s*(\\(?:iff|implies|impliedby))\s*\\;"
)  # MathJax writes the blanks of \iff out


def latex_of_mathml(markup: str) -> str:
    """LaTeX of the inside of a <math> element: "<mfrac><mn>1</mn><mi>n</mi></mfrac>" gives "\\frac{1}{n}"."""
    latex_text = re.sub(r"\s+", " ", row(parse(markup).children)).strip()
    return with_pmod(ARROWS.sub(r"\1 ", latex_text))


def with_pmod(text: str) -> str:
    """Blank and bracketed mod, which is what MathML has left of \\pmod, become \\pmod again."""
    out, at = [], 0
    for found in PMOD.finditer(text):
        depth, end = 1, found.end()
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if depth == 0 and found.start() >= at:
            out += [text[at : found.start()], f"\\pmod{{{text[found.end() : end - 1]}}}"]
            at = end
    return "".join(out) + text[at:]


def latex(node: Node) -> str:
    """LaTeX of one element."""
    rule = RULES.get(node.name)
    return rule(node) if rule else row(node.children)


def row(children: list[Node]) -> str:
    """LaTeX of a sequence; a command is kept apart from a letter after it."""
    parts: list[str] = []
    skip = fenced_special(children)
    if skip is not None:
        return skip
    for index, child in enumerate(children):
        piece = latex(child)
        if is_function_name(child, children[index + 1 : index + 2]):
            piece = f"\\operatorname{{{leaf_text(child)}}}"
        if not piece:
            continue
        if parts and piece[:1].isalnum() and re.search(r"\\[A-Za-z]+$", parts[-1]):
            parts.append(" ")
        parts.append(piece)
    return "".join(parts)


def is_function_name(node: Node, following: list[Node]) -> bool:
    text = leaf_text(node)
    applied = bool(following) and following[0].name == "mo" and leaf_text(following[0]) == "\u2061"
    return (
        node.name == "mi"
        and len(text) > 1
        and text.isalpha()
        and text.isascii()
        and applied
        and text not in FUNCTIONS
    )


def fenced_special(children: list[Node]) -> str | None:
    """Binomials, matrices and cases: a fraction without line, or a table, between fences."""
    core = [c for c in children if not (c.name == "mrow" and not c.children) and c.name != "mspace"]
    if len(core) not in (2, 3):
        return None
    left, middle = fence(core[0]), unwrapped(core[1])
    right = fence(core[2]) if len(core) == 3 else ""
    if left is None or right is None:
        return None
    if middle.name == "mfrac" and (left, right) == ("(", ")") and no_line(middle):
        return f"\\binom{{{latex(middle.children[0])}}}{{{latex(middle.children[1])}}}"
    if middle.name == "mtable":
        body = table_body(middle)
        named = {
            ("(", ")"): "pmatrix",
            ("[", "]"): "bmatrix",
            ("{", ""): "cases",
            ("|", "|"): "vmatrix",
            ("‖", "‖"): "Vmatrix",
            ("{", "}"): "Bmatrix",
        }
        kind = named.get((left.replace("∣", "|"), right.replace("∣", "|")))
        if kind:
            return f"\\begin{{{kind}}}{body}\\end{{{kind}}}"
    return None


def no_line(node: Node) -> bool:
    return (
        len(node.children) == 2
        and re.match(r"0(?:\.0*)?\s*(?:pt|em|px|ex)?$", node.attrs.get("linethickness", "x"))
        is not None
    )


def table_body(node: Node) -> str:
    rows = []
    for line in node.children:
        cells = [latex(cell).strip() for cell in line.children]
        rows.append(" & ".join(cells[1:] if line.name == "mlabeledtr" else cells))
    return " " + " \\\\ ".join(rows) + " "


def mtable(node: Node) -> str:
    if (
        len(node.children) == 1
        and node.children[0].name == "mlabeledtr"
        and len(node.children[0].children) == 2
    ):
        label, body = map(latex, node.children[0].children)
        return f"{body} \\tag{{{re.sub(r'[()]|.text|[{}]', '', label).strip()}}}"
    aligned = "right" in node.attrs.get("columnalign", "") and len(node.children) >= 1
    kind = "aligned" if aligned else "matrix"
    return f"\\begin{{{kind}}}{table_body(node)}\\end{{{kind}}}"


def mi(node: Node) -> str:
    text = leaf_text(node)
    variant = node.attrs.get("mathvariant", "")
    if text in FUNCTIONS:
        return f"\\{text}"
    inner = latex_of_text(text)
    if inner[:1] == "\\" and variant == "normal":
        return inner
    if variant in VARIANTS and text:
        return f"{VARIANTS[variant]}{{{inner.strip()}}}"
    if len(text) > 1 and text.isalpha() and text.isascii():
        return f"\\mathrm{{{text}}}"
    return inner


def mo(node: Node) -> str:
    text = leaf_text(node)
    if text in FUNCTIONS:
        return f"\\{text}"
    if text in ("mod", "lim sup", "lim inf"):
        return {"mod": "\\bmod ", "lim sup": "\\limsup", "lim inf": "\\liminf"}[text]
    if len(text) > 1 and text.isalpha() and text.isascii():
        return f"\\operatorname{{{text}}}"
    return latex_of_text(text)


def mn(node: Node) -> str:
    text, variant = latex_of_text(leaf_text(node)), node.attrs.get("mathvariant", "normal")
    return f"{VARIANTS[variant]}{{{text}}}" if variant in VARIANTS and variant != "normal" else text


def mtext(node: Node) -> str:
    text = leaf_text(node).replace("\u00a0", " ")
    if not text.strip():
        return "\\ " if text else ""
    return f"\\text{{{text}}}"


def mspace(node: Node) -> str:
    width = re.match(r"(-?[\d.]+)em", node.attrs.get("width", ""))
    size = (
        float(width[1])
        if width and width[1].count(".") < 2 and width[1] not in ("-", ".", "-.")
        else 0.0
    )
    return (
        "\\qquad "
        if size >= 2
        else "\\quad "
        if size >= 1
        else "\\;"
        if size >= 0.27
        else "\\,"
        if size > 0.1
        else ""
    )


def mfrac(node: Node) -> str:
    if len(node.children) != 2:
        return row(node.children)
    top, bottom = map(latex, node.children)
    if node.attrs.get("bevelled") == "true":
        return f"{top}/{bottom}"
    if no_line(node):
        return f"{{{top} \\atop {bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def msqrt(node: Node) -> str:
    return f"\\sqrt{{{row(node.children)}}}"


def mroot(node: Node) -> str:
    if len(node.children) != 2:
        return msqrt(node)
    return f"\\sqrt[{latex(node.children[1])}]{{{latex(node.children[0])}}}"


def based(node: Node) -> str:
    """The base of a script, in braces when it is more than one symbol."""
    text = latex(node)
    single = re.fullmatch(r"\\?[A-Za-z]+\s?|\\[a-z]+\{[^{}]*\}|.|\d+|\\[^A-Za-z]", text.strip())
    if node.name in ("msub", "msup", "msubsup", "mfrac", "msqrt") or (
        not single and unwrapped(node).name == "mrow" and text.strip()
    ):
        return text.strip() if is_fenced(node) else f"{{{text.strip()}}}"
    return text.strip()


def scripts(base: str, below: str | None, above: str | None) -> str:
    above_text = above.strip() if above else ""
    out = base + (f"_{{{below.strip()}}}" if below and below.strip() else "")
    if above_text and not above_text.strip("'"):
        return out + above_text
    return out + (f"^{{{above_text}}}" if above_text else "")


def msub(node: Node) -> str:
    return (
        scripts(based(node.children[0]), latex(node.children[1]), None)
        if len(node.children) == 2
        else row(node.children)
    )


def msup(node: Node) -> str:
    return (
        scripts(based(node.children[0]), None, latex(node.children[1]))
        if len(node.children) == 2
        else row(node.children)
    )


def msubsup(node: Node) -> str:
    if len(node.children) != 3:
        return row(node.children)
    return scripts(based(node.children[0]), latex(node.children[1]), latex(node.children[2]))


def takes_limits(node: Node) -> bool:
    """Whether scripts above and below this base are written _ and ^."""
    core = unwrapped(node)
    text = leaf_text(core)
    if core.name in ("munder", "mover", "munderover") and core.children:
        return leaf_text(unwrapped(core.children[-1])) in ("⏞", "⏟", "︷", "︸")
    return core.name in ("mo", "mi", "mtext") and (
        text in BIG or (len(text) > 1 and text.replace(" ", "").isalpha())
    )


def munder(node: Node) -> str:
    if len(node.children) != 2:
        return row(node.children)
    base, below = node.children
    mark = UNDER.get(leaf_text(unwrapped(below)))
    if mark:
        return f"{mark}{{{latex(base).strip()}}}"
    if takes_limits(base):
        name = leaf_text(unwrapped(base))
        named = len(name) > 1 and name.isalpha() and name.isascii() and name not in FUNCTIONS
        return scripts(f"\\operatorname*{{{name}}}" if named else based(base), latex(below), None)
    return f"\\underset{{{latex(below).strip()}}}{{{latex(base).strip()}}}"


def mover(node: Node) -> str:
    if len(node.children) != 2:
        return row(node.children)
    base, above = node.children
    accent, inner = leaf_text(unwrapped(above)), latex(base).strip()
    mark = OVER.get(accent) if unwrapped(above).name in ("mo", "mi", "mtext") else None
    if mark:
        wide = len(re.sub(r"\\[a-z]+\{|[{}]", "", inner)) > 1 and not re.fullmatch(
            r"\\[A-Za-z]+", inner
        )
        swap = {
            "\\hat": "\\widehat",
            "\\tilde": "\\widetilde",
            "\\bar": "\\overline",
            "\\vec": "\\overrightarrow",
        }
        stretched = unwrapped(above).attrs.get("stretchy") == "true"
        narrow = unwrapped(above).attrs.get("stretchy") == "false"
        mark = swap.get(mark, mark) if (wide and not narrow) or stretched else mark
        return f"{mark}{{{inner}}}"
    if takes_limits(base):
        return scripts(based(base), None, latex(above))
    if leaf_text(unwrapped(base)) in ("→", "⟶", "←", "⟵"):
        return f"\\x{'right' if leaf_text(unwrapped(base)) in '→⟶' else 'left'}arrow{{{latex(above).strip()}}}"
    return f"\\overset{{{latex(above).strip()}}}{{{inner}}}"


def munderover(node: Node) -> str:
    if len(node.children) != 3:
        return row(node.children)
    base, below, above = node.children
    if takes_limits(base):
        return scripts(based(base), latex(below), latex(above))
    inner = mover(Node("mover", {}, [base, above]))
    return f"\\underset{{{latex(below).strip()}}}{{{inner}}}"


def mmultiscripts(node: Node) -> str:
    if not node.children:
        return ""
    names = [child.name for child in node.children]
    cut = names.index("mprescripts") if "mprescripts" in names else len(names)
    after, before = node.children[1:cut], node.children[cut + 1 :]
    out = "".join(
        scripts("{}", latex(a), latex(b)) for a, b in zip(before[::2], before[1::2], strict=False)
    )
    out += based(node.children[0])
    return out + "".join(
        scripts("", latex(a), latex(b)) for a, b in zip(after[::2], after[1::2], strict=False)
    )


def mfenced(node: Node) -> str:
    left, right = node.attrs.get("open", "("), node.attrs.get("close", ")")
    separator = (node.attrs.get("separators", ",") or "")[:1]
    inner = separator.join(map(latex, node.children))
    return f"\\left{SYMBOLS.get(left, left) or '.'}{inner}\\right{SYMBOLS.get(right, right) or '.'}"


def mrow(node: Node) -> str:
    """A row; between stretching fences it becomes \\left ... \\right."""
    children = node.children
    inner_class = node.attrs.get("data-mjx-texclass") == "INNER"
    if (
        inner_class
        and len(children) >= 2
        and all(fence(c) is not None for c in (children[0], children[-1]))
    ):
        special = fenced_special(children)
        if special is not None:
            return special
        left, right = fence(children[0]), fence(children[-1])
        body = row(children[1:-1])
        return f"\\left{SYMBOLS.get(left, left) or '.'} {body}\\right{SYMBOLS.get(right, right) or '.'}"
    return row(children)


def menclose(node: Node) -> str:
    notation = node.attrs.get("notation", "")
    command = (
        "\\boxed"
        if "box" in notation
        else "\\cancel"
        if "strike" in notation
        else "\\sqrt"
        if "radical" in notation
        else ""
    )
    return f"{command}{{{row(node.children)}}}" if command else row(node.children)


def semantics(node: Node) -> str:
    return latex(node.children[0]) if node.children else ""


def nothing(node: Node) -> str:
    return ""


RULES = {
    "mi": mi,
    "mo": mo,
    "mn": mn,
    "mtext": mtext,
    "ms": mtext,
    "mspace": mspace,
    "mfrac": mfrac,
    "msqrt": msqrt,
    "mroot": mroot,
    "msub": msub,
    "msup": msup,
    "msubsup": msubsup,
    "munder": munder,
    "mover": mover,
    "munderover": munderover,
    "mmultiscripts": mmultiscripts,
    "mfenced": mfenced,
    "mrow": mrow,
    "mtable": mtable,
    "menclose": menclose,
    "semantics": semantics,
    "annotation": nothing,
    "annotation-xml": nothing,
    "none": nothing,
    "mprescripts": nothing,
    "mphantom": nothing,
    "merror": nothing,
}
