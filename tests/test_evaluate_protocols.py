"""Protocols with a scripted engine: what is prompted, what is run, what is fed back, what is
graded.
"""

import json
import os
from pathlib import Path

import pytest

from pipeline.cli.evaluate import main
from pipeline.errors import UserError
from pipeline.evaluate import programs, protocols
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.exemplars import STATED, exemplars_of
from pipeline.evaluate.suites import load
from pipeline.grading import grade
from pipeline.lm.generate import Output, Sampling
from pipeline.lm.model import ModelConfig, new_model, save_model
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.records import Instruction, Question, write_jsonl

SHARED = Path(os.environ.get("DSM_SHARED", Path(__file__).parents[1].parent / "shared"))
QUESTION = Question("q", "What is 3 + 4?", "7")
CODE = "Let a program do it.\n```python\na=3+4\nprint(a)\n```\n```output"


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(
        ["User: What is 3 + 4?\n\nAssistant: ```python\nprint(3)\n```\n```output\n7\n```\n"] * 3,
        320,
    )


class Scripted:
    """An engine that says prepared texts, one per row and call, and remembers what it was asked."""

    def __init__(self, tokenizer, *turns):
        self.tokenizer, self.turns, self.asked = tokenizer, list(turns), []

    def sample(self, prompts, seeds, sampling):
        self.asked.append(([self.tokenizer.decode(p) for p in prompts], list(seeds), sampling.stop))
        return [Output(self.tokenizer.encode(text), [], True) for text in self.turns.pop(0)]


def ask(name, engine, cfg=EvaluateConfig(style="mini"), questions=(QUESTION,), shots=()):  # noqa: B008  frozen
    found = protocols.run_protocol(
        name,
        engine,
        engine.tokenizer,
        list(questions),
        [5] * len(questions),
        Sampling(),
        cfg,
        shots,
    )
    return found if len(questions) > 1 else found[0]


def test_tir_feeds_the_output_back_and_goes_on(tokenizer):
    engine = Scripted(tokenizer, [CODE], ["The program gives \\boxed{7}"])
    got = ask("tir", engine)
    assert engine.asked[0][0][0].endswith("What is 3 + 4?\nUse a program.\n\nAssistant:")
    assert engine.asked[1][0][0].endswith("```output\n7\n```\n") and engine.asked[0][2] == (
        "```output",
    )
    assert engine.asked[0][1] == [5] and engine.asked[1][1] != [5]
    assert got.text == CODE + "\n7\n```\nThe program gives \\boxed{7}"
    assert grade(got.judged, "7").verdict == "right"
    assert got.tokens == len(tokenizer.encode(CODE)) + len(
        tokenizer.encode("The program gives \\boxed{7}")
    )


def test_tir_stops_after_two_rounds_and_reruns_earlier_code_without_its_prints(tokenizer):
    second = "More.\n```python\nb=a+1\nprint(b)\n```\n```output"
    got = ask("tir", Scripted(tokenizer, [CODE], [second]))
    assert got.text.endswith("```output\n8\n```\n")


def test_rows_that_ask_for_no_output_are_left_alone(tokenizer):
    engine = Scripted(tokenizer, ["\\boxed{7}", CODE], ["so \\boxed{7}"])
    got = ask("tir", engine, questions=(QUESTION, Question("r", "And 3 + 4?", "7")))
    assert [t.text.count("output") for t in got] == [0, 1] and len(engine.asked[1][0]) == 1


def test_pot_grades_what_the_program_prints(tokenizer):
    good = ask("pot", Scripted(tokenizer, ["```python\na=3+4\nprint(a)\n```"]))
    assert grade(good.judged, "7").verdict == "right" and good.text.endswith("```output\n7\n```\n")
    bad = ask("pot", Scripted(tokenizer, ["```python\nprint(1/0)\n```"]))
    assert grade(bad.judged, "7").verdict == "no_answer" and "Runtime errors: " in bad.text
    assert (
        grade(ask("pot", Scripted(tokenizer, ["The answer is 7."])).judged, "7").verdict
        == "no_answer"
    )


def test_few_shot_is_raw_text_and_cut_at_the_next_question(tokenizer, tmp_path):
    path = tmp_path / "shots.jsonl"
    write_jsonl(
        path,
        [
            Instruction("a", "What is 1 + 1?", "1+1=2", "2"),
            Instruction("b", "?", "print(1)", "1", format="pot"),
            Instruction("c", "一加一？", "1+1=2", "2", lang="zh"),
        ],
    )
    shots = exemplars_of("gsm8k", 1, str(path), tmp_path, None)
    engine = Scripted(
        tokenizer, [" 3+4=7 The answer is 7.\n\n\nQ: What is 9 + 9?\nA: The answer is 18."]
    )
    got = ask("few_shot", engine, shots=shots)
    assert (
        engine.asked[0][0][0]
        == "<s>Q: What is 1 + 1?\nA: 1+1=2 The answer is 2.\n\n\nQ: What is 3 + 4?\nA:"
    )
    assert grade(got.judged, "7").verdict == "right"
    with pytest.raises(UserError, match="1 chain-of-thought rows in zh, evaluate.shots=2"):
        exemplars_of("cmath", 2, str(path), tmp_path, None)
    with pytest.raises(UserError, match="no chain-of-thought exemplars are stated"):
        exemplars_of("gaokao_qa", 2, "", tmp_path, None)
    with pytest.raises(UserError, match="have no exemplars"):
        ask("few_shot", engine)


