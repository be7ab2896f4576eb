"""LoRA: the adapter alone is trained, the reference is the adapter switched off, what is saved and
sampled is merged.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from rl_tiny import ARMS, SCALE, half_taught, inputs, instructions, run, tokenizer
from safetensors.torch import load_file
from test_lm_architectures import model_of

from pipeline.errors import UserError
from pipeline.lm import adapters, checkpoint
from pipeline.lm.examples import instruction_examples
from pipeline.lm.generate import Sampling, check_sync, make_engine
from pipeline.lm.model import load_model, save_model
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import LoRAConfig, TrainConfig
from pipeline.lm.whole import prepared, save_weights, weights
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import training_labels
from pipeline.reward.model import load_reward_model, with_scalar_head
from pipeline.reward.train import train_reward_model

LORA = LoRAConfig(r=4, alpha=8.0)
CFG = replace(SCALE, peft=LORA, lr=1e-2)
TOKENS = torch.arange(3, 15)[None]


def moved(model, cfg: LoRAConfig = LORA):
    """The model with an adapter that is no longer zero."""
    prepared(model, cfg, seed=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05, generator=generator)
    return model


def trainable(model) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


# ---- the model


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "gemma2"])
@torch.no_grad()
def test_off_is_the_base_and_the_saved_model_is_on(kind, tmp_path):
    base = model_of(kind)
    own = {name: p.clone() for name, p in base.named_parameters()}
    before = base(TOKENS).logits
    model = moved(base)
    on = model(TOKENS).logits
    assert (on - before).abs().max() > 0.01
    with adapters.adapters_off(model):
        assert torch.equal(model(TOKENS).logits, before)
        assert all(torch.equal(value, own[name]) for name, value in weights(model))
    assert torch.equal(model(TOKENS).logits, on)

    save_weights(model, tmp_path)
    saved = load_model(tmp_path)
    assert not adapters.is_adapted(saved) and not any("lora" in k for k in saved.state_dict())
    torch.testing.assert_close(saved(TOKENS).logits, on, atol=1e-4, rtol=0)


def test_adapters_are_drawn_from_the_seed_alone():
    half_taught()
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (prepared(copy.deepcopy(half_taught()), LORA, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), drawn)  # nothing was taken from the global generator
    values = [
        torch.cat([p.flatten() for p in m.parameters() if p.requires_grad])
        for m in (one, same, other)
    ]
    assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])
    assert torch.equal(one(TOKENS).logits, half_taught()(TOKENS).logits)


def test_targets_and_mistakes(tmp_path):
    model = prepared(copy.deepcopy(half_taught()), replace(LORA, targets=("q_proj", "down_proj")))
    assert {name.split(".lora")[0].rsplit(".", 1)[1] for name in trainable(model)} == {
        "q_proj",
        "down_proj",
    }
    with pytest.raises(UserError, match="no matrix of the layers is named query; there are down_"):
        prepared(copy.deepcopy(half_taught()), replace(LORA, targets=("query",)))
    with pytest.raises(UserError, match="load it again"):
        prepared(model, LORA)
    with pytest.raises(UserError, match="r is at least 1"):
        LoRAConfig(r=0)
    with pytest.raises(UserError, match="adapters are trained with optimizer adamw"):
        TrainConfig(peft=LORA)
    with pytest.raises(UserError, match="grpo_iter: iterations > 1 .* leave rl_scale.peft out"):
        run(ARMS["grpo_iter"], tmp_path, CFG)


# ---- the engines


def same(ours, theirs) -> None:
    """The same outputs; log-probabilities to rounding, as weights lie elsewhere in memory."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.tokens == b.tokens and a.logprobs == pytest.approx(b.logprobs, abs=1e-4)


