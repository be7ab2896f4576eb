"""One form for texts that say the same: what decontamination can compare beside the paper's exact
grams.

Chinese numerals become digits, traditional characters simplified ones, LaTeX becomes the plain text
that it stands for, and characters that nobody sees go. Lines stay lines, so that a match can be
traced to the lines of the page.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from pipeline.corpus.text.symbols import FUNCTIONS, GREEK

UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
RAISED = str.maketrans(
    {c: f"^{n}" for n, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
    | {c: f"_{n}" for n, c in enumerate("₀₁₂₃₄₅₆₇₈₉")}
)
PLAIN = {f"\\{name}": f" {name} " for name in FUNCTIONS} | {
    latex: character for character, latex in GREEK.items()
}
COMMAND = re.compile(r"\\[A-Za-z]+")
FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
COMMA = re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))")
DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
UNITS = {"十": 10, "百": 100, "千": 1_000}
MYRIADS = {"万": 10_000, "亿": 100_000_000}
NUMERAL = re.compile(f"[{''.join((*DIGITS, *UNITS, *MYRIADS))}]+")
PART_OF = re.compile(r"(\d+)分之(\d+)")


def normalised(text: str) -> str:
    """The common form of a text, with as many lines."""
    if "\\" in text:
        text = FRACTION.sub(lambda m: f"{m[1] or m[2]}/{m[3] or m[4]}", text)
        text = COMMAND.sub(lambda m: PLAIN.get(m[0], m[0]), text)
    text = unicodedata.normalize("NFKC", text.translate(RAISED)).translate(UNSEEN)
    text = text.translate(simplified())
    text = PART_OF.sub(r"\2/\1", NUMERAL.sub(lambda m: digits_of(m[0]), text))
    return COMMA.sub("", text)


def digits_of(numeral: str) -> str:
    """A Chinese numeral in digits: 三百二十 is 320, and one digit after another, as in 二〇二四, is 2024."""
    if not any(character in UNITS or character in MYRIADS for character in numeral):
        return "".join(str(DIGITS[character]) for character in numeral)
    total = part = digit = 0
    for character in numeral:
        if character in DIGITS:
            digit = DIGITS[character]
        elif character in UNITS:
            part += (digit or 1) * UNITS[character]
            digit = 0
        else:
            unit = MYRIADS[character]
            here = part + digit
            total = total + here * unit if total >= unit else (total + here or 1) * unit
            part = digit = 0
    return str(total + part + digit)


@lru_cache(maxsize=1)
def simplified() -> dict[int, str]:
    """The simplified form of each traditional character."""
    lines = Path(__file__).with_name("traditional.txt").read_text(encoding="utf-8").splitlines()
    pairs = "".join(line for line in lines if not line.startswith("#"))
    return {ord(a): b for a, b in zip(pairs[::2], pairs[1::2], strict=True)}
