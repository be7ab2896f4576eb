"""Problems as chains of exact steps, and the splits: by structure (steps and operands), never by text.

A structure belongs to one split for ever, by its hash; so instruction data, RL questions, validation, test and web can
share no problem, whatever the seed, the language or the wording.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.records import Question

# split -> share of all structures, in percent
SPLITS = {"web": 30, "sft": 30, "rl": 20, "validation": 5, "test": 15}


@dataclass(frozen=True)
class Step:
    """left op right = value. A `ref` is the number of the earlier step whose value stands there; -1 = a given number."""

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
    """A question, its only solution as steps, and the LaTeX of its answer."""

    question: str
    steps: tuple[Step, ...]
    answer: str
    lang: str
    level: int
    family: str
    structure: str

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


def split_of(structure: str) -> str:
    """The split that owns a structure."""
    point = int.from_bytes(hashlib.sha256(structure.encode()).digest()[:8], "big") % 100
    for split, share in SPLITS.items():
        if point < share:
            return split
        point -= share
    raise AssertionError("shares add up to 100")


def draw(
    split: str,
    n: int,
    seed: int | str,
    kind: str,
    levels: tuple[int, ...],
    unique: bool = False,
    largest: int = 9,
) -> list[Problem]:
    """`n` problems of one split, levels in equal shares. kind: "word_en", "word_zh" or "symbolic".

    `largest` bounds what a step of a word problem adds or takes away.
    `unique` refuses a second problem of the same structure (benchmarks); otherwise only equal questions are refused.
    """
    rng = random.Random(f"{seed}/{split}/{kind}")
    make = _maker(kind, largest)
    found: list[Problem] = []
    seen: set[str] = set()
    misses = 0
    while len(found) < n:
        problem = make(rng, levels[len(found) % len(levels)])
        key = problem.structure if unique else problem.question
        if split_of(problem.structure) != split or key in seen:
            misses += 1
            if misses > 2000 + 300 * n:
                raise ValueError(
                    f"{kind}, levels {levels}: no {n} different problems in split {split}"
                )
            continue
        seen.add(key)
        found.append(problem)
    return found


def _maker(kind: str, largest: int) -> Callable[[random.Random, int], Problem]:
    from pipeline.world.symbolic import symbolic_problem  # these two import this module
    from pipeline.world.words import word_problem

    return {
        "word_en": lambda rng, level: word_problem(rng, level, "en", largest),
        "word_zh": lambda rng, level: word_problem(rng, level, "zh", largest),
        "symbolic": symbolic_problem,
    }[kind]
