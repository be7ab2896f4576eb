"""The laboratory's report, of a made-up run: every arm beside the others, learned rewards and rules apart, a part of a plan."""

import json
import shutil

import pytest
from report_tree import LAB, make_tree

from pipeline.report.arms import counterparts
from pipeline.report.claim import (
    DIRECTION,
    NOT,
    REPRODUCED,
    UNTESTED,
    bare,
    on_every,
    parts_text,
    told,
)
from pipeline.report.claims import all_claims
from pipeline.report.data import load
from pipeline.report.page.render import write_report
from pipeline.report.page.words import room_of_rl, spelled
from pipeline.report.stats import Interval
from pipeline.report.tables.pairs import counterparts_table

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_tree(
        tmp_path_factory.mktemp("lab"),
        arms=tuple(LAB),
        seeds=SEEDS,
        questions=24,
        samples=4,
        deep=(8, 12),
        profile="lab",
        deepest=("grpo_os_rule-0", "grpo_os_rule-1"),
    )


def report(data, out, seeds=SEEDS) -> str:
    out.mkdir()
    write_report(load(data), out, tuple(LAB), seeds)
    return (out / "report.md").read_text()


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "out"
    return out, report(data, out)


def section(markdown: str, heading: str) -> str:
    return markdown.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def without(data, folder, *gone: str):
    """A copy of the tree without some cells."""
    copy = shutil.copytree(data, folder, copy_function=lambda a, b: shutil.os.link(a, b))
    for cell in gone:
        shutil.rmtree(folder / "rl" / cell)
        shutil.rmtree(folder / "evaluate" / cell)
    return copy


def test_every_arm_stands_beside_the_control_and_its_counterpart(made):
    out, markdown = made
    for heading in (
        "Arms and ablations, paired",
        "Two arms that differ in one point",
        "What each arm takes (claim C13)",
    ):
        text = section(markdown, heading)
        for label in (
            "token mean",
            "Dr. GRPO",
            "sample std",
            "mu = 2",
            "DPO",
            "DPO (sums)",
            "PPO",
            "GRPO, iterative",
        ):
            assert f"| {label} " in text, (heading, label)
    compared = section(markdown, "Two arms that differ in one point")
    there = [pair for pair in counterparts() if "ppo_rule" not in pair]
    assert compared.count("| 48 x 2 |") == len(there)  # two benchmarks of 24 questions, two seeds
    assert "Built in part" not in markdown and "make lab" in markdown
    for name in ("figure5", "figure5_ablations", "figure5_others", "figure6", "figure7_mini_gsm8k"):
        assert (out / f"figures/{name}.png").is_file()


def test_two_arms_of_unequal_rates_say_so(data):
    results = load(data)
    assert "learning rate)" not in {c.id: c for c in all_claims(results)}["C11"].sentence
    for cell in results.cells["grpo_iter"].values():
        cell.settings["lr_factor"] = 0.1
    said = "one iteration of as many steps (which has 10 times its learning rate)"
    assert said in {c.id: c for c in all_claims(results)}["C11"].sentence
    assert [row[0] for row in counterparts_table(results).rows if "at 0.1 times" in row[1]] == [
        "GRPO, iterative - GRPO+OS"
    ]


def test_learned_rewards_and_rules_are_claims_of_their_own(data, tmp_path):
    claims = {c.id: c for c in all_claims(load(data))}
    assert {"C7", "C7r", "C7b", "C7br", "C9", "C9r", "C10", "C10r"} <= set(
        claims
    ) and "C8r" not in claims
    assert claims["C10"].numbers[0].name.startswith("grpo_ps - grpo_os,")
    assert claims["C10r"].numbers[0].name.startswith("grpo_ps_rule - grpo_os_rule,")
    assert (
        "outcome model 0.50" in claims["C9"].sentence
        and "process model 0.73" in claims["C10"].sentence
    )
    assert "AUC" not in claims["C9r"].sentence + claims["C8"].sentence
    few = without(
        data,
        tmp_path / "rules",
        *(f"{arm}-{s}" for arm in ("grpo_os", "grpo_ps", "grpo_iter", "ppo") for s in SEEDS),
    )
    claims = {c.id: c for c in all_claims(load(few))}
    assert "C10r" not in claims and claims["C10"].numbers[0].name.startswith(
        "grpo_ps_rule - grpo_os_rule,"
    )
    assert claims["C11"].status == claims["C13"].status == UNTESTED


