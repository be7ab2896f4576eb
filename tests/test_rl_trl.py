"""TRL's GRPO loss on our batch, where it is the paper's: the same gradient. Needs trl
(benchmarks/grpo_step.py says how).
"""

import copy
from dataclasses import replace

import pytest
import torch
from rl_tiny import ARMS, SCALE, exact, half_taught, policy, rewarded_by, step_on, tokenizer
from test_rl_gradient import grads, rollouts

from pipeline.lm.model import save_model

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
    data, rate = rollouts(), 0.1
    arm = replace(ARMS[name], clip_eps=0.01, updates_per_rollout=2)
    rewarded = rewarded_by(arm.reward_function, data)
    done = step_on(arm, data, rewarded, reference=exact(policy(7)), rate=rate)
    assert done.row["clip_fraction"] > 0
    model = copy.deepcopy(half_taught())
    for mine, old in zip(done.gradients, (None, done.batch.old_logp_BT), strict=True):
        trainer.model.load_state_dict(model.state_dict())
        found = trl_gradient(trainer, done.batch, old)
        assert (found - mine).norm() < 2e-5 * mine.norm()
        # a step away, so that the second update has ratios, and clipped ones among them
        places = torch.split(mine, [p.numel() for p in model.parameters()])
        with torch.no_grad():
            for p, gradient in zip(model.parameters(), places, strict=True):
                p.sub_(gradient.view_as(p).float(), alpha=rate)
