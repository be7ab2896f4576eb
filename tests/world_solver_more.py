"""Solves symbolic questions and riddles from their text alone (see world_solver.py)."""

from __future__ import annotations

import re
from fractions import Fraction

from world_solver import DAYS, WHO, ZH_DAYS, found

Polynomial = dict[int, Fraction]  # power of x -> coefficient
SIZES = ["ant", "mouse", "cat", "dog", "sheep", "horse", "elephant", "whale"]
ZH_SIZES = ["蚂蚁", "老鼠", "猫", "狗", "羊", "马", "大象", "鲸"]


# ---- formulas


def polynomial(tex: str) -> Polynomial:
    """A formula of numbers, x, + - \\cdot, powers, brackets and \\frac."""
    tokens = re.findall(r"\\frac|\\cdot|\d+|[x^+\-(){}]", tex)
    value, rest = _sum(tokens, 0)
    assert rest == len(tokens), tex
    return {power: c for power, c in value.items() if c}


def _sum(tokens: list[str], at: int) -> tuple[Polynomial, int]:
    total, sign = {}, 1
    while at < len(tokens) and tokens[at] not in ")}":
        if tokens[at] in "+-":
            sign, at = (1 if tokens[at] == "+" else -1), at + 1
        term, at = _product(tokens, at)
        for power, c in term.items():
            total[power] = total.get(power, Fraction(0)) + sign * c
    return total, at


def _product(tokens: list[str], at: int) -> tuple[Polynomial, int]:
    value: Polynomial = {0: Fraction(1)}
    while at < len(tokens) and tokens[at] not in "+-)}":
        if tokens[at] == "\\cdot":
            at += 1
        factor, at = _atom(tokens, at)
        product: Polynomial = {}
        for p, c in value.items():
            for q, d in factor.items():
                product[p + q] = product.get(p + q, Fraction(0)) + c * d
        value = product
    return value, at


def _atom(tokens: list[str], at: int) -> tuple[Polynomial, int]:
    if tokens[at] in "({":
        value, at = _sum(tokens, at + 1)
        return value, at + 1
    if tokens[at] == "\\frac":
        top, at = _atom(tokens, at + 1)
        bottom, at = _atom(tokens, at)
        return {0: top[0] / bottom[0]}, at
    if tokens[at] == "x":
        power = 1
        if tokens[at + 1 : at + 2] == ["^"]:
            text = tokens[at + 2]
            power, at = int(text), at + 2
        return {power: Fraction(1)}, at + 1
    return {0: Fraction(tokens[at])}, at + 1


def symbolic(question: str) -> Polynomial:
    """What the answer has to be equal to."""
    formulas = [f for f in found(r"\$([^$]+)\$", question) if f != "x"]
    if re.match(r"Solve|Find \$x\$", question):
        left, right = (polynomial(side) for side in formulas[0].split("="))
        slope = left.get(1, Fraction(0)) - right.get(1, Fraction(0))
        return {0: (right.get(0, Fraction(0)) - left.get(0, Fraction(0))) / slope}
    value = polynomial(formulas[0])
    if re.match("Differentiate|Find the derivative", question):
        return {power - 1: power * c for power, c in value.items() if power}
    if question.startswith("Add "):
        return {0: value[0] + polynomial(formulas[1])[0]}
    return value


def answers_symbolic(question: str, answer: str) -> bool:
    """Whether the answer is equal to it, and in the form that was asked for."""
    fraction = re.fullmatch(r"\\frac\{(\d+)\}\{(\d+)\}", answer)
    if fraction and Fraction(int(fraction[1]), int(fraction[2])).denominator != int(fraction[2]):
        return False  # not in lowest terms
    return "(" not in answer and polynomial(answer) == symbolic(question)


# ---- riddles


