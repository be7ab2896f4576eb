"""Solves the world's word problems from their text alone, as a careful reader would.

It shares nothing with the generator: it knows no plan of a problem, no data file, no step. Values
are exact fractions, so a division that does not come out even would show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

FACTOR = {"twice": 2, "half": Fraction(1, 2), "a third": Fraction(1, 3)}
FACTOR |= {"a quarter": Fraction(1, 4), "a fifth": Fraction(1, 5)}
FACTOR |= {"doubles": 2, "triples": 3, "doubled": 2, "tripled": 3}
FACTOR |= {"一半": Fraction(1, 2), "三分之一": Fraction(1, 3)}
FACTOR |= {"四分之一": Fraction(1, 4), "五分之一": Fraction(1, 5)}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ZH_DAYS = [f"星期{c}" for c in "一二三四五六日"]
WHO = "(小[明红华丽刚芳军梅])"
PART = "(一半|[三四五]分之一)"


def factor(text: str) -> Fraction:
    """`twice`, `3 times`, `a third`, `3倍` or `三分之一` as a number."""
    number = re.match(r"\d+", text)
    return Fraction(int(number[0])) if number else Fraction(FACTOR[text])


def only(values: list) -> Fraction:
    """The one value that a list must hold."""
    assert len(values) == 1, values
    return Fraction(values[0])


def found(pattern: str, text: str) -> list:
    return re.findall(pattern, text)


def solve(question: str) -> str:
    """The answer to a word problem, English or Chinese. Raises ValueError when no reading fits."""
    for name, read in READERS.items():
        value = read(question)
        if value is not None:
            assert value.denominator == 1 and value > 0, (name, question)
            return str(value.numerator)
    raise ValueError(question)


# ---- relations between people


def people(text: str) -> Fraction | None:
    asked = found(r"How many \w+ does (\w+) (?:have|own)\?$", text)
    total = found(r"How many \w+ do (\w+) and (\w+) have (?:together|in all)\?$", text)
    more = found(r"How many more \w+ does (\w+) have than (\w+)\?$", text)
    if not (asked or total or more) or "box" in text or "After that" in text:
        return None
    known: dict[str, Fraction] = {}
    relations: dict[str, tuple[str, Callable]] = {}
    for a, n in found(r"(\w+) (?:has|owns) (\d+) \w+\.", text):
        known[a] = Fraction(n)
    for a, n, sign, b in found(r"(\w+) has (\d+) (more|fewer) (?:\w+ )?than (\w+)\.", text):
        change = int(n) if sign == "more" else -int(n)
        relations[a] = (b, lambda v, change=change: v + change)
    ways = r"(twice|\d times|half|a third|a quarter|a fifth)"
    for a, way, b in found(rf"(\w+) has {ways} as many (?:\w+ )?as (\w+)\.", text):
        relations[a] = (b, lambda v, way=way: v * factor(way))
    if not relations and not known:
        return None
    return combine(known, relations, asked, total, more)


def people_zh(text: str) -> Fraction | None:
    asked = found(WHO + r"有(?:多少|几)\w\w+？$", text)
    total = found(WHO + "和" + WHO + r"一?共有(?:多少|几)\w\w+？$", text)
    more = found(WHO + "比" + WHO + r"多多少\w\w+？$", text)
    if total or more:
        asked = []
    if not (asked or total or more) or any(mark in text for mark in ("盒", "星期", "现在")):
        return None
    known = {a: Fraction(n) for a, n in found(WHO + r"(?:手里)?有(\d+)\w\w+。", text)}
    relations: dict[str, tuple[str, Callable]] = {}
    for a, b, sign, n in found(WHO + r"(?:的[^是比。]+)?比" + WHO + r"([多少])(\d+)", text):
        change = int(n) if sign == "多" else -int(n)
        relations[a] = (b, lambda v, change=change: v + change)
    for a, b, way in found(WHO + r"的[^是比。]+是" + WHO + rf"的(\d倍|{PART[1:-1]})。", text):
        relations[a] = (b, lambda v, way=way: v * factor(way))
    return combine(known, relations, asked, total, more)


def combine(known, relations, asked, total, more) -> Fraction:
    def value(name: str) -> Fraction:
        if name in known:
            return known[name]
        other, change = relations[name]
        return change(value(other))

    if total:
        return value(total[0][0]) + value(total[0][1])
    if more:
        return value(more[0][0]) - value(more[0][1])
    return value(asked[0])


# ---- from day to day


def days(text: str) -> Fraction | None:
    asked = found(r"on (\w+day) evening\?$", text)
    if not asked:
        return None
    told = {}
    for day, what in found(r"On (\w+day), ([^.]*)\.", text):
        number = found(r"\d+", what)
        if re.search(r"\b(has|counts)\b", what):
            told[day] = ("=", only(number))
        elif re.search(r"\b(buys|finds|gets)\b", what):
            told[day] = ("+", only(number))
        elif re.search(r"\b(loses|sells|gives)\b", what):
            told[day] = ("-", only(number))
        else:
            way = found("doubles|triples|half|a third|a quarter|a fifth", what)
            told[day] = ("*", factor(way[0]))
    return follow(told, DAYS, asked[0])


def days_zh(text: str) -> Fraction | None:
    asked = found(r"(星期\w)晚上[^。]*？$", text)
    if not asked:
        return None
    told = {}
    for day, what in found(r"(星期\w)，([^。]*)。", text):
        number = found(r"\d+", what)
        if "原来" in what:
            told[day] = ("*", only(number))
        elif "留下" in what:
            told[day] = ("*", factor(found(PART, what)[0]))
        elif re.search("朋友送给|买|得到", what):
            told[day] = ("+", only(number))
        elif re.search("用掉|卖出|送给朋友", what):
            told[day] = ("-", only(number))
        else:
            told[day] = ("=", only(number))
    return follow(told, ZH_DAYS, asked[0])


def follow(told: dict[str, tuple[str, Fraction]], order: list[str], last: str) -> Fraction:
    value = Fraction(0)
    for day in order[: order.index(last) + 1]:
        if day in told:
            op, n = told[day]
            value = n if op == "=" else work(value, op, n)
    return value


# ---- in a shop


def shop(text: str) -> Fraction | None:
    prices = {i: Fraction(n) for i, n in found(r"A (\w+) costs (\d+) dollars\.", text)}
    prices |= {i: Fraction(n) for i, n in found(r"price of a (\w+) is (\d+) dollars\.", text)}
    if not prices:
        return None
    count, item = found(r"(?:buys|takes|and) (?:a \w+ and )?(\d+) (\w+)s\b", text)[0]
    cost = int(count) * prices[item]
    cost += sum(prices[i] for i in found(r"(?:and|takes) a (\w+)\b", text))
    return bill(text, cost, r"(?:pays with|gives the seller) (\d+) dollars", r"equally by (\d+)")


def shop_zh(text: str) -> Fraction | None:
    prices = {i: Fraction(n) for i, n in found(r"一[支本个顶](\w+?)(\d+)元。", text)}
    prices |= {i: Fraction(n) for i, n in found(r"每[支本个顶](\w+?)的价钱是(\d+)元。", text)}
    if not prices:
        return None
    bought = found(r"(?:买了|要买)([^。]*)。", text)
    cost = Fraction(0)
    for count, item in found(r"(\d+|一)[支本个顶](\w+?)(?:和|$)", bought[0]):
        cost += (1 if count == "一" else int(count)) * prices[item]
    return bill(text, cost, r"(?:付了|给了售货员)(\d+)元", r"平均分给(\d+)个")


def bill(text: str, cost: Fraction, paid: str, shared: str) -> Fraction:
    given = found(paid, text)
    if not given:
        return cost
    change = only(given) - cost
    parts = found(shared, text)
    return change / only(parts) if parts else change


# ---- boxes


def groups(text: str) -> Fraction | None:
    if "boxes" not in text:
        return None
    count = only(found(r"(?:There are|packs) (\d+) boxes", text))
    inside = found(r"(?:Each box holds|In every box there are) ([^.]*)\.", text)
    total = count * sum(map(int, found(r"\d+", inside[0])))
    total += sum(map(int, found(r"(\d+) more \w+ lie", text) + found(r"has (\d+) other", text)))
    total -= sum(map(int, found(r"(\d+) \w+ are taken out", text)))
    total -= sum(map(int, found(r"takes (\d+) \w+ away", text)))
    parts = found(r"equally by (\d+)", text)
    return total / only(parts) if parts else total


def groups_zh(text: str) -> Fraction | None:
    if "盒" not in text:
        return None
    count = only(found(r"(?:有|装了)(\d+)个盒子", text))
    inside = found(r"(?:每个盒子里有|每盒装)([^。]*)。", text)
    total = count * sum(map(int, found(r"\d+", inside[0])))
    total += sum(map(int, found(r"(?:桌上另外有|手里还有)(\d+)", text)))
    total -= sum(map(int, found(r"(?:拿走|取出)(\d+)", text)))
    parts = found(r"平均分给(\d+)个", text)
    return total / only(parts) if parts else total


# ---- numbers

NAMED = {"sum": "+", "difference": "-", "product": "*", "quotient": "/"}
ZH_NAMED = {"和": "+", "差": "-", "积": "*"}


def work(a: str | Fraction, op: str, b: str | Fraction) -> Fraction:
    a, b = Fraction(a), Fraction(b)
    return {"+": a + b, "-": a - b, "*": a * b}[op] if op != "/" else a / b


def numbers(text: str) -> Fraction | None:
    match = re.search(r"the (sum|difference|product|quotient) of (\d+) and (\d+)", text)
    if not match:
        return None
    value = work(match[2], NAMED[match[1]], match[3])
    first = text[: match.start()] + "P" + text[match.end() :]
    for sentence in re.split(r"(?<=[.?]) ", first):
        n = found(r"\d+", sentence)
        if re.match(r"Add|Increase|Then add", sentence):
            value += only(n)
        elif re.match(r"Subtract P|Decrease \d", sentence):
            value = only(n) - value
        elif re.match(r"Subtract|Decrease|Then subtract", sentence):
            value -= only(n)
        elif re.match(r"Multiply|Then multiply", sentence):
            value *= only(n)
        elif re.match(r"Divide|Then divide", sentence):
            value /= only(n)
    return value


def numbers_zh(text: str) -> Fraction | None:
    match = re.search(r"(\d+)与(\d+)的([和差积])|(\d+)除以(\d+)的商", text)
    if not match:
        return None
    if match[3]:
        value = work(match[1], ZH_NAMED[match[3]], match[2])
    else:
        value = work(match[4], "/", match[5])
    first = text[: match.start()] + "P" + text[match.end() :]
    for sentence in first.split("。"):
        n = found(r"\d+", sentence)
        if "加上" in sentence:
            value += only(n)
        elif re.match(r"\d+减去|从\d+里减去", sentence):
            value = only(n) - value
        elif "减去" in sentence:
            value -= only(n)
        elif "乘" in sentence:
            value *= only(n)
        elif "除以" in sentence:
            value /= only(n)
    return value


# ---- what there was at first


def back(text: str) -> Fraction | None:
    if not re.search(r"did \w+ have (at first|in the beginning)\?$", text):
        return None
    value = only(found(r"has (\d+) \w+(?: now)?\.", text))
    sentences = re.split(r"(?<=\.) ", text)
    for sentence in reversed(sentences):
        n = found(r"\d+", sentence)
        if re.search(r"bought|found", sentence):
            value -= only(n)
        elif re.search(r"sold|gave away", sentence):
            value += only(n)
        elif re.search(r"doubled|tripled", sentence):
            value /= factor(found("doubled|tripled", sentence)[0])
    return value


def back_zh(text: str) -> Fraction | None:
    if not re.search(r"(原来有多少|起初有几)\w+？$", text):
        return None
    value = only(found(r"现在(?:小\w|还)?有(\d+)", text))
    for sentence in reversed(text.split("。")):
        n = found(r"\d+", sentence)
        if "原来的" in sentence:
            value /= only(n)
        elif re.search("买了|得到", sentence):
            value -= only(n)
        elif re.search("卖出|送给朋友", sentence):
            value += only(n)
    return value


READERS: dict[str, Callable[[str], Fraction | None]] = {
    "days": days,
    "shop": shop,
    "groups": groups,
    "numbers": numbers,
    "back": back,
    "people": people,
    "days_zh": days_zh,
    "shop_zh": shop_zh,
    "groups_zh": groups_zh,
    "numbers_zh": numbers_zh,
    "back_zh": back_zh,
    "people_zh": people_zh,
}
