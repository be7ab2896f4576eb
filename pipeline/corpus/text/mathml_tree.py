"""The markup of MathML as a tree.

A small reader of its own: MathML inside HTML has unquoted attributes and undeclared entities that
an XML parser refuses. Depth and size are bounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from html import unescape

TAG = re.compile(
    r"""<(?:!--.*?--|(/?)(?:\w+:)?([a-zA-Z][\w-]*)((?:[^"'<>]|"[^"]{0,4000}"|'[^']{0,4000}')*?)(/?))>""",
    re.S,
)
ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>/]+))""")
LEAVES = frozenset(
    {
        "mi",
        "mo",
        "mn",
        "mtext",
        "ms",
        "mspace",
        "none",
        "mprescripts",
        "annotation",
        "annotation-xml",
        "ci",
        "cn",
        "csymbol",
    }
)
VOID = frozenset({"mspace", "none", "mprescripts", "sep"})
MAX_DEPTH, MAX_MARKUP = 120, 1_000_000
STROKE = "\u0338"
INVISIBLE = frozenset({"", "\u2061", "\u2062", "\u2063", "\u2064"})
OPENING, CLOSING = frozenset("([{⟨⌊⌈|‖∥∣"), frozenset(")]}⟩⌋⌉|‖∥∣")


@dataclass
class Node:
    """An element of MathML: its local name, attributes, children, and text if it is a leaf."""

    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""


def parse(markup: str) -> Node:
    """The tree of the inside of a <math> element; unclosed and stray tags do no harm, deeper levels
    are flattened.
    """
    root = Node("mrow")
    stack, at = [root], 0
    deeper: Counter[str] = Counter()  # open elements below MAX_DEPTH, which have no node
    for found in TAG.finditer(markup[:MAX_MARKUP]):
        if found.start() > at and stack[-1].name in LEAVES:
            stack[-1].text += markup[at : found.start()]
        at = found.end()
        if not found[2]:
            continue
        name = found[2].lower()
        if found[1]:
            close(name, stack, deeper)
        elif name == "sep":
            stack[-1].text += " "
        elif len(stack) >= MAX_DEPTH and name not in LEAVES:
            deeper[name] += not found[4]
        else:
            node = Node(name, attributes_of(found[3]))
            stack[-1].children.append(node)
            if not found[4] and name not in VOID:
                stack.append(node)
    return root


def attributes_of(raw: str) -> dict[str, str]:
    return {m[1].lower(): unescape(m[2] or m[3] or m[4] or "") for m in ATTRIBUTE.finditer(raw)}


def close(name: str, stack: list[Node], deeper: Counter[str]) -> None:
    """End the innermost open element of a name; a stray end tag does nothing."""
    if deeper[name]:
        deeper[name] -= 1
        return
    for place in range(len(stack) - 1, 0, -1):
        if stack[place].name == name:
            del stack[place:]
            return


def leaf_text(node: Node) -> str:
    """The text of a leaf, with that of leaves which KaTeX puts into it; a negating stroke joins
    what it strikes.
    """
    text = (
        unescape(node.text) + "".join(map(leaf_text, node.children))
        if node.children
        else unescape(node.text)
    )
    text = text.replace("\n", " ") if node.name == "mtext" else " ".join(text.split())
    return unicodedata.normalize("NFC", text) if STROKE in text else text


def is_invisible(node: Node) -> bool:
    """Whether an element is an operator that is not drawn, as the one that applies a function."""
    return node.name == "mo" and not node.children and leaf_text(node) in INVISIBLE


def unwrapped(node: Node) -> Node:
    """The one element inside nested rows and styles."""
    while node.name in ("mrow", "mstyle", "mpadded") and len(node.children) == 1:
        node = node.children[0]
    return node


def fence(node: Node) -> str | None:
    """The character of a fence, "" for an invisible one; None when `node` is no fence."""
    node = unwrapped(node)
    if node.name == "mrow" and not node.children:
        return ""
    if node.name != "mo":
        return None
    text = leaf_text(node)
    return text if text in OPENING or text in CLOSING or text in ("", ".") else None


def is_fenced(node: Node) -> bool:
    children = unwrapped(node).children
    return len(children) > 1 and fence(children[0]) is not None and fence(children[-1]) is not None
