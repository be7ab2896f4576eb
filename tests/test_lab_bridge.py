"""The laboratory of the switches: its names are those of docs/bridge.md, and its table is paired."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rl_tiny import ARMS, half_taught, questions, tokenizer

from lab import bridge
from pipeline.lm.model import save_model
from pipeline.records import write_jsonl

PAGE = Path(__file__).parents[1] / "docs/bridge.md"


def keys_of_the_page() -> dict:
    """Every key of the table with its value; `and` marks one that goes with the row above."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith("| ")]
    cells = [re.findall(r"`(\w+: [^`]+)`", row[4]) for row in rows if len(row) > 5]
    return {key: value for cell in cells for text in cell for key, value in read(text).items()}


def read(text: str) -> dict:
    return yaml.safe_load(text)


def test_the_page_names_the_keys_that_are_measured() -> None:
    page = keys_of_the_page()
    measured = {key for _, keys in bridge.SWITCHES.values() for key in keys}
    assert set(page) == measured
    for key, value in page.items():
        together = {"drop_equal_groups": True} if key == "dynamic_sampling" else {}
        replace(ARMS["grpo_os_rule"], **{key: value, **together})


def test_every_switch_makes_an_arm_and_changes_what_it_is_compared_with() -> None:
    paper, _ = bridge.read_scale("mini", 3)
    for name, (other, _) in bridge.SWITCHES.items():
        arm = bridge.arm_of(name, paper)
        assert not other or arm != replace(bridge.arm_of(other, paper), name=name)


@pytest.fixture
def data(tmp_path):
    save_model(half_taught(), tokenizer(), tmp_path / "data/chains/0/sft/model")
    write_jsonl(tmp_path / "data/world/questions.jsonl", questions())
    write_jsonl(tmp_path / "data/world/validation.jsonl", questions(6))
    return tmp_path


def test_runs_are_kept_and_the_table_pairs_them(data, capsys) -> None:
    given = ["--data", str(data / "data"), "--out", str(data / "out"), "--profile", "smoke"]
    given += ["--steps", "1", "--seeds", "0", "1", "--only", "k2"]
    assert bridge.main(given) == 0
    first = capsys.readouterr().out
    assert re.search(r"\| k2 \| paper \| [+-]\d+\.\d \| .* \| 2 x 6 \|", first)
    assert "4 runs" in first and first.count("paper-") == 2  # nothing else was trained
    assert bridge.main([*given, "--table"]) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[-2] == first.splitlines()[-2] and "paper-" not in again


def test_mistakes_are_one_line(tmp_path, capsys) -> None:
    assert bridge.main(["--data", str(tmp_path)]) == 1
    assert bridge.main(["--only", "k3"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert "no instruct model" in told[0] and "no switch 'k3'" in told[1]
