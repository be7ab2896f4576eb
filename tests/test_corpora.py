"""Rival corpora: the form in which base models are asked occurs in no corpus, bits are counted,
statuses follow intervals.
"""

from __future__ import annotations

import csv
import json
import math
import re
from random import Random

import numpy as np
import pytest
import torch

from lab.corpora.generated import texts
from lab.corpora.matrix import ARMS, PROBED
from lab.corpora.probe import (
    TEMPERATURES,
    as_on_pages,
    bits_per_result,
    calibrated,
    calibrated_temperature,
    solution,
    surprise,
)
from lab.corpora.report import BASE, COT, TOOL, results_of, write_report
from lab.corpora.riddles import RIDDLES, candidates, chosen, prompt
from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.records import Instruction, write_jsonl
from pipeline.report.claims import all_claims
from pipeline.report.claims.rules import HOLDS, OPPOSITE, UNTESTABLE
from pipeline.report.outcomes import NAME, read_outcomes
from pipeline.report.outputs import read_outputs
from pipeline.world.draw import draw
from pipeline.world.solutions import FORMATS, has_program
from pipeline.world.web.math_pages import MATH_KINDS, PROBLEMS_PER_PAGE, Material
from pipeline.world.web.problems import web_problems

ASKED = [
    p.as_question(f"{kind}-{i}")
    for kind in ("word_en", "word_zh")
    for i, p in enumerate(draw("validation", 4, "t", kind, (2, 3)))
]
FORM = re.compile(r"(?<![$\x02\d])\b\d+ [-+*/] \d+ = \d+")


def test_a_solution_is_told_step_by_step_and_results_are_marked():
    for question in ASKED:
        text, results = solution(question)
        assert text.replace(" ", "").rstrip(".。\n").replace("；", ";") == question.structure
        assert [text[a:b] for a, b in results] == list(question.trace)
        assert FORM.search(text)


def test_the_form_occurs_in_no_corpus_and_in_no_instruction():
    # on a page a formula stands between dollars, in its plan between \x02 and \x03
    pages = [text for kind in ("arxiv", "code") for text in texts(kind, 40_000, 0)]
    source = web_problems()
    for number, (kind, make) in enumerate(MATH_KINDS.items()):
        for lang in ("en", "zh"):
            problems = source(f"word_{lang}", max(3, PROBLEMS_PER_PAGE[kind][1]), number)
            doc = make(Material(lang, Random(number), problems, formulas=0.5))
            pages += [text for _, text in doc.blocks]
    taught = [
        make(p)
        for p in draw("sft", 40, 0, "word_en", (2, 3))
        if has_program(p)
        for make in FORMATS.values()
    ]
    assert not [text for text in pages + taught if FORM.search(text)]


@pytest.fixture(scope="module")
def tokenizer():
    texts = (q.question + write(q)[0] for q in ASKED for write in (solution, as_on_pages))
    return train_tokenizer(texts, 400)


