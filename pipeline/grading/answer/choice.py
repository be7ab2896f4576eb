"""Multiple choice: the letter that an output chooses, and letters or circled marks as answers."""

from __future__ import annotations

import re

from pipeline.grading.answer.extract import boxes
from pipeline.grading.answer.text import unwrap

_PHRASE = re.compile(
    r"(?:answer|option|choice|答案|选项|故选|应选|选择?)】? ?(?:is|:|：|是|为|应该是)* ?"
    r"(?:for sure|definitely|probably|clearly|option)? ?"
    r"[$ \\({\[（【]*(?:text\{|textbf\{|mathrm\{|boxed\{)*\(?([A-J])(?![A-Za-z0-9])",
    re.I,
)
_LETTER = re.compile(
    r"(?<![A-Za-z0-9'])([A-J])(?![A-Za-z0-9']| (?:[a-z]+ )?(?:is|of|was|has|are)\b(?! (?:right|correct)))"
)
_NEGATED = re.compile(
    r"(?:\bnot|n't(?: be)?|不是|不选|\brather than|\bor|\bneither|\bnor) ?(?:option |be )?\(?$",
    re.I,
)
_ANSWER = re.compile(
    r"(?:(?:option|choice|answer|选项?)\s*)?\(?([A-J])(?:\)|(?=[.:\s]|$))"
    r"(?:[.:\s](?!\s*(?:or|and|[,&/+])\b)(?!\s*[A-J]\b).*)?",
    re.S | re.I,
)
_SEVERAL = re.compile(r"\(?[A-G]\)?(?:\s*[,、;]?\s*(?:and)?\s*\(?[A-G]\)?)+")
_CIRCLED = re.compile("[①-⑳⑴-⒇]")
_MARKS = re.compile(r"\(?\d{1,2}\)?(?:\s*(?:,|and)?\s*\(?\d{1,2}\)?)*")
_TAIL = 4000  # characters at the end of an output that are searched for a letter


def extract_choice(output: str) -> str | None:
    """A box, else the letter after an answer phrase, else a leading letter, else the last letter that is not negated."""
    boxed, _ = boxes(output)
    if boxed:
        return boxed
    phrases = [
        match[1]
        for match in _PHRASE.finditer(output)
        if match[1].isupper() or match[0][-2:-1] == "("
    ]
    if phrases:
        return phrases[-1].upper()
    lead = re.match(r"\s*\(?([A-J])(?:\)|[.。:：,，]|\s*$)", output)
    if lead:
        return lead[1]
    tail = output[-_TAIL:]
    letters = [
        m[1]
        for m in _LETTER.finditer(tail)
        if not _NEGATED.search(tail[max(0, m.start() - 30) : m.start()])
    ]
    return letters[-1] if letters else None


def is_choice(reference: str) -> bool:
    """Whether the reference is one letter A to J."""
    return re.fullmatch(r"\(?[A-J]\)?", unwrap(without_styles(reference))) is not None


def compare(answer: str, reference: str, a: str, b: str) -> tuple[str, str] | None:
    """(verdict, rule) when the reference is a letter, letters or circled marks; None otherwise.

    a, b -- answer and reference after text.clean, which turns a circled 1 into (1).
    """
    a, b = without_styles(a), without_styles(b)
    if re.fullmatch(r"\(?([A-J])\)?", b):
        match = _ANSWER.fullmatch(a)
        return (
            _verdict(match[1].upper() == b.strip("()"), "choice")
            if match and _is_mark(match)
            else None
        )
    if _SEVERAL.fullmatch(a) and _SEVERAL.fullmatch(b):
        return _verdict(sorted(re.findall("[A-G]", a)) == sorted(re.findall("[A-G]", b)), "choice")
    if _CIRCLED.search(answer + reference):
        marks = [
            sorted(re.findall(r"\d+", text)) if _MARKS.fullmatch(text) else None for text in (a, b)
        ]
        return _verdict(bool(marks[0]) and marks[0] == marks[1], "marks")
    return None


def _is_mark(match: re.Match[str]) -> bool:
    """A capital, or a small letter in parentheses."""
    return match[1].isupper() or f"({match[1]})" in match[0]


def without_styles(text: str) -> str:
    """`text` without the commands around words: \\text{E} as E."""
    return re.sub(r"\\(?:text(?:bf|it|rm)?|mathrm|mathbf|mbox)\s*\{([^{}]*)\}", r"\1", text).strip()


def _verdict(right: bool, rule: str) -> tuple[str, str]:
    return ("right" if right else "wrong"), rule
