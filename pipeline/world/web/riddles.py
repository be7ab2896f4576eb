"""Riddles of split "web" for pages that are not mathematics: the subject matter of `mini_bbh`.

A language model can learn general reasoning from them, and a corpus that is to hold mathematics
alone should leave them out: their truth says `is_math: false`.
"""

from __future__ import annotations

from random import Random

from pipeline.world.problems import split_of
from pipeline.world.reasoning import reasoning_problem
from pipeline.world.web.facts import between
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "riddles")


def riddle(lang: str, rng: Random) -> tuple[str, str]:
    """A riddle and the sentence that gives its answer."""
    while True:
        problem = reasoning_problem(rng, between(rng, 2, 4), lang, WORDS[lang])
        if split_of(problem.structure) == "web":
            return problem.question, rng.choice(WORDS[lang]["answer"]).format(x=problem.answer)
