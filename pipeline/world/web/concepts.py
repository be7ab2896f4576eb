"""What mathematical pages explain: definitions with formulas and an example (data/concepts.yaml).

No example here is of a family of symbolic.py (reduce, solve, expand, derive, add fractions). Those
come from problems of split "web" alone, so that no page holds a problem of another split.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pipeline.world.web.facts import between
from pipeline.world.wording import read_data


@dataclass(frozen=True)
class Concept:
    """`example` draws the numbers that the %-templates of `shown` (by language) name."""

    title: dict[str, str]
    definition: dict[str, tuple[str, ...]]
    law: tuple[str, ...]  # general formulas, LaTeX
    shown: dict[str, tuple[str, ...]]
    example: Callable[[Random], dict]


def _pair(rng: Random) -> dict:
    a, b, c = between(rng, 2, 40), between(rng, 2, 40), between(rng, 2, 9)
    return {
        "a": a,
        "b": b,
        "c": c,
        "s": a + b,
        "t": a + b + c,
        "u": b + c,
        "p": c * (a % 9 + 1),
        "d": a % 9 + 1,
    }


def _common(rng: Random) -> dict:
    g = between(rng, 2, 9)
    a, b = g * between(rng, 1, 9), g * between(rng, 1, 9)
    g = math.gcd(a, b)
    return {"a": a, "b": b, "g": g, "l": a * b // g, "x": a // g, "y": b // g}


def _factors(rng: Random) -> dict:
    n = between(rng, 4, 99)
    found = [k for k in range(1, n + 1) if n % k == 0]
    return {
        "n": n,
        "list": ", ".join(map(str, found)),
        "many": len(found),
        "prime_en": "prime" if len(found) == 2 else "not prime",
        "prime_zh": "是质数" if len(found) == 2 else "不是质数",
    }


def _rectangle(rng: Random) -> dict:
    a, b = between(rng, 2, 9), between(rng, 2, 9)
    return {"a": a, "b": b, "area": a * b, "half": a + b, "edge": 2 * (a + b)}


def _mean(rng: Random) -> dict:
    m = between(rng, 4, 20)
    d, e = between(rng, 1, 3), between(rng, 1, 3)
    return {"x": m - d, "y": m + d + e, "z": m - e, "s": 3 * m, "m": m}


def _percent(rng: Random) -> dict:
    p, k = rng.choice([(10, 10), (20, 5), (25, 4), (50, 2)])
    v = between(rng, 1, 20)
    return {"p": p, "k": k, "n": v * k, "v": v, "left": v * k - v}


def _rest(rng: Random) -> dict:
    b = between(rng, 3, 9)
    q, r = between(rng, 2, 9), between(rng, 1, b - 1)
    return {"a": b * q + r, "b": b, "q": q, "r": r, "m": b * q}


def _square(rng: Random) -> dict:
    n = between(rng, 2, 9)
    return {"n": n, "s": n * n, "up": n + 1, "t": (n + 1) ** 2, "odd": 2 * n + 1}


def _sequence(rng: Random) -> dict:
    a, d = between(rng, 1, 12), between(rng, 2, 9)
    return {"a": a, "d": d, "b": a + d, "c": a + 2 * d, "e": a + 3 * d, "f": a + 4 * d}


def _speed(rng: Random) -> dict:
    v, t = between(rng, 3, 12), between(rng, 2, 8)
    return {"v": v, "t": t, "s": v * t}


def _ratio(rng: Random) -> dict:
    a, b, k = between(rng, 1, 5), between(rng, 1, 5), between(rng, 2, 8)
    return {"a": a, "b": b, "n": a + b, "k": k, "all": k * (a + b), "x": a * k, "y": b * k}


def _dice(rng: Random) -> dict:
    r, b = between(rng, 1, 9), between(rng, 1, 9)
    return {"r": r, "b": b, "n": r + b}


def _triangle(rng: Random) -> dict:
    a, b = between(rng, 2, 12) * 5, between(rng, 2, 12) * 5
    return {"a": a, "b": b, "s": a + b, "c": 180 - a - b}


def _pythagoras(rng: Random) -> dict:
    a, b, c = rng.choice([(3, 4, 5), (6, 8, 10), (5, 12, 13), (8, 6, 10), (9, 12, 15)])
    return {"a": a, "b": b, "c": c, "x": a * a, "y": b * b, "z": c * c}


# The numbers of an example, by the name that data/concepts.yaml gives it.
EXAMPLES: dict[str, Callable[[Random], dict]] = {
    "pair": _pair,
    "common": _common,
    "factors": _factors,
    "rectangle": _rectangle,
    "mean": _mean,
    "percent": _percent,
    "rest": _rest,
    "square": _square,
    "sequence": _sequence,
    "speed": _speed,
    "ratio": _ratio,
    "dice": _dice,
    "triangle": _triangle,
    "pythagoras": _pythagoras,
}
CONCEPTS = tuple(
    Concept(**{**row, "example": EXAMPLES[row["example"]]})
    for row in read_data(__file__, "concepts")
)
