"""The laboratory's report, of a made-up run: every arm beside the others, learned rewards and rules
apart, a part of a plan.
"""

import json
import shutil

import pytest
from report_tree import LAB, make_tree

from pipeline.report.arms import counterparts
from pipeline.report.claims import all_claims
from pipeline.report.claims.c11 import once
from pipeline.report.claims.claim import sentence
from pipeline.report.claims.compare import gate
from pipeline.report.claims.rules import UNTESTABLE
from pipeline.report.data import Unit
from pipeline.report.load import load
from pipeline.report.page.render import write_report
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
    write_report(load(data), out, {arm: [Unit(0, seed) for seed in seeds] for arm in LAB})
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
        shutil.rmtree(folder / "chains/0/rl" / cell)
        shutil.rmtree(folder / "chains/0/evaluate" / cell)
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
    there = [pair for pair in counterparts() if set(pair[:2]) <= set(LAB)]
    assert compared.count("| 48 x 2 |") == len(there)  # two benchmarks of 24 questions, two seeds
    assert "Built in part" not in markdown and "make lab" in markdown
    for name in ("figure5", "figure5_ablations", "figure5_others", "figure6", "figure7_mini_gsm8k"):
        assert (out / f"figures/{name}.png").is_file()


def test_two_arms_of_unequal_rates_say_so(data):
    results = load(data)
    assert once(results) == "one iteration of as many steps"
    for cell in results.cells["grpo_iter"].values():
        cell.settings["lr_factor"] = 0.1
    assert "has 10 times its learning rate" in once(results)
    found = [row[0] for row in counterparts_table(results).rows if "at 0.1 times" in row[1]]
    assert found == ["GRPO, iterative - GRPO+OS"]


def gated(data, folder, **more):
    """A copy of the tree whose reward models pass the gate."""
    copy = without(data, folder)
    path = copy / "chains/0/reward/summary.json"
    summary = json.loads(path.read_text())
    for kind in ("outcome", "process"):
        summary[kind] |= {"auc_within": 0.85, "n": 8000, "samples": 4, **more}
    path.unlink()  # it is a link to the other tree's file
    path.write_text(json.dumps(summary))
    return copy


def test_the_gate_is_the_mean_over_the_chains_that_have_judges(data):
    results = load(data)

    def chain(auc: float) -> dict:
        outcome = {"auc_within": auc, "n": 8000, "samples": 4, "likelihood": {"auc_within": 0.8}}
        return {"outcome": outcome}

    for aucs, passes in (((0.83, 0.88), True), ((0.83, 0.86), False)):
        results.files["reward"]["chains"] = {str(n): chain(auc) for n, auc in enumerate(aucs)}
        passed, said = gate(results, "grpo_os")
        assert passed == passes and "(of 2 chains)" in said and f"model {aucs[0]:.2f}, " in said


def test_learned_rewards_decide_where_their_models_pass_the_gate_and_rules_elsewhere(
    data, tmp_path
):
    claims = {c.id: c for c in all_claims(load(data))}
    for id, names in (
        ("C7", "GRPO+OS (rule) - instruct,"),
        ("C7c", "GRPO+OS (rule) - continued SFT,"),
        ("C9", "GRPO+OS (rule) - Online RFT,"),
        ("C10", "GRPO+PS (rule) - GRPO+OS (rule),"),
    ):
        assert claims[id].primary.name.startswith(names)
        assert "With learned rewards not testable" in sentence(claims[id])
        assert any("below the gate" in number.name for number in claims[id].numbers)
    assert claims["C11"].verdict == UNTESTABLE

    passed = {c.id: c for c in all_claims(load(gated(data, tmp_path / "passed")))}
    assert passed["C7"].primary.name.startswith("GRPO+OS - instruct,")
    assert passed["C10"].primary.name.startswith("GRPO+PS - GRPO+OS,")
    assert "outcome reward model 0.85" in sentence(passed["C9"])
    assert passed["C11"].verdict != UNTESTABLE

    gated(data, tmp_path / "fewer")
    shutil.rmtree(tmp_path / "fewer/chains/0/evaluate/grpo_os-1")
    fewer = {c.id: c for c in all_claims(load(tmp_path / "fewer"))}
    assert fewer["C7"].primary.name.startswith("GRPO+OS (rule) - instruct,")
    assert "Learned rewards stand beside, on 1 model." in sentence(fewer["C7"])
    assert any("on fewer models" in number.name for number in fewer["C7"].numbers)

    for number, more in enumerate(({"n": 4000}, {"auc_within": 0.76})):  # too few; too little
        failed = load(gated(data, tmp_path / f"failed-{number}", **more))
        assert gate(failed, "grpo_os")[0] is False
    assert gate(load(data), "grpo_os_rule") == (True, "")


