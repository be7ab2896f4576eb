"""Each arm's objective as the paper writes it, in plain loops over whole sequences: its gradient is
what the optimizer gets.

Nothing of pipeline/rl takes part in the expectation but the outputs and their rewards; two steps of
the real loop are run.
"""

import copy
import math
from dataclasses import replace

import pytest
import torch
from rl_tiny import (
    ARMS,
    SCALE,
    exact,
    half_taught,
    inputs,
    rewarded_by,
    run,
    step_on,
)
from test_rl_gradient import rollouts

from pipeline.rl import loop, ppo
from pipeline.rl.config import ArmConfig

GRPO = ARMS["grpo_os_rule"]
CASES = ARMS | {
    "dpo_sum": replace(ARMS["dpo"], name="dpo_sum", dpo_reduction="sum"),
    "grpo_ps_mu2": replace(
        ARMS["grpo_ps"], name="grpo_ps_mu2", updates_per_rollout=2, clip_eps=0.02
    ),
    "mu2_clipped": replace(ARMS["mu2"], name="mu2_clipped", clip_eps=0.005),
    "token_mean": replace(GRPO, name="token_mean", aggregation="token_mean"),
    "dr_grpo": replace(GRPO, name="dr_grpo", aggregation="constant_length", advantage_std="none"),
    "sample_std": replace(GRPO, name="sample_std", advantage_std="sample"),
}


class Watched:
    """What goes into each step and what gradient comes out at each update."""

    def __init__(self, monkeypatch, policy):
        # (outputs, rewards, value model as the step began, policy, its gradient) of each update
        self.updates: list[tuple] = []
        self.critic = None
        clip_and_step, new_critic = loop.clip_and_step, ppo.new_critic
        method_of = loop.method_of

        def watched_method(arm):
            method = method_of(arm)

            def advantage(run, batch, rollouts, rewarded):
                self.now = (rollouts, rewarded, copy.deepcopy(self.critic))
                return method.advantage(run, batch, rollouts, rewarded)

            return replace(method, advantage=advantage)

        def watched_step(model, *rest):
            gradient = [p.grad for p in model.parameters()]
            gradient = [
                torch.zeros_like(p) if g is None else g.clone()
                for p, g in zip(model.parameters(), gradient, strict=True)
            ]
            self.updates.append((*self.now, copy.deepcopy(model), gradient))
            return clip_and_step(model, *rest)

        def watched_critic(*arguments):
            made = new_critic(*arguments)
            made.model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
            self.critic = made.model
            return made

        monkeypatch.setattr(loop, "method_of", watched_method)
        monkeypatch.setattr(loop, "clip_and_step", watched_step)
        monkeypatch.setattr(ppo, "new_critic", watched_critic)


def log_probs(model, rollouts) -> list[torch.Tensor]:
    """log pi(o_t | q, o_<t) of each output, one whole sequence after the other."""
    found = []
    for b, output in enumerate(rollouts.rows.outputs):
        prompt = rollouts.rows.prompts[rollouts.rows.prompt_of[b]]
        logits = model(input_ids=torch.tensor([prompt + output])).logits[0, len(prompt) - 1 : -1]
        found.append(torch.log_softmax(logits, -1)[range(len(output)), output])
    return found


def mean(values):
    return sum(values) / len(values)


def advantages(arm: ArmConfig, rollouts, rewarded) -> list[list[float]]:
    """4.1.2 and 4.1.3, a group after the other, a token after the other."""
    found = []
    for g in range(0, len(rewarded.rewards), SCALE.group_size):
        group = range(g, g + SCALE.group_size)
        flat = [r for i in group for r in rewarded.rewards[i]]
        spread = math.sqrt(
            sum((r - mean(flat)) ** 2 for r in flat) / (len(flat) - (arm.advantage_std == "sample"))
        )
        spread = 1.0 if arm.advantage_std == "none" else spread
        for i in group:
            tilde = [
                0.0 if max(flat) == min(flat) else (r - mean(flat)) / spread
                for r in rewarded.rewards[i]
            ]
            ends = [*rewarded.ends[i][:-1], len(rollouts.rows.outputs[i]) - 1]
            found.append(
                [
                    sum(x for x, end in zip(tilde, ends, strict=True) if end >= t)
                    for t in range(len(rollouts.rows.outputs[i]))
                ]
            )
    return found


