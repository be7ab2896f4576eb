"""General reasoning that is no mathematics, in English and Chinese: what `mini_bbh` asks.

Five families after BIG-Bench Hard, told in data/reasoning.yaml: ordering, tracking swapped objects,
the truth of nested statements, weekdays, and sorting. No number occurs, and an answer is one word.
The level is the number of clauses that have to be combined.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pipeline.world.problems import Problem
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "reasoning")
Drawn = tuple[list[str], str, str, str]  # sentences, question, answer, what identifies the problem
Words = dict[str, Any]


def reasoning_problem(
    rng: random.Random, level: int, lang: str, words: Words | None = None
) -> Problem:
    """One problem of the level (2 to 4).

    `words` replaces the wording; the web has one of its own.
    """
    words = words or WORDS[lang]
    family = rng.choice(tuple(FAMILIES))
    sentences, question, answer, key = FAMILIES[family](rng, level, words)
    return Problem(
        question=(" " if lang == "en" else "").join([*sentences, question]),
        steps=(),
        answer=answer,
        lang=lang,
        level=level,
        family=family,
        structure=f"{family}:{key}",
    )


def _order(rng: random.Random, level: int, words: Words) -> Drawn:
    """`level` comparisons in any order fix the order of level + 1 people."""
    names, telling = rng.sample(words["names"], level + 1), rng.choice(words["order"])
    sentences = [telling["more"].format(a=a, b=b) for a, b in zip(names, names[1:], strict=False)]
    most = rng.random() < 0.5
    question = telling["most" if most else "least"]
    answer = names[0] if most else names[-1]
    return rng.sample(sentences, level), question, answer, f"{'>'.join(names)}:{answer}"


def _swap(rng: random.Random, level: int, words: Words) -> Drawn:
    """Three people with a ball each swap them `level` times."""
    names, colours = rng.sample(words["names"], 3), rng.sample(words["colours"], 3)
    held = dict(zip(names, colours, strict=True))
    telling, key = words["swap"], ",".join(f"{a}={x}" for a, x in held.items())
    sentences = [telling["has"].format(a=a, x=x) for a, x in held.items()]
    for _ in range(level):
        a, b = rng.sample(names, 2)
        held[a], held[b] = held[b], held[a]
        sentences.append(rng.choice(telling["swap"]).format(a=a, b=b))
        key += f";{'/'.join(sorted((a, b)))}"
    a = rng.choice(names)
    if rng.random() < 0.5:
        return sentences, telling["who"].format(x=held[a]), a, f"{key}:{held[a]}"
    return sentences, telling["which"].format(a=a), held[a], f"{key}:{a}"


def _truth(rng: random.Random, level: int, words: Words) -> Drawn:
    """Who tells the truth, when each of `level` people speaks about the one before."""
    telling, names = words["truth"], rng.sample(words["names"], level + 1)
    honest = rng.random() < 0.5
    sentences = [telling["first"][0 if honest else 1].format(a=names[0])]
    key = f"{names[0]}={honest}"
    for a, b in zip(names, names[1:], strict=False):
        says_honest = rng.random() < 0.5
        sentences.append(telling["honest" if says_honest else "liar"].format(a=a, b=b))
        honest = says_honest == honest
        key += f";{b}={says_honest}"
    answer = words["yes"] if honest else words["no"]
    return sentences, telling["ask"].format(a=names[-1]), answer, key


def _dates(rng: random.Random, level: int, words: Words) -> Drawn:
    """On what weekday somebody comes, from who comes a day before or after whom, in any order."""
    telling, days, names = words["dates"], words["days"], rng.sample(words["names"], level + 1)
    day = rng.randrange(7)
    sentences = [rng.choice(telling["first"]).format(a=names[0], x=days[day])]
    key = f"{names[0]}={day}"
    for a, b in zip(names, names[1:], strict=False):
        way = rng.choice(("after", "before"))
        sentences.append(rng.choice(telling[way]).format(a=a, b=b))
        day = (day + (1 if way == "after" else -1)) % 7
        key += f";{b} {way}"
    sentences = rng.sample(sentences, len(sentences))
    return sentences, telling["ask"].format(a=names[-1]), days[day], key


def _sort(rng: random.Random, level: int, words: Words) -> Drawn:
    """The first or last of level + 1 words in the alphabet, or of animals by size."""
    telling = words["sort"]
    kind = "words" if words["words"] and rng.random() < 0.5 else "animals"
    chosen = rng.sample(words[kind], level + 1)
    ranked = sorted(chosen, key=words[kind].index)
    end = rng.choice(("first", "last"))
    sentence = telling[kind].format(x=telling["join"].join(chosen))
    key = f"{kind}:{','.join(chosen)}:{end}"
    return [sentence], telling[end], ranked[0 if end == "first" else -1], key


FAMILIES: dict[str, Callable[[random.Random, int, Words], Drawn]] = {
    "order": _order,
    "swap": _swap,
    "truth": _truth,
    "dates": _dates,
    "sort": _sort,
}
