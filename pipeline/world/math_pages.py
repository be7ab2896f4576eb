"""Mathematical pages: what each kind says (its blocks), without the chrome around it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pipeline.world.concepts import CONCEPTS, Concept
from pipeline.world.facts import FACTS, paragraph
from pipeline.world.markup import Doc, mark
from pipeline.world.problems import Problem
from pipeline.world.prose_en import ENGLISH
from pipeline.world.prose_zh import CHINESE
from pipeline.world.web_problems import ask, explain

GRAMMAR = {"en": ENGLISH, "zh": CHINESE}
Blocks = list[tuple[str, str]]


@dataclass(frozen=True)
class Material:
    """What one page is made of. `formulas`: this site writes steps as LaTeX; `quotes`: benchmark questions to leak."""

    lang: str
    rng: Random
    problems: list[Problem]
    quotes: tuple[str, ...] = ()
    length: float = 1.0
    formulas: bool = True
    serial: int = 0

    def many(self, low: int, high: int) -> int:
        """A random amount of text, scaled by the configured length."""
        return max(1, round(self.rng.randint(low, high) * self.length))

    def pick(self, en: tuple[str, ...], zh: tuple[str, ...]) -> str:
        return self.rng.choice(en if self.lang == "en" else zh)

    def chat(self, topic: str, count: int) -> str:
        """Sentences that are not mathematics."""
        return GRAMMAR[self.lang].sentences(topic, count, self.rng, " " if self.lang == "en" else "")


def _question(m: Material, problem: Problem) -> str:
    return mark(ask(problem, m.lang, m.rng))


def _solution(m: Material, problem: Problem) -> str:
    return mark(explain(problem, m.lang, m.rng, m.formulas and m.rng.random() < 0.75))


def _quoted(m: Material) -> Blocks:
    """The planted leaks, each a paragraph of its own or inside a sentence."""
    blocks: Blocks = []
    for quote in m.quotes:
        lead = m.pick(("", "Someone sent us this one. ", "From a test: "), ("", "网友发来一题：", "试卷上的题："))
        blocks.append(("p", mark(lead + quote)))
    return blocks


def _example(m: Material, concept: Concept) -> str:
    return mark(m.rng.choice(concept.shown[m.lang]) % concept.example(m.rng))


def _define(m: Material, concept: Concept) -> Blocks:
    blocks: Blocks = [("p", mark((" " if m.lang == "en" else "").join(concept.definition[m.lang])))]
    blocks.append(("display", m.rng.choice(concept.law)))
    return blocks


def forum(m: Material) -> Doc:
    """A question with one to three answers and comments, as on Stack Exchange or a Chinese question site."""
    first = m.problems[0]
    title = m.pick(("How do I work this out", "Help with homework", "Is my result right", "Stuck on a calculation", "Simple way to see this",
                    "Where is my mistake"), ("这道题怎么做", "求助一道题", "我算得对吗", "请教一个计算问题", "哪里算错了"))
    title += m.pick((f" (no. {m.serial})", f", part {m.rng.randint(2, 9)}?", "?"), ("？", f"（第{m.serial}题）"))
    blocks: Blocks = [("p", _question(m, first))]
    blocks.append(("p", m.pick(("I tried for an hour and get a different number each time.", "My teacher says it is easy, but I do not see it.",
                                "Please explain the steps, not only the result.", "What is the first step here?"),
                               ("我算了一个小时，每次结果都不一样。", "老师说很简单，可是我不会。", "请写出过程，谢谢。", "第一步该怎么做？"))))
    blocks += _quoted(m)
    blocks.append(("h2", m.pick(("Answers", "2 Answers", "Best answer"), ("回答", "最佳答案", "全部回答"))))
    for problem in m.problems:
        if problem is not first:
            blocks.append(("p", m.pick(("A similar question: ", "Compare this one. ", "Try it with other numbers: "),
                                       ("类似的题：", "再看一题：", "换个数：")) + _question(m, problem)))
        blocks.append(("p", _solution(m, problem)))
        if m.rng.random() < 0.4:
            blocks.append(("p", mark(m.rng.choice(FACTS)(m.lang, m.rng))))
    concept = m.rng.choice(CONCEPTS)
    blocks.append(("p", _example(m, concept)))
    if m.rng.random() < 0.5:
        blocks += _define(m, concept)
    blocks.append(("quote", m.pick(("Thank you, now I understand it!", "Nice, the second way is shorter.", "I would check it by going backwards."),
                                   ("谢谢，懂了！", "第二种方法更简单。", "可以倒过来验算。"))))
    return Doc(title, tuple(blocks))


def textbook(m: Material) -> Doc:
    """A section of a book: definitions, laws, worked examples, exercises."""
    concept, other = m.rng.sample(CONCEPTS, 2)
    title = f"{m.rng.randint(1, 12)}.{m.rng.randint(1, 9)} {concept.title[m.lang]}"
    blocks = _define(m, concept)
    for _ in range(m.many(2, 4)):
        blocks.append(("p", _example(m, concept)))
    blocks.append(("p", mark(paragraph(m.lang, m.many(3, 6), m.rng))))
    for k, problem in enumerate(m.problems, 1):
        blocks.append(("h3", m.pick((f"Example {k}", f"Worked example {k}"), (f"例{k}", f"例题{k}"))))
        blocks.append(("p", _question(m, problem)))
        blocks.append(("p", m.pick(("Solution. ", "We calculate. ", ""), ("解：", "分析：", "")) + _solution(m, problem)))
    blocks += _quoted(m)
    blocks.append(("h2", m.pick(("Remark", "See also", "What comes next"), ("注", "拓展", "思考"))))
    blocks += _define(m, other)
    return Doc(title, tuple(blocks))


def encyclopaedia(m: Material) -> Doc:
    """An article: definition, laws, examples."""
    concept = m.rng.choice(CONCEPTS)
    title = concept.title[m.lang] + m.pick(("", " (mathematics)", f" with {m.rng.randint(2, 9)}"), ("", "（数学）", f"（{m.serial}）"))
    blocks = _define(m, concept)
    blocks.append(("h2", m.pick(("Examples", "Illustration"), ("例子", "举例"))))
    for _ in range(m.many(2, 5)):
        blocks.append(("p", _example(m, concept)))
    blocks.append(("h2", m.pick(("Properties", "Laws"), ("性质", "定律"))))
    blocks.extend(("display", law) for law in concept.law)
    related = m.rng.choice(CONCEPTS)
    blocks.append(("p", mark(m.rng.choice(related.definition[m.lang]))))
    blocks.append(("h2", m.pick(("Applications", "Problems"), ("应用", "练习"))))
    for problem in m.problems:
        blocks.append(("p", _question(m, problem) + (" " if m.lang == "en" else "") + _solution(m, problem)))
    blocks += _quoted(m)
    return Doc(title, tuple(blocks))


def exam(m: Material) -> Doc:
    """Numbered questions, then the solutions in prose."""
    title = m.pick((f"Mathematics test {m.serial}", f"Exam paper {m.serial}, part B", f"Practice paper no. {m.serial}"),
                   (f"数学试卷{m.serial}", f"第{m.serial}次数学测验", f"期末复习卷{m.serial}"))
    blocks: Blocks = [("p", m.pick((f"Time: {m.rng.randint(20, 90)} minutes. Each question counts {m.rng.randint(2, 9)} points.",
                                    "Show your working. No calculators."), (f"时间{m.rng.randint(20, 90)}分钟，每题{m.rng.randint(2, 9)}分。",
                                                                           "写出过程，不用计算器。")))]
    blocks.extend(("li", _question(m, problem)) for problem in m.problems)
    blocks += _quoted(m)
    blocks.append(("h2", m.pick(("Solutions", "Key"), ("答案与解析", "解答"))))
    for k, problem in enumerate(m.problems, 1):
        blocks.append(("p", m.pick((f"Question {k}. ", f"No. {k}: "), (f"第{k}题：", f"{k}．")) + _solution(m, problem)))
    return Doc(title, tuple(blocks))


def drill(m: Material) -> Doc:
    """Arithmetic facts and ways to calculate, for children."""
    title = m.pick((f"Mental arithmetic, lesson {m.serial}", f"Adding and taking away, part {m.serial}", f"Times tables, day {m.serial}"),
                   (f"口算练习第{m.serial}课", f"加减法第{m.serial}天", f"乘法口诀第{m.serial}讲"))
    blocks: Blocks = []
    for _ in range(m.many(3, 6)):
        kinds = FACTS if m.rng.random() < 0.5 else (m.rng.choice(FACTS),)
        blocks.append(("p", mark(paragraph(m.lang, m.many(4, 8), m.rng, kinds))))
    for problem in m.problems[:2]:
        blocks.append(("p", _question(m, problem) + (" " if m.lang == "en" else "") + _solution(m, problem)))
    return Doc(title, tuple(blocks + _quoted(m)))


def blog(m: Material) -> Doc:
    """A personal text that turns to a calculation."""
    topic = m.rng.choice(("travel", "school", "shop", "recipe", "sport"))
    concept = m.rng.choice(CONCEPTS)
    title = m.pick((f"A thought about {concept.title['en'].lower()}", "The puzzle of the week", "Doing sums on the train", "What my pupils asked"),
                   (f"谈谈{concept.title['zh']}", "本周趣题", "火车上的计算", "学生问我的题"))
    blocks: Blocks = [("p", m.chat(topic, m.many(1, 3)))]
    blocks += _define(m, concept)
    blocks.append(("p", _example(m, concept)))
    for problem in m.problems:
        blocks.append(("p", m.pick(("Here is one for you: ", "Think about this. ", ""), ("来看一题：", "想一想：", "")) + _question(m, problem)))
        blocks.append(("p", _solution(m, problem)))
    blocks += _quoted(m)
    blocks.append(("p", m.chat(topic, 1)))
    return Doc(title, tuple(blocks))


def worksheet(m: Material) -> Doc:
    """Exercises that differ from those of the same set in their numbers only; results are listed apart."""
    rng = m.rng
    pairs = [(rng.randint(11, 99), rng.randint(2, 99)) for _ in range(24)]
    blocks: Blocks = [("p", m.pick(("Add the two numbers.",), ("求两数之和。",)))]
    blocks.extend(("li", f"{a} + {b} = ___") for a, b in pairs)
    blocks.append(("p", m.pick(("Results: ",), ("得数：",)) + ", ".join(str(a + b) for a, b in pairs)))
    return Doc(m.pick((f"Worksheet {m.serial}",), (f"练习{m.serial}",)), tuple(blocks))


MATH_KINDS: dict[str, Callable[[Material], Doc]] = {
    "forum": forum, "textbook": textbook, "encyclopaedia": encyclopaedia, "exam": exam, "drill": drill, "blog": blog,
    "worksheet": worksheet,
}
PROBLEMS_PER_PAGE = {"forum": (1, 3), "textbook": (2, 4), "encyclopaedia": (1, 2), "exam": (4, 8), "drill": (1, 2), "blog": (1, 2),
                     "worksheet": (0, 0)}
