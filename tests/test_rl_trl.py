"""TRL's GRPO loss on our batch, where it is the paper's: the same gradient. Needs trl (benchmarks/grpo_step.py says how)."""

import copy
from dataclasses import replace

import pytest
import torch
from pipeline.rl.update import make_batch, policy_gradient
from rl_tiny import ARMS, SCALE, half_taught, policy, tokenizer
from test_rl_gradient import grads, rollouts

from pipeline.lm.model import save_model
from pipeline.lm.passes import output_log_probs
from pipeline.rl.reward_function import judge

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
        "ref_per_token_logps": batch.ref_logp_BT.float(),
    }
    if old_BT is not None:
        inputs["old_per_token_logps"] = old_BT.float()
    model.zero_grad()
    model.train()
    trainer._compute_loss(model, inputs).backward()
    return grads(model)


@pytest.mark.parametrize("name", ["grpo_os_rule", "grpo_ps_rule"])
def test_trl_has_our_gradient_in_the_first_update_and_in_the_second(trainer, name):
    data, scale = rollouts(), SCALE
    arm = replace(ARMS[name], clip_eps=0.01)
    batch = make_batch(arm, scale, data, judge(arm.reward_function, data, tokenizer(), None))
    batch = replace(batch, ref_logp_BT=output_log_probs(policy(7), batch.rows, 1.0, 512))
    model = copy.deepcopy(half_taught())
    for old in (False, True):
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        sums, seen = policy_gradient(model, batch, arm, scale)
        mine = grads(model)
        trainer.model.load_state_dict(model.state_dict())
        found = trl_gradient(trainer, batch, batch.old_logp_BT)
        assert (found - mine).norm() < 2e-5 * mine.norm()
        assert (sums["clipped"] > 0) == old
        batch = seen
        with (
            torch.no_grad()
        ):  # a step away, so that the second pass has ratios, and clipped ones among them
            for p in model.parameters():
                p.add_(p.grad, alpha=-0.1)