def test_a_part_of_the_plan_says_what_it_is(data, tmp_path):
    part = without(data, tmp_path / "part", "ppo-1", "mu2-0", "mu2-1")
    markdown = report(part, tmp_path / "out")
    assert f"Built in part: {2 * len(LAB) - 3} of {2 * len(LAB)} planned models" in markdown
    assert "Planned and not evaluated: " in markdown and "ppo (chain 0 seed 1), mu2" in markdown
    assert "| mu = 2" not in section(markdown, "Arms and ablations, paired")
    rows = json.loads((tmp_path / "out/claims.json").read_text())["claims"]
    number = next(row for row in rows if row["id"] == "C13")["numbers"][0]
    assert number["low"] is None and number["seeds"] == 1  # JSON has no infinity
    assert number["mean"] == pytest.approx(3.0 * 1.6 / 4.1 - 1, abs=1e-4)


def test_an_arm_that_collapses_leaves_the_panel(data, tmp_path):
    import matplotlib.pyplot as plt

    from pipeline.report.figures.rl import validation

    fallen = without(data, tmp_path / "fallen")
    for seed in SEEDS:
        path = fallen / f"chains/0/rl/grpo_ps-{seed}/metrics.jsonl"
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


def test_every_benchmark_stands_next_to_the_mean_of_both(data, made):
    results = load(data)
    claims = {c.id: c for c in all_claims(results)}
    for id in ("C7", "C8", "C9", "C10", "C12"):
        assert set(claims[id].primary.parts) == {"mini_gsm8k", "mini_math"}, id
        text = sentence(claims[id])
        assert "mini_gsm8k +" in text or "mini_gsm8k -" in text
        mean = sum(part.mean for part in claims[id].primary.parts.values()) / 2
        assert claims[id].primary.value.mean == pytest.approx(mean)
    assert f"**C8**, {claims['C8'].verdict}: Online RFT - RFT, mini_gsm8k and mini_math" in made[1]
    numbers = section(made[1], "Claims").partition("### Numbers that decide nothing")[2]
    assert "| C7 | GRPO+OS (rule) - instruct, greedy, mini_gsm8k and mini_math | 2 |" in numbers
    assert "| C13 | PPO / GRPO+OS, FLOPs per trained token, over 1 | 2 |" in numbers


def test_arms_that_learn_from_unlike_amounts_are_named(data):
    claims = {c.id: c for c in all_claims(load(data))}
    said = "Online RFT from 1,500 thousand tokens, RFT from 100 thousand tokens"
    assert said in sentence(claims["C8"])
    assert "equal amounts" not in sentence(claims["C9"]) + sentence(claims["C10"])


def test_the_early_difference_stands_next_to_the_claim_and_decides_nothing(data):
    claim = next(c for c in all_claims(load(data)) if c.id == "C8")
    early = [n for n in claim.numbers if "validation at step" in n.name]
    assert [n.name for n in early] == [
        "Online RFT - RFT, validation at step 30",
        "Online RFT - RFT, validation at step 100",
    ]
    assert len(claim.tests) == 1


def test_what_a_learned_reward_is_and_what_differs_from_the_paper_is_said(made):
    _, markdown = made
    claims = section(markdown, "Claims")
    assert (
        "likelihood of the sampler 0.72" in claims
        and "close to being rewarded for what the policy holds likely anyway" in claims
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
    times, seconds = head.index("times the control's"), head.index("CPU seconds (cells)")
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
    assert title == "Over continued SFT, paired (n 100, 2 runs)"
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
