"""Mathematical pages: what each kind says (its blocks), without the chrome around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pipeline.world.problems import Problem
from pipeline.world.web.concepts import CONCEPTS, Concept
from pipeline.world.web.facts import FACTS, between, paragraph
from pipeline.world.web.markup import Doc, mark
from pipeline.world.web.problems import ask, explain
from pipeline.world.web.prose import GRAMMAR
from pipeline.world.wording import read_data

PHRASES = read_data(__file__, "phrases")
Blocks = list[tuple[str, str]]


@dataclass(frozen=True)
class Material:
    """What one page is made of.

    `formulas` is the share of the steps that are written as LaTeX, `quotes` are the benchmark
    questions to leak.
    """

    lang: str
    rng: Random
    problems: list[Problem]
    quotes: tuple[str, ...] = ()
    length: float = 1.0
    results: float = 1.0
    formulas: float = 1.0
    serial: int = 0

    @property
    def gap(self) -> str:
        """What stands between two sentences."""
        return " " if self.lang == "en" else ""

    def many(self, low: int, high: int) -> int:
        """A random amount of text, scaled by the configured length."""
        return max(1, round(between(self.rng, low, high) * self.length))

    def facts(self, low: int, high: int) -> int:
        """A random amount of arithmetic facts, or of paragraphs of them."""
        return max(1, round(between(self.rng, low, high) * self.length * self.results))

    def phrase(self, name: str, number: int | None = None) -> str:
        """A set phrase; {n} becomes `number`, or the page's own."""
        text = self.rng.choice(PHRASES[name][self.lang])
        if "{" not in text:
            return text
        return text.format(
            n=self.serial if number is None else number,
            r=between(self.rng, 2, 9),
            t=between(self.rng, 20, 90),
        )

    def lead(self, name: str, number: int | None = None, share: float = 1.0) -> str:
        """A set phrase before another sentence, with the space that English wants.

        Empty on all but a `share` of the calls.
        """
        return (
            self.phrase(name, number) + self.gap
            if share == 1.0 or self.rng.random() < share
            else ""
        )

    def chat(self, topic: str, count: int) -> str:
        """Sentences that are not mathematics."""
        return GRAMMAR[self.lang].sentences(topic, count, self.rng, self.gap)


def _question(m: Material, problem: Problem) -> str:
    return mark(ask(problem, m.lang, m.rng))


def _solution(m: Material, problem: Problem) -> str:
    return mark(explain(problem, m.lang, m.rng, m.rng.random() < m.formulas))


def _quoted(m: Material) -> Blocks:
    """The planted leaks, word for word: each is a paragraph, some after a few leading words."""
    return [("p", mark(m.lead("leak_lead", share=0.6) + quote)) for quote in m.quotes]


def _result(problem: Problem) -> str:
    return problem.answer if problem.answer.lstrip("-").isdigit() else f"${problem.answer}$"


def _example(m: Material, concept: Concept) -> str:
    return mark(m.rng.choice(concept.shown[m.lang]) % concept.example(m.rng))


def _define(m: Material, concept: Concept) -> Blocks:
    return [
        ("p", mark(m.gap.join(concept.definition[m.lang]))),
        ("display", m.rng.choice(concept.law)),
    ]


def forum(m: Material) -> Doc:
    """A question with answers and comments, as on Stack Exchange or a Chinese question site."""
    first = m.problems[0]
    blocks: Blocks = [("p", _question(m, first)), ("p", m.phrase("forum_try"))]
    blocks += _quoted(m)
    blocks.append(("h2", m.phrase("answers")))
    for problem in m.problems:
        if problem is not first:
            blocks.append(("p", m.lead("similar") + _question(m, problem)))
        blocks.append(("p", _solution(m, problem)))
        if m.rng.random() < 0.4:
            blocks.append(("p", mark(m.rng.choice(FACTS)(m.lang, m.rng))))
    if m.rng.random() < m.formulas:
        concept = m.rng.choice(CONCEPTS)
        blocks += [("p", _example(m, concept)), *_define(m, concept)]
    blocks.append(("quote", m.phrase("thanks")))
    return Doc(m.phrase("forum_title") + m.phrase("forum_tail"), tuple(blocks))


def textbook(m: Material) -> Doc:
    """A section of a book: definitions, laws, worked examples, exercises."""
    concept, other = m.rng.sample(CONCEPTS, 2)
    blocks = _define(m, concept)
    blocks.extend(("p", _example(m, concept)) for _ in range(m.many(2, 4)))
    blocks.append(("p", mark(paragraph(m.lang, m.facts(3, 6), m.rng))))
    for k, problem in enumerate(m.problems, 1):
        blocks.append(("h3", m.phrase("example", k)))
        blocks.append(("p", _question(m, problem)))
        blocks.append(("p", m.lead("solution", share=0.7) + _solution(m, problem)))
    blocks += _quoted(m)
    blocks.append(("h2", m.phrase("remark")))
    blocks += _define(m, other)
    return Doc(
        f"{between(m.rng, 1, 12)}.{between(m.rng, 1, 9)} {concept.title[m.lang]}", tuple(blocks)
    )


