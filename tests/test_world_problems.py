"""Problems are true, splits are disjoint in structure, and the same seed writes the same files."""

import hashlib
import re
from fractions import Fraction

import pytest

from pipeline.records import Instruction, Question, read_rows
from pipeline.world.build import build_questions
from pipeline.world.config import WorldConfig
from pipeline.world.draw import draw
from pipeline.world.problems import SPLITS, split_of
from pipeline.world.solutions import cot, has_program, program, tir

KINDS = {"word_en": (1, 2, 3, 4, 5), "word_zh": (2, 3, 4), "symbolic": (1, 2, 3, 4, 5)}
SMALL = WorldConfig(instruct=600, questions=300, validation=100, benchmark=150)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("world")
    return out, build_questions(SMALL, out)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_true_and_follows_from_the_question(kind):
    for problem in draw("rl", 300, 1, kind, KINDS[kind]):
        values = []
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
                    assert str(number) in re.findall(r"\d+", problem.question)
            values.append(step.value)
        if kind != "symbolic":
            assert 1 <= min(values) and max(values) <= 198 and problem.answer == str(values[-1])


def test_symbolic_answers_hold_at_a_point():
    for problem in draw("sft", 300, 2, "symbolic", (3, 5)):
        body = re.search(r"\$(.*)\$", problem.question)[1]
        f, answer = (_polynomial(t) for t in (body, problem.answer))
        slope = (f(Fraction(1, 1000)) - f(Fraction(-1, 1000))) * 500
        if problem.family == "expand":
            assert f(Fraction(7)) == answer(Fraction(7))
        else:
            assert abs(slope - answer(Fraction(0))) < Fraction(1, 1000)


def _polynomial(tex):
    text = re.sub(r"(\d)(?=[x(])", r"\1*", tex.replace(")(", ")*(")).replace("^", "**")
    return lambda x: eval(text, {"__builtins__": {}, "x": x})  # our own generator's text, in a test


def test_programs_print_the_answer(capsys):
    for problem in draw("sft", 100, 3, "word_en", (2, 3, 4)):
        assert has_program(problem)
        exec(program(problem), {})
        assert capsys.readouterr().out.strip() == problem.answer
        assert tir(problem).endswith(f"\\boxed{{{problem.answer}}}")
        assert cot(problem).count("\n") == len(problem.steps)


def test_splits_share_no_structure(world):
    out, _ = world
    seen = {split: set() for split in SPLITS}
    for row in read_rows(out / "instruct.jsonl", Instruction):
        seen["sft"].add(row.structure)
    files = {
        "questions.jsonl": "rl",
        "validation.jsonl": "validation",
        "benchmarks/mini_gsm8k.jsonl": "test",
        "benchmarks/mini_math.jsonl": "test",
        "benchmarks/mini_cmath.jsonl": "test",
    }
    for name, split in files.items():
        seen[split] |= {row.structure for row in read_rows(out / name, Question)}
    for kind, levels in KINDS.items():
        seen["web"] |= {p.structure for p in draw("web", 300, 0, kind, levels)}
    assert all(len(s) > 50 for s in seen.values())
    for split, structures in seen.items():
        assert {split_of(s) for s in structures} == {split}
    assert sum(map(len, seen.values())) == len(set().union(*seen.values()))


def test_benchmarks_never_repeat_a_word_problem(world):
    for name in ("mini_gsm8k", "mini_cmath"):
        rows = list(read_rows(world[0] / "benchmarks" / f"{name}.jsonl", Question))
        assert len({r.structure for r in rows}) == len(rows) == SMALL.benchmark


def test_the_same_seed_writes_the_same_bytes(world, tmp_path):
    again = build_questions(SMALL, tmp_path)
    assert again == world[1]
    for path in sorted(tmp_path.rglob("*.jsonl")):
        mine, first = path.read_bytes(), (world[0] / path.relative_to(tmp_path)).read_bytes()
        assert hashlib.sha256(mine).digest() == hashlib.sha256(first).digest()