def gae(arm: ArmConfig, rollouts, rewarded, old, ref, critic) -> list[list[float]]:
    """Eq. 2's rewards, then sums of (gamma lambda)^k delta; whitened over all tokens."""
    found = []
    for b, output in enumerate(rollouts.rows.outputs):
        prompt = rollouts.rows.prompts[rollouts.rows.prompt_of[b]]
        hidden = critic.model(input_ids=torch.tensor([prompt + output])).last_hidden_state[0]
        value = [*critic.score(hidden)[len(prompt) - 1 : -1, 0].tolist(), 0.0]
        reward = [-arm.kl_coef * (a - b).item() for a, b in zip(old[b], ref[b], strict=True)]
        reward[-1] += rewarded.rewards[b][0]
        delta = [reward[t] + arm.gae_gamma * value[t + 1] - value[t] for t in range(len(output))]
        found.append(
            [
                sum(
                    (arm.gae_gamma * arm.gae_lambda) ** (k - t) * delta[k]
                    for k in range(t, len(delta))
                )
                for t in range(len(delta))
            ]
        )
    flat = [x for row in found for x in row]
    spread = math.sqrt(mean([(x - mean(flat)) ** 2 for x in flat]))
    return [[(x - mean(flat)) / spread for x in row] for row in found]


def objective(arm: ArmConfig, rollouts, rewarded, logp, old, ref, critic):
    """J of Table 10's methods: eq. 1, 3, 10, 12 and the likelihood of SFT."""
    if arm.gradient_coefficient == "sft":
        return mean([row.mean() for row in logp])
    if arm.gradient_coefficient == "rft":
        return mean([row.mean() * right for row, right in zip(logp, rewarded.right, strict=True)])
    if arm.gradient_coefficient == "dpo":
        ratio = [getattr(a - b, arm.dpo_reduction)() for a, b in zip(logp, ref, strict=True)]
        return mean(
            [
                torch.nn.functional.logsigmoid(arm.kl_coef * (good - bad))
                for good, bad in zip(ratio[0::2], ratio[1::2], strict=True)
            ]
        )
    ppo = arm.gradient_coefficient == "ppo"
    advantage = (
        gae(arm, rollouts, rewarded, old, ref, critic)
        if ppo
        else advantages(arm, rollouts, rewarded)
    )
    terms = []
    for i, row in enumerate(logp):
        rho, d, a = (row - old[i]).exp(), ref[i] - row, torch.tensor(advantage[i])
        term = torch.minimum(rho * a, rho.clamp(1 - arm.clip_eps, 1 + arm.clip_eps) * a)
        terms.append(term if ppo else term - arm.kl_coef * (d.exp() - d - 1))
    if arm.aggregation == "token_mean":
        return torch.cat(terms).mean()
    if arm.aggregation == "constant_length":
        return mean([term.sum() / SCALE.max_new_tokens for term in terms])
    return mean([term.mean() for term in terms])


def away_from_the_clip(arm: ArmConfig, first, policy, drawn) -> bool:
    """Whether bfloat16's rounding of a ratio could not move any token to the other side of the
    clip.
    """
    with torch.no_grad():
        both = zip(log_probs(policy, drawn), log_probs(first, drawn), strict=True)
        ratio = torch.cat([(new - old).exp() for new, old in both])
    return bool(((ratio - 1).abs() < arm.clip_eps / 2).all())


