"""Each arm's objective as the paper writes it, in plain loops over whole sequences: its gradient is what the optimizer gets.

Nothing of pipeline/rl takes part in the expectation but the outputs and their rewards; two steps of the real loop are run.
"""

import copy
import math
from dataclasses import replace

import pytest
import torch
from pipeline.rl.update import make_batch, policy_gradient
from rl_tiny import ARMS, SCALE, half_taught, inputs, run, tokenizer
from test_rl_gradient import rollouts

from pipeline.lm import passes as forward
from pipeline.rl import loop
from pipeline.rl.config import ArmConfig
from pipeline.rl.reward_function import judge

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
        self.updates: list[
            tuple
        ] = []  # (outputs, judgement, value model as the step began, policy, its gradient) of each
        self.critic = None
        batch, apply, critic = loop.make_batch, loop.apply_gradient, loop.new_critic

        def make_batch(arm, scale, rollouts, judged):
            self.now = (rollouts, judged, copy.deepcopy(self.critic))
            return batch(arm, scale, rollouts, judged)

        def apply_gradient(model, *rest):
            if model is policy:
                self.updates.append(
                    (*self.now, copy.deepcopy(model), [p.grad.clone() for p in model.parameters()])
                )
            return apply(model, *rest)

        def new_critic(*arguments):
            made = critic(*arguments)
            made.model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
            self.critic = made.model
            return made

        for name, patched in (
            ("make_batch", make_batch),
            ("apply_gradient", apply_gradient),
            ("new_critic", new_critic),
        ):
            monkeypatch.setattr(loop, name, patched)


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


def advantages(arm: ArmConfig, rollouts, judged) -> list[list[float]]:
    """4.1.2 and 4.1.3, a group after the other, a token after the other."""
    found = []
    for g in range(0, len(judged.rewards), SCALE.group_size):
        group = range(g, g + SCALE.group_size)
        flat = [r for i in group for r in judged.rewards[i]]
        spread = math.sqrt(
            sum((r - mean(flat)) ** 2 for r in flat) / (len(flat) - (arm.advantage_std == "sample"))
        )
        spread = 1.0 if arm.advantage_std == "none" else spread
        for i in group:
            tilde = [
                0.0 if max(flat) == min(flat) else (r - mean(flat)) / spread
                for r in judged.rewards[i]
            ]
            ends = [*judged.ends[i][:-1], len(rollouts.rows.outputs[i]) - 1]
            found.append(
                [
                    sum(x for x, end in zip(tilde, ends, strict=True) if end >= t)
                    for t in range(len(rollouts.rows.outputs[i]))
                ]
            )
    return found


def gae(arm: ArmConfig, rollouts, judged, old, ref, critic) -> list[list[float]]:
    """Eq. 2's rewards, then sums of (gamma lambda)^k delta; whitened over all tokens."""
    found = []
    for b, output in enumerate(rollouts.rows.outputs):
        prompt = rollouts.rows.prompts[rollouts.rows.prompt_of[b]]
        hidden = critic.model(input_ids=torch.tensor([prompt + output])).last_hidden_state[0]
        value = [*critic.score(hidden)[len(prompt) - 1 : -1, 0].tolist(), 0.0]
        reward = [-arm.kl_coef * (a - b).item() for a, b in zip(old[b], ref[b], strict=True)]
        reward[-1] += judged.rewards[b][0]
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


def objective(arm: ArmConfig, rollouts, judged, logp, old, ref, critic):
    """J of Table 10's methods: eq. 1, 3, 10, 12 and the likelihood of SFT."""
    if arm.gradient_coefficient == "sft":
        return mean([row.mean() for row in logp])
    if arm.gradient_coefficient == "rft":
        return mean([row.mean() * right for row, right in zip(logp, judged.right, strict=True)])
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
        gae(arm, rollouts, judged, old, ref, critic) if ppo else advantages(arm, rollouts, judged)
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


# bfloat16 has eight bits: the gradient's error is .03 to .4 of its length here, so its bound says that it points the same way.
@pytest.mark.parametrize("compute, error", [("float32", 2e-5), ("bfloat16", 0.5)])
@pytest.mark.parametrize("name", CASES)
def test_the_optimizer_gets_the_gradient_of_the_papers_objective(
    name, compute, error, tmp_path, monkeypatch
):
    arm, given = CASES[name], inputs()
    reference = copy.deepcopy(given.policy)
    seen = Watched(monkeypatch, given.policy)
    rows = run(
        arm,
        tmp_path,
        replace(SCALE, steps=2, validation_size=0, compute_dtype=compute),
        given=given,
    )
    assert all(p.dtype == torch.float32 for p in given.policy.parameters())
    assert len(seen.updates) == 2 * arm.updates_per_rollout
    assert name != "mu2_clipped" or 0 < rows[-1]["clip_fraction"] < 1
    checked = 0
    for u, (drawn, judged, critic, policy, gradient) in enumerate(seen.updates):
        if not drawn.rows.outputs:
            continue  # no right output, or no pair, among this step's
        first = seen.updates[u - u % arm.updates_per_rollout][3]
        if arm.iterations > 1 and u == 1:
            reference = first  # the second iteration's
        with torch.no_grad():
            old, ref = log_probs(first, drawn), log_probs(reference, drawn)
        policy.zero_grad()
        loss = -objective(arm, drawn, judged, log_probs(policy, drawn), old, ref, critic)
        loss.backward()
        wanted, got = (
            torch.cat([g.flatten() for g in some])
            for some in ([p.grad for p in policy.parameters()], gradient)
        )
        assert wanted.norm() > 0
        assert (got - wanted).norm() < error * wanted.norm()
        checked += 1
    assert checked


def test_outputs_without_advantage_are_not_passed_through_the_policy_at_beta_0(monkeypatch):
    data, arm = rollouts(), replace(GRPO, kl_coef=0.0)
    outputs = data.rows.outputs
    data = replace(
        data, rows=replace(data.rows, outputs=[*outputs[:7], outputs[5], *outputs[8:]])
    )  # 5 and 7 have equal rewards
    judged = judge("rule", data, tokenizer(), None)
    judged = replace(
        judged, rewards=[[1.0]] * 4 + [[float(i % 2)] for i in range(8)]
    )  # the first group teaches nothing
    passed, real = [], forward.hidden_of

    def hidden_of(model, prompts, rows, batch):
        passed.extend(batch)
        return real(model, prompts, rows, batch)

    monkeypatch.setattr(forward, "hidden_of", hidden_of)
    some, all_ = make_batch(arm, SCALE, data, judged), make_batch(arm, SCALE, data, judged)
    all_ = replace(
        all_, ref_logp_BT=torch.zeros_like(all_.advantage_BT)
    )  # a reference makes every output count
    assert some.first[7] == 5  # equal outputs pass once
    found = []
    for batch, expected in ((some, set(some.first) - set(range(4))), (all_, set(all_.first))):
        model = copy.deepcopy(half_taught()).double()
        policy_gradient(model, batch, arm, SCALE)
        assert sorted(passed) == sorted(expected)
        passed.clear()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-12)
