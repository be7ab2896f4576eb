"""One tokenizer for classifier, near-duplicates and decontamination.

Its tokens keep mathematics apart: words, numbers, operators (any other visible character), LaTeX
commands, and single CJK characters (a language written without blanks has no other words that all
tools agree on). Classifier and near-duplicates use all classes, decontamination words, numbers and
CJK characters. Tokens are NFKC-normalised and lower-cased one by one, so that the span of each in
the text stays known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003134f"
COMMAND = r"\\(?:[A-Za-z]+|[^\s\w])"
NUMBER = r"\d+(?:\.\d+)?|[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089]"
WORD = rf"[^\W\d_{CJK}\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089]+"
ALL = re.compile(rf"{WORD}|{NUMBER}|[{CJK}]|{COMMAND}|[^\s\w]|_")
GRAM = re.compile(rf"{COMMAND}|({WORD}|{NUMBER}|[{CJK}])")
CLASSES = re.compile(
    rf"(?P<command>{COMMAND})|(?P<cjk>[{CJK}])|(?P<number>{NUMBER})|(?P<word>{WORD})|(?P<operator>\S)"
)
CJK_CHARACTER = re.compile(rf"[{CJK}]")
LETTER = re.compile(r"[^\W\d_]")


@lru_cache(maxsize=1 << 16)
def normal(token: str) -> str:
    """NFKC, lower case: full-width digits and letters become the plain ones."""
    return unicodedata.normalize("NFKC", token).lower()


def tokens(text: str) -> list[str]:
    """All tokens of `text`, normalised. `tokens("若 $x^2=9$")` is ["若", "$", "x", "^", "2", "=",
    "9", "$"].
    """
    if text.isascii():
        return ALL.findall(text.lower())
    return [
        token if token.isascii() else normal(token) for token in ALL.findall(_lower_ascii(text))
    ]


def classed(text: str) -> Iterator[tuple[str, str]]:
    """(class, normalised token) of each token; class is one of the names in `CLASSES`."""
    for match in CLASSES.finditer(text):
        yield match.lastgroup, normal(match.group())


def grams(text: str) -> list[str]:
    """Words, numbers and CJK characters of `text`, normalised: what decontamination compares."""
    if text.isascii():
        return list(filter(None, GRAM.findall(text.lower())))
    return [
        gram if gram.isascii() else normal(gram)
        for gram in filter(None, GRAM.findall(_lower_ascii(text)))
    ]


def gram_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) in `text` of each of its `grams`."""
    return [match.span(1) for match in GRAM.finditer(_lower_ascii(text)) if match.group(1)]


ASCII_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _lower_ascii(text: str) -> str:
    """Lower only ASCII letters: every index stays where it was (str.lower may lengthen a text)."""
    return text.translate(ASCII_UPPER)


CODE_LINE = re.compile(r"[{};=<>()_#]|//|\.\w+\(")
PROSE_WORD = re.compile(r"[A-Za-z]{2,}")


def language(text: str) -> str:
    """ "zh" when more than a tenth of the letters are CJK, else "en".

    Letters of code and of formulas are no evidence: of a page with at least 50 CJK characters whose
    letters stand mostly in lines of code, only the lines that look like prose are counted.
    """
    head = text[:20_000]
    cjk = len(CJK_CHARACTER.findall(head))
    letters = len(LETTER.findall(head))
    if cjk > 0.1 * max(letters, 1):
        return "zh"
    if cjk < 50:
        return "en"
    prose = 0
    for line in head.split("\n"):
        words = PROSE_WORD.findall(line)
        code = len(CODE_LINE.findall(line))
        if len(words) > 4 and code * 5 < len(words):
            prose += sum(map(len, words))
    return "zh" if cjk > 0.1 * (prose + cjk) else "en"