def paper_gradient(arm, update, first, reference, compute) -> torch.Tensor:
    """The gradient of the paper's objective, whole sequences in loops, in this arithmetic."""
    drawn, rewarded, critic, policy, _ = update
    policy.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=compute == "bfloat16"):
        with torch.no_grad():
            old, ref = (
                [row.to(policy.dtype) for row in log_probs(model, drawn)]
                for model in (first, reference)
            )
        logp = [row.to(policy.dtype) for row in log_probs(policy, drawn)]
        loss = -objective(arm, drawn, rewarded, logp, old, ref, critic)
    loss.backward()
    return torch.cat([p.grad.flatten() for p in policy.parameters()])


# bfloat16 has eight bits. What error they make depends on the model and the processor, so the
# yardstick is the error of plain loops in the same arithmetic, times 3. Where there is a second
# update the clip is so wide that no token is near it, because rounding would decide on which side a
# token falls.
@pytest.mark.parametrize("compute", ["float64", "bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_the_optimizer_gets_the_gradient_of_the_papers_objective(
    name, compute, tmp_path, monkeypatch
):
    arm, exactly = CASES[name], compute == "float64"
    if not exactly and arm.updates_per_rollout > 1:
        arm = replace(arm, clip_eps=0.9)
    given = inputs(policy=exact(half_taught()) if exactly else copy.deepcopy(half_taught()))
    reference = copy.deepcopy(given.policy)
    seen = Watched(monkeypatch, given.policy)
    cfg = replace(SCALE, steps=2, validation_size=0)
    cfg = cfg if exactly else replace(cfg, compute_dtype="bfloat16", lr=1e-5)
    rows = run(arm, tmp_path, cfg, given=given)
    updates = [update for update in seen.updates if type(update[3]) is type(given.policy)]
    assert len(updates) == 2 * arm.updates_per_rollout
    assert not (exactly and name == "mu2_clipped") or 0 < rows[-1]["clip_fraction"] < 1
    checked = 0
    for u, update in enumerate(updates):
        drawn, policy, gradient = update[0], update[3], update[4]
        if not drawn.rows.outputs:
            continue  # no right output, or no pair, among this step's
        first = updates[u - u % arm.updates_per_rollout][3]
        if arm.iterations > 1 and u == 1:
            reference = first  # the second iteration's
        wanted = paper_gradient(arm, update, first, reference, "exact")
        got = torch.cat([g.flatten() for g in gradient])
        assert wanted.norm() > 0
        if exactly:
            assert (got - wanted).norm() < 1e-6 * wanted.norm()
        else:
            assert away_from_the_clip(arm, first, policy, drawn)
            plain = paper_gradient(arm, update, first, reference, compute)
            assert (got - wanted).norm() < 3 * (plain - wanted).norm()
            assert got @ wanted > 0
        checked += 1
    assert checked


def test_outputs_without_advantage_are_not_passed_through_the_policy_at_beta_0():
    data, arm = rollouts(), replace(GRPO, kl_coef=0.0)
    outputs = data.rows.outputs  # 5 and 7 become equal, and have equal rewards
    outputs = [*outputs[:7], outputs[5], *outputs[8:]]
    data = replace(data, rows=replace(data.rows, outputs=outputs))
    rewarded = rewarded_by("rule", data)  # the first group teaches nothing
    rewarded = replace(rewarded, rewards=[[1.0]] * 4 + [[float(i % 2)] for i in range(8)])

    some = step_on(arm, data, rewarded)
    assert some.batch.first[7] == 5  # equal outputs pass once
    assert sorted(some.passed[0]) == sorted(set(some.batch.first) - set(range(4)))
    # a reference makes every output count, though at a beta of nearly 0 the gradient is the same
    whole = step_on(replace(arm, kl_coef=1e-12), data, rewarded)
    assert sorted(whole.passed[0]) == sorted(set(whole.batch.first))
    torch.testing.assert_close(some.gradients, whole.gradients, rtol=0, atol=1e-10)
