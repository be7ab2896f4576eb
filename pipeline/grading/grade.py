"""From an output and a reference to a verdict: extraction, the chosen mode, a cache over (answer, reference) pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.errors import UserError
from pipeline.grading import worker
from pipeline.grading.answer import choice, letters
from pipeline.grading.answer.asked import Asked, asked
from pipeline.grading.answer.extract import extract
from pipeline.grading.answer.reference import bare_reference
from pipeline.grading.modes import deepseek, strict

MODES = ("strict", "deepseek")


@dataclass(frozen=True)
class Grade:
    """verdict: "right" | "wrong" | "no_answer" | "undecided"; extracted: the answer as written; rule: what decided."""

    verdict: str
    extracted: str | None
    rule: str


def is_equivalent(answer: str, reference: str, mode: str = "strict", question: str = "") -> bool:
    """Whether a bare answer says the same as the reference. Raises UserError for an unknown mode."""
    return grade_answer(answer, reference, mode, question).verdict == "right"


def grade_answer(answer: str, reference: str, mode: str = "strict", question: str = "") -> Grade:
    """Like `grade`, for an answer that needs no extraction."""
    check_mode(mode)
    reference = bare_reference(reference)
    if not answer.strip():
        return Grade("no_answer", None, "extract")
    if mode == "deepseek":
        return Grade(
            *_with_answer(answer, deepseek.decide([deepseek.strip(answer)], reference, question))
        )
    return Grade(*_with_answer(answer, _decided(answer, reference, asked(question))))


def grade(
    output: str, reference: str, mode: str = "strict", question: str = "", lang: str = "en"
) -> Grade:
    """Judge a whole output: extract its answer, compare it with the reference.

    question -- decides only whether the order of a comma list is free. Raises UserError for an unknown mode.
    """
    check_mode(mode)
    reference = bare_reference(reference)
    if mode == "deepseek":
        return Grade(*deepseek.grade(output, reference, question))
    answer = extract(output, lang)
    if choice.is_choice(reference):
        answer = letters.extract_choice(output) or answer
    if answer is None:
        return Grade("no_answer", None, "extract")
    return Grade(*_with_answer(answer, _decided(answer, reference, asked(question))))


def grade_many(items: Iterable[Sequence[str]], mode: str = "strict") -> list[Grade]:
    """Grade (output, reference) or (output, reference, question) items, in order; equal items are graded once."""
    done: dict[tuple[str, ...], Grade] = {}
    grades = []
    for item in items:
        key = tuple(item)
        if key not in done:
            done[key] = grade(key[0], key[1], mode, key[2] if len(key) > 2 else "")
        grades.append(done[key])
    return grades


@lru_cache(maxsize=1 << 16)
def _decided(answer: str, reference: str, asking: Asked) -> strict.Decision:
    return strict.decide(answer, reference, worker.prove, asking)


def _with_answer(answer: str, decision: strict.Decision) -> tuple[str, str, str]:
    """The fields of a Grade."""
    verdict, rule = decision
    return verdict, answer, rule


def check_mode(mode: str) -> None:
    if mode not in MODES:
        raise UserError(f"grading mode {mode!r}: there is none; use one of {', '.join(MODES)}")