def test_a_part_of_the_plan_says_what_it_is(data, tmp_path):
    part = without(data, tmp_path / "part", "ppo-1", "mu2-0", "mu2-1")
    markdown = report(part, tmp_path / "out")
    assert f"Built in part: {2 * len(LAB) - 3} of {2 * len(LAB)} planned models" in markdown
    assert "Planned and not evaluated: " in markdown and "ppo (seed 1), mu2" in markdown
    assert "| mu = 2" not in section(markdown, "Arms and ablations, paired")
    claim = next(
        c
        for c in json.loads((tmp_path / "out/claims.json").read_text())["claims"]
        if c["id"] == "C13"
    )
    assert claim["status"] == DIRECTION and "One seed" in claim["sentence"]
    assert (
        claim["numbers"][0]["low"] is None and claim["numbers"][0]["seeds"] == 1
    )  # JSON has no infinity
    assert claim["numbers"][0]["mean"] == pytest.approx(3.0e13 * 1.6 / 4.1e13, abs=1e-4)


def test_longer_questions_than_solutions_are_named_where_the_control_is_compared(
    data, made, tmp_path
):
    markdown = made[1]
    words = "the solutions to learn from have 2 to 4 steps"
    assert (
        words in section(markdown, "Gains over instruct and over continued SFT")
        and markdown.count(words) == 1
    )
    for world in (
        {"data": "mini", "word_levels": [2, 3], "instruct_word_levels": []},
        {"data": "mini", "word_levels": [2, 3], "instruct_word_levels": [2, 3]},
        {"data": "real", "word_levels": [3, 6], "instruct_word_levels": [2]},
    ):
        copy = tmp_path / f"world-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(data / "evaluate/instruct", copy / "evaluate/instruct")
        (copy / "world").mkdir()
        (copy / "world/config.json").write_text(json.dumps({"world": world}))
        assert room_of_rl(load(copy)) == ""
    assert [spelled(x) for x in ((3,), (2, 3), (2, 4, 5), (6, 5, 4, 3))] == [
        "3",
        "2 and 3",
        "2, 4 and 5",
        "3 to 6",
    ]


def test_an_arm_that_collapses_leaves_the_panel(data, tmp_path):
    import matplotlib.pyplot as plt

    from pipeline.report.figures.rl import validation

    fallen = without(data, tmp_path / "fallen")
    for seed in SEEDS:
        path = fallen / f"rl/grpo_ps-{seed}/metrics.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()  # it is a link to the other tree's file
        for row in rows:
            row |= {key: 0.03 for key in row if key.startswith("validation_") and row["step"] > 20}
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for tree, low, label in ((data, 0.0, "GRPO+PS"), (fallen, 20.0, "GRPO+PS ends at 3 %")):
        figure = validation(load(tree), ("sft", "grpo_os_rule", "grpo_ps"))
        axis = figure.axes[0]
        assert axis.get_ylim()[0] > low and label in [text.get_text() for text in axis.texts]
        plt.close(figure)


def test_opposite_signs_are_said_and_keep_a_claim_from_being_reproduced():
    up, down, near = (
        Interval(0.03, 0.02, 0.04, 9, 2),
        Interval(-0.02, -0.04, -0.001, 9, 2),
        Interval(-0.001, -0.03, 0.03, 9, 2),
    )
    assert [told(gap) for gap in (up, down, near)] == [
        "ahead",
        "the opposite, and told from 0",
        "not told apart",
    ]
    assert (
        parts_text({"a": up, "b": down})
        == " (a +3.0 [2.0, 4.0], b -2.0 [-4.0, -0.1]: opposite signs, each told from 0)"
    )
    assert "opposite" not in parts_text({"a": up, "b": near}) and parts_text({"a": up}) == ""
    assert (
        bare(Interval(-0.0098, -0.0192, -0.0004, 9, 2)) == "-0.98 [-1.92, -0.04]"
        and bare(up) == "+3.0 [2.0, 4.0]"
    )
    assert (
        on_every(REPRODUCED, [up, down]) == DIRECTION
        and on_every(REPRODUCED, [up, near]) == REPRODUCED
    )
    assert on_every(NOT, [up, down]) == NOT


def test_the_deciding_numbers_stand_in_the_sentence_and_the_rest_in_a_table(data, made):
    claims = {c.id: c for c in all_claims(load(data))}
    for id in ("C7", "C7r", "C8", "C9", "C10", "C12"):
        assert "mini_gsm8k +" in claims[id].sentence or "mini_gsm8k -" in claims[id].sentence, id
        assert " mini_math " in claims[id].sentence and "greedy" not in claims[id].sentence, id
    names = [number.name for number in claims["C12"].numbers]
    each = {
        f"grpo_os_rule - instruct, {kind}@8, {b}"
        for kind in ("maj", "pass")
        for b in ("mini_gsm8k", "mini_math")
    }
    assert each <= set(names)
    rows = section(made[1], "Claims").partition("### Numbers behind the claims")[2]
    assert (
        "| C7 | grpo_os - instruct, mini_math | 24 x 2 |" in rows
        and "| C13 | ppo / grpo_os, FLOPs | seeds: 2 | 1.17 " in rows
    )


