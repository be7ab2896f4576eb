"""The laboratory's report, of a made-up run: every arm beside the others, learned rewards and rules apart, a part of a plan."""
import json
import shutil

import pytest
from report_tree import LAB, make_tree

from pipeline.report.claim import DIRECTION, UNTESTED
from pipeline.report.claims import all_claims
from pipeline.report.config import ReportConfig
from pipeline.report.data import load
from pipeline.report.notes import room_of_rl, spelled
from pipeline.report.pairs import COUNTERPARTS
from pipeline.report.render import write_report

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("lab"), arms=tuple(LAB), seeds=SEEDS, questions=24, samples=4, deep=(8, 12),
                     profile="lab", deepest=("grpo_os_rule-0", "grpo_os_rule-1"))


def report(data, out, seeds=SEEDS) -> str:
    out.mkdir()
    write_report(load(data), ReportConfig(), out, tuple(LAB), seeds)
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
    for heading in ("Arms and ablations, paired", "Two arms that differ in one point", "What each arm takes (claim C13)"):
        text = section(markdown, heading)
        for label in ("token mean", "Dr. GRPO", "sample std", "mu = 2", "DPO", "DPO (sums)", "PPO", "GRPO, iterative"):
            assert f"| {label} " in text, (heading, label)
    compared = section(markdown, "Two arms that differ in one point")
    there = [pair for pair in COUNTERPARTS if "ppo_rule" not in pair]
    assert compared.count("| 48 x 2 |") == len(there)  # two benchmarks of 24 questions, two seeds
    assert "Built in part" not in markdown and "make lab" in markdown
    for name in ("figure5", "figure5_ablations", "figure5_others", "figure6", "figure7_mini_gsm8k"):
        assert (out / f"figures/{name}.png").is_file()


def test_learned_rewards_and_rules_are_claims_of_their_own(data, tmp_path):
    claims = {c.id: c for c in all_claims(load(data))}
    assert {"C7", "C7r", "C7b", "C7br", "C9", "C9r", "C10", "C10r"} <= set(claims) and "C8r" not in claims
    assert claims["C10"].numbers[0].name.startswith("grpo_ps - grpo_os,")
    assert claims["C10r"].numbers[0].name.startswith("grpo_ps_rule - grpo_os_rule,")
    assert "outcome model 0.50" in claims["C9"].sentence and "process model 0.73" in claims["C10"].sentence
    assert "AUC" not in claims["C9r"].sentence + claims["C8"].sentence
    few = without(data, tmp_path / "rules", *(f"{arm}-{s}" for arm in ("grpo_os", "grpo_ps", "grpo_iter", "ppo") for s in SEEDS))
    claims = {c.id: c for c in all_claims(load(few))}
    assert "C10r" not in claims and claims["C10"].numbers[0].name.startswith("grpo_ps_rule - grpo_os_rule,")
    assert claims["C11"].status == claims["C13"].status == UNTESTED


def test_a_part_of_the_plan_says_what_it_is(data, tmp_path):
    part = without(data, tmp_path / "part", "ppo-1", "mu2-0", "mu2-1")
    markdown = report(part, tmp_path / "out")
    assert f"Built in part: {2 * len(LAB) - 3} of {2 * len(LAB)} planned models" in markdown
    assert "Planned and not evaluated: " in markdown and "ppo (seed 1), mu2" in markdown
    assert "| mu = 2" not in section(markdown, "Arms and ablations, paired")
    claim = next(c for c in json.loads((tmp_path / "out/claims.json").read_text())["claims"] if c["id"] == "C13")
    assert claim["status"] == DIRECTION and "One seed" in claim["sentence"]
    assert claim["numbers"][0]["low"] is None and claim["numbers"][0]["seeds"] == 1  # JSON has no infinity
    assert claim["numbers"][0]["mean"] == pytest.approx(3.0e13 * 1.6 / 4.1e13, abs=1e-4)


def test_longer_questions_than_solutions_are_named_where_the_control_is_compared(data, made, tmp_path):
    markdown = made[1]
    words = "the solutions to learn from have 2 to 4 steps"
    assert words in section(markdown, "Gains over instruct and over continued SFT") and markdown.count(words) == 2
    for world in ({"data": "mini", "word_levels": [2, 3], "instruct_word_levels": []},
                  {"data": "mini", "word_levels": [2, 3], "instruct_word_levels": [2, 3]},
                  {"data": "real", "word_levels": [3, 6], "instruct_word_levels": [2]}):
        copy = tmp_path / f"world-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(data / "evaluate/instruct", copy / "evaluate/instruct")
        (copy / "world").mkdir()
        (copy / "world/config.json").write_text(json.dumps({"world": world}))
        assert room_of_rl(load(copy)) == ""
    assert [spelled(x) for x in ((3,), (2, 3), (2, 4, 5), (6, 5, 4, 3))] == ["3", "2 and 3", "2, 4 and 5", "3 to 6"]


def test_an_arm_that_collapses_leaves_the_panel(data, tmp_path):
    import matplotlib.pyplot as plt

    from pipeline.report.figures import validation

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
