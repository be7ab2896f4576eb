"""An evaluation that is killed and resumed writes the files of an undisturbed one; every sample is
kept.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from killing import kill

from pipeline.cli.evaluate import main
from pipeline.errors import UserError
from pipeline.evaluate import suites as benchmarks
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.run import (
    add_votes,
    evaluate,
    make_tasks,
    on_file,
    sample_seed,
    score,
    summarise,
)
from pipeline.lm.generate import make_engine
from pipeline.lm.model import ModelConfig, new_model, save_model
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.records import Question, read_jsonl, write_jsonl

SHARED = Path(os.environ.get("DSM_SHARED", Path(__file__).parents[1].parent / "shared"))
ROOT = Path(__file__).parents[1]
CFG = EvaluateConfig(
    benchmarks=("mini_gsm8k",),
    samples=4,
    max_new_tokens=6,
    chunk=4,
    batch=16,
    ks=(1, 2, 4, 8),
    extra_samples={"mini_gsm8k": 8},
    extra_questions=5,
    extra_models=("instruct",),
)


@pytest.fixture(scope="module")
def engine():
    tokenizer = train_tokenizer(
        [f"User: {i} + {i} = \\boxed{{{2 * i}}}\n\nAssistant:" for i in range(50)], 300
    )
    model = new_model(
        ModelConfig(hidden_size=32, layers=1, heads=1, intermediate_size=32),
        len(tokenizer),
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        seed=0,
    ).eval()
    return make_engine("fast", model, tokenizer), tokenizer


@pytest.fixture
def world(tmp_path):
    rows = [Question(f"q{i}", f"What is {i} + 1?", str(i + 1)) for i in range(10)]
    write_jsonl(tmp_path / "world/mini_gsm8k.jsonl", rows)
    return tmp_path / "world"


class Killed(Exception):
    pass


def run(engine, tasks, folder, stop_after=None, timings=None):
    rows = evaluate(
        *engine, tasks, CFG, folder / "ckpt", folder / "out", [] if timings is None else timings
    )
    for count, _ in enumerate(rows, 1):
        if count == stop_after:
            raise Killed
    return (folder / "out/mini_gsm8k.jsonl").read_bytes()


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_resume_equals_an_undisturbed_run(engine, world, tmp_path, stop_after):
    tasks = make_tasks(CFG, "instruct", world)
    whole = run(engine, tasks, tmp_path / "a")
    with pytest.raises(Killed):
        run(engine, tasks, tmp_path / "b", stop_after)
    assert len(list((tmp_path / "b/ckpt").glob("mini_gsm8k-*/*.jsonl"))) == stop_after
    timings = []
    assert run(engine, tasks, tmp_path / "b", timings=timings) == whole
    assert [row["first"] for row in timings] == ["q0", "q4", "q8"][
        stop_after:
    ]  # only what was answered now


def test_a_killed_command_goes_on_and_writes_the_same_bytes(engine, tmp_path):
    """SIGKILL after the first chunk of a benchmark, with nothing that could tidy up; the rest in this
    process.
    """
    save_model(engine[0].model, engine[1], tmp_path / "model")
    write_jsonl(
        tmp_path / "own.jsonl",
        [Question(f"q{i}", f"What is {i} + 1?", str(i + 1)) for i in range(260)],
    )

    def arguments(out):
        return [
            str(tmp_path / "model"),
            "--file",
            str(tmp_path / "own.jsonl"),
            "--samples",
            "1",
            "--max-new-tokens",
            "4",
            "--style",
            "mini",
            "--out",
            str(tmp_path / out),
        ]

    command = [sys.executable, "-m", "pipeline.evaluate", *arguments("killed")]
    kill(command, ROOT, tmp_path / "killed/.ckpt/**/own-*/*.jsonl")
    parts = sorted((tmp_path / "killed/.ckpt").rglob("own-*/*.jsonl"))
    assert len(parts) == 1 and not (tmp_path / "killed/own.jsonl").exists()
    kept = parts[0].stat().st_mtime_ns
    for out in ("killed", "undisturbed"):
        assert main(arguments(out)) == 0
    assert parts[0].stat().st_mtime_ns == kept
    for name in ("own.jsonl", "summary.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (
            tmp_path / "undisturbed" / name
        ).read_bytes()


def test_rows_hold_every_sample_and_the_summary_agrees(engine, world, tmp_path):
    tasks = make_tasks(CFG, "instruct", world)
    run(engine, tasks, tmp_path)
    rows = list(read_jsonl(tmp_path / "out/mini_gsm8k.jsonl"))
    assert [row["id"] for row in rows] == [f"q{i}" for i in range(10)]
    assert sorted(len(row["samples"]) for row in rows) == [4] * 5 + [8] * 5
    assert {"text", "tokens", "finished", "extracted", "verdict", "rule", "vote"} == set(
        rows[0]["samples"][0]
    )
    assert len({s["text"] for row in rows for s in row["samples"]}) > 10  # seeds differ
    summary = score("instruct", tasks, CFG, tmp_path / "out")
    one = summary["benchmarks"]["mini_gsm8k"]
    assert one["n"] == 10 and list(one["pass"]) == ["1", "2", "4"]
    assert one["curve"]["n"] == 5 and list(one["curve"]["maj"]) == ["1", "2", "4", "8"]
    assert one["pass"]["1"] == pytest.approx(one["sampled"]) == pytest.approx(one["maj"]["1"])
    assert (
        make_tasks(CFG, "base", world)[0].extra == frozenset()
    )  # other models get no extra samples
    assert (
        len(
            make_tasks(replace(CFG, questions_of={"mini_gsm8k": 3}), "base", world)[
                0
            ].loaded.questions
        )
        == 3
    )
    json.dumps(summary)


def test_summary_counts():
    def sample(verdict, answer, finished=True):
        return {"extracted": answer, "verdict": verdict, "finished": finished, "tokens": 2}

    row = {
        "greedy": sample("wrong", "3"),
        "samples": [
            sample("right", "4"),
            sample("wrong", "3.0"),
            sample("wrong", "3"),
            sample("no_answer", None, finished=False),
        ],
    }
    add_votes(row, "strict")
    assert [s["vote"] for s in row["samples"]] == [0, 1, 1, -1]
    got = summarise([row], 4, (1, 4))
    assert (got["greedy"], got["sampled"], got["no_answer"], got["truncated"]) == (
        0,
        0.25,
        0.2,
        0.2,
    )
    assert got["maj"] == {"1": 0.25, "4": 0.0} and got["pass"] == {"1": 0.25, "4": 1.0}


def test_seeds_depend_on_question_and_sample_alone():
    assert sample_seed("a", 0) == sample_seed("a", 0)
    assert len({sample_seed(q, i) for q in ("a", "b") for i in range(64)}) == 128


def test_subsets_nest_and_are_no_prefix():
    questions = tuple(Question(f"q{i}", "", "") for i in range(100))
    small, large = benchmarks.subset(questions, 10), benchmarks.subset(questions, 30)
    assert set(small) < set(large) and small != questions[:10]
    assert benchmarks.subset(questions, 0) == benchmarks.subset(questions, 100) == questions


REAL = [name for name, b in benchmarks.TABLE.items() if b.read]


@pytest.mark.skipif(not (SHARED / "datasets").is_dir(), reason="no ../shared/datasets")
@pytest.mark.parametrize("name", REAL)
def test_real_benchmarks_are_read_whole(name):
    loaded = benchmarks.load(name, Path("none"), SHARED / "datasets")
    assert len(loaded.questions) == benchmarks.TABLE[name].rows and "verified" in loaded.note
    assert all(
        q.question.strip() and q.answer.strip() and q.lang == benchmarks.TABLE[name].lang
        for q in loaded.questions
    )


@pytest.mark.skipif(not (SHARED / "datasets").is_dir(), reason="no ../shared/datasets")
def test_reference_answers_as_the_files_state_them():
    deepseek = {
        r["question"]: r["answer"]
        for r in read_jsonl(SHARED / "datasets/gsm8k/test.deepseek.jsonl")
    }
    loaded = benchmarks.load("gsm8k", Path("none"), SHARED / "datasets").questions
    assert [q.answer for q in loaded] == [deepseek[q.question].replace(",", "") for q in loaded]
    stated = {
        r["unique_id"]: (r["answer"], r["solution"])
        for r in read_jsonl(SHARED / "datasets/math/math500.jsonl")
    }
    wrong = [
        k for k, (answer, solution) in stated.items() if benchmarks.last_box(solution) != answer
    ]
    assert len(wrong) <= 2, wrong


def test_a_different_or_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no such file; gsm8k is 1319 rows"):
        benchmarks.load("gsm8k", tmp_path, tmp_path)
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k/test.jsonl").write_text('{"question": "?", "answer": "#### 1"}\n')
    with pytest.raises(UserError, match="not the expected gsm8k file"):
        benchmarks.load("gsm8k", tmp_path, tmp_path)
    with pytest.raises(UserError, match="no benchmark 'gsm9k'"):
        benchmarks.load("gsm9k", tmp_path)
    with pytest.raises(UserError, match="evaluate.folder is not set"):
        benchmarks.load("gsm8k", tmp_path)


def test_bad_settings_are_one_line():
    for change in (
        {"protocol": "cott"},
        {"ks": (4, 1)},
        {"samples": 8, "temperature": 0.0},
        {"benchmarks": ()},
        {"extra_samples": {"gsm8k": 64}},
        {"questions_of": {"gsm8k": 5}},
        {"batch": 0},
        {"grading_mode": "lenient"},
    ):
        with pytest.raises(UserError, match="evaluate."):
            EvaluateConfig(**change)


@pytest.mark.parametrize("name", ["fast", "hf"])
def test_progress_is_told_by_question_while_outputs_are_decoded(engine, world, tmp_path, name):
    tasks = make_tasks(CFG, "base", world)
    told: list[float] = []
    made = make_engine(name, engine[0].model, engine[1])
    rows = evaluate(made, engine[1], tasks, CFG, tmp_path / "c", tmp_path / "o", [], told.append)
    ends = []  # what was told by the end of each chunk
    for row in rows:
        ends.append((row["step"], told[-1]))
    assert [step for step, _ in ends] == [4, 8, 10]
    assert all(at == pytest.approx(step) for step, at in ends)
    assert told == sorted(told) and len({int(count) for count in told}) > len(ends)
    assert on_file(tasks, tmp_path / "c") == 10


def test_more_questions_and_other_chunks_go_on_from_what_is_on_file(engine, world, tmp_path):
    def answer(folder, count, chunk):
        cfg = replace(CFG, questions=count, chunk=chunk)
        tasks, timings = make_tasks(cfg, "base", world), []
        list(evaluate(*engine, tasks, cfg, tmp_path / folder / "c", tmp_path / folder, timings))
        return (tmp_path / folder / "mini_gsm8k.jsonl").read_bytes(), timings

    whole, _ = answer("a", 0, 4)
    few, _ = answer("b", 5, 4)
    assert few != whole
    again, timings = answer("b", 0, 3)
    assert again == whole and sum(row["questions"] for row in timings) == 5


def test_an_answer_to_a_question_that_was_worded_otherwise_is_not_taken(engine, world, tmp_path):
    tasks = make_tasks(CFG, "base", world)
    run(engine, tasks, tmp_path)
    assert on_file(tasks, tmp_path / "ckpt") == 10
    rows = [
        Question(f"q{i}", f"What is {i} + 1{'?' * (1 + (i == 3))}", str(i + 1)) for i in range(10)
    ]
    write_jsonl(world / "mini_gsm8k.jsonl", rows)
    assert on_file(make_tasks(CFG, "base", world), tmp_path / "ckpt") == 9
