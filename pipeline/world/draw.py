"""Drawing problems of one split: as many different ones of a kind as are wanted, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.world.problems import Problem, split_of
from pipeline.world.symbolic import symbolic_problem
from pipeline.world.words import word_problem


def draw(
    split: str,
    n: int,
    seed: int | str,
    kind: str,
    levels: tuple[int, ...],
    unique: bool = False,
    largest: int = 9,
) -> list[Problem]:
    """Draw `n` problems of one split, with levels in equal shares.

    kind      "word_en", "word_zh" or "symbolic"
    largest   the most that one step of a word problem adds or takes away
    unique    refuse a second problem of the same structure (benchmarks), not only the same text

    Raises ValueError when the split does not hold `n` different problems.
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
    return {
        "word_en": lambda rng, level: word_problem(rng, level, "en", largest),
        "word_zh": lambda rng, level: word_problem(rng, level, "zh", largest),
        "symbolic": symbolic_problem,
    }[kind]
