"""Blocks of a page (paragraph, list item, table row): which are kept, and how they become text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.corpus.text.formulas import (
    BACKSLASH,
    BREAK,
    DOLLAR,
    OPEN,
    TICK,
    Formula,
    latex_of_marks,
)
from pipeline.corpus.text.noise import weight

PRIVATE = re.compile("[\ue000-\ue005]")
LEGAL = re.compile(
    r"^(?:©|\(c\)|copyright\b|all rights reserved|powered by|版权所有|.{0,12}ICP备|本页面最近更新)",
    re.I,
)


@dataclass
class Block:
    """Text with formula marks; the weight of its links (noise.weight); the tag that began it."""

    text: str
    linked: int
    tag: str


def shield(code: str) -> str:
    return PRIVATE.sub("", code).replace("$", DOLLAR).replace("\\", BACKSLASH).replace("`", TICK)


def finish(blocks: list[Block], found: list[Formula]) -> tuple[str, list[Formula]]:
    """Leave out blocks that are mostly links or legal notes; write the formulas out."""
    kept = [block.text for block in blocks if not is_boilerplate(block)]
    text, used = latex_of_marks("\n".join(kept), found)
    lines = (line.strip() for line in text.replace(BREAK, "\n").split("\n"))
    text = "\n".join(line for line in lines if line.strip(" |"))
    return text.replace(DOLLAR, "$").replace(BACKSLASH, "\\").replace(TICK, "`"), used


def is_boilerplate(block: Block) -> bool:
    """A short block most of whose text is links, or a line that is on every page of a site.

    A block that holds a formula never is one.
    """
    if OPEN in block.text or block.tag in ("h1", "h2"):
        return False
    size = weight(block.text)
    if block.linked > 0.5 * size and size < 400:
        return True
    return size < 300 and LEGAL.match(block.text) is not None
