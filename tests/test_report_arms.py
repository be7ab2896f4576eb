"""An arm is one file: a made-up one stands in the report and in the README, and how it is shown
trains nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from report_tree import make_tree

from pipeline.errors import UserError
from pipeline.report import readme
from pipeline.report.arms import all_arms, arm_order, counterparts, read_arm
from pipeline.wiring.config import build, plain, register
from pipeline.wiring.stage import own_sections

ROOT = Path(__file__).parents[1]

MADE_UP = """
name: made_up
data_source: online
reward_function: rule
gradient_coefficient: grpo_outcome
kl_coef: 0.5
report:
  label: Made-up arm
  order: 95
  colour: "#123456"
  figure5: true
  note: a note of its own
  against: {grpo_os_rule: a larger KL coefficient}
"""

DRAW = """
import sys
from pathlib import Path
from pipeline.report.data import Unit
from pipeline.report.load import load
from pipeline.report.figures.rl import validation
from pipeline.report.page.render import write_report

data, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir()
results = load(data)
arms = "sft", "rft", "grpo_os_rule", "made_up"
write_report(results, out, dict.fromkeys(arms, [Unit(0, 0), Unit(0, 1)]))
labels = [text.get_text() for text in validation(results, ["sft", "made_up"]).axes[0].texts]
print("drawn:", labels)
"""


def test_one_file_puts_a_new_arm_into_tables_figures_and_readme(tmp_path):
    data = make_tree(
        tmp_path, arms=("sft", "rft", "grpo_os_rule"), seeds=(0, 1), questions=12, deep=(8, 6)
    )
    for folder in ("rl", "evaluate"):
        for seed in (0, 1):
            shutil.copytree(
                data / "chains/0" / folder / f"rft-{seed}",
                data / "chains/0" / folder / f"made_up-{seed}",
            )

    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "conf", clone / "conf")
    shutil.copytree(ROOT / "pipeline", clone / "pipeline")
    shutil.copy(ROOT / "README.md", clone)
    (clone / "reports").mkdir()
    shutil.copy(ROOT / "reports/outcomes.json.xz", clone / "reports")
    (clone / "conf/rl/made_up.yaml").write_text(MADE_UP)

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(clone)}
        done = subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed = run("-c", DRAW, str(data), str(tmp_path / "out"))
    assert "'Made-up arm'" in printed  # its line in Figure 5 carries its name

    markdown = (tmp_path / "out/report.md").read_text()
    assert "| Made-up arm | 2 | 12 |" in markdown  # scores
    assert "| Made-up arm - GRPO+OS (rule) | a larger KL coefficient | 24 x 2 |" in markdown
    assert "Planned and not evaluated" not in markdown

    run("-m", "pipeline.report.readme", "--file", "README.md")
    row = "| `made_up` | Made-up arm | policy | rule: is the answer right | (r - mean r) / std r"
    text = (clone / "README.md").read_text()
    assert row in text and "| a note of its own |" in text


def test_the_readme_is_current():
    assert readme.main(["--check"]) == 0


def test_a_stale_readme_is_said_and_renewed(tmp_path, capsys):
    text = readme.README.read_text(encoding="utf-8")
    copy = tmp_path / "README.md"
    copy.write_text(text.replace("| `rft` | RFT |", "| `rft` | R F T |"), encoding="utf-8")

    assert readme.main(["--check", "--file", str(copy)]) == 1
    assert "stale" in capsys.readouterr().err
    assert readme.main(["--file", str(copy)]) == 0
    assert copy.read_text(encoding="utf-8") == text


def test_how_an_arm_is_shown_is_no_setting_of_its_training():
    from stages.rl import RLStage

    register("rl", RLStage, "mini")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        composed = compose("rl", overrides=["profile=mini", "rl=mu2"])
    assert composed.rl.report.label == "mu = 2"
    settings = plain(build(RLStage, own_sections(composed, RLStage, ["profile=mini", "rl=mu2"])))
    assert "report" not in settings["rl"] and settings["rl"]["updates_per_rollout"] == 2


def test_every_arm_has_its_own_place_and_a_colour():
    arms = list(all_arms().values())
    assert len({arm.order for arm in arms}) == len(arms)
    assert len({arm.label for arm in arms}) == len(arms)
    for group in ([a for a in arms if a.figure5], [a for a in arms if a.ablation]):
        assert len({arm.colour for arm in group}) == len(group)  # lines of one figure
    assert sorted(["mu2", "instruct", "gone", "sft", "base"], key=arm_order) == [
        "base",
        "instruct",
        "sft",
        "mu2",
        "gone",
    ]
    assert {other for _, other, _ in counterparts()} <= set(all_arms())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": None}, "report.colour: missing"),
        ({"order": "first"}, "report.order: 'first' is not of type int"),
        ({"color": "#fff"}, "report.color: unknown key; known here: label"),
    ],
)
def test_a_mistake_in_a_file_is_one_line(tmp_path, change, message):
    content = yaml.safe_load(MADE_UP)
    shown = {**content["report"], **change}
    content["report"] = {key: value for key, value in shown.items() if value is not None}
    path = tmp_path / "made_up.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match="made_up.yaml: " + message):
        read_arm(path)


def test_a_counterpart_that_does_not_exist_is_named(tmp_path):
    (tmp_path / "made_up.yaml").write_text(MADE_UP)
    with pytest.raises(UserError, match="made_up.yaml: report.against names grpo_os_rule"):
        all_arms(tmp_path)


def test_arm_settings_of_the_schema_hold_no_report():
    """`rl.report` must stay a key that only this room reads."""
    from pipeline.rl.config import ArmConfig

    assert "report" not in typing.get_type_hints(ArmConfig)
