"""The gradient of every arm: Eq. 3 against Eq. 5 with Eq. 21, Table 10, clip and KL, and what must
not change a result.
"""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from rl_tiny import (
    ARMS,
    SCALE,
    batch_of,
    exact,
    half_taught,
    policy,
    questions,
    rewarded_by,
    step_on,
    tokenizer,
)

from pipeline.lm.passes import Rows, output_log_probs, passes
from pipeline.lm.rollouts import sample_groups
from pipeline.rl.data_source import offline, offline_pairs, solutions
from pipeline.rl.gradient_coefficient import (
    dpo_coefficient,
    dpo_margin,
    gradient_coefficient,
    kl_to_reference,
    policy_loss,
    token_weights,
)

F64 = torch.float64
LENGTHS = torch.tensor([3, 5, 1, 4])


def fixed(seed=0, rows=4, width=5, spread=0.3):
    g = torch.Generator().manual_seed(seed)
    logp = -torch.rand(rows, width, dtype=F64, generator=g) * 3
    old = logp + spread * torch.randn(rows, width, dtype=F64, generator=g)
    ref = logp + spread * torch.randn(rows, width, dtype=F64, generator=g)
    advantage = torch.randn(rows, width, dtype=F64, generator=g)
    return logp, old, ref, advantage, torch.arange(width) < LENGTHS[:, None]


def objective_eq3(logp, old, ref, advantage, mask, beta, eps):
    """-J of Eq. 3, written as the paper writes it."""
    ratio = (logp - old).exp()
    term = torch.minimum(ratio * advantage, ratio.clamp(1 - eps, 1 + eps) * advantage)
    kl = (ref - logp).exp() - (ref - logp) - 1
    per_output = torch.where(mask, term - beta * kl, 0.0).sum(1) / mask.sum(1)
    return -per_output.mean()


def ours(logp, old, ref, advantage, mask, beta, eps):
    weight = token_weights(mask.sum(1), "output_mean", len(mask), int(mask.sum()), 99)
    gc, clipped = gradient_coefficient(advantage, logp, old, ref, beta, eps)
    return policy_loss(logp, gc, weight, mask), gc, clipped


def gradient(loss, x):
    return torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("beta", [0.0, 0.04, 1.0])
@pytest.mark.parametrize("eps", [0.05, 0.2])
def test_one_coefficient_has_the_gradient_of_eq3_clipped_tokens_included(beta, eps):
    logp, old, ref, advantage, mask = fixed()
    logp.requires_grad_()
    loss, _, clipped = ours(logp, old, ref, advantage, mask, beta, eps)
    assert 0 < (clipped & mask).sum() < mask.sum()
    expected = gradient(objective_eq3(logp, old, ref, advantage, mask, beta, eps), logp)
    torch.testing.assert_close(gradient(loss, logp), expected, rtol=0, atol=1e-12)


def test_finite_differences_of_eq3():
    logp, old, ref, advantage, mask = fixed(1)
    logp.requires_grad_()
    got = gradient(ours(logp, old, ref, advantage, mask, 0.04, 0.2)[0], logp).detach()
    h, values = 1e-5, logp.detach()
    for i in range(4):
        for t in range(5):
            step = torch.zeros_like(values)
            step[i, t] = h
            up, down = (
                objective_eq3(values + s, old, ref, advantage, mask, 0.04, 0.2)
                for s in (step, -step)
            )
            assert abs((up - down) / (2 * h) - got[i, t]) < 1e-10


def test_first_update_has_ratio_one_no_clipping_and_the_coefficient_of_eq21():
    logp, _, ref, advantage, mask = fixed(2)
    logp.requires_grad_()
    loss, gc, clipped = ours(logp, None, ref, advantage, mask, 0.04, 0.2)
    assert not clipped.any()
    eq21 = advantage + 0.04 * ((ref - logp.detach()).exp() - 1)
    expected = -torch.where(mask, eq21, 0.0) / (4 * LENGTHS[:, None])
    torch.testing.assert_close(gradient(loss, logp), expected, rtol=0, atol=1e-12)
    stored = ours(logp, logp.detach(), ref, advantage, mask, 0.04, 0.2)[1]
    assert torch.equal(stored, gc)  # exp(0) is bitwise 1


