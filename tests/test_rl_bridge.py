"""Every switch of docs/bridge.md against loops over outputs and tokens, in float64."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from rl_tiny import ARMS, SCALE, half_taught, inputs, run

from pipeline.errors import UserError
from pipeline.lm.passes import Rows, passes
from pipeline.rl.batch import Batch
from pipeline.rl.bridge import kept_outputs, overlong_penalty, reweighed, shaped
from pipeline.rl.config import ArmConfig
from pipeline.rl.gradient_coefficient import policy_loss
from pipeline.rl.method import method_of
from pipeline.rl.reward_function import Rewarded
from pipeline.rl.training import Training

GRPO = ARMS["grpo_os_rule"]
CFG = replace(SCALE, group_size=4, max_new_tokens=10)
LENGTHS = (3, 5, 10, 4, 2, 7, 10, 6)
FINISHED = [n < 10 for n in LENGTHS]
REWARDS = ([1.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5])
SWITCHES = {
    "paper": {},
    "std_eps": {"std_eps": 0.3},
    "batch std": {"advantage_std": "batch"},
    "clip-higher": {"clip_eps_high": 0.4},
    "dual clip": {"dual_clip": 1.1, "clip_eps_high": 0.9},
    "sequence ratio": {"ratio": "sequence"},
    "k1": {"kl_estimator": "k1"},
    "k2": {"kl_estimator": "k2"},
    "kl in reward": {"kl_place": "reward"},
    "mask truncated": {"mask_truncated": True},
    "mask, tokens": {"mask_truncated": True, "aggregation": "token_mean"},
    "drop equal": {"drop_equal_groups": True},
    "overlong": {"overlong_buffer": 6},
    "importance": {"importance_cap": 1.05},
}


def given(seed: int = 0):
    """Rows, and three log-probabilities of each token beside the policy's: sampler, old, reference."""
    generator = torch.Generator().manual_seed(seed)
    outputs = [torch.randint(2, 290, (n,), generator=generator).tolist() for n in LENGTHS]
    rows = Rows([[0, 5, 6, 7], [0, 9, 8]], outputs, [0] * 4 + [1] * 4)
    moved = [0.3 * torch.randn(8, 10, generator=generator).double() for _ in range(3)]
    return rows, moved


