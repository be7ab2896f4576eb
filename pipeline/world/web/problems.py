"""Worked problems for web pages: of split "web" only, told in prose or with inline formulas, never in the format of CoT.

The format that instruction data and evaluation use, one bare equation a line (`3+4=7`) and a boxed answer, is held out
of the web, so that pre-training on mined pages cannot win by format alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from pipeline.world.problems import Problem, Step, split_of
from pipeline.world.symbolic import symbolic_problem
from pipeline.world.web.words import web_word_problem

Problems = Callable[
    [str, int, int], list[Problem]
]  # (kind, count, seed) -> problems; kind as in problems.draw


def web_problems(
    word_levels: tuple[int, ...] = (1, 2, 3, 4), symbolic_levels: tuple[int, ...] = (1, 2, 3, 4, 5)
) -> Problems:
    """A source of problems of split "web". Fewer than `count` when 1000 draws bring nothing new."""

    def draw_some(kind: str, count: int, seed: int) -> list[Problem]:
        rng = random.Random(f"{seed}/web/{kind}")
        make = (
            symbolic_problem
            if kind == "symbolic"
            else partial(web_word_problem, lang=kind.removeprefix("word_"))
        )
        levels = symbolic_levels if kind == "symbolic" else word_levels
        found: dict[str, Problem] = {}
        attempt = last = 0
        while len(found) < count and attempt - last < 1000:
            problem = make(rng, levels[attempt % len(levels)])
            attempt += 1
            if problem.question not in found and split_of(problem.structure) == "web":
                found[problem.question], last = problem, attempt
        return list(found.values())

    return draw_some


SAY = {
    "en": {
        "+": (
            "{a} plus {b} makes {c}",
            "adding {b} to {a} gives {c}",
            "{a} and {b} more are {c}",
            "{a} plus {b} is {c}",
        ),
        "-": (
            "{a} minus {b} leaves {c}",
            "taking {b} from {a} leaves {c}",
            "{a} less {b} is {c}",
            "{a} minus {b} is {c}",
        ),
        "*": (
            "{a} times {b} is {c}",
            "{b} times as many as {a} is {c}",
            "multiplying {a} by {b} gives {c}",
            "{a} times {b} makes {c}",
        ),
        "/": (
            "{a} divided by {b} is {c}",
            "one of {b} equal parts of {a} is {c}",
            "dividing {a} by {b} gives {c}",
            "{b} goes into {a} exactly {c} times",
        ),
    },
    "zh": {
        "+": ("{a}加{b}得{c}", "{a}加上{b}等于{c}", "{a}与{b}的和是{c}"),
        "-": ("{a}减{b}得{c}", "{a}减去{b}等于{c}", "{a}与{b}的差是{c}"),
        "*": ("{a}乘{b}得{c}", "{a}的{b}倍是{c}", "{a}乘以{b}等于{c}"),
        "/": ("{a}除以{b}得{c}", "{a}平均分成{b}份，每份是{c}", "{a}除以{b}等于{c}"),
    },
}
SIGNS = {"+": ("+",), "-": ("-",), "*": (r"\times", r"\cdot"), "/": (r"\div", "/")}
OPENERS = {
    "en": (
        "First, ",
        "To begin, ",
        "We start with this: ",
        "At first, ",
        "Look at the first part: ",
    ),
    "zh": ("首先，", "先算：", "第一步，", "我们先看，"),
}
LINKS = {
    "en": ("Then ", "Next, ", "After that, ", "Now ", "So ", "From this, "),
    "zh": ("然后，", "接着，", "再算，", "这样，", "于是，"),
}
ENDINGS = {
    "en": (
        "So the answer is {x}.",
        "The result is {x}.",
        "That makes {x}.",
        "Therefore we get {x}.",
        "It is {x}.",
    ),
    "zh": ("所以答案是{x}。", "结果是{x}。", "因此得到{x}。", "最后得{x}。"),
}


def formula(step: Step, rng: Random) -> str:
    r"""`$3 \times 4 = 12$`: the step as inline LaTeX, with blanks."""
    sign = rng.choice(SIGNS[step.op])
    right = f"({step.right})" if step.right < 0 else step.right
    return f"${step.left} {sign} {right} = {step.value}$"


def explain(problem: Problem, lang: str, rng: Random, formulas: bool) -> str:
    """The solution as one paragraph of prose; `formulas` writes the steps as inline LaTeX within the sentences."""
    stop = ". " if lang == "en" else "。"
    said = []
    for k, step in enumerate(problem.steps):
        opener = rng.choice(LINKS[lang] if k else OPENERS[lang])
        if formulas:
            said.append(opener + formula(step, rng))
        else:
            said.append(
                opener
                + rng.choice(SAY[lang][step.op]).format(a=step.left, b=step.right, c=step.value)
            )
    number = problem.answer.lstrip("-").isdigit()
    shown = problem.answer if number and not formulas else f"${problem.answer}$"
    return stop.join(said) + stop + rng.choice(ENDINGS[lang]).format(x=shown)


ASK = {
    "en": {
        "reduce": ("Which fraction in lowest terms equals {0}?", "Bring {0} to its shortest form."),
        "solve": ("For which $x$ does {0} hold?", "We want to know $x$, given {0}."),
        "expand": ("Write {0} without brackets.", "What is {0} once the brackets are gone?"),
        "derive": (
            "What is the derivative of {0} with respect to $x$?",
            "How does one derive {0}?",
        ),
        "add_fractions": ("How much is {0}?", "Bring {0} to one fraction."),
    },
    "zh": {
        "reduce": ("化简{0}。", "把{0}化成最简分数。"),
        "solve": ("解方程{0}。", "已知{0}，求$x$。"),
        "expand": ("展开{0}。", "把{0}乘开。"),
        "derive": ("求{0}的导数。", "对{0}求导。"),
        "add_fractions": ("计算{0}。", "求{0}的值。"),
    },
}


def ask(problem: Problem, lang: str, rng: Random) -> str:
    """The question in the page's language and the web's words; symbolic problems are drawn in English."""
    if problem.family not in ASK[lang]:
        return problem.question
    shown: Sequence[str] = [f for f in re.findall(r"\$[^$]+\$", problem.question) if f != "$x$"]
    if problem.family == "add_fractions" and len(shown) == 2:
        shown = [f"{shown[0][:-1]}+{shown[1][1:]}"]
    return rng.choice(ASK[lang][problem.family]).format(shown[0])
