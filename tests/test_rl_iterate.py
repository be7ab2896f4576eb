"""Algorithm 1 between iterations: replay, the new reference, the reward model trained on; and model
rewards in the loop.
"""

import copy
from dataclasses import replace

import pytest
import torch
from rl_tiny import ARMS, SCALE, history, inputs, run

from pipeline.errors import UserError
from pipeline.lm.passes import Rows
from pipeline.records import read_jsonl
from pipeline.rl import iterate
from pipeline.rl.iterate import with_replay


def rows(kind, count):
    return [{"kind": kind, "i": i} for i in range(count)]


def test_replay_is_exactly_a_tenth_seeded_and_without_repeats():
    mixed = with_replay(rows("new", 95), rows("old", 500), 0.1, 3)
    assert len(mixed) == 100 and sum(row["kind"] == "old" for row in mixed) == 10
    assert len({(row["kind"], row["i"]) for row in mixed}) == 100
    assert mixed == with_replay(rows("new", 95), rows("old", 500), 0.1, 3)
    assert mixed != with_replay(rows("new", 95), rows("old", 500), 0.1, 4)


def test_no_replay_in_round_one_and_a_short_history_bounds_the_rows():
    assert with_replay(rows("new", 30), [], 0.1, 0) == rows("new", 30)
    assert with_replay(rows("new", 30), rows("old", 9), 0.0, 0) == rows("new", 30)
    short = with_replay(rows("new", 90), rows("old", 2), 0.1, 0)
    assert len(short) == 20 and sum(row["kind"] == "old" for row in short) == 2
    with pytest.raises(UserError):
        with_replay(rows("new", 90), rows("old", 90), 0.12345, 0)


def test_reference_is_the_policy_after_an_iteration_and_the_judge_has_learned(tmp_path):
    given = inputs()
    before = copy.deepcopy(given.reward_model.model.state_dict())
    seen = []
    real = iterate.renew_reward_model

    def watched(run_, iteration):
        found = real(run_, iteration)
        reference, policy = run_.instruct.state_dict(), run_.policy.state_dict()
        seen.append((iteration, all(torch.equal(reference[k], policy[k]) for k in policy)))
        return found

    iterate.renew_reward_model = watched
    try:
        metrics = run(ARMS["grpo_iter"], tmp_path, given=given)
    finally:
        iterate.renew_reward_model = real
    assert seen == [(1, True)]
    assert [row.get("iteration") for row in metrics] == [None, 1, 1, 2, 2]
    assert metrics[3]["kl"] == 0.0 and metrics[2]["kl"] > 0 and metrics[4]["kl"] > 0
    assert "judge_accuracy" in metrics[3] and "judge_accuracy" not in metrics[4]
    assert any(
        not torch.equal(v, before[k]) for k, v in given.reward_model.model.state_dict().items()
    )
    mixed = list(read_jsonl(tmp_path / "out/judge-1.jsonl"))
    old = [row for row in mixed if row["round"] == 0]
    assert len(mixed) == 40 and len(old) == 4  # 36 new rows, a tenth of history
    assert {row["question"] for row in old} <= {row["question"] for row in history()}


@pytest.mark.parametrize("name", ["grpo_os", "grpo_ps"])
def test_a_reward_model_judges_and_does_not_move(name, tmp_path):
    given = inputs()
    before = copy.deepcopy(given.reward_model.model.state_dict())
    metrics = run(ARMS[name], tmp_path, replace(SCALE, steps=2), given=given)
    assert all(torch.equal(v, before[k]) for k, v in given.reward_model.model.state_dict().items())
    stored = list(read_jsonl(tmp_path / "out/rollouts/step-00001.jsonl"))
    assert all(0 <= r <= 1 for row in stored for r in row["rewards"])
    assert metrics[1]["reward"] != metrics[1]["accuracy"] and metrics[1]["grad_norm"] > 0
    expected = given.reward_model(
        Rows([[1, 5, 6]], [stored[0]["tokens"]], [0]), [stored[0]["ends"]]
    )
    assert len(expected[0]) == len(stored[0]["rewards"])


def test_an_arm_without_its_reward_model_is_one_line(tmp_path):
    with pytest.raises(UserError, match="reward model"):
        run(ARMS["grpo_os"], tmp_path, given=inputs(reward_model=None))