def oracle(arm: ArmConfig, logp, sampled, old, ref) -> float:
    """The loss -sum w GC log pi, written out. `logp` and the others: a list of floats per output."""
    kept = [not arm.mask_truncated or done for done in FINISHED]
    rewards = [r for group in REWARDS for r in group]
    for b, n in enumerate(LENGTHS):
        if arm.overlong_buffer:
            start = CFG.max_new_tokens - arm.overlong_buffer
            rewards[b] -= max(0.0, (n - start) / arm.overlong_buffer)
        if arm.kl_place == "reward":
            rewards[b] -= arm.kl_coef * sum(s - r for s, r in zip(sampled[b], ref[b], strict=True))
    groups = [rewards[:4], rewards[4:]]
    if arm.drop_equal_groups:
        kept = [k and len(set(groups[b // 4])) > 1 for b, k in enumerate(kept)]
    centred = [r - sum(groups[b // 4]) / 4 for b, r in enumerate(rewards)]
    total = 0.0
    for b, n in enumerate(LENGTHS):
        if not kept[b]:
            continue
        own = [c * c for c in centred[4 * (b // 4) : 4 * (b // 4) + 4]]
        pool = [c * c for c in centred] if arm.advantage_std == "batch" else own
        spread = math.sqrt(sum(pool) / len(pool)) + arm.std_eps
        advantage = centred[b] / spread if len(set(groups[b // 4])) > 1 else 0.0
        weight = 1 / (sum(kept) * n)
        if arm.aggregation == "token_mean":
            weight = 1 / sum(m for m, k in zip(LENGTHS, kept, strict=True) if k)
        whole = math.exp(sum(x - y for x, y in zip(logp[b], old[b], strict=True)) / n)
        for t in range(n):
            ratio = whole if arm.ratio == "sequence" else math.exp(logp[b][t] - old[b][t])
            a = advantage
            if arm.importance_cap:
                a *= min(arm.importance_cap, math.exp(old[b][t] - sampled[b][t]))
            high = arm.clip_eps_high or arm.clip_eps
            stop = (a > 0 and ratio > 1 + high) or (a < 0 and ratio < 1 - arm.clip_eps)
            stop = stop or (arm.dual_clip and a < 0 and ratio > arm.dual_clip)
            push = 0.0 if stop else ratio * a
            if arm.kl_place == "loss":
                d = ref[b][t] - logp[b][t]
                push += arm.kl_coef * {"k3": math.exp(d) - 1, "k2": d, "k1": -1.0}[arm.kl_estimator]
            total -= weight * push * logp[b][t]
    return total


@pytest.mark.parametrize("name", SWITCHES)
def test_switch_against_plain_loops(name: str) -> None:
    arm = replace(GRPO, kl_coef=0.3, updates_per_rollout=2, **SWITCHES[name])
    found, wanted, moved = both(arm)
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    if name != "paper":  # the switch does something on these numbers
        plain = replace(GRPO, kl_coef=0.3, updates_per_rollout=2)
        assert abs(both(plain)[0] - found) > 1e-4


def both(arm: ArmConfig):
    """The loss by the pipeline's functions, as the loop calls them, and by the oracle."""
    rows, moved = given()
    policy = half_taught_double()
    method = method_of(arm)
    logp_BT = torch.zeros(8, 10, dtype=torch.float64)
    for chosen, logp_RT, mask_RT in passes(policy, rows, range(8), 64, 1.0):
        logp_BT[chosen, : logp_RT.shape[1]] = (logp_RT * mask_RT).detach()
    mask_BT = torch.arange(10)[None] < torch.tensor(LENGTHS)[:, None]
    sampled_BT, old_BT, ref_BT = (torch.where(mask_BT, logp_BT + m, 0.0) for m in moved)

    def lists(x_BT):
        return [x_BT[b, :n].tolist() for b, n in enumerate(LENGTHS)]

    rollouts = SimpleRollouts(rows, lists(sampled_BT), FINISHED)
    batch = Batch(
        rows,
        method.weight(arm, CFG, torch.tensor(LENGTHS)),
        torch.zeros(8, 10),
        ref_logp_BT=ref_BT,
        old_logp_BT=old_BT,
        sampled_BT=sampled_BT if arm.importance_cap else None,
    )
    flat = [[r] for group in REWARDS for r in group]
    rewarded = Rewarded(flat, [[n - 1] for n in LENGTHS], [False] * 8)
    rewarded = shaped(arm, CFG, rewarded, batch, rollouts.logprobs)
    state = Training.__new__(Training)
    state.arm, state.cfg = arm, CFG
    batch = method.advantage(state, batch, rollouts, rewarded)
    batch = reweighed(arm, CFG, batch, rollouts, rewarded, method.weight)

    total = 0.0
    for chosen, logp_RT, mask_RT in passes(policy, rows, batch.active, 64, 1.0):
        part = batch.part(chosen, logp_RT.shape[1], logp_RT.device)
        gc_RT, _ = method.coefficient(arm, part, logp_RT.detach(), mask_RT)
        total += policy_loss(logp_RT, gc_RT, part.weight_R, mask_RT).item()
    return (
        total,
        oracle(arm, lists(logp_BT), lists(sampled_BT), lists(old_BT), lists(ref_BT)),
        moved,
    )


class SimpleRollouts:
    def __init__(self, rows, logprobs, finished) -> None:
        self.rows, self.logprobs, self.finished = rows, logprobs, finished


def half_taught_double():
    import copy

    return copy.deepcopy(half_taught()).double()


def test_overlong_penalty_by_hand() -> None:
    assert [overlong_penalty(n, 20, 4) for n in (1, 16, 17, 18, 20)] == [0, 0, -0.25, -0.5, -1]


def test_kept_outputs_by_hand() -> None:
    arm = replace(GRPO, mask_truncated=True, drop_equal_groups=True)
    flat = Rewarded([[r] for group in REWARDS for r in group], [[0]] * 8, [False] * 8)
    assert kept_outputs(arm, CFG, FINISHED, flat) == [True, True, False, True] + [False] * 4


@pytest.mark.parametrize("name", [n for n in SWITCHES if n != "paper"])
def test_an_arm_with_the_switch_runs(name: str, tmp_path) -> None:
    arm = replace(GRPO, **SWITCHES[name])
    scale = replace(SCALE, steps=2, max_new_tokens=6, validation_size=0)
    rows = run(arm, tmp_path, scale, given=inputs())
    assert all(math.isfinite(row["loss"]) for row in rows[1:])


@pytest.mark.parametrize(
    "arm, changes",
    [
        ("rft", {"mask_truncated": True}),
        ("ppo", {"kl_estimator": "k1"}),
        ("grpo_os_rule", {"clip_eps_high": 0.1}),
        ("grpo_os_rule", {"dual_clip": 0.5}),
        ("online_rft", {"drop_equal_groups": True}),
        ("sft", {"importance_cap": 2.0}),
    ],
)
def test_switches_without_an_effect_are_refused(arm: str, changes: dict) -> None:
    with pytest.raises(UserError, match=f"arm {arm}"):
        replace(ARMS[arm], **changes)
