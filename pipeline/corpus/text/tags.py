"""What a tag does to the text that is read.

It follows from the tag's spelling alone, and a page repeats few spellings very often, so the reader
asks once for each.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.corpus.text.markup import (
    BLOCKS,
    CARRIES_LATEX,
    CLASS,
    FORMULA,
    IGNORED,
    NEITHER,
    NOISE,
    SKIPPED,
    hints_noise,
)
from pipeline.corpus.text.noise import is_noise_word
from pipeline.corpus.text.recognise import CUSTOM, kind_of

# What a tag does: nothing, begin or end a block, a link, or a <sup> or <sub>, stand for a character,
# begin a comment, whatever its name and attributes ask for, and the same where a > between quotes
# cut the attributes short.
NOTHING, BLOCK, END_BLOCK, LINK, END_LINK, SCRIPT, END_SCRIPT, BREAKS, CELL = range(9)
COMMENT, OPEN, TORN = range(9, 12)
LONGEST = 120  # characters of a spelling that is remembered; longer ones hardly come back
MAY_CARRY = re.compile(
    r"data-(?:latex|tex|math|expr|formula|katex|equation-content|attrs)|data:|latex-data|mathtag"
)  # a literal at the front of each, by which `re` skips text
IDENTIFIER = re.compile(r"""\bid\s*=\s*["']?([^\s"'>]+)""")
OPENING = {"br": BREAKS, "td": CELL, "th": CELL, "a": LINK, "sup": SCRIPT, "sub": SCRIPT}
OPENING |= dict.fromkeys(BLOCKS, BLOCK) | dict.fromkeys(("pre", "code", "var", "img"), OPEN)
OPENING |= dict.fromkeys(SKIPPED, OPEN)
CLOSING = dict.fromkeys(BLOCKS, END_BLOCK) | {"a": END_LINK, "sup": END_SCRIPT, "sub": END_SCRIPT}


class Tag(NamedTuple):
    """A tag: what it does, its name in lower case, its attributes as they stand, whether it may be
    a formula or noise, and whether it has a class by which the page's MathJax is told to pass it
    over.
    """

    does: int
    name: str = ""
    raw: str = ""
    kind: int = NEITHER
    ignored: bool = False


PASSED = Tag(NOTHING)
OPENED = {name: Tag(does, name) for name, does in OPENING.items()}
CLOSED = {name: Tag(does, name) for name, does in CLOSING.items()}


def tag_of(found: re.Match[str]) -> Tag:
    """The tag of a match of `markup.TAG`."""
    name = found[2]
    if name is None:
        return Tag(COMMENT) if found[0] == "<!--" else PASSED
    if not name.islower():
        name = name.lower()
    if found[1]:
        return CLOSED.get(name, PASSED)
    raw = found[3]
    if raw and (raw.count('"') & 1 or raw.count("'") & 1):
        return Tag(TORN, name, raw)
    return opening(name, raw)


def opening(name: str, raw: str) -> Tag:
    """An opening tag of these attributes."""
    if name in SKIPPED or name == "img":
        return Tag(OPEN, name, raw)
    if not raw and name not in CUSTOM:
        return OPENED.get(name, PASSED)
    classes = classes_of(raw) if "class" in raw else ""
    kind = kind_of(name, classes)
    if "data" in raw and MAY_CARRY.search(raw) and CARRIES_LATEX.search(raw):
        kind = FORMULA
    elif kind == NEITHER and hints_noise(name, raw) and is_suspect(raw):
        kind = NOISE
    ignored = ("gnore" in classes or "mathjax" in classes) and is_ignored(name, classes)
    if kind or ignored:
        return Tag(OPEN, name, raw, kind, ignored)
    return OPENED.get(name, PASSED)


def classes_of(raw: str) -> str:
    """The value of the class attribute."""
    at = raw.find("class")
    if raw.startswith('="', at + 5) and not raw[at - 1 : at].isalnum():  # the usual spelling
        return raw[at + 7 : raw.find('"', at + 7)]
    found = CLASS.search(raw)
    return (found[1] or found[2] or found[3] or "") if found else ""


def is_suspect(raw: str) -> bool:
    """Whether more than an id that names nothing makes an element suspect."""
    if "role=" in raw or "aria-hidden" in raw or "style" in raw:
        return True
    found = IDENTIFIER.search(raw)
    return found is not None and is_noise_word(found[1])


def is_ignored(name: str, classes: str) -> bool:
    """Whether MathJax is told to leave the text of an element alone; not so what PreTeXt has it draw
    when a reader opens it.
    """
    return (
        name not in ("body", "html")
        and IGNORED.search(classes) is not None
        and "hidden-content" not in classes
    )