@pytest.mark.parametrize(
    "advantage, ratio, expected",
    [
        (1.0, 1.3, 0.0),
        (1.0, 0.7, 0.7),
        (-1.0, 0.7, 0.0),
        (-1.0, 1.3, -1.3),
        (-1.0, 50.0, -50.0),
        (1.0, 1.1, 1.1),
    ],
)
def test_clip_table(advantage, ratio, expected):
    gc, clipped = gradient_coefficient(
        torch.tensor([[advantage]], dtype=F64),
        torch.tensor([[math.log(ratio)]], dtype=F64),
        torch.zeros(1, 1, dtype=F64),
        None,
        0.0,
        0.2,
    )
    assert abs(gc.item() - expected) < 1e-12 and clipped.item() == (expected == 0.0)


def test_kl_is_never_negative_and_is_exactly_zero_at_equality():
    logp = torch.linspace(-30, 0, 300, dtype=F64).requires_grad_()
    ref = logp.detach().flip(0)
    kl = kl_to_reference(logp, ref)
    assert (kl >= 0).all()
    torch.testing.assert_close(
        gradient(kl.sum(), logp), 1 - (ref - logp.detach()).exp(), rtol=1e-12, atol=1e-12
    )
    same = kl_to_reference(logp, logp.detach())
    assert same.count_nonzero() == 0 and gradient(same.sum(), logp).count_nonzero() == 0


def test_kl_is_not_clamped_where_the_policy_has_fallen_furthest():
    gc, _ = gradient_coefficient(
        torch.zeros(1, 1, dtype=F64),
        torch.full((1, 1), -20.0, dtype=F64),
        None,
        torch.zeros(1, 1, dtype=F64),
        0.04,
        0.2,
    )
    assert abs(gc.item() / (0.04 * math.expm1(20.0)) - 1) < 1e-12


def test_masked_values_nan_too_change_nothing():
    logp, old, ref, advantage, mask = fixed(3)
    clean = logp.clone().requires_grad_()
    dirty = logp.masked_fill(~mask, math.nan).requires_grad_()
    loss, *_ = ours(clean, old, ref, advantage, mask, 0.04, 0.2)
    spoilt, *_ = ours(
        dirty,
        old.masked_fill(~mask, math.inf),
        ref.masked_fill(~mask, math.nan),
        advantage.masked_fill(~mask, math.nan),
        mask,
        0.04,
        0.2,
    )
    assert torch.equal(loss, spoilt) and torch.equal(gradient(loss, clean), gradient(spoilt, dirty))


# ---- Table 10, on a real policy: the coefficient of each arm


def rollouts(seed=0, cfg=SCALE):
    from pipeline.lm.generate import make_engine

    engine = make_engine("fast", half_taught(), tokenizer())
    some = questions(cfg.questions_per_step)
    return sample_groups(engine, tokenizer(), some, cfg.group_size, cfg, (seed,))


def weights_of(batch):
    """The coefficient of each token times the number of outputs and the length: what Table 10
    tabulates at beta = 0.
    """
    return [
        batch.advantage_BT[b, : len(tokens)].tolist() for b, tokens in enumerate(batch.rows.outputs)
    ]


def test_table10_sft_is_one_everywhere():
    from rl_tiny import instructions

    data = solutions(tokenizer(), instructions(3), SCALE)
    assert all(w == [1.0] * len(w) for w in weights_of(batch_of(ARMS["sft"], data, None)))


@pytest.mark.parametrize("arm", ["rft", "online_rft"])
def test_table10_rft_is_the_indicator_of_a_right_answer(arm):
    data = rollouts()
    rewarded = rewarded_by("rule", data)
    assert 0 < sum(rewarded.right) < len(rewarded.right)
    for weights, right in zip(
        weights_of(batch_of(ARMS[arm], data, rewarded)), rewarded.right, strict=True
    ):
        assert set(weights) == {float(right)}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_table10_dpo_is_beta_sigma_with_the_sign_of_the_preference(reduction):
    logp, _, ref, _, mask = fixed(4)
    logp.requires_grad_()
    margin = dpo_margin(logp, ref, mask, 0.1, reduction)
    expected = gradient(-torch.nn.functional.logsigmoid(margin).mean(), logp)
    weight = 1 / (2 * (mask.sum(1).double() if reduction == "mean" else torch.ones(4, dtype=F64)))
    gc = dpo_coefficient(margin, 0.1)
    got = gradient(policy_loss(logp, gc[:, None].expand(4, 5), weight, mask), logp)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)
    assert (gc[0::2] > 0).all() and torch.equal(gc[0::2], -gc[1::2])


