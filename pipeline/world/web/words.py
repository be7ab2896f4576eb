"""Word problems of split "web", told in the web's own words (data/word_problems.yaml).

The structures are those of pipeline/world/chains.py; the wording is not. A
page therefore shares no run of ten words with a benchmark question unless one was planted there,
and decontamination has only real leaks to find.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from pipeline.world.chains import LARGEST_VALUE, operands, step
from pipeline.world.problems import Problem, Step, structure_of
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "word_problems")
NUMERALS = {2: "二", 3: "三", 4: "四", 5: "五"}  # in fractions: 三分之一


@lru_cache(maxsize=128)
def _moves(value: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Each operation that chains.chain allows from `value`, with its operands.

    Cached, because the web draws many.
    """
    return tuple((op, tuple(found)) for op in "+-*/" if (found := operands(value, op)))


def _chain(rng: Random, length: int) -> tuple[Step, ...]:
    """`length` steps, each on the value of the step before, distributed as in chains.chain."""
    value = 3 + int(rng.random() * 18)
    steps: list[Step] = []
    for i in range(length):
        moves = _moves(value)
        op, choice = moves[int(rng.random() * len(moves))]
        steps.append(step(value, op, choice[int(rng.random() * len(choice))], left_ref=i - 1))
        value = steps[-1].value
    return tuple(steps)


def web_word_problem(rng: Random, level: int, lang: str) -> Problem:
    """One problem of `level` steps (1 to 8).

    A quarter of those with two steps or more end by adding the last two quantities.
    """
    total = level > 1 and rng.random() < 0.25
    steps = _chain(rng, level - 1 if total else level)
    if total:
        last = steps[-1]
        if last.left + last.value > LARGEST_VALUE:
            return web_word_problem(rng, level, lang)
        steps += (step(last.left, "+", last.value, last.left_ref, len(steps) - 1),)
    theme, name = rng.choice(WORDS["themes"][lang]), rng.choice(WORDS["names"][lang])
    told = steps[:-1] if total else steps
    sentences = [rng.choice(theme["first"]).format(a=name, n=steps[0].left)]
    sentences += [
        rng.choice(theme[s.op]).format(a=name, n=s.right, z=NUMERALS.get(s.right)) for s in told
    ]
    asked = WORDS["together"][lang] if total else theme["ask"]
    sentences.append(rng.choice(asked).format(a=name))
    return Problem(
        question=(" " if lang == "en" else "").join(sentences),
        steps=steps,
        answer=str(steps[-1].value),
        lang=lang,
        level=level,
        family="total" if total else "story",
        structure=structure_of(steps),
    )
