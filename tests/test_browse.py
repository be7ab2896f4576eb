"""Rollouts as a person reads them."""

import sys

import pytest
from rl_tiny import ARMS, inputs, run, tokenizer

from pipeline.cli import rollouts as browse
from pipeline.errors import UserError
from pipeline.lm.model import save_model
from pipeline.records import read_jsonl


def test_a_step_is_shown_with_rewards_and_advantages_and_an_overview_without(
    tmp_path, monkeypatch, capsys
):
    given = inputs()
    run(ARMS["grpo_ps_rule"], tmp_path, given=given)
    out = tmp_path / "out"
    save_model(given.policy, tokenizer(), out / "model")

    def told(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["browse", str(out), *words])
        browse.main()
        return capsys.readouterr().out

    assert [line.split(":")[0] for line in told().splitlines()] == [
        f"step {n}" for n in (1, 2, 3, 4)
    ]
    rows = list(read_jsonl(out / "rollouts/step-00002.jsonl"))
    text = told("--step", "2", "--groups", "9")
    assert text.count("output ") == len(rows) == 12 and text.count("question ") == 3
    assert text.count("reward ") == sum(len(row["ends"]) for row in rows)
    assert f"advantage {rows[0]['advantages'][0]:7.3f}" in text
    mixed = [
        group
        for group in browse.groups_of(rows)
        if len({r for row in group for r in row["rewards"]}) > 1
    ]
    assert told("--step", "2", "--mixed").endswith(f"of {len(mixed)} groups of step 2\n")
    with pytest.raises(UserError, match="step 9"):
        told("--step", "9")


def test_a_terminal_obeys_no_output():
    row = {
        "question": "q",
        "slot": 0,
        "tokens": [1],
        "logprobs": [0.0],
        "finished": True,
        "right": False,
        "ends": [0],
        "rewards": [0.0],
        "advantages": [0.0],
    }
    assert "\x1b" not in "".join(browse.shown([row], "?", lambda _: "\x1b[2J"))


def test_a_folder_without_rollouts_is_one_line(tmp_path):
    with pytest.raises(UserError, match="rollouts"):
        browse.steps_of(tmp_path)
