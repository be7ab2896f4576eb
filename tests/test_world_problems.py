"""Problems are solved from their text alone, must be read, and share nothing between splits."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from world_solver import FACTOR, solve
from world_solver_more import answers_symbolic, riddle

from pipeline.errors import UserError
from pipeline.grading import grade_many, is_equivalent
from pipeline.records import Instruction, Question, read_rows
from pipeline.world.build import BENCHMARKS, build_questions
from pipeline.world.config import WorldConfig
from pipeline.world.draw import draw
from pipeline.world.problems import SPLITS, split_of
from pipeline.world.solutions import has_program, printed, program, tir

LEVELS = {"word_en": (2, 3, 4, 5), "word_zh": (2, 3, 4), "symbolic": (1, 2, 3, 4, 5)}
LEVELS |= {"bbh_en": (2, 3, 4), "bbh_zh": (2, 3, 4)}
WORD, BBH = ("word_en", "word_zh"), ("bbh_en", "bbh_zh")
SMALL = WorldConfig(
    instruct=900, questions=300, new_questions=100, validation=100, benchmark=200, word_operand=25
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("world")
    return out, build_questions(SMALL, out)


def rows(world, name: str, kind: type = Question) -> list:
    return list(read_rows(world[0] / f"{name}.jsonl", kind))


# ---- solvable


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_question_is_solved_from_its_text_alone(world, name):
    asked = rows(world, f"benchmarks/{name}")
    assert len(asked) == SMALL.benchmark
    for question in asked:
        if name == "mini_math":
            assert answers_symbolic(question.question, question.answer), question
        elif "bbh" in name:
            assert riddle(question.question) == question.answer, question
        else:
            assert solve(question.question) == question.answer, question


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_grader_knows_right_from_wrong(world, name):
    asked = rows(world, f"benchmarks/{name}")[:60]
    said = [(f"\\boxed{{{q.answer}}}", q.answer) for q in asked]
    others = [(text, o.answer) for (text, _), o in zip(said, asked[1:], strict=False)]
    assert {grade.verdict for grade in grade_many(said)} == {"right"}
    for (text, answer), grade in zip(others, grade_many(others), strict=True):
        assert grade.verdict == ("right" if text == f"\\boxed{{{answer}}}" else "wrong")


def test_the_solvers_are_no_yes_men():
    text = "Tom has 5 apples. Ann has 3 more than Tom. How many apples does Ann have?"
    assert solve(text) == "8" and solve(text.replace("more", "fewer")) == "2"
    with pytest.raises(ValueError):
        solve("How many apples?")
    assert answers_symbolic("Solve $2x+3=9$.", "3") and not answers_symbolic("Solve $2x+3=9$.", "4")
    assert not answers_symbolic("Simplify $\\frac{6}{8}$.", "\\frac{6}{8}")
    assert not answers_symbolic("Expand $(x+1)(x+2)$.", "(x+1)(x+2)")


@pytest.mark.parametrize("kind", (*WORD, "symbolic"))
def test_every_step_is_true_and_starts_from_the_text_or_an_earlier_step(kind):
    for problem in draw("rl", 300, 1, kind, LEVELS[kind], largest=25):
        words = set(re.findall(r"\d+", problem.question))
        words |= {str(v) for w, v in FACTOR.items() if w in problem.question}
        words |= {str(1 / v) for w, v in FACTOR.items() if w in problem.question}
        values: list[int] = []
        for step in problem.steps:
            exact = {
                "+": step.left + step.right,
                "-": step.left - step.right,
                "*": step.left * step.right,
                "/": Fraction(step.left, step.right),
            }[step.op]
            assert exact == step.value
            for number, ref in ((step.left, step.left_ref), (step.right, step.right_ref)):
                if ref >= 0:
                    assert values[ref] == number
                elif kind != "symbolic":
                    assert str(number) in words, problem
            values.append(step.value)
        if kind != "symbolic":
            assert len(problem.steps) == problem.level and problem.answer == str(values[-1])
            assert 1 <= min(values) and max(values) <= 99
            # each step works on the step before, so that there is one order
            for k, step in enumerate(problem.steps[1:]):
                assert k in (step.left_ref, step.right_ref)


# ---- has to be read

# What a keyword says to do with the number next to it; everything else adds.
LESS = (
    r"fewer|loses|sells|gives away|gave away|sold|taken|away|Subtract|Decrease|subtract|difference"
)
MORE_OF = r"times|twice|doubles|triples|doubled|tripled|boxes|product|Multiply|multiply"
PART_OF = r"half|third|quarter|fifth|Divide|divide|quotient|equally"
WORD_NUMBER = {"twice": 2, "half": 2, "third": 3, "quarter": 4, "fifth": 5}
WORD_NUMBER |= {"doubles": 2, "triples": 3, "doubled": 2, "tripled": 3}


def chained(text: str) -> str:
    """What a regular expression makes of it: every number in order, with its sentence's keyword."""
    value = None
    for sentence in re.split(r"(?<=[.?]) ", text):
        op = next(
            (
                op
                for op, words in (("/", PART_OF), ("*", MORE_OF), ("-", LESS))
                if re.search(words, sentence)
            ),
            "+",
        )
        for found in re.findall(r"\d+|" + "|".join(WORD_NUMBER), sentence):
            n = Fraction(WORD_NUMBER.get(found) or int(found))
            value = (
                n
                if value is None
                else {"+": value + n, "-": value - n, "*": value * n, "/": value / n}[op]
            )
    return str(value)


