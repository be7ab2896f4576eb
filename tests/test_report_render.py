"""The report of a small made-up run: complete, deterministic, self-contained, and honest when things are missing."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from report_tree import make_tree

from pipeline.errors import UserError
from pipeline.report.claim import DIRECTION, FLOORED, NOT, REPRODUCED, UNTESTED, verdict
from pipeline.report.claims import all_claims
from pipeline.report.data import load
from pipeline.report.page.render import write_report
from pipeline.report.stats import difference


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
    assert {c["id"] for c in json.loads((out / "claims.json").read_text())["claims"]} >= {
        f"C{i}" for i in range(1, 15)
    }


def test_a_number_of_the_table_is_the_paired_difference_of_the_rows(tree, made):
    results = load(tree)

    def share(model):
        lines = (tree / f"evaluate/{model}/mini_math.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return [np.mean([s["verdict"] == "right" for s in r["samples"][:8]]) for r in rows]

    by_hand = difference(
        np.array([share("grpo_os_rule-0"), share("grpo_os_rule-1")]), np.array([share("instruct")])
    )
    assert (
        difference(*results.pair("grpo_os_rule", "instruct", ["mini_math"], "sampled")) == by_hand
    )
    assert (
        f"{100 * by_hand.mean:+.1f} [{100 * by_hand.low:+.1f}, {100 * by_hand.high:+.1f}]"
        in made[1]
    )


def test_missing_arms_and_stages_are_named(tree, tmp_path):
    data = tmp_path / "data"
    for model in ("instruct", "base", "rft-0"):
        shutil.copytree(tree / "evaluate" / model, data / "evaluate" / model)
    markdown, page = report(data, tmp_path / "out", arms=("rft", "ppo"), seeds=(0, 1))
    assert "Planned and not evaluated: rft (seed 1), ppo." in markdown
    assert "No training curves were found." in markdown and "## Cost" not in markdown
    claims = {c.id: c for c in all_claims(load(data))}
    assert claims["C7"].status == claims["C8"].status == claims["C12"].status == UNTESTED
    assert "control was not run" in markdown and "<html" in page


def test_scores_at_the_floor_are_said_plainly(tmp_path):
    data = make_tree(tmp_path, questions=40, seeds=(0, 1), skill=0.01, deep=(8, 40))
    markdown, _ = report(data, tmp_path / "out")
    assert "scores near zero" in markdown
    assert all(
        c.status == FLOORED
        for c in all_claims(load(data))
        if c.id in ("C7", "C8", "C9", "C10", "C12", "C14")
    )
    assert "not testable here" in markdown


def test_claims_follow_the_interval(tmp_path):
    data = make_tree(
        tmp_path,
        questions=300,
        seeds=(0, 1, 2),
        deep=(8, 300),
        arms=("rft", "online_rft", "grpo_os_rule"),
    )
    claims = {c.id: c for c in all_claims(load(data))}
    assert (
        claims["C7"].status == claims["C8"].status == REPRODUCED
    )  # simulated gains of 9 and 4 points
    gap = claims["C8"].numbers[0].value
    assert gap.low > 0 and gap.seeds == 3
    maj, passed, more = (number.value for number in claims["C12"].numbers[:3])
    assert more.mean == pytest.approx(maj.mean - passed.mean)
    ruled = REPRODUCED if passed.high < 0.02 else NOT if passed.low > 0 else DIRECTION
    assert claims["C12"].status == max(verdict(maj), ruled, key=(REPRODUCED, DIRECTION, NOT).index)


def test_one_seed_orders_no_arms(tmp_path):
    """The same gains as above, trained once: a direction at most, and the text says what is missing."""
    data = make_tree(
        tmp_path,
        questions=300,
        seeds=(0,),
        deep=(8, 300),
        arms=("rft", "online_rft", "grpo_os_rule"),
    )
    claims = {c.id: c for c in all_claims(load(data))}
    for id in ("C7", "C8"):
        assert (
            claims[id].numbers[0].value.low > 0
            and claims[id].status == DIRECTION
            and "One seed" in claims[id].sentence
        )
    assert claims["C12"].status in (DIRECTION, NOT)


def test_one_benchmark_at_the_floor_decides_no_tool_claim(tmp_path):
    """mini_math is answered, but neither of the two scores that C6 compares is above the floor."""
    data = make_tree(tmp_path, questions=60, seeds=(0,), deep=(8, 60), skill=0.01)
    folder = data / "evaluate/instruct"
    shutil.copy(folder / "mini_math.jsonl", folder / "mini_math@tir.jsonl")
    summary = json.loads((folder / "summary.json").read_text())
    summary["benchmarks"]["mini_math@tir"] = summary["benchmarks"]["mini_math"]
    (folder / "summary.json").write_text(json.dumps(summary))
    assert {c.id: c.status for c in all_claims(load(data))}["C6"] == FLOORED


def test_tool_use_is_decided_where_training_solutions_use_tools(tmp_path):
    data = make_tree(tmp_path, questions=60, seeds=(0,), deep=(8, 60))
    folder = data / "evaluate/instruct"
    summary = json.loads((folder / "summary.json").read_text())
    for name in ("mini_gsm8k", "mini_math"):
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        for row in rows:  # tools always right on one, always wrong on the other
            row["greedy"]["verdict"] = "right" if name == "mini_gsm8k" else "wrong"
        (folder / f"{name}@tir.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        summary["benchmarks"][f"{name}@tir"] = summary["benchmarks"][name]
    (folder / "summary.json").write_text(json.dumps(summary))
    claim = {c.id: c for c in all_claims(load(data))}["C6"]
    assert claim.status in (DIRECTION, REPRODUCED) and "Decided on mini_gsm8k" in claim.sentence


def iterative_tree(folder, gains, seeds=(0, 1, 2)):
    """A run of two iterations of ten steps: share right 0.4, then + gains[0], then + gains[1]."""
    data = make_tree(folder, questions=40, seeds=seeds, deep=(8, 40), arms=("grpo_os_rule",))
    rng = np.random.default_rng(1)
    for seed in seeds:
        cell = data / f"rl/grpo_iter-{seed}"
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


@pytest.mark.parametrize(
    ("gains", "status"), [((0.2, 0.02), REPRODUCED), ((0.02, 0.2), NOT), ((-0.1, 0.0), NOT)]
)
def test_iterations_improve_and_most_in_the_first(tmp_path, gains, status):
    claim = next(c for c in all_claims(load(iterative_tree(tmp_path, gains))) if c.id == "C11")
    assert claim.status == status
    assert (
        claim.numbers[0].value.mean == pytest.approx(sum(gains), abs=0.02)
        and claim.numbers[0].value.seeds == 3
    )
    assert claim.numbers[1].value.mean == pytest.approx(gains[0] - gains[1], abs=0.02)


def test_figure_of_iterations_is_drawn(tmp_path):
    markdown, _ = report(iterative_tree(tmp_path, (0.1, 0.05)), tmp_path / "out")
    assert (tmp_path / "out/figures/figure6.png").is_file() and "figures/figure6.png" in markdown


def test_memory_and_operations_decide_together_on_ppo(tmp_path):
    def status(flops, ppo_mb):
        for arm, work in (("ppo_rule", flops), ("grpo_os_rule", 1.0)):
            for seed in (0, 1):
                cell = data / f"rl/{arm}-{seed}"
                cell.mkdir(parents=True, exist_ok=True)
                (cell / "summary.json").write_text(json.dumps({"flops": work, "parameters": 2**20}))
                settings = {
                    "gradient_coefficient": arm.split("_")[0],
                    "kl_coef": 0.04,
                    "data_source": "online",
                    "reward_function": "rule",
                }
                (cell / "config.json").write_text(json.dumps({"rl": settings}))
                mb = ppo_mb[seed] if arm == "ppo_rule" else 1000 + seed
                (data / f".cost/rl-{arm}-{seed}.json").write_text(
                    json.dumps({"seconds": 1.0, "peak_rss_mb": mb})
                )
        claim = next(c for c in all_claims(load(data)) if c.id == "C13")
        assert ("by formula its model states are 36.0 MiB against 20.0" in claim.sentence) == (
            claim.status == DIRECTION
        )
        return claim.status

    data = make_tree(tmp_path, questions=20, seeds=(0, 1), deep=(8, 20), arms=("grpo_os_rule",))
    assert status(1.5, (1200, 1210)) == REPRODUCED
    assert status(1.5, (1000.5, 1210)) == DIRECTION  # one PPO run took less than one GRPO run
    assert (
        status(1.5, (950, 1040)) == DIRECTION
    )  # the process tells nothing; what has to be held does
    assert status(0.9, (1200, 1210)) == status(1.5, (900, 910)) == NOT


def test_a_malformed_or_absent_run_is_one_line(tree, tmp_path):
    with pytest.raises(UserError, match="no evaluated model"):
        load(tmp_path)
    shutil.copytree(tree / "evaluate/instruct", tmp_path / "evaluate/instruct")
    path = tmp_path / "evaluate/instruct/mini_math.jsonl"
    path.write_text('{"id": "x"}\n')
    with pytest.raises(UserError, match="a row has no 'greedy'"):
        load(tmp_path)
    path.write_text("{oops\n")
    with pytest.raises(UserError, match="mini_math.jsonl:1: not a JSON line"):
        load(tmp_path)
