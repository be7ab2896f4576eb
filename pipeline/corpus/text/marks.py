"""Characters of private use that mark places in a text while it is put together.

A page's own characters of these numbers are taken out first, however it writes them, so that none
of what it says is taken for a mark.
"""

from __future__ import annotations

import re
from html import unescape

# Around a formula's number, and for a line break. In the last plane, where a search of a page that
# holds no character beyond the first ends before it begins.
OPEN, CLOSE, BREAK = "\U00100001", "\U00100002", "\U00100003"
# They stand for $, \ and ` in code, where these delimit nothing.
DOLLAR, BACKSLASH, TICK = "\U00100004", "\U00100005", "\U00100006"
MARKS = OPEN + CLOSE + BREAK + DOLLAR + BACKSLASH + TICK
PLACE = re.compile(OPEN + r"(\d+)" + CLOSE)
REFERENCE = re.compile(
    r"&#(?:x0*+10000[1-6](?![0-9a-f])|0*+10485(?:7[7-9]|8[0-2])(?![0-9]));?", re.I
)
NONE = str.maketrans("", "", MARKS)


def without_marks(text: str) -> str:
    """A text without the characters that are marks here."""
    # A search for one character is ten times as fast as one for a class of them.
    if text.isascii() or not any(mark in text for mark in MARKS):
        return text
    return text.translate(NONE)


def unescaped(text: str) -> str:
    """A text with its references to characters undone, save those that would make a mark."""
    return unescape(REFERENCE.sub("", text) if "&#" in text else text)


def shield(markup: str) -> str:
    """Text in which nothing delimits formulas."""
    return markup.replace("$", DOLLAR).replace("\\", BACKSLASH).replace("`", TICK)


def shield_code(code: str) -> str:
    """Code as it may stand in a block: nothing delimits formulas, and what it shows stays as it is
    when the block is unescaped.
    """
    code = shield(without_marks(code))
    return code.replace("&", "&amp;") if "&" in code else code


def unshield(text: str) -> str:
    return text.replace(DOLLAR, "$").replace(BACKSLASH, "\\").replace(TICK, "`")