def test_dpo_starts_at_log_two_and_swapping_the_pair_negates_the_margin():
    logp, _, ref, _, mask = fixed(5)
    assert (
        torch.nn.functional.softplus(-dpo_margin(logp, logp, mask, 0.1, "mean"))
        .sub(math.log(2))
        .abs()
        .max()
        < 1e-12
    )
    swap = [1, 0, 3, 2]
    swapped = dpo_margin(logp[swap], ref[swap], mask[swap], 0.1, "mean")
    torch.testing.assert_close(
        swapped, -dpo_margin(logp, ref, mask, 0.1, "mean"), rtol=0, atol=1e-12
    )


def grads(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_equal_rewards_give_no_gradient_or_only_the_kl_term():
    data = rollouts()
    rewarded = rewarded_by("rule", data)
    rewarded = replace(rewarded, rewards=[[1.0]] * 12, right=[True] * 12)
    arm = ARMS["grpo_os_rule"]
    (still,) = step_on(replace(arm, kl_coef=0.0), data, rewarded).gradients
    assert still.count_nonzero() == 0
    only_kl = step_on(arm, data, rewarded, reference=exact(policy(7)))
    assert only_kl.gradients[0].norm() > 0 and only_kl.row["kl"] > 0
    (online_rft,) = step_on(ARMS["online_rft"], data, rewarded).gradients
    assert online_rft.norm() > 0  # all answers right: Online RFT still trains


@pytest.mark.parametrize("name", ["grpo_os_rule", "grpo_ps_rule", "online_rft"])
def test_micro_batches_of_any_size_give_the_same_gradient_and_metrics(name):
    data, arm, ref = rollouts(), ARMS[name], exact(policy(7))
    rewarded = rewarded_by(arm.reward_function, data)

    def at(size):
        cfg = replace(SCALE, micro_batch_tokens=size)
        return step_on(arm, data, rewarded, cfg, ref)

    whole = at(10**6)
    assert whole.gradients[0].norm() > 0
    for size in (1, 30, 77):
        part = at(size)
        torch.testing.assert_close(part.gradients, whole.gradients, rtol=0, atol=1e-12)
        assert part.row == pytest.approx(whole.row, abs=1e-10)


@pytest.mark.parametrize("name", ["grpo_os_rule", "grpo_ps_rule", "mu2", "online_rft"])
def test_equal_outputs_share_a_pass_and_nothing_else_changes(name):
    """Asked in slots of their own, the same outputs pass one by one."""
    drawn, arm = rollouts(), replace(ARMS[name], clip_eps=0.01)
    data = replace(
        drawn,
        rows=replace(drawn.rows, outputs=[drawn.rows.outputs[b - b % 4 // 2] for b in range(12)]),
        texts=[drawn.texts[b - b % 4 // 2] for b in range(12)],
        logprobs=[drawn.logprobs[b - b % 4 // 2] for b in range(12)],
    )
    rewarded = rewarded_by(arm.reward_function, data)
    last = [sum(tokens) % 3 for tokens in data.rows.outputs]
    rewards = [[*r[:-1], x] for r, x in zip(rewarded.rewards, last, strict=True)]
    rewarded = replace(rewarded, rewards=rewards, right=[x > 0 for x in last])
    prompts = [data.rows.prompts[p] for p in data.rows.prompt_of]
    rows = Rows(prompts, data.rows.outputs, list(range(12)))
    apart = replace(data, rows=rows, questions=data.owners)

    cfg = replace(SCALE, max_sampler_gap=0.0)  # no sampler drew these groups as they are here
    one, other = (
        step_on(arm, some, rewarded, cfg, reference=exact(policy(7)), rate=0.5)
        for some in (data, apart)
    )
    assert len(other.passed[0]) > len(one.passed[0]) > 0 and one.batch.copies_B.sum() == 12
    torch.testing.assert_close(one.gradients, other.gradients, rtol=1e-9, atol=1e-11)
    for key in {"loss", "kl", "clip_fraction", "grad_norm"} & set(one.row):
        assert one.row[key] == pytest.approx(other.row[key], rel=1e-9, abs=1e-11)
    assert name != "mu2" or one.row["clip_fraction"] > 0, "nothing was clipped"


def test_order_of_the_outputs_changes_nothing():
    data = rollouts()
    rewarded = rewarded_by("rule", data)
    order = [4 * g + i for g in (2, 0, 1) for i in (3, 1, 0, 2)]

    def pick(values):
        return [values[b] for b in order]

    shuffled = replace(
        data,
        rows=Rows(data.rows.prompts, pick(data.rows.outputs), pick(data.rows.prompt_of)),
        texts=pick(data.texts),
        logprobs=pick(data.logprobs),
        finished=pick(data.finished),
    )
    again = replace(
        rewarded,
        rewards=pick(rewarded.rewards),
        ends=pick(rewarded.ends),
        right=pick(rewarded.right),
    )
    found = [
        step_on(ARMS["mu2"], *pair).gradients for pair in ((shuffled, again), (data, rewarded))
    ]
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)


def pool_of(data, right):
    """These outputs as the offline pool of their questions."""
    pool = {q.id: [] for q in data.questions}
    for b, question in enumerate(data.owners):
        row = {"tokens": data.rows.outputs[b], "text": data.texts[b], "logprobs": []}
        pool[question.id].append(row | {"finished": True, "right": right[b], "first": True})
    return pool


def drawn_by(draw, data, right):
    """What an offline data source takes out of a pool of these outputs."""
    given = SimpleNamespace(questions=data.questions, tokenizer=tokenizer())
    run = SimpleNamespace(
        inputs=given,
        seed=0,
        cfg=SCALE,
        questions_per_step=SCALE.questions_per_step,
        pool=pool_of(data, right),
    )
    return draw(run, 1)


def test_offline_samples_without_deduplication_have_rfts_gradient():
    data = rollouts()
    rewarded = rewarded_by("rule", data)
    kept = drawn_by(offline, data, rewarded.right)
    again = rewarded_by("rule", kept)
    assert len(kept.texts) == sum(rewarded.right) and all(again.right)
    (rft,) = step_on(ARMS["rft"], kept, again).gradients
    (online_rft,) = step_on(ARMS["online_rft"], data, rewarded).gradients
    same_denominator = online_rft * len(data.texts) / len(kept.texts)
    torch.testing.assert_close(rft, same_denominator, rtol=0, atol=1e-11)


def test_dpo_gradient_on_a_policy_is_autograds_and_micro_batches_keep_pairs_together():
    data = rollouts()
    right = rewarded_by("rule", data).right
    pairs = drawn_by(offline_pairs, data, right)
    assert len(pairs.texts) >= 4 and len(pairs.texts) % 2 == 0
    arm, ref = ARMS["dpo"], exact(policy(7))
    found = [
        step_on(arm, pairs, None, replace(SCALE, micro_batch_tokens=size), ref).gradients[0]
        for size in (1, 10**6)
    ]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-12)

    model = exact(half_taught())
    ref_logp_BT = output_log_probs(ref, pairs.rows, 1.0, 512)
    count = len(pairs.texts)
    for chosen, logp, mask in passes(model, pairs.rows, range(count), 10**6, 1.0, unit=2):
        ref_logp = ref_logp_BT[torch.tensor(chosen), : logp.shape[1]]
        margin = dpo_margin(logp, ref_logp, mask, arm.kl_coef, "mean")
        (-torch.nn.functional.logsigmoid(margin).sum() / (count // 2)).backward()
    torch.testing.assert_close(found[1], grads(model), rtol=0, atol=1e-12)


def test_second_pass_uses_the_stored_log_probs():
    data = rollouts()
    rewarded = rewarded_by("rule", data)
    arm = replace(ARMS["mu2"], kl_coef=0.0, clip_eps=0.01)
    done = step_on(arm, data, rewarded, rate=0.5)
    before = output_log_probs(exact(half_taught()), data.rows, 1.0, 512)
    active = done.batch.active
    torch.testing.assert_close(done.batch.old_logp_BT[active], before[active], rtol=0, atol=1e-12)
    assert done.row["clip_fraction"] > 0
