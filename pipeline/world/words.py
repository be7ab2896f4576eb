"""Word problems of graded difficulty, in English and Chinese: a chain of operations, as a story.

The level is the number of steps. Values stay between 1 and 99, factors and divisors between 2 and
5, and what is added or taken away is at most `largest`: this is what a model of some 100,000
parameters can learn. Doing every step of a long chain without a slip remains hard. The sentences
are in data/words.yaml.

"Ann has 3 times as many as Ben", told backwards for a division, is beyond a model of this size:
after 24,000 solutions it still guesses who has more, and RL then learns from a coin flip in every
fourth question.
"""

from __future__ import annotations

import random

from pipeline.world.problems import Problem, Step
from pipeline.world.wording import read_data

FAMILIES = ("story", "puzzle", "compare", "total")
WORDS = read_data(__file__, "words")


def word_problem(rng: random.Random, level: int, lang: str, largest: int = 9) -> Problem:
    """One problem of `level` steps.

    The family "total" needs at least two: its last step adds the last two quantities.
    """
    family = rng.choice(FAMILIES[:3] if level < 2 else FAMILIES)
    steps = chain(rng, level - 1 if family == "total" else level, largest)
    if family == "total":
        last = steps[-1]
        if last.left + last.value > 99:
            return word_problem(rng, level, lang, largest)
        steps += (
            Step(last.left, "+", last.value, last.left + last.value, last.left_ref, len(steps) - 1),
        )
    return Problem(
        question=_tell(rng, family, steps, lang),
        steps=steps,
        answer=str(steps[-1].value),
        lang=lang,
        level=level,
        family=family,
        structure=";".join(s.equation for s in steps),
    )


def chain(rng: random.Random, length: int, largest: int = 9) -> tuple[Step, ...]:
    """`length` steps, each on the value of the step before; every value lies in 1..99."""
    value = rng.randint(3, 20)
    steps: list[Step] = []
    for i in range(length):
        op = rng.choice([op for op in "+-*/" if operands(value, op, largest)])
        right = rng.choice(operands(value, op, largest))
        result = {"+": value + right, "-": value - right, "*": value * right, "/": value // right}[
            op
        ]
        steps.append(Step(value, op, right, result, left_ref=i - 1))
        value = result
    return tuple(steps)


def operands(value: int, op: str, largest: int = 9) -> list[int]:
    """What `value` may be combined with so that every value stays in 1..99."""
    if op == "+":
        return [n for n in range(2, largest + 1) if value + n <= 99]
    if op == "-":
        return [n for n in range(2, largest + 1) if value - n >= 1]
    if op == "*":
        return [n for n in range(2, 6) if value * n <= 99]
    return [n for n in range(2, 6) if value % n == 0]


def _tell(rng: random.Random, family: str, steps: tuple[Step, ...], lang: str) -> str:
    thing = rng.choice(WORDS["things"][lang])
    gap = " " if lang == "en" else ""
    if family in ("story", "puzzle"):
        wording, name = WORDS[family][lang], rng.choice(WORDS["names"][lang])

        def say(part: str, n: int | None = None) -> str:
            return rng.choice(wording[part]).format(a=name, n=n, t=thing)

        return gap.join(
            [say("first", steps[0].left), *(say(s.op, s.right) for s in steps), say("ask")]
        )

    wording = WORDS["compare"][lang]
    told = steps[:-1] if family == "total" else steps
    names = rng.sample(WORDS["names"][lang], len(told) + 1)
    sentences = [rng.choice(wording["first"]).format(b=names[0], n=steps[0].left, t=thing)]
    for step, a, b in zip(told, names, names[1:], strict=False):
        sentences.append(rng.choice(wording[step.op]).format(a=a, b=b, n=step.right, t=thing))
    ask = rng.choice(wording["total" if family == "total" else "ask"])
    return gap.join([*sentences, ask.format(a=names[-2], b=names[-1], t=thing)])
