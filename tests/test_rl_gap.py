"""Sampler against trainer, and whose checkpoint it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from rl_tiny import ARMS, SCALE, half_taught, inputs, policy, questions, run, tokenizer

from pipeline.errors import UserError
from pipeline.lm.checksum import checksum
from pipeline.lm.generate import check_sync, make_engine
from pipeline.lm.generate.fast import FastEngine
from pipeline.rl.gap import check_gap, sampler_gap

GRPO = ARMS["grpo_os_rule"]


def test_gap_by_hand() -> None:
    logp_BT = torch.tensor([[-1.0, -2.0, 0.0], [-1.0, -1.0, -1.0], [-9.0, -9.0, -9.0]])
    found = sampler_gap([[-1.5, -2.0], [-1.0, -1.0, -3.0], [0.0]], logp_BT, [0, 1])
    assert found == {"sampler_gap": 0.5, "sampler_gap_p95": 2.0, "sampler_gap_max": 2.0}
    assert sampler_gap([[-1.0]], logp_BT, []) == {}
    check_gap(found, 0.6, 1)
    check_gap(found, 0.0, 1)
    check_gap({}, 0.6, 1)
    with pytest.raises(UserError, match="step 3: .* by 0.5 nats .*max_sampler_gap is 0.4"):
        check_gap(found, 0.4, 3)
    with pytest.raises(UserError):
        check_gap({"sampler_gap": float("nan"), "sampler_gap_max": float("nan")}, 0.4, 3)


@pytest.mark.parametrize("arm", ["grpo_os_rule", "online_rft", "ppo", "mu2"])
def test_every_step_of_an_online_arm_has_a_gap_of_rounding(arm: str, tmp_path) -> None:
    rows = run(ARMS[arm], tmp_path, replace(SCALE, steps=2))
    gaps = [row["sampler_gap_max"] for row in rows[1:] if "sampler_gap_max" in row]
    assert gaps and max(gaps) < 1e-4
    assert all(
        0 < row["sampler_gap"] <= row["sampler_gap_max"] for row in rows if "sampler_gap" in row
    )


def test_a_sampler_at_another_temperature_is_stopped(tmp_path, monkeypatch) -> None:
    given = inputs()
    before = checksum(given.policy.parameters())
    monkeypatch.setattr(FastEngine, "_sample_batch", with_temperature(FastEngine._sample_batch))
    with pytest.raises(UserError, match="not the same policy|of the sampler differ"):
        run(GRPO, tmp_path, given=given)
    assert checksum(given.policy.parameters()) == before


def with_temperature(sample):
    def warmer(self, prompts, seeds, sampling):
        warm = replace(sampling, temperature=1.5) if sampling.max_new_tokens > 8 else sampling
        return sample(self, prompts, seeds, warm)

    return warmer


def test_a_missed_sync_is_caught_though_the_gap_is_small(tmp_path, monkeypatch) -> None:
    synced = FastEngine.sync
    calls = []

    def broken(self, model):
        calls.append(model)
        if len(calls) < 3:  # by the maker, and before the first step
            synced(self, model)

    monkeypatch.setattr(FastEngine, "sync", broken)
    small = replace(SCALE, lr=1e-9, max_sampler_gap=1e-3)
    with pytest.raises(UserError, match="FastEngine holds other weights than the policy"):
        run(GRPO, tmp_path, small)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["fast", "hf"])
def test_checksum_is_of_what_the_engine_reads(name: str, dtype: str) -> None:
    given = inputs().policy
    engine = make_engine(name, given, tokenizer(), dtype)
    check_sync(engine, given)
    with torch.no_grad():
        given.model.layers[0].mlp.up_proj.weight[0, 0] *= 1.1
    if name == "fast":
        with pytest.raises(UserError, match="sync is broken"):
            check_sync(engine, given)
    engine.sync(given)
    check_sync(engine, given)


def test_bfloat16_samples_in_the_arithmetic_of_training(tmp_path) -> None:
    rows = run(GRPO, tmp_path, replace(SCALE, steps=1, compute_dtype="bfloat16"))
    assert 0 < rows[1]["sampler_gap"] < 0.02


def test_a_checkpoint_of_another_run_is_refused(tmp_path) -> None:
    short = replace(SCALE, steps=1, validation_size=0)
    run(GRPO, tmp_path, short)
    for arm, scale, seed, told in (
        (ARMS["online_rft"], short, 0, "arm.name grpo_os_rule"),
        (GRPO, replace(short, lr=1e-4), 0, r"lr 0.001 \(now 0.0001\)"),
        (GRPO, short, 1, r"seed 0 \(now 1\)"),
    ):
        with pytest.raises(UserError, match=f"checkpoint of another run, with .*{told}"):
            run(arm, tmp_path, scale, seed)
    other = policy(3)
    few = questions(11)
    for given, told in (
        (inputs(policy=other), r"checksum of the base \d+ \(now \d+\)"),
        (inputs(questions=few), r"questions 12, sha256 \w+ \(now 11, sha256 \w+\)"),
    ):
        with pytest.raises(UserError, match=f"checkpoint of another run, with {told}"):
            run(GRPO, tmp_path, short, given=given)
    run(GRPO, tmp_path, replace(short, micro_batch_tokens=32))


def test_a_longer_run_says_what_the_schedule_does(tmp_path, capsys) -> None:
    short = replace(SCALE, steps=2, validation_size=0)
    first = run(GRPO, tmp_path, short)
    assert run(GRPO, tmp_path, replace(short, steps=4))[:3] == first
    assert "steps is 4, and was 2: after step 2 the learning rate" in capsys.readouterr().out
    with pytest.raises(UserError, match="is at step 4, past steps=3"):
        run(GRPO, tmp_path, replace(short, steps=3))


def test_a_first_step_without_a_gradient_is_said(tmp_path, capsys) -> None:
    hopeless = [replace(q, answer="1000003") for q in inputs().questions]
    run(GRPO, tmp_path / "a", replace(SCALE, steps=1), given=inputs(questions=hopeless))
    assert "no group has both right and wrong outputs" in capsys.readouterr().out
    run(GRPO, tmp_path / "b", replace(SCALE, steps=1))
    assert "nothing to learn" not in capsys.readouterr().out


def test_half_taught_policy_is_untouched() -> None:
    assert checksum(half_taught().parameters()) == checksum(inputs().policy.parameters())
