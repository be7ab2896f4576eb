"""Multiple choice: letters and circled marks as answers. Which letter an output chooses:
letters.py."""

from __future__ import annotations

import re
from functools import lru_cache

from pipeline.grading.answer.text import unwrap

_ANSWER = re.compile(
    r"(?:(?:option|choice|answer|选项?)\s*)?\(?([A-J])(?:\)|(?=[.:\s]|$))"
    r"(?:[.:\s](?!\s*(?:or|and|\\lor|\\vee|[,&/+]|(?:is|are) (?:not|false|wrong|incorrect))\b)(?!\s*[A-J]\b).*)?",
    re.S | re.I,
)
_TRAILING = re.compile(r"[^()]*\(([A-J])\)")  # 12 (C)
_SEVERAL = re.compile(r"\(?[A-G]\)?(?:\s*[,、;]?\s*(?:and)?\s*\(?[A-G]\)?)+")
_CIRCLED = re.compile("[①-⑳⑴-⒇]")
_LETTER = re.compile(r"\(?([A-J])\)?")
_ANY_LETTER = re.compile(r"\(?([A-Z])\)?")
_QUOTES = re.compile(r"[\[\]{}\"'\\]")
_STYLES = re.compile(r"\\(?:text(?:bf|it|rm)?|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_MARKS = re.compile(r"\(?\d{1,2}\)?(?:\s*(?:,|and)?\s*\(?\d{1,2}\)?)*")


@lru_cache(maxsize=4096)
def is_choice(reference: str) -> bool:
    """Whether the reference is one letter A to J."""
    return _LETTER.fullmatch(unwrap(without_styles(reference))) is not None


def compare(answer: str, reference: str, a: str, b: str) -> tuple[str, str] | None:
    """(verdict, rule) when the reference is a letter, letters or circled marks; None otherwise.

    a, b -- answer and reference after text.clean, which turns a circled 1 into (1).
    """
    a, b = without_styles(a), without_styles(b)
    if _LETTER.fullmatch(b):
        match = _ANSWER.fullmatch(a)
        if match and _is_mark(match):
            return _verdict(match[1].upper() == b.strip("()"), "choice")
        match = _TRAILING.fullmatch(a)
        return _verdict(match[1] == b.strip("()"), "choice") if match else None
    if (
        b.startswith("(") and _ANY_LETTER.fullmatch(b) and b.endswith(")")
    ):  # more options than letters that may not be a variable's
        match = _ANY_LETTER.fullmatch(a)
        return _verdict(match[1] == b[1], "choice") if match else None
    a, b = (_QUOTES.sub("", text) for text in (a, b))  # ["A", "D"]
    if _SEVERAL.fullmatch(a) and _SEVERAL.fullmatch(b):
        return _verdict(sorted(re.findall("[A-G]", a)) == sorted(re.findall("[A-G]", b)), "choice")
    if _CIRCLED.search(answer + reference):
        marks = [
            sorted(re.findall(r"\d+", text)) if _MARKS.fullmatch(text) else None for text in (a, b)
        ]
        return _verdict(bool(marks[0]) and marks[0] == marks[1], "marks")
    return None


def _is_mark(match: re.Match[str]) -> bool:
    """A capital, or a small letter in parentheses or alone."""
    return match[1].isupper() or f"({match[1]})" in match[0] or match[0] == match[1]


def without_styles(text: str) -> str:
    """`text` without the commands around words: \\text{E} as E."""
    return _STYLES.sub(r"\1", text).strip()


def _verdict(right: bool, rule: str) -> tuple[str, str]:
    return ("right" if right else "wrong"), rule
