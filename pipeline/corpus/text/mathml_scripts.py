"""Scripts of MathML: sub, sup, under, over and their accents."""

from __future__ import annotations

import re

from pipeline.corpus.text.mathml_row import ends_in_script, latex, row
from pipeline.corpus.text.mathml_tree import Node, is_fenced, is_invisible, leaf_text, unwrapped
from pipeline.corpus.text.symbols import BIG, FUNCTIONS, OVER, UNDER


def based(node: Node) -> str:
    """The base of a script, in braces when it is more than one symbol."""
    text = latex(node)
    if ends_in_script(text):
        return f"{{{text.strip()}}}"  # two superscripts of one base are no LaTeX
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


def arguments(node: Node, count: int) -> list[Node] | None:
    """The children of an element that takes `count` of them; None when there are not so many.

    KaTeX writes an invisible operator as one child more: what cannot be drawn is left out, the rest
    is one row.
    """
    children = node.children
    if len(children) > count:
        children = [child for child in children if not is_invisible(child)]
    if len(children) > count:
        children = [*children[: count - 1], Node("mrow", {}, children[count - 1 :])]
    return children if len(children) == count else None


def msub(node: Node) -> str:
    found = arguments(node, 2)
    if found is None:
        return row(node.children)
    return scripts(based(found[0]) or "{}", latex(found[1]), None)


def msup(node: Node) -> str:
    found = arguments(node, 2)
    if found is None:
        return row(node.children)
    return scripts(based(found[0]) or "{}", None, latex(found[1]))


def msubsup(node: Node) -> str:
    found = arguments(node, 3)
    if found is None:
        return row(node.children)
    return scripts(based(found[0]) or "{}", latex(found[1]), latex(found[2]))


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
    found = arguments(node, 2)
    if found is None:
        return row(node.children)
    base, below = found
    mark = UNDER.get(leaf_text(unwrapped(below)))
    if mark:
        return f"{mark}{{{latex(base).strip()}}}"
    if takes_limits(base):
        name = leaf_text(unwrapped(base))
        named = len(name) > 1 and name.isalpha() and name.isascii() and name not in FUNCTIONS
        return scripts(f"\\operatorname*{{{name}}}" if named else based(base), latex(below), None)
    return f"\\underset{{{latex(below).strip()}}}{{{latex(base).strip()}}}"


def mover(node: Node) -> str:
    found = arguments(node, 2)
    if found is None:
        return row(node.children)
    base, above = found
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
    found = arguments(node, 3)
    if found is None:
        return row(node.children)
    base, below, above = found
    if takes_limits(base):
        return scripts(based(base), latex(below), latex(above))
    inner = mover(Node("mover", {}, [base, above]))
    return f"\\underset{{{latex(below).strip()}}}{{{inner}}}"


def mmultiscripts(node: Node) -> str:
    """Pairs of scripts after the base, and before it where <mprescripts/> stands."""
    if not node.children:
        return ""
    names = [child.name for child in node.children]
    cut = names.index("mprescripts") if "mprescripts" in names else len(names)
    after, before = node.children[1:cut], node.children[cut + 1 :]
    out = "".join(scripts("{}", low, high) for low, high in pairs(before))
    out += based(node.children[0]) or "{}"
    for place, (low, high) in enumerate(pairs(after)):
        out += scripts("{}" if place else "", low, high)
    return out


def pairs(children: list[Node]) -> list[tuple[str, str]]:
    """(below, above) of scripts that alternate; a last one without partner stands below."""
    texts = [latex(child) for child in children] + [""] * (len(children) % 2)
    return list(zip(texts[::2], texts[1::2], strict=True))


ELEMENTS = {
    "msub": msub, "msup": msup, "msubsup": msubsup, "munder": munder, "mover": mover, "munderover": munderover,
    "mmultiscripts": mmultiscripts,
}  # fmt: skip