def test_arms_that_learn_from_unlike_amounts_are_named(data):
    claims = {c.id: c for c in all_claims(load(data))}
    assert (
        "Online RFT 1,500k tokens, 384 outputs in the last step; RFT 100k tokens"
        in claims["C8"].sentence
    )
    assert "Not like for like" not in claims["C9"].sentence + claims["C10"].sentence


@pytest.mark.parametrize(("gap", "status"), [(0.0, REPRODUCED), (0.2, NOT), (-0.2, NOT)])
def test_alike_early_is_a_claim_of_its_own(tmp_path, gap, status):
    import numpy as np

    seeds = (0, 1, 2)
    tree = make_tree(tmp_path, questions=12, deep=(8, 12), seeds=seeds, arms=("rft", "online_rft"))
    rng = np.random.default_rng(0)
    for seed in seeds:
        for arm, more in (("rft", 0.0), ("online_rft", gap)):
            rows = [
                {
                    "step": step,
                    "id": f"v{i}",
                    "greedy": True,
                    "right": int(rng.binomial(64, 0.4 + more)),
                    "samples": 64,
                }
                for step in (0, 20, 40, 60)
                for i in range(400)
            ]
            (tree / f"rl/{arm}-{seed}/validation.jsonl").write_text(
                "".join(json.dumps(row) + "\n" for row in rows)
            )
    claim = next(c for c in all_claims(load(tree)) if c.id == "C8e")
    assert claim.status == status and "validation at step 20" in claim.sentence


def test_what_a_learned_reward_is_and_what_differs_from_the_paper_is_said(made):
    _, markdown = made
    claims = section(markdown, "Claims")
    assert (
        "plain likelihood 0.72" in claims
        and "little better than the sampler's own likelihood" in claims
    )
    rows = section(markdown, "Reward model")
    assert (
        "| outcome model | 4 | 1,000 | 0.810 | 0.880 | 0.500 | 0.034 | 45.0 | 30.0 | - | 43.0 |"
        in rows
    )
    assert "| likelihood of the sampler | 4 | - | - | 0.860 | 0.720 | - | 44.0 |" in rows
    text = section(markdown, "Deviations from the paper")
    for words in (
        "| reward.start | base | instruct | The reward models start from this model",
        "| reward.head | linear | likelihood |",
        "| reward.lr | 2e-5 | 3e-4 |",
        "| rl_scale.lr | 1e-6 | 3e-4 |",
        "| rl_scale.lr_schedule | constant | linear | linear falls to 0",
        "| rl_scale.group_size | 64 | 8 |",
        "| sft.optimizer | adamw | muon |",
        "| sft.packing | yes | no | One example per row.",
        "share one base, one instruct and one reward model",
    ):
        assert words in text, words


def test_effort_stands_over_the_control_and_cpu_seconds_say_of_how_many_cells(made):
    _, markdown = made
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")]
        for line in section(markdown, "What each arm takes (claim C13)").splitlines()
        if line.startswith("|")
    }
    head = rows["arm"]
    times, seconds = head.index("times continued SFT's"), head.index("CPU seconds (cells)")
    assert (
        rows["RFT"][times] == "0.73"
        and rows["continued SFT"][times] == "1.00"
        and rows["PPO"][seconds] == "150 (1)"
    )
    assert "outcome 2.00e13 (0.49 times" in section(markdown, "What each arm takes (claim C13)")
    assert (
        f"| rl | `{'ab' * 6}` ({2 * len(LAB)}) |" in markdown
        and f"| world | `{'cd' * 6}` (1) |" in markdown
    )


def test_figure5_draws_paired_differences_and_cuts_what_two_seeds_cannot_bound(data):
    import matplotlib.pyplot as plt

    from pipeline.report.figures.rl import rl_training, validation

    results = load(data)
    figure = validation(results, ("sft", "rft", "online_rft"))
    title = figure.axes[1].get_title()
    assert title == "Over continued SFT, paired (n 100, 2 seeds)"
    low, high = figure.axes[1].get_ylim()
    drawn = [
        abs(y)
        for bars in figure.axes[1].collections
        for path in bars.get_paths()
        for y in path.vertices[:, 1]
    ]
    assert low < 0 < high and max(-low, high) < 1.5 * max(drawn)
    right = rl_training(results).axes[0]
    assert right.get_ylabel() == "points"
    assert "RFT" not in [text.get_text() for text in right.texts]  # offline: no batch in common
    plt.close("all")
