"""TRL's GRPO loss on our batch, under the paper's settings and with each switch of docs/bridge.md
that TRL has: the same gradient. Needs trl (benchmarks/grpo_step.py says how).
"""

import copy
from dataclasses import replace

import pytest
import torch
from rl_tiny import ARMS, SCALE, exact, half_taught, policy, rewarded_by, step_on, tokenizer
from test_rl_gradient import grads, rollouts

from pipeline.lm.model import save_model
from pipeline.rl.gradient_coefficient import group_advantage

trl = pytest.importorskip(
    "trl", reason="a peer, not a dependency; benchmarks/grpo_step.py says how to install it"
)


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    from datasets import Dataset

    folder = tmp_path_factory.mktemp("trl")
    save_model(half_taught(), tokenizer(), folder / "model")
    config = trl.GRPOConfig(
        output_dir=str(folder / "out"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        loss_type="grpo",
        beta=0.04,
        epsilon=0.01,
        use_bias_correction_kl=False,
        num_generations=SCALE.group_size,
        per_device_train_batch_size=12,
        model_init_kwargs={"dtype": "float32"},
    )
    made = trl.GRPOTrainer(
        str(folder / "model"),
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=config,
        train_dataset=Dataset.from_list([{"prompt": "1+1"}]),
        processing_class=tokenizer(),
    )
    made.current_gradient_accumulation_steps = 1
    return made


def trl_gradient(trainer, batch, old_BT):
    """TRL's own loss, on prompts padded left and outputs padded right as it lays them out."""
    rows, model = batch.rows, trainer.model
    prompts = [rows.prompts[p] for p in rows.prompt_of]
    width, length = max(map(len, prompts)), max(map(len, rows.outputs))
    inputs = {
        "prompt_ids": torch.tensor([[0] * (width - len(p)) + p for p in prompts]),
        "prompt_mask": torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts]),
        "completion_ids": torch.tensor([o + [0] * (length - len(o)) for o in rows.outputs]),
        "completion_mask": torch.tensor(
            [[1] * len(o) + [0] * (length - len(o)) for o in rows.outputs]
        ),
        "advantages": batch.advantage_BT.float(),
        "num_items_in_batch": torch.tensor(float(sum(map(len, rows.outputs)))),
    }
    if batch.ref_logp_BT is not None:
        inputs["ref_per_token_logps"] = batch.ref_logp_BT.float()
    if old_BT is not None:
        inputs["old_per_token_logps"] = old_BT.float()
    model.zero_grad()
    model.train()
    trainer._compute_loss(model, inputs).backward()
    return grads(model)


def updates(trainer, arm, data):
    """(their gradient, ours) of the first update and of the second, a step away from the first, so
    that it has ratios, and clipped ones among them.
    """
    rate = 0.1
    rewarded = rewarded_by(arm.reward_function, data)
    done = step_on(arm, data, rewarded, reference=exact(policy(7)), rate=rate)
    assert done.row["clip_fraction"] > 0
    model = copy.deepcopy(half_taught())
    for mine, old in zip(done.gradients, (None, done.batch.old_logp_BT), strict=True):
        trainer.model.load_state_dict(model.state_dict())
        yield trl_gradient(trainer, done.batch, old), mine
        places = torch.split(mine, [p.numel() for p in model.parameters()])
        with torch.no_grad():
            for p, gradient in zip(model.parameters(), places, strict=True):
                p.sub_(gradient.view_as(p).float(), alpha=rate)


@pytest.mark.parametrize("name", ["grpo_os_rule", "grpo_ps_rule"])
def test_trl_has_our_gradient_in_the_first_update_and_in_the_second(trainer, name):
    arm = replace(ARMS[name], clip_eps=0.01, updates_per_rollout=2)
    for theirs, mine in updates(trainer, arm, rollouts()):
        assert (theirs - mine).norm() < 2e-5 * mine.norm()


# our keys, and TRL's names for them: attributes of the trainer, and (args) of its configuration
SWITCHES = {
    "dapo": ({"aggregation": "token_mean"}, {"loss_type": "dapo"}, {}),
    "dr_grpo": (
        {"aggregation": "constant_length"},
        {"loss_type": "dr_grpo", "max_completion_length": SCALE.max_new_tokens},
        {},
    ),
    "epsilon_high": ({"clip_eps_high": 0.3}, {"epsilon_high": 0.3}, {}),
    "delta": ({"dual_clip": 1.001}, {}, {"delta": 1.001}),
    "sequence": ({"ratio": "sequence"}, {"importance_sampling_level": "sequence"}, {}),
    "no KL": ({"kl_coef": 0.0}, {"beta": 0.0}, {}),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_trl_has_our_gradient_with_each_switch(trainer, monkeypatch, name):
    ours, attributes, options = SWITCHES[name]
    for key, value in attributes.items():
        assert hasattr(trainer, key)
        monkeypatch.setattr(trainer, key, value)
    for key, value in options.items():
        monkeypatch.setattr(trainer.args, key, value)
    monkeypatch.setattr(trainer, "epsilon_low", 0.0005)
    monkeypatch.setattr(trainer, "epsilon_high", attributes.get("epsilon_high", 0.0005))
    plain = replace(ARMS["grpo_os_rule"], clip_eps=0.0005, updates_per_rollout=2)
    without = [mine for _, mine in updates(trainer, plain, rollouts())]
    found = list(updates(trainer, replace(plain, **ours), rollouts()))
    for theirs, mine in found:
        assert (theirs - mine).norm() < 2e-5 * mine.norm()
    assert any((a[1] - b).norm() > 1e-3 * b.norm() for a, b in zip(found, without, strict=True))


def test_the_bias_correction_that_trl_has_by_default_is_k2_while_the_ratio_is_one(
    trainer, monkeypatch
):
    monkeypatch.setattr(trainer.args, "use_bias_correction_kl", True)
    arm = replace(ARMS["grpo_os_rule"], clip_eps=0.01, updates_per_rollout=2, kl_estimator="k2")
    theirs, mine = next(updates(trainer, arm, rollouts()))
    assert (theirs - mine).norm() < 2e-5 * mine.norm()


def test_trl_divides_by_the_sample_deviation_and_a_ten_thousandth():
    from trl.trainer.utils import nanstd

    r_QG = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.5, 0.0, 1.0, 0.25]])
    theirs = (r_QG - r_QG.mean(1, keepdim=True)) / (nanstd(r_QG, dim=1, keepdim=True) + 1e-4)
    torch.testing.assert_close(group_advantage(r_QG, "sample", 1e-4), theirs)
