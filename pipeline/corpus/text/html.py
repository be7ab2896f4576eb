"""HTML to text with its mathematics: formulas as LaTeX between $ or $$, boilerplate left out,
Chinese kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.corpus.text.blocks import finish
from pipeline.corpus.text.formulas import Formula
from pipeline.corpus.text.marks import without_marks
from pipeline.corpus.text.markup import MAIN_MARKS, TAG, Ends
from pipeline.corpus.text.reader import Reader

PROLOGUE = re.compile(r"\A\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype[^>]*>)?", re.I)
TORN = re.compile(r"<[a-zA-Z/!]")  # a tag without its end, after the last that has one
SHORTEST_MAIN = 250  # characters; a "main" element with less text is not where the page is
SHORT_ARTICLE = 2_000  # characters; a lone <article> with less text may be a teaser


@dataclass(frozen=True)
class Extracted:
    """Text of a page, one block (paragraph, list item, table row) per line, and the formulas in it
    in order.

    `unread` counts the formulas that the page shows and that have no source that can be read.
    """

    text: str
    formulas: tuple[Formula, ...]
    unread: int = 0


def extract(page: str) -> Extracted:
    """The main text of an HTML page.

    Time is linear in the page's length; a formula occurs once however often it is drawn.
    """
    torn = TORN.search(page, page.rfind(">") + 1)
    page = without_marks(page[: torn.start()] if torn else page)
    first = PROLOGUE.match(page).end()
    start, end, is_article = main_range(page, first, Ends(page))
    found = read(page, start, end)
    if (start, end) == (first, len(page)):
        return found
    size = len(found.text)
    if size >= (SHORT_ARTICLE if is_article else SHORTEST_MAIN):
        return found
    whole = read(page, first, len(page))
    ratio = 4 if size < SHORTEST_MAIN and not is_article else 2
    return whole if len(whole.text) > ratio * size else found


def read(page: str, start: int, end: int) -> Extracted:
    reader = Reader(page)
    text, formulas = finish(reader.read(start, end), reader.formulas.found)
    return Extracted(text, tuple(formulas), reader.formulas.unread)


def main_range(page: str, first: int, ends: Ends) -> tuple[int, int, bool]:
    """Where the element lies that says it is the main content, and whether only a lone <article>
    says so.

    The whole page from `first` when no element does, or several articles do.
    """
    for mark in (*MAIN_MARKS, "<article"):
        if mark == "<article" and page.count(mark) != 1:
            break
        at = page.find(mark)
        while (
            at >= 0
            and mark[0] == "<"
            and page[at + len(mark) : at + len(mark) + 1] not in " >\n\t\r"
        ):
            at = page.find(mark, at + 1)  # <main-header> is no <main>
        begin = page.rfind("<", 0, at + 1)
        tag = TAG.match(page, begin) if at >= 0 else None
        if tag is None or not tag[2] or tag[1] or tag.end() < at:
            continue
        inside = ends.nested(tag[2].lower(), tag.end())
        if inside is not None:
            return tag.end(), inside[0], mark == "<article"
    return first, len(page), False
