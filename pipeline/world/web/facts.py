"""Arithmetic facts in prose, with one or two digits, and how to get a result (data/facts.yaml)."""

from __future__ import annotations

from random import Random

from pipeline.world.wording import read_data

SAY = read_data(__file__, "facts")


def between(rng: Random, low: int, high: int) -> int:
    """A whole number from `low` to `high`.

    It costs a third of rng.randint, which matters because a web draws millions.
    """
    return low + int(rng.random() * (high - low + 1))


def addition(lang: str, rng: Random) -> str:
    a = between(rng, 2, 90)
    b = between(rng, 2, min(9, 99 - a)) if rng.random() < 0.7 else between(rng, 2, 99 - a)
    return rng.choice(SAY["plus"][lang]).format(a=a, b=b, c=a + b)


def subtraction(lang: str, rng: Random) -> str:
    a = between(rng, 4, 99)
    b = between(rng, 2, min(9, a - 1)) if rng.random() < 0.7 else between(rng, 2, a - 1)
    return rng.choice(SAY["minus"][lang]).format(a=a, b=b, c=a - b)


def multiplication(lang: str, rng: Random) -> str:
    b = between(rng, 2, 9)
    a = between(rng, 2, 99 // b) if rng.random() < 0.5 else between(rng, 2, 9)
    return rng.choice(SAY["times"][lang]).format(a=a, b=b, c=a * b)


def division(lang: str, rng: Random) -> str:
    b = between(rng, 2, 9)
    c = between(rng, 1, 99 // b)
    return rng.choice(SAY["over"][lang]).format(a=b * c, b=b, c=c)


def carrying(lang: str, rng: Random) -> str:
    """How a sum with a carry is worked out.

    Either digit by digit, or by splitting the second number into tens and ones.
    """
    x, y = between(rng, 2, 9), between(rng, 2, 9)
    if x + y < 10:
        x, y = 11 - x if x > 1 else 9, 11 - y if y > 1 else 9
    if x + y < 10:
        x = y = 8
    p, q = between(rng, 1, 4), between(rng, 1, 4)
    a, b = 10 * p + x, 10 * q + y
    v, u = divmod(x + y, 10)
    return rng.choice(SAY["carry"][lang]).format(
        a=a,
        b=b,
        c=a + b,
        x=x,
        y=y,
        z=x + y,
        u=u,
        v=v,
        p=p,
        q=q,
        r=p + q + v,
        h=10 * q,
        k=y,
        m=a + 10 * q,
    )


FACTS = (addition, subtraction, multiplication, division, carrying)


def paragraph(lang: str, count: int, rng: Random, kinds=FACTS) -> str:
    """`count` facts, joined to a paragraph."""
    return (" " if lang == "en" else "").join([rng.choice(kinds)(lang, rng) for _ in range(count)])
