"""Worked problems for web pages, of split "web" only, told in prose or with inline formulas.

The format of instruction data and evaluation, one bare equation per line (`3+4=7`) and a boxed
answer, is held out of the web, so that pre-training on mined pages cannot win by format alone.
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
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "explanations")
# (kind, count, seed) -> problems; kind as in pipeline.world.draw.draw
Problems = Callable[[str, int, int], list[Problem]]


def web_problems(
    word_levels: tuple[int, ...] = (1, 2, 3, 4), symbolic_levels: tuple[int, ...] = (1, 2, 3, 4, 5)
) -> Problems:
    """A source of problems of split "web".

    It gives fewer than `count` when 1000 draws in a row bring nothing new.
    """

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


def formula(step: Step, rng: Random) -> str:
    r"""`$3 \times 4 = 12$`: the step as inline LaTeX, with spaces."""
    sign = rng.choice(WORDS["signs"][step.op])
    right = f"({step.right})" if step.right < 0 else step.right
    return f"${step.left} {sign} {right} = {step.value}$"


def explain(problem: Problem, lang: str, rng: Random, formulas: bool) -> str:
    """The solution as one paragraph of prose.

    `formulas` writes the steps as inline LaTeX within the sentences.
    """
    stop = ". " if lang == "en" else "。"
    said = []
    for k, step in enumerate(problem.steps):
        opener = rng.choice(WORDS["links" if k else "openers"][lang])
        if formulas:
            said.append(opener + formula(step, rng))
        else:
            sentence = rng.choice(WORDS["say"][lang][step.op])
            said.append(opener + sentence.format(a=step.left, b=step.right, c=step.value))
    number = problem.answer.lstrip("-").isdigit()
    shown = problem.answer if number and not formulas else f"${problem.answer}$"
    return stop.join(said) + stop + rng.choice(WORDS["endings"][lang]).format(x=shown)


def ask(problem: Problem, lang: str, rng: Random) -> str:
    """The question in the page's language and the web's words.

    Symbolic problems are drawn in English.
    """
    asked = WORDS["ask"][lang]
    if problem.family not in asked:
        return problem.question
    shown: Sequence[str] = [f for f in re.findall(r"\$[^$]+\$", problem.question) if f != "$x$"]
    if problem.family == "add_fractions" and len(shown) == 2:
        shown = [f"{shown[0][:-1]}+{shown[1][1:]}"]
    return rng.choice(asked[problem.family]).format(shown[0])
