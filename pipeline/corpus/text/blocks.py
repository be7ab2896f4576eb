"""Blocks of a page (paragraph, list item, table row): which are kept, and how they become text."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.corpus.text.formulas import Formula, latex_of_marks
from pipeline.corpus.text.marks import BREAK, OPEN, unshield
from pipeline.corpus.text.noise import weight

# Lines around an article that stand on every page of a site: rights, dates, counters, gifts,
# neighbours.
LEGAL = re.compile(
    r"^\W{0,3}(?:©|\(c\)|copyright\b|all rights reserved|powered by|licensed under|版权所有|版权声明"
    r"|本页面最近更新|本文链接|本作品采用|本文采用|转载请注明|许可协议|还没有人送礼物|打赏|赞赏作者|上一篇|下一篇|相关推荐|相关文章|猜你喜欢|阅读原文"
    r"|(?:previous post|next post|related posts?|share this)\b)",
    re.I,
)
ICP = re.compile(r"^\W{0,3}.{0,12}ICP备")  # a site's number in the Chinese register
DIGIT = re.compile(r"\d")
DATED = re.compile(
    r"^\W{0,3}(?:最新推荐文章于|(?:首次)?发布(?:于|时间)|编辑于|更新于|最后更新|(?:最后)?修改(?:于|时间)"
    r"|(?:posted|published|(?:last )?(?:updated|modified|edited|revised)) (?:on|at|by|in)?\b)"
    r".{0,80}\d{2,4}",
    re.I,
)
COUNTED = re.compile(
    r"^\W{0,3}(?:[\d.,]+\s*[kw万千]?\s*(?:次)?(?:阅读|浏览|人赞同|点赞|收藏|评论|条评论|views?|reads?|likes?)"
    r"|(?:阅读|浏览|点赞|收藏|评论)(?:数|量|次数)?\s*[:：]?\s*[\d.,]+\s*[kw万千]?"
    r")\W*$",
    re.I,
)


# The letters that the three patterns begin with, to pass over most lines without trying them.
FIRST = frozenset("caplnrsume版本转许还打赞上下相猜阅最首发编更修浏点收评")


class Block(NamedTuple):
    """Text with formula marks; the weight of its links (noise.weight); the tag that began it."""

    text: str
    linked: int
    tag: str


def finish(blocks: list[Block], found: list[Formula]) -> tuple[str, list[Formula]]:
    """Leave out blocks that are mostly links or legal notes; write the formulas out."""
    kept = [block.text for block in blocks if not is_boilerplate(block)]
    text, used = latex_of_marks("\n".join(kept), found)
    lines = (line.strip() for line in text.replace(BREAK, "\n").split("\n"))
    text = "\n".join(line for line in lines if line.strip(" |"))
    return unshield(text), used


def is_boilerplate(block: Block) -> bool:
    """A short block most of whose text is links, or a line that is on every page of a site.

    A block that holds a formula never is one.
    """
    if OPEN in block.text or block.tag in ("h1", "h2"):
        return False
    size = weight(block.text)
    if block.linked > 0.5 * size and size < 400:
        return True
    if size >= 300:
        return False
    first = block.text[:1]
    if first.isalpha() and first.lower() not in FIRST:
        return "ICP备" in block.text and ICP.match(block.text) is not None
    if LEGAL.match(block.text) or ICP.match(block.text):
        return True
    if size >= 200 or not DIGIT.search(block.text):
        return False
    return (DATED.match(block.text) or COUNTED.match(block.text)) is not None
