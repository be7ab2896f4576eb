"""The search over rates: one rule, read from what the runs validated."""

import json
import re

import pytest
import yaml

from lab import rates
from lab.rates import TAKES, best, main, read
from pipeline.records import write_jsonl
from pipeline.wiring.code import ROOT
from pipeline.wiring.plans import built


def run(folder, arm, rate, chain, right):
    folder.mkdir(parents=True)
    config = {"chain": chain, "rl": {"name": arm, "lr_factor": 0.5}, "rl_scale": {"lr": 2 * rate}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "summary.json").write_text("{}")
    rows = [
        {"step": step, "id": f"q{i}", "right": hits, "samples": 4}
        for step, some in ((0, (4, 4)), (9, right))
        for i, hits in enumerate(some)
    ]
    write_jsonl(folder / "validation.jsonl", rows)


def test_the_better_rate_by_mean_over_chains_is_chosen(tmp_path, capsys):
    right = {(1e-4, 0): (2, 2), (1e-4, 1): (4, 4), (3e-4, 0): (3, 3), (3e-4, 1): (2, 2)}
    for number, ((rate, chain), hits) in enumerate(right.items()):
        run(tmp_path / str(number) / "rl", "rft", rate, chain, hits)
    found = read([tmp_path])
    assert found["rft"][3e-4] == pytest.approx({0: 0.75, 1: 0.5})  # the last step, not the first
    assert best(found["rft"]) == 1e-4
    assert main([str(tmp_path)]) == 0
    assert "| `rft` | 0.0001 | 2 | 75.0 | 25.0 | x |" in capsys.readouterr().out


def test_chains_that_one_rate_lacks_do_not_count():
    assert best({1e-4: {0: 0.5, 1: 0.9}, 3e-4: {0: 0.6}}) == 3e-4


def test_a_folder_without_runs_ends_in_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "no finished run" in capsys.readouterr().err


def test_every_arm_of_the_laboratory_is_tried_or_takes_the_rate_of_one_that_is():
    plan = built("lab")
    arms = {*plan["arms"], *plan.get("reward_arms", [])}
    tried = {arm for some in re.findall(r" rl=(\S+)", rates.__doc__) for arm in some.split(",")}
    assert tried == arms - set(TAKES) and set(TAKES.values()) <= tried
    text = (ROOT / "docs/preregistration.md").read_text(encoding="utf-8")
    rule = text.partition("## How settings are chosen")[2].partition("\n## ")[0]
    assert arms <= set(re.findall(r"`(\w+)`", rule))


@pytest.mark.parametrize(("arm", "other"), TAKES.items())
def test_an_arm_that_takes_a_rate_has_it(arm, other):
    """Else a search that moved an arm would leave its variations behind."""
    factors = [
        yaml.safe_load((ROOT / f"conf/rl/{name}.yaml").read_text()).get("lr_factor", 1.0)
        for name in (arm, other)
    ]
    assert factors[0] == factors[1]