def in_text_order(problem) -> bool:
    """Whether the numbers of the text, in order, are those that the steps take one after another.

    A chain in the order of the text cannot be right otherwise, whatever operations it guesses.
    """
    names = "|".join(sorted(FACTOR, key=len, reverse=True))
    found = re.findall(rf"\d+|{names}", problem.question)
    numbers = [int(t) if t.isdigit() else max(FACTOR[t], 1 / Fraction(FACTOR[t])) for t in found]
    first = problem.steps[0]
    wanted = [first.left, first.right]
    for step in problem.steps[1:]:
        if step.right_ref >= 0 or step.left_ref < 0:
            return False
        wanted.append(step.right)
    return numbers == wanted


@pytest.mark.parametrize("kind", WORD)
def test_chaining_the_numbers_in_order_fails_on_a_third(kind):
    problems = draw("test", 1000, 0, kind, (2, 3, 4), largest=25)
    possible = sum(in_text_order(problem) for problem in problems)
    assert possible < 2 / 3 * len(problems)
    assert possible > 0.05 * len(problems)  # the measure can tell
    if kind == "word_en":
        right = sum(chained(problem.question) == problem.answer for problem in problems)
        assert 0.02 * len(problems) < right < possible


def test_texts_have_distractors_and_numbers_used_twice_and_in_words():
    problems = draw("test", 1000, 0, "word_en", (2, 3, 4), largest=25)
    features = Counter()
    for problem in problems:
        numbers = re.findall(r"\d+", problem.question)
        used = [
            n
            for s in problem.steps
            for n, ref in ((s.left, s.left_ref), (s.right, s.right_ref))
            if ref < 0
        ]
        features["unneeded number"] += len(numbers) > len(used)
        features["number in words"] += any(word in problem.question for word in WORD_NUMBER)
        refs = [r for s in problem.steps for r in (s.left_ref, s.right_ref) if r >= 0]
        features["value used twice"] += len(refs) > len(set(refs)) or used != sorted(
            set(used), key=used.index
        )
    assert min(features.values()) > 50 and len(features) == 3, features


@pytest.mark.parametrize("kind", WORD)
def test_every_family_and_several_tellings_of_one_structure(kind):
    problems = draw("test", 1200, 0, kind, (2, 3, 4), unique=False, largest=9)
    assert set(Counter(p.family for p in problems)) == {
        "people",
        "days",
        "shop",
        "groups",
        "numbers",
        "back",
    }
    tellings = defaultdict(set)
    for problem in problems:
        tellings[problem.structure].add(re.sub(r"\d+", "0", problem.question))
    assert max(map(len, tellings.values())) >= 3


def test_texts_are_short_and_natural():
    for kind in WORD:
        for problem in draw("test", 300, 0, kind, (2, 3, 4), largest=25):
            assert len(problem.question) < 330 and "{" not in problem.question
            assert not re.search(r"\d分之|[ ,]\.|  |None|。。", problem.question), problem.question


# ---- splits


def test_splits_share_no_structure(world):
    seen = {split: set() for split in SPLITS}
    seen["sft"] = {row.structure for row in rows(world, "instruct", Instruction)}
    seen["sft"] |= {row.structure for row in rows(world, "bbh_examples", Instruction)}
    seen["rl"] = {row.structure for row in rows(world, "new/questions")}
    seen["validation"] = {row.structure for row in rows(world, "validation")}
    for name in BENCHMARKS:
        seen["test"] |= {row.structure for row in rows(world, f"benchmarks/{name}")}
    for kind in LEVELS:
        seen["web"] |= {p.structure for p in draw("web", 100, 0, kind, LEVELS[kind])}
    assert all(len(s) > 50 for s in seen.values())
    for split, structures in seen.items():
        assert {split_of(s) for s in structures} == {split}
    assert sum(map(len, seen.values())) == len(set().union(*seen.values()))


def test_swapped_terms_are_the_same_structure():
    swapped = defaultdict(set)
    for problem in draw("test", 1500, 0, "symbolic", (3, 4, 5), unique=False):
        formulas = re.findall(r"\$([^$]+)\$", problem.question)
        if problem.family == "expand":
            terms = re.findall(r"\(([^)]+)\)", formulas[0])
        elif problem.family == "add_fractions":
            terms = re.findall(r"\\frac\{\d+\}\{\d+\}", problem.question)
        else:
            continue
        swapped[problem.family, *sorted(terms)].add((tuple(terms), problem.structure))
    both = [found for found in swapped.values() if len({terms for terms, _ in found}) == 2]
    assert len(both) > 5
    assert all(len({structure for _, structure in found}) == 1 for found in both)
    words = draw("test", 400, 0, "word_en", (2, 3))
    for equation in re.findall(r"(\d+)[+*](\d+)=", ";".join(p.structure for p in words)):
        assert int(equation[0]) >= int(equation[1])


