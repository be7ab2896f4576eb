"""Word problems that have to be read, in English and Chinese; the level is the number of steps.

Six families, each told in several ways (data/words.yaml):

people    who has how many, relative to another person; in any order, with people that do not matter
days      what happens to one person's things from day to day; in any order, with days that do not
          matter
shop      prices, a purchase, the change
groups    boxes with so many things each
numbers   "Subtract 5 from the product of 3 and 7."
back      what there was at first, from what happened and what is left

The numbers of a text are not in the order of the calculation in most problems, some are not needed,
some are needed twice (the total of two people), and some are words (twice, a third).

Every step works on the value of the step before, so the steps of the solution have one order. Steps
may also use a given number or an earlier value on the other side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.world.chains import LARGEST_VALUE, chain, grow, step
from pipeline.world.problems import Problem, Step, structure_of
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "words")
SHUFFLED = 0.7  # share of problems whose sentences are told in any order
DISTRACTED = 0.3  # share of problems with a sentence that does not matter

# A draw that leads nowhere, such as a total above 99, gives None.
Drawn = tuple[tuple[Step, ...], list[str], str] | None  # steps, sentences, question


class Telling:
    """Draws sentences of one language with the same thing and, unless given, the same person."""

    def __init__(self, rng: random.Random, lang: str) -> None:
        self.rng, self.lang, self.words = rng, lang, WORDS[lang]
        self.person = rng.choice(self.words["names"])
        self.thing: dict[str, str] = rng.choice(self.words["things"])

    def say(self, family: str, part: str, **slots: Any) -> str:
        """One of the sentences for `part`, filled in."""
        return self.fill(self.rng.choice(self.words[family][part]), **slots)

    def fill(self, template: str, **slots: Any) -> str:
        """`template` with its slots; {times}, {part}, {grows} and {grew} come from the number n."""
        for name in ("times", "part", "grows", "grew"):
            if "{" + name + "}" in template:
                slots[name] = self.words[name][slots["n"]]
        return template.format(**{"a": self.person, **self.thing, **slots})

    def often(self, share: float) -> bool:
        return self.rng.random() < share


def people(rng: random.Random, level: int, tell: Telling, largest: int) -> Drawn:
    """Who has how many; the question is about the last person, or about the last two."""
    asked = rng.choice(("ask", "total", "more") if level > 1 else ("ask",))
    steps = chain(rng, level if asked == "ask" else level - 1, largest)
    names = rng.sample(tell.words["names"], len(steps) + 2)
    sentences = [tell.say("people", "first", a=names[0], n=steps[0].left)]
    sentences += [
        tell.say("people", s.op, a=a, b=b, n=s.right)
        for s, a, b in zip(steps, names[1:], names, strict=False)
    ]

    last, at = steps[-1], len(steps) - 1
    before, one, two = last.left, names[len(steps) - 1], names[len(steps)]
    if asked == "total":
        if before + last.value > LARGEST_VALUE:
            return None
        steps += (step(before, "+", last.value, last.left_ref, at),)
    elif asked == "more":
        if last.op in "+-":  # the text says it already
            return None
        if last.op == "*":
            steps += (step(last.value, "-", before, at, last.left_ref),)
            one, two = two, one
        else:
            steps += (step(before, "-", last.value, last.left_ref, at),)
    if asked == "ask":
        question = tell.say("people", "ask", a=two)
    else:
        question = tell.say("people", asked, a=one, b=two)

    if tell.often(DISTRACTED):
        op, other = rng.choice("+*"), rng.choice(names[: level if asked == "ask" else level - 1])
        number = rng.randint(2, largest if op == "+" else 5)
        sentences.append(tell.say("people", op, a=names[-1], b=other, n=number))
    return steps, _shuffle(rng, sentences, tell), question


def days(rng: random.Random, level: int, tell: Telling, largest: int) -> Drawn:
    """One person's things from day to day; a later day than the one that is asked for may follow."""
    steps = chain(rng, level, largest, {"*": 3})
    start = rng.randrange(len(tell.words["days"]) - level)
    names = tell.words["days"][start:]
    sentences = [tell.say("days_of", "first", d=names[0], n=steps[0].left)]
    sentences += [
        tell.say("days_of", s.op, d=d, n=s.right) for s, d in zip(steps, names[1:], strict=False)
    ]
    question = tell.say("days_of", "ask", d=names[level])
    if tell.often(DISTRACTED) and level + 1 < len(names):
        number = rng.randint(2, largest)
        sentences.append(tell.say("days_of", rng.choice("+-"), d=names[level + 1], n=number))
    return steps, _shuffle(rng, sentences, tell), question


