"""The report of a small made-up run: complete, deterministic, self-contained, and honest when
things are missing.
"""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from report_tree import LAB, make_tree

from pipeline.errors import UserError
from pipeline.records import write_json, write_jsonl
from pipeline.report.claims import all_claims
from pipeline.report.claims.c11 import on_validation
from pipeline.report.claims.claim import sentence
from pipeline.report.claims.compare import compare
from pipeline.report.claims.rules import HOLDS, OPEN, OPPOSITE, UNTESTABLE
from pipeline.report.data import Unit
from pipeline.report.load import load
from pipeline.report.outcomes import read_outcomes
from pipeline.report.page.render import write_report
from pipeline.report.page.words import control_text
from pipeline.report.stats import paired


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("run"), questions=60, deep=(16, 30), seeds=(0, 1))


@pytest.fixture(scope="module")
def made(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "one"
    return out, *report(tree, out)


def report(data, out, **more):
    out.mkdir()
    results = replace(
        load(data),
        origin={
            "commit": "`abc`",
            "grading_mode": "strict",
            "protocol": "cot",
            "temperature": "0.7",
        },
    )
    write_report(results, out, **more)
    return (out / "report.md").read_text(), (out / "index.html").read_text()


def test_report_is_complete_self_contained_and_the_same_twice(tree, made, tmp_path):
    out, markdown, page = made
    report(tree, tmp_path / "two")
    for path in sorted(out.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(out)).read_bytes(), (
            path.name
        )
    assert not re.search(r"(src|href)=\"(?!data:|#)", page) and "<script" not in page
    assert str(tree) not in markdown + page
    assert page.count("<img") == len(list((out / "figures").glob("*.png"))) == markdown.count("![")
    for heading in (
        "Claims",
        "Scores",
        "Gains",
        "(Figure 5)",
        "(Figure 7)",
        "Deviations",
        "Cost",
        "Provenance",
    ):
        assert heading in markdown and heading in page
    accuracy = json.loads((out / "metrics.json").read_text())["accuracy"]
    results = load(tree)
    for model in ("instruct", "rft-1"):
        values = results.scores[model]["mini_math"].values("sampled")
        assert accuracy[model]["mini_math"]["sampled"] == pytest.approx(values.mean(), abs=1e-4)
    rows = (out / "validation.csv").read_text().splitlines()
    assert rows[0] == "step,accuracy,model,arm,chain,seed" and len(rows) == 1 + 5 * 2 * 11
    assert read_outcomes(out / "outcomes.json.xz").benchmarks == results.benchmarks
    written = json.loads((out / "claims.json").read_text())
    assert {c["id"] for c in written["claims"]} >= {f"C{i}" for i in range(1, 16)}
    assert re.fullmatch("[0-9a-f]{16}", written["rules"]) and written["rules"] in markdown
    # rules may change after a build was read, and the page that holds them says so
    assert "before the numbers" not in markdown and "lists each change" in markdown


def test_a_number_of_the_table_is_the_paired_difference_of_the_rows(tree, made):
    results = load(tree)

    def share(model):
        lines = (tree / f"chains/0/evaluate/{model}/mini_math.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return [np.mean([s["verdict"] == "right" for s in r["samples"][:8]]) for r in rows]

    instruct = np.array(share("instruct"))
    by_hand = paired([share("grpo_os_rule-0"), share("grpo_os_rule-1")], [instruct, instruct])
    assert compare(results, "grpo_os_rule", "instruct", ["mini_math"]) == by_hand
    ends = (100 * by_hand.mean, 100 * by_hand.low, 100 * by_hand.high)
    assert "{:+.1f} [{:+.1f}, {:+.1f}]".format(*ends) in made[1]


def test_missing_arms_and_stages_are_named(tree, tmp_path):
    data = tmp_path / "data"
    for model in ("instruct", "base", "rft-0"):
        shutil.copytree(tree / "chains/0/evaluate" / model, data / "chains/0/evaluate" / model)
    markdown, page = report(
        data, tmp_path / "out", planned=dict.fromkeys(("rft", "ppo"), [Unit(0, 0), Unit(0, 1)])
    )
    assert "Planned and not evaluated: rft (chain 0 seed 1), ppo." in markdown
    assert "No training curves were found." in markdown and "## Cost" not in markdown
    claims = {c.id: c for c in all_claims(load(data))}
    assert {claims[id].verdict for id in ("C7", "C8", "C12")} == {UNTESTABLE}
    assert "control was not run" in markdown and "<html" in page


def test_scores_at_the_floor_are_said_plainly(tmp_path):
    data = make_tree(tmp_path, questions=40, seeds=(0, 1), skill=0.01, deep=(8, 40))
    markdown, _ = report(data, tmp_path / "out")
    assert "scores near zero" in markdown
    claims = {c.id: c for c in all_claims(load(data))}
    for id in ("C7", "C8", "C9", "C10", "C12", "C14"):
        assert claims[id].verdict == UNTESTABLE and "at the floor" in claims[id].reason, id
        assert claims[id].numbers, id  # of which the reason speaks


def test_greedy_answers_alone_make_a_report(tmp_path):
    every = tuple(LAB)  # iterative ones too
    data = make_tree(tmp_path, every, questions=20, samples=0, seeds=(0, 1), deep=(0, 0))
    markdown, _ = report(data, tmp_path / "out")
    assert "| model | runs | n | greedy | no answer | truncated |" in markdown
    assert "0 samples" not in markdown and " nan" not in markdown
    claims = {c.id: c for c in all_claims(load(data))}
    assert {claims[id].verdict for id in ("C7", "C8", "C9", "C11", "C12", "C14")} == {UNTESTABLE}


@pytest.mark.parametrize(("gain", "said"), [(0.15, True), (0.0, False)])
def test_a_control_that_gains_is_said_to_show_no_plateau(tmp_path, monkeypatch, gain, said):
    monkeypatch.setitem(LAB, "sft", gain)
    data = make_tree(tmp_path, arms=("sft", "grpo_os_rule"), questions=60, deep=(8, 6))
    assert ("had not reached its plateau" in control_text(load(data))) == said


def test_claims_follow_the_interval(tmp_path):
    data = make_tree(
        tmp_path,
        questions=300,
        seeds=(0, 1, 2),
        deep=(8, 300),
        arms=("rft", "online_rft", "grpo_os_rule"),
    )
    claims = {c.id: c for c in all_claims(load(data))}
    assert claims["C7"].verdict == HOLDS  # a simulated gain of 9 points
    assert claims["C8"].primary.value.low > 0 and claims["C8"].primary.value.seeds == 3
    maj, passed = (test.value for test in claims["C12"].tests)
    assert claims["C12"].numbers[0].value.mean == pytest.approx(maj.mean - passed.mean)
    assert claims["C12"].verdict == OPPOSITE  # Pass@8 rises as well


def test_one_model_orders_no_arms(tmp_path):
    """The same gains as above, trained once: nothing is decided, and the text says why."""
    data = make_tree(
        tmp_path,
        questions=300,
        seeds=(0,),
        deep=(8, 300),
        arms=("rft", "online_rft", "grpo_os_rule"),
    )
    claims = {c.id: c for c in all_claims(load(data))}
    for id in ("C7", "C8"):
        assert claims[id].primary.value.low > 0 and claims[id].verdict == OPEN
        assert "One trained model" in sentence(claims[id]) and claims[id].adjusted == 1.0


def with_tools(data, right):
    """Let the instruct model answer with tools: right on the named benchmarks, wrong on the others."""
    folder = data / "chains/0/evaluate/instruct"
    summary = json.loads((folder / "summary.json").read_text())
    for name in ("mini_gsm8k", "mini_math"):
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        for row in rows:
            row["greedy"]["verdict"] = "right" if name in right else "wrong"
        write_jsonl(folder / f"{name}@tir.jsonl", rows)
        summary["benchmarks"][f"{name}@tir"] = summary["benchmarks"][name]
    (folder / "summary.json").write_text(json.dumps(summary))


def test_tool_use_is_compared_on_all_that_was_asked_both_ways(tmp_path):
    data = make_tree(tmp_path, questions=60, seeds=(0,), deep=(8, 60))

    def claim():
        return {c.id: c for c in all_claims(load(data))}["C6"]

    assert "was not evaluated" in claim().reason
    with_tools(data, ("mini_gsm8k", "mini_math"))
    assert claim().verdict == HOLDS
    with_tools(data, ("mini_gsm8k",))
    found = claim()
    assert found.primary.parts["mini_math"].high < 0 < found.primary.parts["mini_gsm8k"].low
    assert found.verdict != HOLDS and "mini_math is significantly against" in sentence(found)
    with_tools(data, ())
    assert claim().verdict == OPPOSITE

    counts = {"cot_en": 1000, "tir_en": 140, "pot_en": 130}
    write_json(data / "world/summary.json", {"instruct": counts})
    assert claim().verdict == UNTESTABLE and "140 solutions with tools" in claim().reason


def iterative_tree(folder, gains, seeds=(0, 1, 2)):
    """A run of two iterations of ten steps: share right 0.4, then + gains[0], then + gains[1]."""
    data = make_tree(folder, questions=40, seeds=seeds, deep=(8, 40), arms=("grpo_os_rule",))
    rng = np.random.default_rng(1)
    for seed in seeds:
        cell = data / f"chains/0/rl/grpo_iter-{seed}"
        cell.mkdir(parents=True)
        levels = np.cumsum([0.4, *gains])
        rows = [
            {
                "step": step,
                "id": f"v{i}",
                "greedy": True,
                "right": int(rng.binomial(64, p)),
                "samples": 64,
            }
            for step, p in zip((0, 10, 20), levels, strict=True)
            for i in range(100)
        ]
        (cell / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        metrics = [
            {"step": s, "validation_sampled": float(np.interp(s, (0, 10, 20), levels))}
            | ({"iteration": (s - 1) // 10 + 1} if s else {})
            for s in range(21)
        ]
        (cell / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))
    return data


def pass_the_gate(data):
    path = data / "chains/0/reward/summary.json"
    summary = json.loads(path.read_text())
    for kind in ("outcome", "process"):
        summary[kind] |= {"auc_within": 0.85, "n": 8000, "samples": 4}
    write_json(path, summary)


@pytest.mark.parametrize(
    ("once", "iterated", "verdict"),
    [(0.3, 0.35, HOLDS), (0.05, 0.35, OPPOSITE), (-0.2, -0.3, OPPOSITE)],
)
def test_iterations_improve_and_most_in_the_first(tmp_path, monkeypatch, once, iterated, verdict):
    monkeypatch.setitem(LAB, "grpo_os", once)
    monkeypatch.setitem(LAB, "grpo_iter", iterated)
    data = make_tree(
        tmp_path, questions=80, seeds=(0, 1, 2), deep=(8, 8), arms=("grpo_os", "grpo_iter")
    )
    claim = next(c for c in all_claims(load(data)) if c.id == "C11")
    assert claim.verdict == UNTESTABLE and "did not pass its gate" in claim.reason
    assert len(claim.numbers) == 4  # both tests, and both on validation

    pass_the_gate(data)
    results = load(data)
    claim = next(c for c in all_claims(results) if c.id == "C11")
    assert claim.verdict == verdict
    gains = [
        compare(results, arm, "instruct", ["mini_gsm8k", "mini_math"]).mean
        for arm in ("grpo_os", "grpo_iter")
    ]
    whole, halves = (test.value for test in claim.tests)
    assert whole.mean == pytest.approx(gains[1]) and whole.seeds == 3
    assert halves.mean == pytest.approx(2 * gains[0] - gains[1])
    assert "GRPO, iterative (2 iterations) - instruct" in claim.primary.name


@pytest.mark.parametrize("gains", [(0.2, 0.02), (0.02, 0.2)])
def test_gains_at_the_ends_of_iterations_are_printed(tmp_path, gains):
    results = load(iterative_tree(tmp_path, gains))
    whole, first = (number.value for number in on_validation(results, "grpo_iter"))
    assert whole.mean == pytest.approx(sum(gains), abs=0.02) and whole.seeds == 3
    assert first.mean == pytest.approx(gains[0] - gains[1], abs=0.02)


def test_figure_of_iterations_is_drawn(tmp_path):
    markdown, _ = report(iterative_tree(tmp_path, (0.1, 0.05)), tmp_path / "out")
    assert (tmp_path / "out/figures/figure6.png").is_file() and "figures/figure6.png" in markdown


def test_memory_and_operations_decide_together_on_ppo(tmp_path):
    data = make_tree(tmp_path, questions=20, seeds=(0, 1), deep=(8, 20), arms=("grpo_os_rule",))

    def claim(flops, ppo_mb, parameters=2 * 10**7):
        for arm, work in (("ppo_rule", flops), ("grpo_os_rule", 1.0)):
            for seed in (0, 1):
                cell = data / f"chains/0/rl/{arm}-{seed}"
                cell.mkdir(parents=True, exist_ok=True)
                summary = {"flops": work + 1e-4 * seed, "tokens": 1, "parameters": parameters}
                write_json(cell / "summary.json", summary)
                settings = {
                    "gradient_coefficient": arm.split("_")[0],
                    "kl_coef": 0.04,
                    "data_source": "online",
                    "reward_function": "rule",
                }
                write_json(cell / "config.json", {"rl": settings})
                mb = ppo_mb[seed] if arm == "ppo_rule" else 1000 + seed
                cost = {"seconds": 1.0, "peak_rss_mb": mb}
                write_json(data / f".cost/rl-0-{arm}-{seed}.json", cost)
        return next(c for c in all_claims(load(data)) if c.id == "C13")

    assert claim(1.5, (1200, 1201)).verdict == HOLDS
    assert claim(1.5, (1000.5, 1210)).verdict == OPEN  # one PPO run took less than one GRPO run
    assert claim(1.5, (900, 901)).verdict == OPPOSITE
    assert claim(0.9, (1200, 1201)).verdict == OPPOSITE
    small = claim(1.5, (1200, 1201), parameters=170_000)
    assert small.verdict == UNTESTABLE and "1.50" in small.reason
    assert {number.unit for number in small.numbers} == {"times more"}


def test_a_malformed_or_absent_run_is_one_line(tree, tmp_path):
    with pytest.raises(UserError, match="no evaluated model"):
        load(tmp_path)
    shutil.copytree(tree / "chains/0/evaluate/instruct", tmp_path / "chains/0/evaluate/instruct")
    path = tmp_path / "chains/0/evaluate/instruct/mini_math.jsonl"
    path.write_text('{"id": "x"}\n')
    with pytest.raises(UserError, match="a row has no 'greedy'"):
        load(tmp_path)
    path.write_text("{oops\n")
    with pytest.raises(UserError, match="mini_math.jsonl:1: not a JSON line"):
        load(tmp_path)
