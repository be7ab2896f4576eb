"""Word problems of split "web", told in the web's own words, names and things.

The structures are those of words.py (chains of exact steps); the wording is not, so that a page shares no run of ten
words with a benchmark question unless it was planted there, and decontamination has only real leaks to find.
"""

# ruff: noqa: E501 (tables of sentences)
from __future__ import annotations

from functools import lru_cache
from random import Random

from pipeline.world.problems import Problem, Step
from pipeline.world.words import operands

NAMES = {
    "en": (
        "Peter",
        "Hannah",
        "Oscar",
        "Clara",
        "Felix",
        "Ruth",
        "Walter",
        "Ida",
        "Hugo",
        "Nora",
        "Simon",
        "Greta",
        "Martin",
        "Vera",
        "Arthur",
        "Selma",
        "Edgar",
        "Flora",
        "Ravi",
        "Mina",
        "Jasper",
        "Thea",
    ),
    "zh": (
        "王明",
        "李静",
        "张伟",
        "陈芳",
        "刘洋",
        "赵敏",
        "周涛",
        "吴霞",
        "孙磊",
        "胡平",
        "高强",
        "林悦",
        "阿杰",
        "阿珍",
    ),
}

THEMES = {
    "en": (
        {
            "first": (
                "{n} people sit in the bus when it leaves the depot.",
                "A bus sets off with {n} passengers.",
            ),
            "+": (
                "At the following stop {n} others get on.",
                "Another {n} passengers climb aboard.",
            ),
            "-": ("{n} of the passengers step off.", "At the mill {n} people leave the bus."),
            "*": (
                "By the stadium the crowd inside is {n} times what it was.",
                "A school class joins until the bus is {n} times as full.",
            ),
            "/": (
                "Only one passenger in {n} rides on.",
                "The load is divided by {n} at the terminal.",
            ),
            "ask": ("How full is the bus at this point?", "With how many people does it drive on?"),
        },
        {
            "first": ("{a} keeps {n} dollars in a tin.", "The savings of {a} come to {n} dollars."),
            "+": (
                "An aunt puts in another {n} dollars.",
                "Washing cars brings {a} {n} dollars extra.",
            ),
            "-": ("A comic costs {a} {n} dollars of that.", "{a} spends {n} dollars on a kite."),
            "*": (
                "A lucky trade leaves {a} with {n} times that money.",
                "The bank of grandpa pays {n} times the sum back.",
            ),
            "/": (
                "{a} splits the money with others, one share of {n}.",
                "After sharing by {n}, one part stays in the tin.",
            ),
            "ask": ("What is in the tin afterwards?", "What sum is {a} left with?"),
        },
        {
            "first": (
                "The garden of {a} shows {n} tulips.",
                "{a} counts {n} roses along the fence.",
            ),
            "+": ("Overnight {n} further buds open.", "{a} plants {n} extra ones."),
            "-": ("The wind breaks {n} of the flowers.", "{a} cuts {n} for the table."),
            "*": (
                "A warm week makes {n} times as much bloom.",
                "In May the bed carries {n} times that number.",
            ),
            "/": (
                "A frost spares just one flower in {n}.",
                "Only the part of one in {n} survives the goats.",
            ),
            "ask": (
                "What does {a} count at last?",
                "How many flowers stand in the garden of {a} now?",
            ),
        },
        {
            "first": (
                "A barrel holds {n} litres of rain water.",
                "There are {n} litres in the tank of {a}.",
            ),
            "+": ("A shower pours in {n} litres.", "{a} fills in {n} litres from the well."),
            "-": ("Watering the beans takes {n} litres out.", "{n} litres leak through a crack."),
            "*": (
                "The storm raises the content to {n} times as much.",
                "Soon the tank has {n} times the content.",
            ),
            "/": (
                "{a} pumps it evenly into {n} tubs and looks at one.",
                "The content sinks to one part in {n}.",
            ),
            "ask": ("How many litres does {a} find then?", "What is the content now, in litres?"),
        },
        {
            "first": (
                "{a} reads {n} pages on the first evening.",
                "On page {n} of the novel {a} puts in a bookmark.",
            ),
            "+": ("{a} reads on for {n} pages.", "In bed {a} manages {n} pages on top of that."),
            "-": ("{a} leafs back {n} pages.", "{n} pages were blank and do not count."),
            "*": (
                "By the weekend it is {n} times as far.",
                "On the train {a} gets to {n} times that page.",
            ),
            "/": (
                "The sister of {a} is only one part in {n} as far.",
                "A friend has read just a share of one in {n}.",
            ),
            "ask": ("Which page is that?", "How many pages is it in all?"),
        },
        {
            "first": (
                "A baker puts {n} rolls into the oven.",
                "In the shop of {a} lie {n} loaves.",
            ),
            "+": ("The second tray brings {n} pieces.", "{a} bakes {n} on top."),
            "-": ("Customers carry off {n}.", "{n} of them burn."),
            "*": (
                "For the feast {a} raises this to {n} times the amount.",
                "With help the bakery makes {n} times as much.",
            ),
            "/": (
                "They are packed evenly in {n} baskets, and {a} takes one basket.",
                "A café gets everything but one part in {n}.",
            ),
            "ask": ("How much bread has {a} then?", "What amount is left for {a}?"),
        },
        {
            "first": ("On the meadow of {a} graze {n} sheep.", "{a} drives {n} goats up the hill."),
            "+": ("{n} lambs are born.", "A neighbour brings {n} animals along."),
            "-": ("{n} run off through the hedge.", "{a} sells {n} at the fair."),
            "*": (
                "Over the years the herd grows to {n} times its size.",
                "The herd next door is {n} times as large; look at that one.",
            ),
            "/": (
                "The herd is split evenly over {n} meadows; count one.",
                "Just one in {n} comes home.",
            ),
            "ask": ("How large is the herd then?", "What is the count of {a}?"),
        },
        {
            "first": ("We look at the number {n}.", "Let {n} be given.", "Write down {n}."),
            "+": ("Raise it by {n}.", "Put {n} on top.", "Now go up by {n}."),
            "-": ("Lower it by {n}.", "Take off {n}.", "Now go down by {n}."),
            "*": ("Make it {n} times as large.", "Use the factor {n}."),
            "/": ("Cut it into {n} parts and keep one.", "Take the part of one in {n}."),
            "ask": ("Where do we end?", "Which value do we reach?", "What do you obtain?"),
        },
    ),
    "zh": (
        {
            "first": ("公交车从起点开出时车上有{n}人。", "一辆公交车载着{n}名乘客出发。"),
            "+": ("下一站上来{n}人。", "又有{n}名乘客上车。"),
            "-": ("到站后{n}人下车。", "有{n}名乘客在医院站下了车。"),
            "*": ("到体育场时车上人数达到刚才的{n}倍。", "学生上车以后人数变为{n}倍。"),
            "/": ("终点前每{n}人里只剩一人。", "到广场时只留下{n}分之一的人。"),
            "ask": ("车上这时坐着几人？", "车继续开时载客多少？"),
        },
        {
            "first": ("{a}的储蓄罐里存着{n}元。", "{a}带了{n}元出门。"),
            "+": ("姑姑再给{a}{n}元。", "{a}卖报纸挣到{n}元。"),
            "-": ("{a}花{n}元看电影。", "坐车用掉{n}元。"),
            "*": ("到年底钱数涨到{n}倍。", "爷爷让这笔钱变为{n}倍。"),
            "/": ("{a}与同伴平分成{n}份，自己拿一份。", "{a}只能用其中的{n}分之一。"),
            "ask": ("{a}手里剩几元？", "这时{a}的钱数是几元？"),
        },
        {
            "first": ("{a}家院子里开着{n}朵月季。", "花圃里种了{n}棵向日葵。"),
            "+": ("夜里又开{n}朵。", "{a}补种{n}棵。"),
            "-": ("大风吹倒{n}棵。", "{a}剪下{n}朵插瓶。"),
            "*": ("到五月数目增长到{n}倍。", "暖和以后花开到{n}倍。"),
            "/": ("霜冻以后每{n}朵只活一朵。", "山羊吃过只剩{n}分之一。"),
            "ask": ("{a}最后数到几朵？", "院子里还开着几朵花？"),
        },
        {
            "first": ("水桶里有{n}升雨水。", "{a}的水箱装着{n}升水。"),
            "+": ("一场雨增添{n}升。", "{a}从井里提来{n}升。"),
            "-": ("浇菜用去{n}升。", "裂缝漏掉{n}升。"),
            "*": ("暴雨使水量升到{n}倍。", "随后水量达到{n}倍。"),
            "/": ("把水匀到{n}个盆里，看其中一盆。", "水量降到{n}分之一。"),
            "ask": ("这时水量是几升？", "{a}看到几升水？"),
        },
        {
            "first": ("{a}头一晚看了{n}页小说。", "{a}把书签夹在第{n}页。"),
            "+": ("睡前再读{n}页。", "{a}接着往后看{n}页。"),
            "-": ("{a}往回翻{n}页。", "其中{n}页是空白，不算。"),
            "*": ("周末读到原先页数的{n}倍。", "在火车上看到{n}倍的地方。"),
            "/": ("妹妹只读到这里的{n}分之一。", "同桌的进度是它的{n}分之一。"),
            "ask": ("那是第几页？", "算下来是几页？"),
        },
        {
            "first": ("面包房烤好{n}个面包。", "{a}店里摆着{n}个烧饼。"),
            "+": ("第二炉出来{n}个。", "{a}加做{n}个。"),
            "-": ("顾客买走{n}个。", "有{n}个烤糊了。"),
            "*": ("过节时产量提到{n}倍。", "帮手来了，数量做到{n}倍。"),
            "/": ("平均装{n}篮，{a}拎走一篮。", "{a}分到{n}分之一。"),
            "ask": ("{a}手上有几个面饼？", "最终{a}拿到几个？"),
        },
        {
            "first": ("山坡上有{n}只羊在吃草。", "{a}赶着{n}头牛上山。"),
            "+": ("生下{n}只小崽。", "邻村送来{n}只。"),
            "-": ("有{n}只钻篱笆跑了。", "{a}在集市卖掉{n}只。"),
            "*": ("几年后畜群壮大到{n}倍。", "隔壁的畜群是这里的{n}倍，数那一群。"),
            "/": ("平均赶到{n}块草地，数一块草地。", "每{n}只只回来一只。"),
            "ask": ("畜群这时有几只？", "{a}点数是几只？"),
        },
        {
            "first": ("看数字{n}。", "给定{n}。", "先写下{n}。"),
            "+": ("把它提高{n}。", "往上走{n}。"),
            "-": ("把它降低{n}。", "往下走{n}。"),
            "*": ("放大为{n}倍。", "乘上因数{n}。"),
            "/": ("切成{n}段取一段。", "取它的{n}分之一。"),
            "ask": ("停在哪个数？", "算到哪个值？", "最后写下什么数？"),
        },
    ),
}
TOGETHER = {
    "en": (
        "What do the last two amounts make when we put both in one heap?",
        "Add up the last two amounts: what comes out?",
    ),
    "zh": ("把最后两个数量合在一起算，得什么数？", "求最后两个数量的和。"),
}


@lru_cache(maxsize=128)
def _moves(value: int) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    """(operation, its (operand, result) pairs) that words.chain allows from `value`; cached, for the web draws many."""
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
    """`length` steps, each on the value of the one before, with the distribution of words.chain."""
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
    """One problem of `level` steps (1..8). A quarter of the longer ones end by adding the last two quantities."""
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
    theme, name = rng.choice(THEMES[lang]), rng.choice(NAMES[lang])
    told = steps[:-1] if total else steps
    sentences = [rng.choice(theme["first"]).format(a=name, n=steps[0].left)]
    sentences += [rng.choice(theme[step.op]).format(a=name, n=step.right) for step in told]
    sentences.append(rng.choice(TOGETHER[lang] if total else theme["ask"]).format(a=name))
    return Problem(
        question=(" " if lang == "en" else "").join(sentences),
        steps=steps,
        answer=str(steps[-1].value),
        lang=lang,
        level=level,
        family="total" if total else "story",
        structure=structure,
    )
