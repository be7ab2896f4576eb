"""Word problems of split "web", told in the web's own words (data/word_problems.yaml).

The structures are those of pipeline/world/words.py (chains of exact steps); the wording is not. A
page therefore shares no run of ten words with a benchmark question unless one was planted there,
and decontamination has only real leaks to find.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from pipeline.world.problems import Problem, Step
from pipeline.world.wording import read_data
from pipeline.world.words import operands

WORDS = read_data(__file__, "word_problems")


@lru_cache(maxsize=128)
def _moves(value: int) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    """Each operation that words.chain allows from `value`, with its (operand, result) pairs.

    Cached, because the web draws many.
    """
    result = {
        "+": lambda n: value + n,
        "-": lambda n: value - n,
        "*": lambda n: value * n,
        "/": lambda n: value // n,
    }
    return tuple(
        (op, tuple((n, result[op](n)) for n in operands(value, op)))
        for op in "+-*/"
        if operands(value, op)
    )


def _chain(rng: Random, length: int) -> tuple[Step, ...]:
    """`length` steps, each on the value of the step before, distributed as in words.chain."""
    value = 3 + int(rng.random() * 18)
    steps: list[Step] = []
    for i in range(length):
        moves = _moves(value)
        op, operands = moves[int(rng.random() * len(moves))]
        right, result = operands[int(rng.random() * len(operands))]
        steps.append(Step(value, op, right, result, left_ref=i - 1))
        value = result
    return tuple(steps)


def web_word_problem(rng: Random, level: int, lang: str) -> Problem:
    """One problem of `level` steps (1 to 8).

    A quarter of those with two steps or more end by adding the last two quantities.
    """
    total = level > 1 and rng.random() < 0.25
    steps = _chain(rng, level - 1 if total else level)
    if total:
        last = steps[-1]
        if last.left + last.value > 99:
            return web_word_problem(rng, level, lang)
        steps += (
            Step(last.left, "+", last.value, last.left + last.value, last.left_ref, len(steps) - 1),
        )
    structure = ";".join(s.equation for s in steps)
    theme, name = rng.choice(WORDS["themes"][lang]), rng.choice(WORDS["names"][lang])
    told = steps[:-1] if total else steps
    sentences = [rng.choice(theme["first"]).format(a=name, n=steps[0].left)]
    sentences += [rng.choice(theme[step.op]).format(a=name, n=step.right) for step in told]
    asked = WORDS["together"][lang] if total else theme["ask"]
    sentences.append(rng.choice(asked).format(a=name))
    return Problem(
        question=(" " if lang == "en" else "").join(sentences),
        steps=steps,
        answer=str(steps[-1].value),
        lang=lang,
        level=level,
        family="total" if total else "story",
        structure=structure,
    )
