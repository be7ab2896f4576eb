"""The gradient of every arm: Eq. 3 against Eq. 5 with Eq. 21, Table 10, clip and KL, and what must not change a result."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from pipeline.rl.update import dpo_gradient, make_batch, policy_gradient
from rl_tiny import ARMS, SCALE, half_taught, policy, questions, solutions, tokenizer

from pipeline.errors import UserError
from pipeline.lm.model import token_log_probs
from pipeline.lm.passes import Rows, accumulate, micro_batches, output_log_probs
from pipeline.rl.config import ArmConfig, RLConfig, check_pair
from pipeline.rl.data_source import offline, offline_pairs, online
from pipeline.rl.gradient_coefficient import (
    dpo_coefficient,
    dpo_margin,
    gradient_coefficient,
    kl_to_reference,
    policy_loss,
    token_weights,
)
from pipeline.rl.reward_function import judge

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


def rollouts(seed=0, scale=SCALE):
    from pipeline.lm.generate import make_engine

    return online(
        make_engine("fast", half_taught(), tokenizer()),
        tokenizer(),
        questions(scale.questions_per_step),
        scale,
        (seed,),
    )


def weights_of(batch):
    """The coefficient of each token times the number of outputs and the length: what Table 10 tabulates at beta = 0."""
    return [
        batch.advantage_BT[b, : len(tokens)].tolist() for b, tokens in enumerate(batch.rows.outputs)
    ]


def test_table10_sft_is_one_everywhere():
    from rl_tiny import instructions

    data = solutions(tokenizer(), instructions(3), SCALE)
    assert all(w == [1.0] * len(w) for w in weights_of(make_batch(ARMS["sft"], SCALE, data, None)))


@pytest.mark.parametrize("arm", ["rft", "online_rft"])
def test_table10_rft_is_the_indicator_of_a_right_answer(arm):
    data = rollouts()
    judged = judge("rule", data, tokenizer(), None)
    assert 0 < sum(judged.right) < len(judged.right)
    for weights, right in zip(
        weights_of(make_batch(ARMS[arm], SCALE, data, judged)), judged.right, strict=True
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


def gradient_of(arm: ArmConfig, scale: RLConfig, data, judged, model=None, ref=None):
    model = model or copy.deepcopy(half_taught()).double()
    batch = make_batch(arm, scale, data, judged)
    if arm.needs_reference:
        batch = replace(batch, ref_logp_BT=output_log_probs(ref or model, batch.rows, 1.0, 512))
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    sums, _ = policy_gradient(model, batch, arm, scale)
    return grads(model), sums


def test_equal_rewards_give_no_gradient_or_only_the_kl_term():
    data = rollouts()
    judged = judge("rule", data, tokenizer(), None)
    judged = replace(judged, rewards=[[1.0]] * 12, right=[True] * 12)
    arm = ARMS["grpo_os_rule"]
    still, _ = gradient_of(replace(arm, kl_coef=0.0), SCALE, data, judged)
    assert still.count_nonzero() == 0
    other = copy.deepcopy(half_taught()).double()
    with torch.no_grad():
        other.lm_head.weight.add_(0.01)
    only_kl, sums = gradient_of(arm, SCALE, data, judged, ref=policy(7).double())
    assert only_kl.norm() > 0 and sums["kl"] > 0
    online_rft, _ = gradient_of(ARMS["online_rft"], SCALE, data, judged)
    assert online_rft.norm() > 0  # all answers right: Online RFT still trains


@pytest.mark.parametrize("name", ["grpo_os_rule", "grpo_ps_rule", "online_rft"])
def test_micro_batches_of_any_size_give_the_same_gradient_and_metrics(name):
    data = rollouts()
    arm = ARMS[name]
    judged = judge(arm.reward_function, data, tokenizer(), None)
    ref = policy(7).double()
    whole, sums = gradient_of(arm, replace(SCALE, micro_batch_tokens=10**6), data, judged, ref=ref)
    assert whole.norm() > 0
    for size in (1, 30, 77):
        part, parts = gradient_of(
            arm, replace(SCALE, micro_batch_tokens=size), data, judged, ref=ref
        )
        torch.testing.assert_close(part, whole, rtol=0, atol=1e-12)
        assert all(abs(parts[key] - sums[key]) < 1e-10 for key in sums)


@pytest.mark.parametrize("name", ["grpo_os_rule", "grpo_ps_rule", "mu2", "online_rft"])
def test_equal_outputs_share_a_pass_and_nothing_else_changes(name):
    """Asked in slots of their own, the same outputs pass one by one."""
    drawn, arm, found = rollouts(), ARMS[name], []
    data = replace(
        drawn,
        rows=replace(drawn.rows, outputs=[drawn.rows.outputs[b - b % 4 // 2] for b in range(12)]),
        texts=[drawn.texts[b - b % 4 // 2] for b in range(12)],
    )
    judged = judge(arm.reward_function, data, tokenizer(), None)
    last = [sum(tokens) % 3 for tokens in data.rows.outputs]
    rewards = [[*r[:-1], x] for r, x in zip(judged.rewards, last, strict=True)]
    judged = replace(judged, rewards=rewards, right=[x > 0 for x in last])
    together, ref = make_batch(arm, SCALE, data, judged), policy(7).double()
    apart = replace(
        together,
        rows=Rows(
            [data.rows.prompts[p] for p in data.rows.prompt_of], data.rows.outputs, list(range(12))
        ),
    )
    assert len(apart.active) > len(together.active) > 0 and together.copies_B.sum() == 12
    for batch in (together, apart):
        model, passes = copy.deepcopy(half_taught()).double(), []
        if arm.needs_reference:
            batch = replace(batch, ref_logp_BT=output_log_probs(ref, batch.rows, 1.0, 512))
        for _ in range(arm.updates_per_rollout):
            sums, batch = policy_gradient(model, batch, replace(arm, clip_eps=0.01), SCALE)
            passes += [
                grads(model),
                *(torch.tensor(sums[key], dtype=F64) for key in ("loss", "kl", "clipped")),
            ]
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(p.grad, alpha=-0.5)
            model.zero_grad()
        found.append([*passes, batch.old_logp_BT[together.pushed].double()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    assert name != "mu2" or found[0][-2] > 0, "nothing was clipped"


def test_order_of_the_outputs_changes_nothing():
    data = rollouts()
    judged = judge("rule", data, tokenizer(), None)
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
        judged, rewards=pick(judged.rewards), ends=pick(judged.ends), right=pick(judged.right)
    )
    torch.testing.assert_close(
        gradient_of(ARMS["mu2"], SCALE, shuffled, again)[0],
        gradient_of(ARMS["mu2"], SCALE, data, judged)[0],
        rtol=0,
        atol=1e-12,
    )


def test_offline_samples_without_deduplication_have_rfts_gradient():
    data = rollouts()
    judged = judge("rule", data, tokenizer(), None)
    pool = {}
    for b, tokens in enumerate(data.rows.outputs):
        pool.setdefault(data.questions[data.rows.prompt_of[b]].id, []).append(
            {
                "tokens": tokens,
                "text": data.texts[b],
                "logprobs": [],
                "finished": True,
                "right": judged.right[b],
                "first": True,
            }
        )
    kept = offline(pool, tokenizer(), data.questions, SCALE)
    kept_judged = judge("rule", kept, tokenizer(), None)
    assert len(kept.texts) == sum(judged.right) and all(kept_judged.right)
    rft, _ = gradient_of(ARMS["rft"], SCALE, kept, kept_judged)
    online_rft, _ = gradient_of(ARMS["online_rft"], SCALE, data, judged)
    same_denominator = online_rft * len(data.texts) / len(kept.texts)
    torch.testing.assert_close(
        rft, same_denominator, rtol=0, atol=1e-5
    )  # Llama's norms compute in float32


def test_dpo_gradient_on_a_policy_is_autograds_and_micro_batches_keep_pairs_together():
    data = rollouts()
    right = judge("rule", data, tokenizer(), None).right
    pool = {q.id: [] for q in data.questions}
    for b, tokens in enumerate(data.rows.outputs):
        pool[data.questions[data.rows.prompt_of[b]].id].append(
            {
                "tokens": tokens,
                "text": data.texts[b],
                "logprobs": [],
                "finished": True,
                "right": right[b],
                "first": True,
            }
        )
    pairs = offline_pairs(pool, tokenizer(), data.questions, SCALE)
    assert len(pairs.texts) >= 4 and len(pairs.texts) % 2 == 0
    arm, ref = ARMS["dpo"], policy(7).double()
    batch = make_batch(arm, SCALE, pairs, None)
    batch = replace(batch, ref_logp_BT=output_log_probs(ref, batch.rows, 1.0, 512))
    found = []
    for size in (1, 10**6):
        model = copy.deepcopy(half_taught()).double()
        dpo_gradient(model, batch, arm, replace(SCALE, micro_batch_tokens=size))
        found.append(grads(model))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-12)
    model = copy.deepcopy(half_taught()).double()
    lengths = torch.tensor(list(map(len, batch.rows.outputs)))

    def loss_of(chosen, logp, mask):
        index = torch.tensor(chosen)
        margin = dpo_margin(
            logp, batch.ref_logp_BT[index, : logp.shape[1]], mask, arm.kl_coef, "mean"
        )
        return -torch.nn.functional.logsigmoid(margin).sum() / (len(lengths) // 2)

    accumulate(model, batch.rows, range(len(lengths)), 10**6, 1.0, loss_of, unit=2)
    torch.testing.assert_close(found[1], grads(model), rtol=0, atol=1e-12)


# ---- log-probabilities


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer()), n_positions=64, n_embd=32, n_layer=2, n_head=2, n_inner=64
    )
    return GPT2LMHeadModel(config).double().eval()


@pytest.mark.parametrize(
    "make", [lambda: copy.deepcopy(half_taught()).double(), gpt2], ids=["llama", "gpt2"]
)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_shared_prompts_give_the_log_probs_and_gradient_of_whole_sequences(make, temperature):
    rows = Rows(
        [[1, 5, 6, 7], [1, 8, 9, 10, 11, 12, 13], [1, 2]],
        [[20, 21, 22], [23], [24, 25, 26, 27, 28, 29], [30, 31], [32, 33, 34, 35]],
        [0, 0, 1, 1, 2],
    )
    model = make()
    push = torch.rand(5, 6, dtype=F64, generator=torch.Generator().manual_seed(0))
    accumulate(
        model,
        rows,
        range(5),
        8,
        temperature,
        lambda batch, logp, mask: (push[torch.tensor(batch), : logp.shape[1]] * logp).sum(),
    )
    shared, logp_BT = grads(model), output_log_probs(model, rows, temperature, 8)
    model.zero_grad()
    for b, output in enumerate(rows.outputs):
        prompt = rows.prompts[rows.prompt_of[b]]
        logits = (
            model(input_ids=torch.tensor([prompt + output])).logits[0, len(prompt) - 1 : -1]
            / temperature
        )
        logp = torch.log_softmax(logits, -1).gather(1, torch.tensor(output)[:, None])[:, 0]
        torch.testing.assert_close(logp_BT[b, : len(output)], logp.detach(), rtol=0, atol=1e-12)
        assert logp_BT[b, len(output) :].count_nonzero() == 0
        (push[b, : len(output)] * logp).sum().backward()
    # Llama's norms and rotations compute in float32 inside a float64 model, GPT-2 does not
    tolerance = 1e-11 if make is gpt2 else 1e-5
    torch.testing.assert_close(shared, grads(model), rtol=0, atol=tolerance)


def test_trainer_log_probs_are_the_samplers():
    for temperature in (1.0, 0.6):
        data = rollouts(scale=replace(SCALE, temperature=temperature))
        logp_BT = output_log_probs(half_taught(), data.rows, temperature, 64)
        for b, sampled in enumerate(data.logprobs):
            torch.testing.assert_close(
                logp_BT[b, : len(sampled)], torch.tensor(sampled), rtol=1e-5, atol=1e-5
            )
    prompt, output = data.rows.prompts[0], data.rows.outputs[0]
    tokens = torch.tensor([prompt + output])
    plain = token_log_probs(half_taught(), tokens, torch.ones_like(tokens), temperature=0.6)[
        0, len(prompt) :
    ]
    torch.testing.assert_close(plain, torch.tensor(data.logprobs[0]), rtol=1e-5, atol=1e-5)


def test_eos_is_trained_on_and_a_truncated_output_has_none():
    data = rollouts()
    eos = tokenizer().eos_token_id
    for tokens, finished in zip(data.rows.outputs, data.finished, strict=True):
        assert (tokens[-1] == eos) == finished and eos not in tokens[:-1]


def test_micro_batches_cover_all_rows_once_within_the_limit():
    rows = Rows([[1, 2]], [[3] * n for n in (5, 1, 9, 2, 2, 7)], [0] * 6)
    batches = list(micro_batches(rows, range(6), 12))
    assert sorted(b for batch in batches for b in batch) == list(range(6))
    assert all(
        len(batch) == 1 or len(batch) * max(len(rows.outputs[b]) for b in batch) <= 12
        for batch in batches
    )


def test_second_pass_uses_the_stored_log_probs():
    data = rollouts()
    judged = judge("rule", data, tokenizer(), None)
    model, arm = (
        copy.deepcopy(half_taught()).double(),
        replace(ARMS["mu2"], kl_coef=0.0, clip_eps=0.01),
    )
    _, batch = policy_gradient(model, make_batch(arm, SCALE, data, judged), arm, SCALE)
    active = batch.active
    before = output_log_probs(model, data.rows, 1.0, 512)[active]
    torch.testing.assert_close(batch.old_logp_BT[active].double(), before, rtol=0, atol=1e-6)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(p.grad, alpha=-0.5)
    model.zero_grad()
    sums, again = policy_gradient(model, batch, arm, SCALE)
    assert sums["clipped"] > 0 and torch.equal(again.old_logp_BT, batch.old_logp_BT)


# ---- what is refused


@pytest.mark.parametrize(
    "changes",
    [
        {"data_source": "offline"},
        {"reward_function": "none"},
        {"gradient_coefficient": "grpo"},
        {"clip_eps": 0.0},
        {"reward_function": "rule_steps"},
        {"kl_coef": -1.0},
        {"iterations": 2},
        {"advantage_std": "robust"},
    ],
)
def test_impossible_arms_are_refused_in_one_line(changes):
    with pytest.raises(UserError) as caught:
        replace(ARMS["grpo_os_rule"], **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"top_p": 0.9}, {"top_k": 5}, {"temperature": 0.0}, {"steps": 0}]
)
def test_sampling_filters_and_empty_runs_are_refused(changes):
    with pytest.raises(UserError):
        RLConfig(**changes)


def test_a_group_of_one_is_refused_for_grpo_only():
    check_pair(ARMS["online_rft"], RLConfig(group_size=1))
    with pytest.raises(UserError):
        check_pair(ARMS["grpo_os_rule"], RLConfig(group_size=1))
