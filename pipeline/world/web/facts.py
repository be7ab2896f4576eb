"""Arithmetic facts and explanations of how to work out a result, in prose, with numbers of one and two digits."""

# ruff: noqa: E501 (tables of sentences)
from __future__ import annotations

from random import Random

PLUS = {
    "en": (
        "{a} plus {b} makes {c}.",
        "Adding {b} to {a} gives {c}.",
        "The sum of {a} and {b} is {c}.",
        "{c} is {b} more than {a}.",
        "Put {a} and {b} together and you have {c}.",
        "If you know that ${a} + {b} = {c}$, you also know that ${c} - {b} = {a}$.",
        "Counting {b} on from {a} brings us to {c}.",
        "We write ${a} + {b} = {c}$.",
        "Increase {a} by {b} and get {c}.",
    ),
    "zh": (
        "{a}加{b}等于{c}。",
        "{a}与{b}的和是{c}。",
        "{c}比{a}多{b}。",
        "把{a}和{b}合起来是{c}。",
        "因为${a} + {b} = {c}$，所以${c} - {b} = {a}$。",
        "从{a}往后数{b}个数是{c}。",
        "写作${a} + {b} = {c}$。",
        "{a}增加{b}得{c}。",
    ),
}
MINUS = {
    "en": (
        "{a} minus {b} leaves {c}.",
        "Take {b} away from {a} and {c} remain.",
        "The difference of {a} and {b} is {c}.",
        "{c} is {b} less than {a}.",
        "Decrease {a} by {b} and get {c}.",
        "We write ${a} - {b} = {c}$.",
        "{a} is {b} more than {c}.",
        "From {b} to {a} there are {c} steps.",
    ),
    "zh": (
        "{a}减{b}等于{c}。",
        "从{a}里去掉{b}还剩{c}。",
        "{a}与{b}的差是{c}。",
        "{c}比{a}少{b}。",
        "{a}减少{b}得{c}。",
        "写作${a} - {b} = {c}$。",
        "{a}比{c}多{b}。",
    ),
}
TIMES = {
    "en": (
        "{a} times {b} is {c}.",
        "Multiplying {a} by {b} gives {c}.",
        "The product of {a} and {b} is {c}.",
        "{b} groups of {a} make {c}.",
        r"We write ${a} \times {b} = {c}$.",
        "{c} is {b} times as many as {a}.",
        "{b} boxes with {a} pens each hold {c} pens.",
    ),
    "zh": (
        "{a}乘{b}等于{c}。",
        "{a}与{b}的积是{c}。",
        "{b}个{a}是{c}。",
        r"写作${a} \times {b} = {c}$。",
        "{c}是{a}的{b}倍。",
        "每盒{a}支，{b}盒共{c}支。",
    ),
}
OVER = {
    "en": (
        "{a} divided by {b} is {c}.",
        "Sharing {a} equally among {b} gives {c} each.",
        "{b} goes into {a} exactly {c} times.",
        r"We write ${a} \div {b} = {c}$.",
        "One of {b} equal parts of {a} is {c}.",
        r"Since ${b} \times {c} = {a}$, {a} over {b} is {c}.",
    ),
    "zh": (
        "{a}除以{b}等于{c}。",
        "把{a}平均分成{b}份，每份是{c}。",
        r"写作${a} \div {b} = {c}$。",
        r"因为${b} \times {c} = {a}$，所以{a}除以{b}得{c}。",
        "{a}里面有{c}个{b}。",
    ),
}
CARRY = {
    "en": (
        "To add {a} and {b}, add the ones: {x} plus {y} is {z}. Write {u}, carry {v}. The tens are {p} plus {q} plus {v}, which is "
        "{r}. So {a} plus {b} is {c}.",
        "Split {b} into {h} and {k}. {a} plus {h} is {m}, and {m} plus {k} is {c}.",
    ),
    "zh": (
        "计算{a}加{b}，先算个位：{x}加{y}得{z}，写{u}进{v}；十位{p}加{q}加{v}得{r}。所以{a}加{b}等于{c}。",
        "把{b}分成{h}和{k}，{a}加{h}得{m}，{m}加{k}得{c}。",
    ),
}


def between(rng: Random, low: int, high: int) -> int:
    """rng.randint at a third of its cost; a web draws millions of them."""
    return low + int(rng.random() * (high - low + 1))


def addition(lang: str, rng: Random) -> str:
    a = between(rng, 2, 90)
    b = between(rng, 2, min(9, 99 - a)) if rng.random() < 0.7 else between(rng, 2, 99 - a)
    return rng.choice(PLUS[lang]).format(a=a, b=b, c=a + b)


def subtraction(lang: str, rng: Random) -> str:
    a = between(rng, 4, 99)
    b = between(rng, 2, min(9, a - 1)) if rng.random() < 0.7 else between(rng, 2, a - 1)
    return rng.choice(MINUS[lang]).format(a=a, b=b, c=a - b)


def multiplication(lang: str, rng: Random) -> str:
    b = between(rng, 2, 9)
    a = between(rng, 2, 99 // b) if rng.random() < 0.5 else between(rng, 2, 9)
    return rng.choice(TIMES[lang]).format(a=a, b=b, c=a * b)


def division(lang: str, rng: Random) -> str:
    b = between(rng, 2, 9)
    c = between(rng, 1, 99 // b)
    return rng.choice(OVER[lang]).format(a=b * c, b=b, c=c)


def carrying(lang: str, rng: Random) -> str:
    """How a sum with a carry is worked out, digit by digit or by splitting the second number at a full ten."""
    x, y = between(rng, 2, 9), between(rng, 2, 9)
    if x + y < 10:
        x, y = 11 - x if x > 1 else 9, 11 - y if y > 1 else 9
    if x + y < 10:
        x = y = 8
    p, q = between(rng, 1, 4), between(rng, 1, 4)
    a, b = 10 * p + x, 10 * q + y
    v, u = divmod(x + y, 10)
    return rng.choice(CARRY[lang]).format(
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
    """`count` facts, joined as a paragraph."""
    return (" " if lang == "en" else "").join([rng.choice(kinds)(lang, rng) for _ in range(count)])
