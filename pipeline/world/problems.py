"""Problems as chains of exact steps, and their splits: by structure (steps, operands), not by text.

A structure belongs to one split forever, by its hash. Instruction data, RL questions, validation,
test and web therefore share no problem, whatever the seed, the language or the wording.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pipeline.records import Question

# kind of problem: its family and, where it is told in two languages, the language
KINDS = ("word_en", "word_zh", "symbolic", "bbh_en", "bbh_zh")
# split -> share of all structures, in percent
SPLITS = {"web": 30, "sft": 30, "rl": 20, "validation": 5, "test": 15}


@dataclass(frozen=True)
class Step:
    """left op right = value.

    `left_ref` and `right_ref` are the index of the earlier step whose value is used there; -1 means
    that the question gives the number.
    """

    left: int
    op: str  # + - * /
    right: int
    value: int
    left_ref: int = -1
    right_ref: int = -1

    @property
    def equation(self) -> str:
        return f"{self.left}{self.op}{self.right}={self.value}"


@dataclass(frozen=True)
class Problem:
    """A question, its only solution as steps, and the LaTeX of its answer.

    `program` computes the answer where the steps alone do not (fractions, polynomials): Python
    that prints it.
    """

    question: str
    steps: tuple[Step, ...]
    answer: str
    lang: str
    level: int
    family: str
    structure: str
    program: str = ""

    def as_question(self, id: str) -> Question:
        return Question(
            id=id,
            question=self.question,
            answer=self.answer,
            lang=self.lang,
            level=self.level,
            family=self.family,
            structure=self.structure,
            trace=tuple(str(s.value) for s in self.steps),
        )


def structure_of(steps: tuple[Step, ...]) -> str:
    """The steps as equations, in a form that does not depend on the order of terms or factors."""
    return ";".join(canonical(s.left, s.op, s.right) + f"={s.value}" for s in steps)


def canonical(left: int, op: str, right: int) -> str:
    """`left op right` with the larger number first where the order does not matter."""
    if op in "+*" and left < right:
        left, right = right, left
    return f"{left}{op}{right}"


def split_of(structure: str) -> str:
    """The split that owns a structure."""
    point = int.from_bytes(hashlib.sha256(structure.encode()).digest()[:8], "big") % 100
    for split, share in SPLITS.items():
        if point < share:
            return split
        point -= share
    raise AssertionError("shares add up to 100")