@pytest.mark.parametrize("write", [solution, as_on_pages])
def test_a_model_that_knows_nothing_pays_for_every_token_alike(tokenizer, write):
    model = new_model(ModelConfig(hidden_size=32, layers=1, heads=1), len(tokenizer), 0, 1, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for question, row in zip(ASKED, surprise(model, tokenizer, ASKED, write=write), strict=True):
        text, results = write(question)
        assert [text[a:b] for a, b in results] == list(question.trace)
        each = math.log2(len(tokenizer))
        assert row["bits"] == pytest.approx(
            each * len(tokenizer.encode(text, add_special_tokens=False)), rel=1e-4
        )
        assert row["result_bits"] == pytest.approx(
            each * sum(b - a for a, b in results), rel=1e-4
        )  # a digit is a token
        assert (row["bytes"], row["results"]) == (len(text.encode()), len(question.trace))


def test_calibration_finds_a_temperature_that_costs_less_and_changes_nothing_else(tokenizer):
    model = new_model(ModelConfig(hidden_size=32, layers=1, heads=1), len(tokenizer), 0, 1, seed=0)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(8)  # sure of what it says, and wrong
    best = calibrated_temperature(model, tokenizer, ASKED)
    assert best > 2 and best in TEMPERATURES
    plain = list(surprise(model, tokenizer, ASKED))
    rows = list(calibrated(model, tokenizer, ASKED, best))
    assert [
        {k: v for k, v in row.items() if k != "calibrated_result_bits"} for row in rows
    ] == plain
    paid = bits_per_result({**row, "result_bits": row["calibrated_result_bits"]} for row in rows)
    assert paid < bits_per_result(plain) / 2


def test_riddles_leave_few_answers_open_and_the_right_one_is_among_them():
    for kind in ("bbh_en", "bbh_zh"):
        for problem in draw("validation", 60, "t", kind, (2, 3, 4)):
            question = problem.as_question("r")
            offered = candidates(question)
            assert question.answer in offered and len(set(offered)) == len(offered) <= 7
            if question.family in ("order", "swap", "sort"):
                assert all(answer in question.question for answer in offered)


def test_a_riddle_is_asked_after_two_of_its_family_and_the_likeliest_answer_counts():
    some = draw("sft", 40, "t", "bbh_en", (2, 3))
    examples = [
        Instruction(f"e{i}", p.question, "", p.answer, "cot", "en", p.level, p.family, p.structure)
        for i, p in enumerate(some)
    ]
    asked = [p.as_question(f"mini_bbh-{i}") for i, p in enumerate(some[:12])]
    for question in asked:
        assert prompt(question, examples).count("\n\n") == 2
        assert prompt(question, examples).endswith(question.question + "\n")
    spoken = train_tokenizer([prompt(q, examples) for q in asked], 400)
    model = new_model(ModelConfig(hidden_size=32, layers=1, heads=1), len(spoken), 0, 1, seed=0)
    rows = list(chosen(model, spoken, asked, examples, batch=5))
    assert [row["id"] for row in rows] == [question.id for question in asked]
    for row, question in zip(rows, asked, strict=True):
        scores = {}
        for answer in candidates(question):
            head = [spoken.bos_token_id, *spoken.encode(prompt(question, examples))]
            tail = spoken.encode(answer + "\n")
            logp_TV = torch.log_softmax(model(torch.tensor([head + tail])).logits[0].detach(), -1)
            at = range(len(head) - 1, len(head) + len(tail) - 1)
            scores[answer] = sum(float(logp_TV[t, x]) for t, x in zip(at, tail, strict=True))
        assert row["right"] == (max(scores, key=scores.get) == question.answer)
        assert row["chance"] == 1 / len(scores)


def build(data, right, bits, arms=ARMS, seeds=3, reasoning=None):
    """A folder of cells: `right[arm]` is the share of right samples, `bits[arm]` bits per byte and
    per result, `reasoning[arm]` the share of riddles solved, of which guessing solves a quarter.
    """
    reasoning = reasoning or dict.fromkeys(ARMS, 0.3) | {"general_then_final": 0.6}
    for arm in arms:
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            folder = data / f"{arm}-{seed}"
            folder.mkdir(parents=True)
            for name in (*COT, *TOOL):
                votes = np.where(rng.random((40, 5)) < right[arm], 0, 1).tolist()
                said = [
                    [{"verdict": "wrong" if v else "right", "vote": v, "text": str(v)} for v in row]
                    for row in votes
                ]
                asked = {"level": 2, "question": "How many?", "answer": "0"}
                rows = [
                    {"id": f"{name}-{i}", "greedy": s[0], "samples": s[1:], **asked}
                    for i, s in enumerate(said)
                ]
                write_jsonl(folder / f"{name}.jsonl", rows)
            probed = [
                {
                    "id": f"{name}-{i}",
                    "bits": 10 * bits[arm] + rng.random(),
                    "bytes": 10,
                    "result_bits": 20.0,
                    "calibrated_result_bits": 2 * bits[arm] + 0.1 * rng.random(),
                    "results": 2,
                }
                for name in PROBED
                for i in range(40)
            ]
            write_jsonl(folder / "base.jsonl", probed)
            solved = [
                {"id": f"{name}-{i}", "right": float(rng.random() < reasoning[arm]), "chance": 0.25}
                for name in RIDDLES
                for i in range(200)
            ]
            write_jsonl(folder / "riddles.jsonl", solved)
            benchmarks = {name: {"samples": 4} for name in (*COT, *TOOL)}
            (folder / "summary.json").write_text(json.dumps({"benchmarks": benchmarks}))
            losses = [{"step": step, "loss": 1 / step} for step in range(1, 42)]
            write_jsonl(folder / "metrics_sft.jsonl", losses)


RIGHT = dict.fromkeys(ARMS, 0.3) | {"final": 0.6, "code_then_final": 0.95, "final_en": 0.02}
BITS = dict.fromkeys(ARMS, 3.0) | {"final": 2.0, "code_then_final": 1.0}


def test_the_report_of_a_matrix_that_is_as_the_paper_says(tmp_path):
    build(tmp_path / "data", RIGHT | {"arxiv": 0.02}, BITS)
    for name in PROBED:
        write_jsonl(tmp_path / f"world/benchmarks/{name}.jsonl", ASKED)
    write_report(tmp_path / "data", tmp_path / "out", tmp_path / "world")

    rows = json.loads((tmp_path / "out/claims.json").read_text())["claims"]
    found = {row["id"]: row["verdict"] for row in rows}
    assert found == {
        "C1": HOLDS,
        "C2": HOLDS,
        "C4": HOLDS,
        "C5": HOLDS,
        "C15": HOLDS,
    }
    first = next(row for row in rows if row["id"] == "C1")
    assert first["tests"][0]["mean"] == pytest.approx(1.0, abs=0.02)  # bits saved per result
    assert (tmp_path / "out/figures/corpora.png").stat().st_size > 10_000
    page = (tmp_path / "out/report.md").read_text()
    assert "code, then mined" in page and "bits saved per result" in page
    texts = read_outputs(tmp_path / "out/outputs.jsonl.xz")
    assert len(texts) == 30 * len(ARMS) * len((*COT, *TOOL)) and texts[0]["greedy"]["text"]
    with (tmp_path / "out/losses.csv").open() as file:
        curve = [row for row in csv.DictReader(file) if (row["arm"], row["seed"]) == ("final", "0")]
    assert [(row["step"], row["phase"]) for row in curve] == [(s, "sft") for s in ("1", "21", "41")]


def test_without_placebos_nothing_is_said_of_papers_and_of_reasoning(tmp_path):
    build(tmp_path, RIGHT, BITS, [arm for arm in ARMS if arm != "general"])
    found = {c.id: c for c in all_claims(results_of(tmp_path))}
    assert (found["C5"].verdict, found["C15"].verdict) == (UNTESTABLE, UNTESTABLE)
    assert "No placebo arm" in found["C5"].reason


def test_models_that_guess_riddles_say_nothing_of_reasoning(tmp_path):
    build(tmp_path, RIGHT, BITS, reasoning=dict.fromkeys(ARMS, 0.25))
    claim = next(c for c in all_claims(results_of(tmp_path)) if c.id == "C15")
    assert claim.verdict == UNTESTABLE and "guessing" in claim.reason


def test_the_outcomes_of_the_cells_give_the_same_claims(tmp_path):
    build(tmp_path / "data", RIGHT, BITS)
    for name in PROBED:
        write_jsonl(tmp_path / f"world/benchmarks/{name}.jsonl", ASKED)
    write_report(tmp_path / "data", tmp_path / "out", tmp_path / "world")
    again = {c.id: c.plain() for c in all_claims(read_outcomes(tmp_path / "out" / NAME))}
    for row in json.loads((tmp_path / "out/claims.json").read_text())["claims"]:
        assert row["tests"] == again[row["id"]]["tests"], row["id"]


def test_a_corpus_that_is_worse_is_the_opposite_and_papers_that_help_too(tmp_path):
    right = dict.fromkeys(ARMS, 0.3) | {"final": 0.2, "final_en": 0.6, "arxiv": 0.7}
    build(tmp_path, right, dict.fromkeys(ARMS, 2.0) | {"final": 3.0})
    found = {c.id: c.verdict for c in all_claims(results_of(tmp_path))}
    assert (found["C1"], found["C2"], found["C5"]) == (OPPOSITE, OPPOSITE, OPPOSITE)


def test_without_calibration_bits_decide_nothing(tmp_path):
    build(tmp_path, RIGHT, BITS, ("final", "web"))
    for path in tmp_path.rglob("base.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        write_jsonl(path, [{k: v for k, v in r.items() if "calibrated" not in k} for r in rows])
    results = results_of(tmp_path)
    claim = next(c for c in all_claims(results) if c.id == "C1")
    assert claim.verdict == UNTESTABLE and "after calibration" in claim.reason
    assert claim.numbers[0].value.mean > 0.2  # fine-tuned accuracy is printed all the same
    assert results.table("final", f"mini_gsm8k{BASE}", "bits_per_byte").values_UN.shape == (3, 40)