def shop(rng: random.Random, level: int, tell: Telling, largest: int) -> Drawn:
    """k of one thing (and one of another); the cost, the change, or a share of the change."""
    goods = rng.sample(tell.words["goods"], 3)
    first = {"i": goods[0]["i"], "m": goods[0].get("m")}
    second = {"j": goods[1]["i"], "m2": goods[1].get("m")}
    count, price = rng.randint(2, 5), rng.randint(2, largest)
    if count * price >= LARGEST_VALUE:
        return None
    steps: tuple[Step, ...] = (step(count, "*", price),)
    sentences = [tell.say("shop", "price", n=price, **first)]
    with_two = level > 2 or (level == 2 and rng.random() < 0.5)
    if with_two:
        grown = grow(rng, steps, "+", largest)
        if grown is None:
            return None
        steps = grown
        sentences.append(tell.say("shop", "price", n=steps[-1].right, **_item(goods[1])))
        sentences.append(tell.say("shop", "two", k=count, **first, **second))
    else:
        sentences.append(tell.say("shop", "one", k=count, **first))

    asked = "cost"
    if level > len(steps):
        cost, share = steps[-1].value, rng.randint(2, 5) if level > 3 else 1
        rest = [r for r in range(1, LARGEST_VALUE + 1 - cost) if r % share == 0]
        if not rest:
            return None
        paid = cost + rng.choice(rest)
        steps += (step(paid, "-", cost, right_ref=len(steps) - 1),)
        sentences.append(tell.say("shop", "pay", n=paid))
        asked = "change"
        if level > 3:
            steps += (step(steps[-1].value, "/", share, left_ref=len(steps) - 1),)
            asked = "share"
    if tell.often(DISTRACTED):
        price = rng.randint(2, largest)
        sentences.append(tell.say("shop", "price", n=price, **_item(goods[2])))
    number = steps[-1].right if asked == "share" else None
    return steps, _shuffle(rng, sentences, tell), tell.say("shop", asked, n=number)


def groups(rng: random.Random, level: int, tell: Telling, largest: int) -> Drawn:
    """Boxes that hold so many each, some more or fewer, all of it shared."""
    count = rng.randint(2, 5)
    if level > 2 or rng.random() < 0.5:
        x, y = rng.randint(2, largest), rng.randint(2, largest)
        steps: tuple[Step, ...] = (step(x, "+", y), step(x + y, "*", count, left_ref=0))
        sentences = [tell.say("groups", "both", x=x, y=y)]
    else:
        each = rng.randint(2, largest)
        steps = (step(each, "*", count),)
        sentences = [tell.say("groups", "each", n=each)]
    if steps[-1].value > LARGEST_VALUE:
        return None
    sentences.append(tell.say("groups", "boxes", n=count))
    if tell.often(DISTRACTED):
        sentences.append(tell.say("groups", "idle", n=rng.randint(2, largest)))
    sentences, op, asked = _shuffle(rng, sentences, tell), "", "ask"
    if level > len(steps):
        op = rng.choice("+-")
        grown = grow(rng, steps, op, largest)
        if grown is None:
            return None
        steps = grown
        sentences.append(tell.say("groups", op, n=steps[-1].right))  # after what it changes
    if level > len(steps):
        grown = grow(rng, steps, "/", largest)
        if grown is None:
            return None
        steps, asked = grown, "share"
    number = steps[-1].right if asked == "share" else None
    if op == "-":  # "in all" would not say whether those that were taken away count
        asked = {"ask": "left", "share": "share_left"}[asked]
    return steps, sentences, tell.say("groups", asked, n=number)