def riddle(text: str) -> str:
    """The answer to a riddle, English or Chinese. Raises ValueError when no reading fits."""
    for read in (order, swap, truth, dates, sort):
        answer = read(text)
        if answer is not None:
            return answer
    raise ValueError(text)


def order(text: str) -> str | None:
    pairs = found(r"(\w+) (?:is taller|is older|runs faster) than (\w+)\.", text)
    pairs += found(rf"{WHO}(?:跑得)?比{WHO}(?:高|年龄大|快)。", text)
    if not pairs or "day" in text:
        return None
    above, below = {a for a, _ in pairs}, {b for _, b in pairs}
    low = re.search(r"(shortest|youngest|slowest)\?$|(矮|小|慢)？$", text)
    (answer,) = below - above if low else above - below
    return answer


def swap(text: str) -> str | None:
    held = dict(found(r"(\w+) has the (\w+) ball\.", text) + found(rf"{WHO}拿着(\w)球。", text))
    if not held:
        return None
    pairs = rf"(\w+) and (\w+) swap|(\w+) swaps balls with (\w+)|{WHO}和{WHO}交换|{WHO}用自己的球换了{WHO}"
    for names in found(pairs, text):
        a, b = [name for name in names if name]
        held[a], held[b] = held[b], held[a]
    colour = found(r"Who has the (\w+) ball", text) + found(r"谁拿着(\w)球", text)
    if colour:
        (answer,) = [name for name, c in held.items() if c == colour[0]]
        return answer
    who = found(r"(\w+)'s ball now", text) + found(rf"现在{WHO}的球", text)
    return held[who[0]]


def truth(text: str) -> str | None:
    asked = found(r"Does (\w+) tell the truth\?$", text) + found(rf"{WHO}说真话吗？$", text)
    if not asked:
        return None
    english = "?" in text
    honest = {
        a: way == "tells the truth" for a, way in found(r"^(\w+) (tells the truth|lies)\.", text)
    }
    honest |= {a: way == "真话" for a, way in found(rf"^{WHO}说(真话|谎)。", text)}
    for b, a, way in found(r"(\w+) says that (\w+) (tells the truth|lies)\.", text):
        honest[b] = honest[a] == (way == "tells the truth")
    for b, a, way in found(rf"{WHO}说{WHO}说(真话|谎)。", text):
        honest[b] = honest[a] == (way == "真话")
    yes, no = ("Yes", "No") if english else ("是", "否")
    return yes if honest[asked[0]] else no


def dates(text: str) -> str | None:
    asked = found(r"On what day does (\w+) come\?$", text) + found(rf"{WHO}星期几来？$", text)
    if not asked:
        return None
    week = DAYS if "?" in text else ZH_DAYS
    day = {a: DAYS.index(d) for a, d in found(r"(\w+) (?:comes|arrives) on (\w+)\.", text)}
    day |= {a: ZH_DAYS.index(d) for a, d in found(rf"{WHO}(星期\w)[来到]。", text)}
    links = [
        (b, a, 1 if way == "after" else -1)
        for b, way, a in found(r"(\w+) (?:comes|arrives) the day (after|before) (\w+)\.", text)
    ]
    links += [
        (b, a, 1 if way == "晚" else -1) for b, a, way in found(rf"{WHO}比{WHO}([晚早])", text)
    ]
    while asked[0] not in day:
        day |= {b: (day[a] + move) % 7 for b, a, move in links if a in day}
    return week[day[asked[0]]]


def sort(text: str) -> str | None:
    listed = re.search(
        r"(alphabetically|from small to large): ([^.]*)\.|从小到大排列：([^。]*)。", text
    )
    if not listed:
        return None
    items = re.split(", |、", listed[2] or listed[3])
    scale = sorted(items) if listed[1] == "alphabetically" else SIZES if listed[1] else ZH_SIZES
    ranked = sorted(items, key=scale.index)
    return ranked[-1] if re.search(r"last\?$|最后的是什么？$", text) else ranked[0]
