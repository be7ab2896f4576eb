"""Dynamic sampling: groups of equal rewards are replaced by groups of other questions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rl_tiny import ARMS, SCALE, inputs, run

from pipeline.errors import UserError
from pipeline.lm.passes import Rows
from pipeline.lm.rollouts import Rollouts
from pipeline.records import Question, read_jsonl
from pipeline.rl import dynamic
from pipeline.rl.bridge import equal_groups
from pipeline.rl.data_source import question_at
from pipeline.rl.reward_function import Rewarded

GRPO = ARMS["grpo_os_rule"]
DROP = replace(GRPO, drop_equal_groups=True)
TWO = replace(DROP, dynamic_sampling=2)
MANY = replace(DROP, dynamic_sampling=30)
G = SCALE.group_size


def stored(folder) -> list[list[dict]]:
    """The rollout rows of each step."""
    return [list(read_jsonl(p)) for p in sorted((folder / "out/rollouts").glob("step-*.jsonl"))]


def groups_of(rows: list[dict]) -> list[list[float]]:
    return [[row["rewards"][-1] for row in rows[i : i + G]] for i in range(0, len(rows), G)]


def test_with_draws_enough_every_group_of_a_batch_has_unequal_rewards(tmp_path) -> None:
    plain = run(DROP, tmp_path / "plain")
    assert any(row["zero_variance"] > 0 for row in plain[1:])  # else there is nothing to replace
    rows = run(MANY, tmp_path / "many")
    for step, batch in zip(rows[1:], stored(tmp_path / "many"), strict=True):
        assert len(batch) == SCALE.questions_per_step * G
        assert all(len(set(rewards)) > 1 for rewards in groups_of(batch))
        assert [row["slot"] for row in batch[::G]] == list(range(SCALE.questions_per_step))
        assert 1 <= step["draws"] <= 31
    assert rows[-1]["samples"] > plain[-1]["samples"] and rows[-1]["flops"] > plain[-1]["flops"]


def test_questions_come_in_the_order_of_the_run_and_none_is_asked_twice_in_an_epoch(
    tmp_path, monkeypatch
) -> None:
    asked, real = [], dynamic.sampled_online

    def watched(run, questions, key):
        asked.append([question.id for question in questions])
        return real(run, questions, key)

    monkeypatch.setattr(dynamic, "sampled_online", watched)
    rows = run(TWO, tmp_path / "a", replace(SCALE, steps=2))
    at = question_at(inputs().questions, 0)
    flat = [name for draw in asked for name in draw]
    assert flat == [at(n).id for n in range(len(flat))]
    assert len(asked) == sum(row["draws"] for row in rows[1:])
    assert rows[-1]["samples"] == len(flat) * G
    assert max(Counter(flat[: len(inputs().questions)]).values()) == 1


def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(tmp_path) -> None:
    from pipeline.rl.loop import train_policy

    whole = run(TWO, tmp_path / "whole")
    begun = train_policy(inputs(), TWO, SCALE, 0, tmp_path / "cut/out", tmp_path / "cut/state", {})
    for row in begun:
        if row["step"] == 3:  # the checkpoint of step 2 is the last one on file
            break
    begun.close()
    assert run(TWO, tmp_path / "cut") == whole
    assert stored(tmp_path / "cut") == stored(tmp_path / "whole")


def drawn(number: int, rewards: list[float]) -> tuple[Rollouts, Rewarded]:
    """Outputs that name their draw and place, two per question."""
    n = len(rewards)
    questions = [Question(f"d{number}g{g}", "", "") for g in range(n // 2)]
    rollouts = Rollouts(
        questions,
        Rows([[number, g] for g in range(n // 2)], [[number, b] for b in range(n)],
             [b // 2 for b in range(n)]),
        [f"{number}:{b}" for b in range(n)],
        [[-1.0, -float(b)] for b in range(n)],
        [True] * n,
    )  # fmt: skip
    right = [r == 1.0 for r in rewards]
    clock = {n - 1: f"cap: clock {number}"}
    return rollouts, Rewarded([[r] for r in rewards], [[1]] * n, right, by_clock=clock)


def test_what_is_missing_is_asked_and_the_rest_filled_with_equal_groups(monkeypatch) -> None:
    draws = iter([drawn(0, [1, 0, 1, 1, 0, 0]), drawn(1, [0, 0, 1, 0]), drawn(2, [1, 1])])
    given: list[Rewarded] = []
    counts: list[int] = []

    def next_questions(run, count):
        counts.append(count)
        return [None] * count

    def sampled(run, questions, key):
        rollouts, rewarded = next(draws)
        given.append(rewarded)
        return rollouts

    monkeypatch.setattr(dynamic, "next_questions", next_questions)
    monkeypatch.setattr(dynamic, "sampled_online", sampled)
    monkeypatch.setattr(dynamic, "judged", lambda run, method, rollouts: given[-1])
    state = SimpleNamespace(
        arm=TWO,
        cfg=SimpleNamespace(questions_per_step=3, group_size=2),
        seed=0,
        iteration_of=lambda step: 0,
        lap=lambda phase: None,
    )
    rollouts, rewarded, metrics = dynamic.until_full(state, None, 1)
    assert counts == [3, 2, 1]
    # unequal ones in the order of the draws, then an equal one of the first draw
    assert [q.id for q in rollouts.questions] == ["d0g0", "d1g1", "d0g1"]
    assert rollouts.texts == ["0:0", "0:1", "1:2", "1:3", "0:2", "0:3"]
    assert rollouts.rows.outputs[2] == [1, 2] and rollouts.rows.prompts[1] == [1, 1]
    assert rewarded.rewards == [[1], [0], [1], [0], [1], [1]]
    assert rewarded.by_clock == {3: "cap: clock 1"}
    assert equal_groups(rewarded, 2) == [False, False, True]
    assert metrics["draws"] == 3 and metrics["zero_variance"] == pytest.approx(4 / 6)
    assert metrics["accuracy"] == metrics["reward"] == pytest.approx(6 / 12)


def test_dynamic_sampling_without_dropping_is_refused() -> None:
    with pytest.raises(UserError, match="drop_equal_groups: true"):
        replace(GRPO, dynamic_sampling=2)
