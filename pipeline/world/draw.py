"""Drawing problems of one split: as many different ones of a kind as are wanted, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count

from pipeline.errors import UserError
from pipeline.world.problems import Problem, split_of
from pipeline.world.reasoning import reasoning_problem
from pipeline.world.symbolic import symbolic_problem
from pipeline.world.words import word_problem

PATIENCE = 2000  # draws in a row without a new problem, after which a level counts as exhausted


def draw(
    split: str,
    n: int,
    seed: int | str,
    kind: str,
    levels: tuple[int, ...],
    unique: bool = True,
    largest: int = 9,
) -> list[Problem]:
    """Draw `n` problems of one split, with levels in equal shares.

    kind      one of problems.KINDS
    largest   the most that one step of a word problem adds or takes away
    unique    refuse a second problem of the same structure, not only of the same text

    Raises UserError when the split does not hold that many different problems.
    """
    found = [
        problem
        for _, problem in zip(
            range(n), _endless(split, seed, kind, levels, unique, largest), strict=False
        )
    ]
    if len(found) < n:
        raise UserError(
            f"world: split {split} has no {n} different problems of kind {kind} at levels "
            f"{', '.join(map(str, levels))} ({len(found)} were found); ask for fewer, or for more "
            "levels"
        )
    return found


def _endless(
    split: str, seed: int | str, kind: str, levels: tuple[int, ...], unique: bool, largest: int
) -> Iterator[Problem]:
    """Different problems, level by level, until one level has no more."""
    rng, make = random.Random(f"{seed}/{split}/{kind}"), _maker(kind, largest)
    seen: set[str] = set()
    for k in count():
        for _ in range(PATIENCE):
            problem = make(rng, levels[k % len(levels)])
            key = problem.structure if unique else problem.question
            if split_of(problem.structure) == split and key not in seen:
                break
        else:
            return
        seen.add(key)
        yield problem


def _maker(kind: str, largest: int) -> Callable[[random.Random, int], Problem]:
    if kind == "symbolic":
        return symbolic_problem
    family, lang = kind.split("_")
    if family == "bbh":
        return lambda rng, level: reasoning_problem(rng, level, lang)
    return lambda rng, level: word_problem(rng, level, lang, largest)