def test_no_benchmark_and_no_training_set_repeats_a_problem(world):
    for name in (*(f"benchmarks/{name}" for name in BENCHMARKS), "validation", "new/questions"):
        asked = rows(world, name)
        assert len({q.structure for q in asked}) == len(asked)
    taught = [row for row in rows(world, "instruct", Instruction) if row.format == "cot"]
    assert len({(row.lang, row.structure) for row in taught}) == len(taught) == SMALL.instruct


def test_a_split_that_is_too_small_says_so_in_one_line():
    with pytest.raises(UserError, match="split validation has no 900 .* of kind word_en .*fewer"):
        draw("validation", 900, 0, "word_en", (1,))


def test_weights_choose_the_families_of_word_problems():
    def families(**weights: int) -> Counter[str]:
        return Counter(p.family for p in draw("sft", 600, 0, "word_en", (2, 3, 4), weights=weights))

    plain, weighted = families(), families(people=6, shop=0)
    assert families(people=1) == plain and weighted["shop"] == 0 < plain["shop"]
    assert weighted["people"] > 2 * plain["people"]
    with pytest.raises(UserError, match="word_weights.market=2: .* people, days"):
        WorldConfig(word_weights={"market": 2})
    with pytest.raises(UserError, match="word_weights: no family is left for level 5"):
        WorldConfig(
            word_levels=(2, 5), word_weights={"people": 0, "days": 0, "numbers": 0, "back": 0}
        )


def test_more_rl_questions_than_the_instruction_data_has(tmp_path):
    cfg = replace(SMALL, instruct=100, new_questions=0, benchmark=1, validation=4)
    with pytest.raises(UserError, match="world.questions=300: 210 of kind word_en .* has 45"):
        build_questions(cfg, tmp_path)
    with pytest.raises(UserError, match="question_kinds: word_zh is not in"):
        WorldConfig(instruct_kinds={"word_en": 1.0}, question_kinds={"word_zh": 1.0})


@pytest.mark.slow
def test_twenty_thousand_symbolic_problems():
    found = [
        p
        for split in SPLITS
        for p in draw(split, 4000 * SPLITS[split] // 20, 0, "symbolic", (1, 2, 3, 4, 5))
    ]
    assert len({p.structure for p in found}) == len(found) == 20_000


# ---- solutions


def test_rl_questions_are_questions_of_the_instruction_data(world):
    taught = {row.id: row for row in rows(world, "instruct", Instruction) if row.format == "cot"}
    asked = rows(world, "questions")
    assert len(asked) == SMALL.questions
    assert all(taught[q.id].question == q.question and q.trace for q in asked)
    new = rows(world, "new/questions")
    worked = {row.id: row for row in rows(world, "new/instruct", Instruction)}
    assert len(new) == SMALL.new_questions == len(worked)
    assert all(worked[q.id].answer == q.answer and q.id not in taught for q in new)


def test_what_a_program_solves_is_solved_in_all_formats(world):
    formats = defaultdict(set)
    for row in rows(world, "instruct", Instruction):
        formats[row.question].add(row.format)
    counted = Counter(tuple(sorted(found)) for found in formats.values())
    assert counted == {("cot", "pot", "tir"): SMALL.instruct}


@pytest.mark.parametrize("kind", (*WORD, "symbolic"))
def test_programs_compute_what_they_print(kind, capsys):
    for problem in draw("sft", 150, 3, kind, LEVELS[kind], largest=25):
        code = program(problem)
        exec(code, {})
        output = capsys.readouterr().out.strip()
        assert has_program(problem) and output == printed(problem)
        assert f"```output\n{output}\n```" in tir(problem)
        if kind == "symbolic":
            assert answers_symbolic(problem.question, problem.answer)
            assert is_equivalent(output, problem.answer)
            known = set(re.findall(r"\d+", problem.question)) | {"1", "2"}  # x is 1x; x^2, n-1
            assert set(re.findall(r"\d+", code)) <= known, code
        else:  # exactly the numbers that the question gives, in digits or in words
            sides = [((s.left, s.left_ref), (s.right, s.right_ref)) for s in problem.steps]
            given = [number for pair in sides for number, ref in pair if ref < 0]
            assert sorted(map(int, re.findall(r"\d+", code))) == sorted(given)


def test_the_same_seed_writes_the_same_bytes(world, tmp_path):
    assert build_questions(SMALL, tmp_path) == world[1]
    for path in sorted(tmp_path.rglob("*.jsonl")):
        mine, first = path.read_bytes(), (world[0] / path.relative_to(tmp_path)).read_bytes()
        assert hashlib.sha256(mine).digest() == hashlib.sha256(first).digest()


def test_riddles_hold_no_number():
    for kind in BBH:
        for problem in draw("test", 200, 0, kind, (2, 3, 4)):
            assert not re.search(r"\d", problem.question) and not has_program(problem)