def numbers(rng: random.Random, level: int, tell: Telling, largest: int) -> Drawn:
    """Sums, differences, products and quotients, named before what is done with them."""
    steps = chain(rng, level, largest)
    words = tell.words["numbers"]
    inner = tell.fill(words[steps[0].op], x=steps[0].left, y=steps[0].right)
    if level == 1:
        return steps, [], tell.say("numbers", "only", p=inner)
    second = steps[1]
    kind = second.op
    if kind == "-" and rng.random() < 0.5:  # from a number, instead of from the first result
        given = rng.randint(second.left + 1, min(LARGEST_VALUE, second.left + largest + 1))
        kind, second = "from", step(given, "-", second.left, right_ref=0)
        steps = (steps[0], second)
        while len(steps) < level:
            grown = grow(rng, steps, rng.choice("+-*/"), largest)
            steps = steps if grown is None else grown
    number = second.left if kind == "from" else second.right
    sentences = [tell.fill(rng.choice(words["outer"][kind]), n=number, p=inner)]
    sentences += [tell.fill(rng.choice(words["then"][s.op]), n=s.right) for s in steps[2:]]
    return steps, sentences, tell.say("numbers", "ask")


# What happened, by the step that undoes it.
UNDONE = {"+": "loss", "-": "gain", "/": "grow"}


def back(rng: random.Random, level: int, tell: Telling, largest: int) -> Drawn:
    """What there was at first: the steps undo what happened, the last first."""
    steps = chain(rng, level, largest, {"*": 0, "/": 3})
    events = [tell.say("back", UNDONE[s.op], n=s.right) for s in reversed(steps)]
    words, now = tell.words["back"], tell.say("back", "now", n=steps[0].left)
    now_first = tell.often(0.5)
    told = [(words["earlier"] if now_first else "") + events[0]]
    told += [words["later"] + event for event in events[1:]]
    told = [sentence[0].upper() + sentence[1:] for sentence in told]
    return steps, [now, *told] if now_first else [*told, now], tell.say("back", "ask")


FAMILIES: dict[str, Callable[[random.Random, int, Telling, int], Drawn]] = {
    "people": people,
    "days": days,
    "shop": shop,
    "groups": groups,
    "numbers": numbers,
    "back": back,
}
# The levels that a family has, where not all from 1 to 6.
LEVELS = {"shop": (2, 3, 4), "groups": (2, 3, 4)}
MOST_STEPS = 6


def families_of(level: int, weights: Mapping[str, int]) -> list[str]:
    """The families that have a level, each as often as its weight says (1 where none is named)."""
    return [
        name
        for name in FAMILIES
        if level in LEVELS.get(name, range(1, MOST_STEPS + 1))
        for _ in range(weights.get(name, 1))
    ]


def word_problem(
    rng: random.Random,
    level: int,
    lang: str,
    largest: int = 9,
    weights: Mapping[str, int] | None = None,
) -> Problem:
    """One problem of `level` steps (1 to 6).

    largest   bounds what a step adds or takes away
    weights   {family: how often it is drawn, against the 1 of a family that is not named}
    """
    family = rng.choice(families_of(level, weights or {}))
    drawn = None
    while drawn is None:
        tell = Telling(rng, lang)
        drawn = FAMILIES[family](rng, level, tell, largest)
    steps, sentences, question = drawn
    return Problem(
        question=(" " if lang == "en" else "").join([*sentences, question]),
        steps=steps,
        answer=str(steps[-1].value),
        lang=lang,
        level=level,
        family=family,
        structure=structure_of(steps),
    )


def _item(goods: dict[str, str]) -> dict[str, str | None]:
    return {"i": goods["i"], "m": goods.get("m")}


def _shuffle(rng: random.Random, sentences: list[str], tell: Telling) -> list[str]:
    """The sentences in any order on a share of the calls, else as they are.

    A sentence that does not matter comes last in the list, so its place is always drawn.
    """
    if tell.often(SHUFFLED):
        return rng.sample(sentences, len(sentences))
    return sentences
