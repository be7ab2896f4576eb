"""The markup of MathML as a tree.

An own small reader: MathML inside HTML has unquoted attributes and undeclared entities that an XML parser refuses.
Depth and size are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

TAG = re.compile(
    r"""<(?:!--.*?--|(/?)(?:\w+:)?([a-zA-Z][\w-]*)((?:[^"'<>]|"[^"]{0,4000}"|'[^']{0,4000}')*?)(/?))>""",
    re.S,
)
ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>/]+))""")
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
    }
)
VOID = frozenset({"mspace", "none", "mprescripts"})
MAX_DEPTH, MAX_MARKUP = 120, 200_000
OPENING, CLOSING = frozenset("([{⟨⌊⌈|‖∥∣"), frozenset(")]}⟩⌋⌉|‖∥∣")


@dataclass
class Node:
    """An element of MathML: its local name, attributes, children, and text if it is a leaf."""

    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""


def parse(markup: str) -> Node:
    """The tree of the inside of a <math> element; unclosed and stray tags do no harm, deeper levels are flattened."""
    root = Node("mrow")
    stack, at = [root], 0
    for found in TAG.finditer(markup[:MAX_MARKUP]):
        if found.start() > at and stack[-1].name in LEAVES:
            stack[-1].text += markup[at : found.start()]
        at = found.end()
        if not found[2]:
            continue
        name = found[2].lower()
        if found[1]:
            open_names = [node.name for node in stack[1:]]
            if name in open_names:
                del stack[1 + len(open_names) - 1 - open_names[::-1].index(name) :]
            continue
        node = Node(
            name,
            {
                m[1].lower(): unescape(m[2] or m[3] or m[4] or "")
                for m in ATTRIBUTE.finditer(found[3])
            },
        )
        stack[-1].children.append(node)
        if not found[4] and name not in VOID and len(stack) < MAX_DEPTH:
            stack.append(node)
    return root


def leaf_text(node: Node) -> str:
    return (
        " ".join(unescape(node.text).split())
        if node.name != "mtext"
        else unescape(node.text).replace("\n", " ")
    )


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
