"""From an output and a reference to a verdict."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.errors import UserError
from pipeline.grading.extract import extract

MODES = ("strict", "deepseek")


@dataclass(frozen=True)
class Grade:
    """verdict: "right" | "wrong" | "no_answer" | "timeout"; rule: what decided."""

    verdict: str
    extracted: str | None
    rule: str


def is_equivalent(answer: str, reference: str, mode: str = "strict") -> bool:
    """Whether a bare answer says the same as the reference."""
    _check_mode(mode)
    return _normal(answer) == _normal(reference) != ""


def grade(output: str, reference: str, mode: str = "strict", question: str = "") -> Grade:
    """Extract the answer of a whole output and compare it with the reference."""
    _check_mode(mode)
    answer = extract(output)
    if answer is None:
        return Grade("no_answer", None, "extract")
    return Grade("right" if is_equivalent(answer, reference, mode) else "wrong", answer, "normal form")


def grade_many(items: Iterable[Sequence[str]], mode: str = "strict") -> list[Grade]:
    """Grade (output, reference) or (output, reference, question) items, in order."""
    return [grade(item[0], item[1], mode, item[2] if len(item) > 2 else "") for item in items]


def _normal(text: str) -> str | Fraction:
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"\\text\{([^{}]*)\}|\\[dt]?frac\s*(\d)\s*(\d)", lambda m: m[1] or f"{m[2]}/{m[3]}", text)
    text = re.sub(r"\\[dt]?frac\{(-?\d+)\}\{(\d+)\}", r"\1/\2", text)
    text = re.sub(r"\\[!,; ]|[\s$]|(?<=\d),(?=\d{3}(?!\d))", "", text).strip(".")
    if re.fullmatch(r"-?(\d{1,200}(\.\d{0,200})?|\.\d{1,200})", text):
        return Fraction(text)
    if re.fullmatch(r"-?\d{1,200}/\d{1,200}", text) and int(text.split("/")[1]):
        return Fraction(text)
    return text.casefold()


def _check_mode(mode: str) -> None:
    if mode not in MODES:
        raise UserError(f"grading mode {mode!r}: there is none; use one of {', '.join(MODES)}")
