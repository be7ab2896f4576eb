"""Drawing problems of one split: as many different ones of a kind as are wanted, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import count, islice

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
    weights: Mapping[str, int] | None = None,
) -> list[Problem]:
    """Draw `n` problems of one split, with levels in equal shares.

    kind      one of problems.KINDS
    largest   the most that one step of a word problem adds or takes away
    weights   {family of word problems: how often it is drawn, against 1}
    unique    refuse a second problem of the same structure, not only of the same text

    Raises UserError when the split does not hold that many different problems.
    """
    rng = random.Random(f"{seed}/{split}/{kind}")
    endless = _endless(_maker(kind, largest, weights), rng, split, levels, unique)
    found = list(islice(endless, n))
    if len(found) < n:
        level = levels[len(found) % len(levels)]
        raise UserError(
            f"world: split {split} has no {n} different problems of kind {kind} at levels "
            f"{', '.join(map(str, levels))}: level {level} ended after {len(found)} of all; ask for "
            "fewer, or for other levels"
        )
    return found


Maker = Callable[[random.Random, int], Problem]


def _endless(
    make: Maker, rng: random.Random, split: str, levels: tuple[int, ...], unique: bool
) -> Iterator[Problem]:
    """Different problems, level by level, until one level has no more."""
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


def _maker(kind: str, largest: int, weights: Mapping[str, int] | None) -> Maker:
    if kind == "symbolic":
        return symbolic_problem
    family, lang = kind.split("_")
    if family == "bbh":
        return lambda rng, level: reasoning_problem(rng, level, lang)
    return lambda rng, level: word_problem(rng, level, lang, largest, weights)