def test_pal_shows_programs_and_grades_what_the_program_prints(tokenizer, tmp_path):
    path = tmp_path / "shots.jsonl"
    write_jsonl(
        path,
        [
            Instruction("a", "What is 1 + 1?", "1+1=2", "2"),
            Instruction("b", "What is 2 + 2?", "```python\nprint(2+2)\n```", "4", format="pot"),
        ],
    )
    shots = exemplars_of("gsm8k", 1, str(path), tmp_path, None, "pot")
    engine = Scripted(
        tokenizer,
        [" ```python\nprint(3+4)\n```\n\n\nQ: What is 9 + 9?\nA: ```python\nprint(18)\n```"],
    )
    got = ask("pal", engine, shots=shots)
    assert (
        engine.asked[0][0][0]
        == "<s>Q: What is 2 + 2?\nA: ```python\nprint(2+2)\n```\n\n\nQ: What is 3 + 4?\nA:"
    )
    assert grade(got.judged, "7").verdict == "right"
    with pytest.raises(UserError, match="1 program rows in en, evaluate.shots=2"):
        exemplars_of("gsm8k", 2, str(path), tmp_path, None, "pot")
    with pytest.raises(UserError, match="no program exemplars are stated"):
        exemplars_of("math", 2, "", tmp_path, None, "pot")


@pytest.mark.skipif(
    not (SHARED / "datasets/gsm8k/train.jsonl").is_file(),
    reason="no shared datasets; set DSM_SHARED",
)
def test_the_stated_programs_of_gsm8k_print_their_answers(tmp_path):
    found = exemplars_of("gsm8k", 8, "", tmp_path, SHARED / "datasets", "pot")
    ran = programs.run_all([programs.program(row.solution) for row in found])
    printed = [f"\\boxed{{{result.output.strip()}}}" for result in ran]
    assert all(
        grade(text, row.answer).verdict == "right" for text, row in zip(printed, found, strict=True)
    )
    assert "v1 = 48+v0" in found[0].solution


@pytest.mark.skipif(
    not (SHARED / "datasets/gsm8k/train.jsonl").is_file(),
    reason="no shared datasets; set DSM_SHARED",
)
@pytest.mark.parametrize(
    ("name", "shots"), [("gsm8k", 8), ("math", 4), ("cmath", 6), ("mgsm_zh", 6)]
)
def test_the_stated_exemplars_are_training_rows_in_the_stated_order(name, shots, tmp_path):
    found = exemplars_of(name, shots, "", tmp_path, SHARED / "datasets")
    assert [row.id for row in found] == list(STATED[name].ids[:shots])
    asked = {q.question for q in load(name, tmp_path, SHARED / "datasets").questions}
    assert not asked & {row.question for row in found}
    for row in found:
        assert (
            row.answer
            and "<<" not in row.solution
            and "Let's think step by step" not in row.question
        )
        assert not row.solution or grade(row.solution, row.answer).verdict == "right"


def test_long_outputs_lose_their_middle_and_cannot_close_the_block():
    assert programs.shown(programs.Ran("x" * 300)) == "x" * 50 + "..." + "x" * 50
    assert "```" not in programs.shown(programs.Ran("```\n\\boxed{7}"))
    assert programs.program("no code") is None
    assert programs.program(
        "```python\na=1\nprint(a)\nif a:\n    print(a)\n```\n```python\nprint(a)\n```"
    ) == ("a=1\nif a:\n    print(a)\nprint(a)")


def test_command_line_evaluates_a_folder_and_resumes(tokenizer, tmp_path, capsys):
    model = new_model(
        ModelConfig(hidden_size=32, layers=1, heads=1, intermediate_size=32),
        len(tokenizer),
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        seed=0,
    )
    save_model(model, tokenizer, tmp_path / "model")
    write_jsonl(tmp_path / "own.jsonl", [QUESTION])
    command = [
        str(tmp_path / "model"),
        "--file",
        str(tmp_path / "own.jsonl"),
        "--samples",
        "2",
        "--max-new-tokens",
        "4",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(command) == 0
    first = (tmp_path / "out/own.jsonl").read_bytes()
    assert main(command) == 0 and (tmp_path / "out/own.jsonl").read_bytes() == first
    assert json.loads((tmp_path / "out/summary.json").read_text())["benchmarks"]["own"]["n"] == 1
    assert main(["--list"]) == 0 and "gsm8k" in capsys.readouterr().out
    assert (
        main(
            [
                str(tmp_path / "none"),
                "--file",
                str(tmp_path / "own.jsonl"),
                "--out",
                str(tmp_path / "o"),
            ]
        )
        == 1
    )
    assert capsys.readouterr().err.count("\n") == 1