def encyclopaedia(m: Material) -> Doc:
    """An article: definition, examples, laws, problems."""
    concept, related = m.rng.sample(CONCEPTS, 2)
    blocks = _define(m, concept)
    blocks.append(("h2", m.phrase("examples")))
    blocks.extend(("p", _example(m, concept)) for _ in range(m.many(2, 5)))
    blocks.append(("h2", m.phrase("laws")))
    blocks.extend(("display", law) for law in concept.law)
    blocks.append(("p", mark(m.rng.choice(related.definition[m.lang]))))
    blocks.append(("h2", m.phrase("applications")))
    blocks.extend(
        ("p", _question(m, problem) + m.gap + _solution(m, problem)) for problem in m.problems
    )
    return Doc(
        concept.title[m.lang] + m.lead("wiki_tail", share=0.6).rstrip(), tuple(blocks + _quoted(m))
    )


def exam(m: Material) -> Doc:
    """Numbered questions, then the solutions in prose."""
    blocks: Blocks = [("p", m.phrase("exam_rules"))]
    blocks.extend(("li", _question(m, problem)) for problem in m.problems)
    blocks += _quoted(m)
    blocks.append(("h2", m.phrase("key")))
    if m.rng.random() < 0.3 * (1 - m.formulas):
        blocks.append(
            (
                "p",
                m.lead("worksheet_key")
                + mark(", ".join(_result(problem) for problem in m.problems)),
            )
        )
    else:
        blocks.extend(
            ("p", m.lead("item", k) + _solution(m, problem))
            for k, problem in enumerate(m.problems, 1)
        )
    return Doc(m.phrase("exam_title"), tuple(blocks))


def drill(m: Material) -> Doc:
    """Arithmetic facts and ways to calculate, for children."""
    blocks: Blocks = []
    for _ in range(m.facts(3, 6)):
        kinds = FACTS if m.rng.random() < 0.5 else (m.rng.choice(FACTS),)
        blocks.append(("p", mark(paragraph(m.lang, m.many(4, 8), m.rng, kinds))))
    blocks.extend(
        ("p", _question(m, problem) + m.gap + _solution(m, problem)) for problem in m.problems
    )
    return Doc(m.phrase("drill_title"), tuple(blocks + _quoted(m)))


def blog(m: Material) -> Doc:
    """A personal text that turns to a calculation."""
    topic = m.rng.choice(("travel", "school", "shop", "recipe", "sport"))
    concept = m.rng.choice(CONCEPTS)
    blocks: Blocks = [("p", m.chat(topic, m.many(1, 3)))]
    if m.rng.random() < m.formulas:
        blocks += _define(m, concept)
    blocks.append(("p", _example(m, concept)))
    for problem in m.problems:
        blocks.append(("p", m.lead("blog_lead", share=0.7) + _question(m, problem)))
        blocks.append(("p", _solution(m, problem)))
    blocks += _quoted(m)
    blocks.append(("p", m.chat(topic, 1)))
    return Doc(m.phrase("blog_title"), tuple(blocks))


def stories(m: Material) -> Doc:
    """Everyday talk around word problems, with results but no steps.

    Hardly anything but the numbers shows that it is mathematics.
    """
    topic = m.rng.choice(("travel", "school", "shop", "recipe", "nature"))
    blocks: Blocks = [("p", m.chat(topic, m.many(1, 2)))]
    for problem in m.problems:
        blocks.append(("p", m.lead("blog_lead", share=0.4) + _question(m, problem)))
        if m.rng.random() < 0.3:
            blocks.append(("p", m.chat(topic, 1)))
    blocks += _quoted(m)
    blocks.append(
        ("p", m.lead("story_key") + mark(", ".join(_result(problem) for problem in m.problems)))
    )
    return Doc(GRAMMAR[m.lang].say(f"{topic}_title", m.rng).capitalize(), tuple(blocks))


def worksheet(m: Material) -> Doc:
    """Exercises that differ from others of their set only in numbers; results come at the end."""
    pairs = [(between(m.rng, 11, 99), between(m.rng, 2, 99)) for _ in range(24)]
    blocks: Blocks = [("p", m.phrase("worksheet_lead"))]
    blocks.extend(("li", f"{a} + {b} = ___") for a, b in pairs)
    blocks.append(("p", m.lead("worksheet_key") + ", ".join(str(a + b) for a, b in pairs)))
    return Doc(m.phrase("worksheet_title"), tuple(blocks))


MATH_KINDS: dict[str, Callable[[Material], Doc]] = {
    "forum": forum,
    "textbook": textbook,
    "encyclopaedia": encyclopaedia,
    "exam": exam,
    "drill": drill,
    "blog": blog,
    "stories": stories,
    "worksheet": worksheet,
}
PROBLEMS_PER_PAGE = {
    "forum": (1, 3),
    "textbook": (2, 4),
    "encyclopaedia": (1, 2),
    "exam": (4, 8),
    "drill": (1, 2),
    "blog": (1, 2),
    "stories": (2, 4),
    "worksheet": (0, 0),
}
