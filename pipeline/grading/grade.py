"""From an output and a reference to a verdict: extraction, the chosen mode, a cache of
decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pipeline.grading.worker as worker
from pipeline.errors import UserError
from pipeline.grading.answer import choice, letters
from pipeline.grading.answer.asked import Asked
from pipeline.grading.answer.extract import extract
from pipeline.grading.answer.reference import bare_reference
from pipeline.grading.bounded import BoundedCache
from pipeline.grading.expr.tree import Node
from pipeline.grading.modes import deepseek, strict

MODES = ("strict", "deepseek")


@dataclass(frozen=True)
class Grade:
    """verdict: "right" | "wrong" | "no_answer" | "undecided"; extracted: the answer as written;
    rule: what decided."""

    verdict: str
    extracted: str | None
    rule: str


Prove = Callable[[Node, Node], bool]


def is_equivalent(answer: str, reference: str, mode: str = "strict", question: str = "") -> bool:
    """Whether a bare answer says the same as the reference. Raises UserError for an unknown
    mode."""
    return grade_answer(answer, reference, mode, question).verdict == "right"


def grade_answer(answer: str, reference: str, mode: str = "strict", question: str = "") -> Grade:
    """Like `grade`, for an answer that needs no extraction."""
    check_mode(mode)
    return _of_answer(answer, reference, mode, question, worker.prove)


def grade(
    output: str, reference: str, mode: str = "strict", question: str = "", lang: str = "en"
) -> Grade:
    """Judge a whole output: extract its answer, compare it with the reference.

    reference -- as data sets publish it (answer/reference.py)
    question  -- says whether the order of a comma list is free, and in which unit it asks
    lang      -- accepted for the callers' sake: the rules of both languages are always on
    Raises UserError for an unknown mode.
    """
    check_mode(mode)
    return _of_output(output, reference, mode, question, worker.prove)


def grade_many(
    items: Iterable[Sequence[str]], mode: str = "strict", whole: bool = True
) -> list[Grade]:
    """Grade (output, reference) or (output, reference, question) items, in order; equal items are
    graded once.

    whole -- whether the outputs are texts to extract an answer from, else they are bare answers.
    Proofs are done together, within one budget for all of them: a batch of hostile answers ends.
    """
    check_mode(mode)
    keys = [(item[0], item[1], item[2] if len(item) > 2 else "") for item in items]
    batch, one = worker.Batch(len(keys)), _of_output if whole else _of_answer
    done = {key: one(key[0], key[1], mode, key[2], batch.prove) for key in dict.fromkeys(keys)}
    while batch.settle():
        for key, found in done.items():
            if found.rule == _PUT_OFF:
                done[key] = one(key[0], key[1], mode, key[2], batch.prove)
    return [done[key] for key in keys]


_PUT_OFF = "cap: put off"


def _of_output(output: str, reference: str, mode: str, question: str, prove: Prove) -> Grade:
    reference = bare_reference(reference)
    if mode == "deepseek":
        return Grade(*deepseek.grade(output, reference, question, prove))
    if _echoes(output, question):
        return Grade("no_answer", None, "echo")
    answer = extract(output)
    if choice.is_choice(reference):
        answer = letters.extract_choice(output) or answer
    if answer is None:
        return Grade("no_answer", None, "extract")
    return _strict(answer, reference, question, prove)


def _echoes(output: str, question: str) -> bool:
    """Whether an output is the question, or a part of it in words, perhaps in a box: "Simplify
    $\\sqrt{8}$." says nothing that the question does not say."""
    if not question or len(output) > 2 * len(question) + 40:
        return False
    box, asked = _BOXED.match(output), _without_spaces(question)
    said = output[box.end() if box else 0 :].strip(" \n}.$")
    first = said.split(None, 1)[:1]
    if not first or first[0] not in asked:  # as nearly always, which is found quickly
        return False
    return len(said.split()) >= MIN_ECHO and "".join(said.split()) in asked


@lru_cache(maxsize=256)  # samples of one question come together
def _without_spaces(question: str) -> str:
    return "".join(question.split())


_BOXED = re.compile(r"\s*\$?\\boxed\{")
MIN_ECHO = 2  # words: a number or a formula of the question may be its answer


def _of_answer(answer: str, reference: str, mode: str, question: str, prove: Prove) -> Grade:
    if not answer.strip():
        return Grade("no_answer", None, "extract")
    reference = bare_reference(reference)
    if mode == "deepseek":
        decided = deepseek.decide([deepseek.strip(answer)], reference, question, prove)
        return Grade(decided[0], answer, decided[1])
    return _strict(answer, reference, question, prove)


def _strict(answer: str, reference: str, question: str, prove: Prove) -> Grade:
    decision = strict.at_once(answer, reference) or _decide(answer, reference, question, prove)
    verdict, rule = decision
    return Grade(verdict, answer, rule)


def _decide(answer: str, reference: str, question: str, prove: Prove) -> strict.Decision:
    key = (answer, reference, question)
    decision = _decisions.get(key)
    if decision is None:
        proofs = 0

        def counted(a: Node, b: Node) -> bool:
            nonlocal proofs
            proofs += 1
            return prove(a, b)

        decision = strict.decide(answer, reference, counted, Asked(question))
        if not proofs:
            _decisions.put(key, decision, 2 * sum(map(len, key)) + 300)
    return decision


# Decisions without a proof. Those with one stand in the worker's cache of proofs, where a batch is
# charged for them whether they are known or not: what was graded before must not change what a
# batch decides.
_decisions = BoundedCache(32 << 20)


def check_mode(mode: str) -> None:
    """Raises UserError for a mode that there is none of."""
    if mode not in MODES:
        raise UserError(f"grading mode {mode!r}: there is none; use one of {', '.join(MODES)}")
