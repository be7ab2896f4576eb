"""PPO (Eq. 1, 2, 18) and the second opinion of a public loss library on PPO and outcome GRPO."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from rl_tiny import ARMS, SCALE, exact, half_taught, inputs, rewarded_by
from test_rl_gradient import fixed, gradient, rollouts

from pipeline.lm.optim import clip_and_step
from pipeline.lm.passes import Rows
from pipeline.rl.gradient_coefficient import (
    gradient_coefficient,
    group_advantage,
    policy_loss,
    token_weights,
)
from pipeline.rl.loop import train_policy
from pipeline.rl.method import method_of, new_batch
from pipeline.rl.ppo import (
    generalised_advantage,
    new_critic,
    output_values,
    token_rewards,
    value_gradient,
    whiten,
    whitened_advantage,
)

F64 = torch.float64
THREE = torch.tensor([3])


def close(got, expected, tolerance=1e-12):
    torch.testing.assert_close(got, torch.tensor(expected, dtype=got.dtype), rtol=0, atol=tolerance)


def test_gae_by_hand():
    r, v = torch.tensor([[0.0, 0, 1]], dtype=F64), torch.full((1, 3), 0.5, dtype=F64)
    advantage, returns = generalised_advantage(r, v, THREE, 1.0, 0.95)
    close(advantage, [[0.45125, 0.475, 0.5]])
    close(returns, [[0.95125, 0.975, 1.0]])
    close(generalised_advantage(r, v, THREE, 1.0, 1.0)[0], [[0.5, 0.5, 0.5]])  # later rewards - V
    close(generalised_advantage(r, v, THREE, 1.0, 0.0)[0], [[0.0, 0.0, 0.5]])  # one-step deltas


def test_gae_ends_with_the_output_whatever_stands_after_it():
    g = torch.Generator().manual_seed(0)
    r, v = torch.randn(2, 5, dtype=F64, generator=g), torch.randn(2, 5, dtype=F64, generator=g)
    lengths = torch.tensor([3, 5])
    whole = generalised_advantage(r, v, lengths, 0.9, 0.8)
    bad_r, bad_v = r.clone(), v.clone()
    bad_r[0, 3], bad_v[0, 4] = torch.nan, 9.0
    spoilt = generalised_advantage(bad_r, bad_v, lengths, 0.9, 0.8)
    assert all(torch.equal(a, b) for a, b in zip(whole, spoilt, strict=True))
    short = generalised_advantage(r[:1, :3], v[:1, :3], lengths[:1], 0.9, 0.8)
    assert torch.equal(whole[0][:1, :3], short[0]) and whole[0][0, 3:].count_nonzero() == 0


def test_kl_in_the_reward_and_the_reward_on_the_last_real_token():
    ratio = torch.tensor([[0.1, 0.2, 0.3, 7.0]], dtype=F64)
    got = token_rewards(
        torch.tensor([1.0], dtype=F64), ratio, torch.zeros(1, 4, dtype=F64), THREE, 0.04
    )
    close(got, [[-0.004, -0.008, 0.988, 0.0]])


def test_whitening_runs_over_real_tokens_once():
    x, mask = (
        torch.tensor([[1.0, 2, 99], [3, 99, 99]], dtype=F64),
        torch.tensor([[1, 1, 0], [1, 0, 0]], dtype=torch.bool),
    )
    white = whiten(x, mask)
    close(white[mask].mean(), 0.0)
    close(white[mask].square().mean(), 1.0)
    assert white[~mask].count_nonzero() == 0
    assert whiten(torch.full((2, 3), 0.7), mask).count_nonzero() == 0


def test_values_stand_before_each_token():
    critic = new_critic(half_taught(), ARMS["ppo"], SCALE)
    data = rollouts()
    assert output_values(critic.model, data.rows, 64).count_nonzero() == 0  # a head of zeros
    critic.model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    values = output_values(critic.model, data.rows, 64)
    prompt, output = data.rows.prompts[0], data.rows.outputs[0]
    hidden = critic.model.model(input_ids=torch.tensor([prompt + output])).last_hidden_state[0]
    expected = critic.model.score(hidden)[len(prompt) - 1 : -1, 0]
    torch.testing.assert_close(values[0, : len(output)], expected, rtol=1e-4, atol=1e-4)


def valued(critic, data, rewarded, rows=None):
    """The batch of PPO with its advantages and returns."""
    arm = ARMS["ppo"]
    run = SimpleNamespace(arm=arm, cfg=SCALE, critic=critic)
    batch = new_batch(method_of(arm), arm, SCALE, data)
    batch = replace(batch, rows=rows or batch.rows)
    return whitened_advantage(run, batch, data, rewarded)


def test_the_value_model_moves_and_the_policy_loss_gives_it_no_gradient(tmp_path):
    given = inputs()
    critic = new_critic(given.policy, ARMS["ppo"], SCALE)
    data = rollouts()
    batch = valued(critic, data, rewarded_by("rule", data))
    assert not batch.advantage_BT.requires_grad
    assert all(p.grad is None for p in critic.model.parameters())
    before = [p.clone() for p in given.policy.parameters()]
    losses = []
    for _ in range(8):
        losses.append(value_gradient(critic.model, batch, 64))
        clip_and_step(critic.model, critic.optimizers, 1.0, 1.0)
    assert losses[-1] < losses[0]
    assert all(torch.equal(a, b) for a, b in zip(before, given.policy.parameters(), strict=True))
    assert all(p.grad is None for p in given.policy.parameters())


def test_equal_outputs_teach_the_value_model_as_if_each_had_passed():
    drawn, found = rollouts(), []
    rows = replace(drawn.rows, outputs=[drawn.rows.outputs[b - b % 4 // 2] for b in range(12)])
    apart = Rows([rows.prompts[p] for p in rows.prompt_of], rows.outputs, list(range(12)))
    data = replace(drawn, rows=rows, logprobs=[[-0.5] * len(tokens) for tokens in rows.outputs])
    rewards = [[float(sum(tokens) % 3)] for tokens in rows.outputs]
    rewarded = replace(rewarded_by("rule", drawn), rewards=rewards)
    assert len(set(map(tuple, rewards))) > 1
    for some in (rows, apart):
        critic = new_critic(exact(half_taught()), ARMS["ppo"], SCALE)
        critic.model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
        batch = valued(critic, data, rewarded, some)
        loss = value_gradient(critic.model, batch, 64)
        gradient = torch.cat([p.grad.flatten() for p in critic.model.parameters()])
        found.append((torch.tensor(loss), batch.advantage_BT, batch.return_BT, gradient))
    assert found[0][3].norm() > 0
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_ppo_rows_hold_a_value_loss_and_cost_more_than_grpo(tmp_path):
    found = {}
    for name in ("ppo", "grpo_os_rule"):
        rows = list(
            train_policy(
                inputs(),
                ARMS[name],
                replace(SCALE, steps=1),
                0,
                tmp_path / name,
                tmp_path / f"{name}s",
                {},
            )
        )
        found[name] = rows[-1]
    assert found["ppo"]["value_loss"] > 0 and "value_loss" not in found["grpo_os_rule"]
    assert found["ppo"]["flops"] > 1.3 * found["grpo_os_rule"]["flops"]  # claim C13, by formula


# ---- second opinion


polgrad = pytest.importorskip("polgrad", reason="a test extra: pip install polgrad")


def loss_config(kl=None):
    return polgrad.PolicyLossConfig(
        ratio=polgrad.RatioKind.TOKEN,
        surrogate=polgrad.SurrogateKind.PG_CLIP,
        clip=polgrad.ClipConfig(0.2, 0.2),
        aggregation=polgrad.Aggregation.SEQ_MEAN_TOKEN_MEAN,
        kl=kl,
    )


@pytest.mark.parametrize("unbiased", [True, False])
def test_polgrad_agrees_on_group_advantages(unbiased):
    r = torch.rand(6, 8, dtype=F64, generator=torch.Generator().manual_seed(0))
    config = polgrad.GroupNormConfig(eps=0.0, unbiased=unbiased)
    theirs = polgrad.grpo_advantages(
        r.flatten(), torch.arange(6).repeat_interleave(8), config
    ).view(6, 8)
    torch.testing.assert_close(
        group_advantage(r, "sample" if unbiased else "population"), theirs, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_polgrad_agrees_on_the_gradient_of_outcome_grpo_and_of_ppo(beta):
    logp, old, ref, advantage, mask = fixed(11)
    logp.requires_grad_()
    kl = polgrad.KLLossConfig(polgrad.KLEstimator.K3, beta) if beta else None
    result = polgrad.policy_loss(
        loss_config(kl),
        logprobs=logp,
        old_logprobs=old,
        advantages=advantage,
        response_mask=mask,
        ref_logprobs=ref if beta else None,
    )
    gc, clipped = gradient_coefficient(advantage, logp, old, ref, beta, 0.2)
    weight = token_weights(mask.sum(1), "output_mean", 4, int(mask.sum()), 9)
    ours = gradient(policy_loss(logp, gc, weight, mask), logp)
    torch.testing.assert_close(ours, gradient(result.loss, logp), rtol=0, atol=1e-12)
    assert torch.equal(clipped & mask, result.clipped_low | result.clipped_high)


def test_polgrad_agrees_on_gae_the_kl_reward_whitening_and_the_value_loss():
    logp, old, ref, value, mask = fixed(12)
    lengths, r = mask.sum(1), torch.rand(4, dtype=F64, generator=torch.Generator().manual_seed(5))
    at_end = torch.zeros(4, 5, dtype=F64)
    at_end[torch.arange(4), lengths - 1] = r
    theirs = polgrad.kl_in_reward(
        at_end, old, ref, polgrad.KLEstimator.K1, 0.04, response_mask=mask
    )
    rewards = token_rewards(r, old, ref, lengths, 0.04)
    torch.testing.assert_close(rewards, theirs, rtol=0, atol=1e-12)
    config = polgrad.GAEConfig(gamma=1.0, lam=0.95)
    ours, expected = (
        generalised_advantage(rewards, value, lengths, 1.0, 0.95),
        polgrad.gae(theirs, value, config=config, response_mask=mask),
    )
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    n = int(mask.sum())  # they divide by n - 1, we by n
    white = polgrad.whiten(ours[0], mask, eps=0.0) * (n / (n - 1)) ** 0.5
    torch.testing.assert_close(whiten(ours[0], mask), white, rtol=0, atol=1e-12)


def test_reference_and_old_policy_do_not_move_while_a_step_runs(tmp_path):
    from pipeline.rl import loop

    given, seen = inputs(), []
    start = copy.deepcopy(given.policy.state_dict())
    real = loop.output_log_probs

    def watched(model, *rest):
        seen.append(
            all(torch.equal(value, start[name]) for name, value in model.state_dict().items())
        )
        return real(model, *rest)

    loop.output_log_probs = watched
    try:
        list(train_policy(given, ARMS["mu2"], SCALE, 0, tmp_path / "o", tmp_path / "s", {}))
    finally:
        loop.output_log_probs = real
    assert len(seen) == SCALE.steps and all(seen)
    assert any(
        not torch.equal(value, start[name]) for name, value in given.policy.state_dict().items()
    )