@pytest.mark.parametrize("engine", ["fast", "hf"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_engine_samples_from_the_merged_model(engine, dtype, tmp_path):
    model = moved(copy.deepcopy(half_taught()))
    sampler = make_engine(engine, model, tokenizer(), dtype)  # compares it with the model
    asked = [[5, 6, 7], [8, 9]], [1, 2], Sampling(max_new_tokens=10)
    save_model(model, tokenizer(), tmp_path)
    merged = make_engine(engine, load_model(tmp_path), tokenizer(), dtype)
    base = make_engine(engine, half_taught(), tokenizer(), dtype)
    assert sampler.checksum() == merged.checksum() != base.checksum()
    if dtype == "float32":
        same(sampler.sample(*asked), merged.sample(*asked))

    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.lora_B["default"].weight[0, 0] += 1e-2
    with pytest.raises(UserError, match="holds other weights than the policy"):
        check_sync(sampler, model)
    sampler.sync(model)
    check_sync(sampler, model)
    sampler.sleep()
    check_sync(sampler, model)  # wakes it
    with adapters.adapters_off(model):
        sampler.sync(model)
    assert sampler.checksum() == base.checksum()


# ---- training


def test_fine_tuning_moves_the_adapter_alone(tmp_path):
    cfg = TrainConfig(
        steps=8, sequences=4, sequence_length=24, optimizer="adamw", lr=1e-2, warmup_steps=0,
        log_every=1, checkpoint_every=2, peft=LORA, micro_batch_tokens=48, gradient_checkpointing=True,
    )  # fmt: skip
    data = make_stream(instruction_examples(tokenizer(), instructions(), "mini"), cfg)

    def trained(folder, stop_after=None):
        model = prepared(copy.deepcopy(half_taught()), LORA)
        folder.mkdir(exist_ok=True)
        rows = []
        for row in train_lm(model, data, cfg, folder):
            rows.append(row)
            if len(rows) == stop_after:
                break
        return model, rows

    model, rows = trained(tmp_path / "whole")
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert trainable(model) == {n for n, p in model.named_parameters() if p.grad is not None}
    assert all(".lora_" in name for name in trainable(model))
    base = dict(half_taught().named_parameters())
    with adapters.adapters_off(model):
        assert all(torch.equal(value, base[name]) for name, value in weights(model))

    held = load_file(tmp_path / "whole/state.safetensors")
    adapter = sum(p.numel() for p in model.parameters() if p.requires_grad)
    numbers = sum(value.numel() for key, value in held.items() if not key.endswith("/step"))
    assert numbers == 3 * adapter  # it and its two moments

    trained(tmp_path / "left", stop_after=5)
    resumed, again = trained(tmp_path / "left")
    assert again == rows
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), resumed.parameters(), strict=True)
    )


def test_a_reward_model_trains_its_head_too(tmp_path):
    cfg = RewardConfig(epochs=2, questions_per_step=3, micro_batch_tokens=64, peft=LORA, lr=1e-2)
    data = training_labels([{**row, "weight": 1.0} for row in inputs().label_history], "last")
    model = prepared(with_scalar_head(half_taught(), cfg), cfg.peft)
    assert "score.weight" in trainable(model)
    rows = list(train_reward_model(model, data, cfg, 0, tmp_path))
    assert rows[-1]["loss"] < rows[0]["loss"]
    save_weights(model, tmp_path / "model")
    loaded = load_reward_model(tmp_path / "model", "cpu", 64).model
    model.config.pad_token_id = loaded.config.pad_token_id = 0
    torch.testing.assert_close(loaded(TOKENS).logits, model(TOKENS).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("engine", ["fast", "hf"])
def test_a_grpo_arm_end_to_end(engine, tmp_path):
    cfg = replace(CFG, engine=engine)
    given = inputs()
    rows = run(ARMS["grpo_os_rule"], tmp_path / "whole", cfg, given=given)
    assert max(row["grad_norm"] for row in rows[1:]) > 0
    assert max(row["sampler_gap_max"] for row in rows[1:]) < 1e-4
    assert rows[1]["kl"] == 0 and rows[-1]["kl"] > 0  # of the reference, the adapter switched off
    assert all(p.grad is None for p in given.policy.parameters() if not p.requires_grad)
    save_model(given.policy, tokenizer(), tmp_path / "model")
    torch.testing.assert_close(
        load_model(tmp_path / "model")(TOKENS).logits,
        given.policy(TOKENS).logits,
        atol=1e-4,
        rtol=0,
    )

    left = replace(cfg, steps=2)
    run(ARMS["grpo_os_rule"], tmp_path / "left", replace(left, lr_schedule="constant"))
    again = inputs()
    whole = inputs()
    constant = replace(cfg, lr_schedule="constant")
    resumed = run(ARMS["grpo_os_rule"], tmp_path / "left", constant, given=again)
    assert resumed == run(ARMS["grpo_os_rule"], tmp_path / "constant", constant, given=whole)
    for a, b in zip(again.policy.parameters(), whole.policy.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("arm", ["dpo", "ppo_mu2"])
def test_pools_and_value_models(arm, tmp_path):
    given = inputs()
    rows = run(ARMS[arm], tmp_path, CFG, given=given)
    assert rows[-1]["grad_norm"] > 0
    assert all(".lora_" in name for name in trainable(given.policy))
    names = set(load_file(tmp_path / "state/state.safetensors"))
    assert {n for n in names if n.startswith(("policy/", "value/"))} == {
        n for n in names if ".lora_" in n or n == "value/score.weight"
    }
    if arm == "ppo_mu2":
        assert load_reward_model(tmp_path / "out/value_model", "cpu", 64)
    assert checkpoint.peek(tmp_path / "state")["run"]["peft"] == {
        "r": 4,
        "alpha": 8.0,
        "targets": [],
    }
