"""The bill before the run: FLOPs as runs count them, memory as processes hold it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rl_tiny import ARMS, SCALE, inputs, policy, questions, run, tokenizer

from pipeline.cli import plan
from pipeline.errors import UserError
from pipeline.lm import memory, published
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.rl.plan import arm_flops, scalar

ROOT = Path(__file__).parents[1]
PROFILES = sorted(path.stem for path in (ROOT / "conf/profile").glob("*.yaml"))
CARD = ["--device", "h100", "--devices", "1"]


@pytest.mark.parametrize("arm", ["grpo_os_rule", "mu2", "grpo_os", "grpo_ps", "ppo", "ppo_mu2"])
def test_flops_are_those_that_a_run_counts(arm, tmp_path, monkeypatch):
    """Outputs of one length: the policy cannot end before `max_new_tokens`."""
    monkeypatch.setattr("pipeline.lm.generate.fast.end_tokens", lambda *_: (-1,))
    english = [q for q in questions(12) if q.lang == "en"]
    given = inputs(questions=english)
    cfg = replace(SCALE, steps=2, questions_per_step=2, max_new_tokens=6, validation_size=0)
    last = run(ARMS[arm], tmp_path, cfg, given=given)[-1]
    size = memory.sizes_of(given.policy.config)
    lengths = len(plan_prompt(english[0])), cfg.max_new_tokens
    assert {len(plan_prompt(q)) for q in english} == {lengths[0]}
    sampled, rest = arm_flops(size, scalar(size), ARMS[arm], cfg, lengths, len(english))
    assert sampled + rest == last["flops"]


def plan_prompt(question):
    from pipeline.lm.rollouts import encode_prompts

    return encode_prompts(tokenizer(), [question], SCALE)[0]


def test_flops_of_supervised_training(tmp_path):
    cfg = TrainConfig(
        steps=3, sequences=2, sequence_length=24, checkpoint_every=1, log_every=1, warmup_steps=0
    )
    data = make_stream([(list(range(40)), [1] * 40)] * 10, cfg)
    rows = list(train_lm(policy(), data, cfg, tmp_path))
    size = memory.sizes_of(policy().config)
    settings = plan.settings_of("mini", plan.read_profile("mini", []))
    from pipeline.rl.plan import lm_bill

    assert lm_bill("sft", replace(settings, size=size), cfg).train_flops == rows[-1]["flops"]


@pytest.mark.parametrize(
    "setting",
    ["lm float32 0 2048", "lm bfloat16 1 2048", "rl bfloat16 0 2048", "rl float32 0 2048 16"],
)
def test_peak_memory_is_within_15_percent_of_a_measured_run(setting):
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc and glibc's allocator")
    told = subprocess.run(
        [sys.executable, str(ROOT / "tests/peak_memory.py"), *setting.split()],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["formula"] == pytest.approx(found["measured"], rel=0.15), found


def test_sizes_of_published_models():
    """Parameters as their model cards state them, in millions."""
    from pipeline.lm.model import ModelConfig

    stated = {
        "HuggingFaceTB/SmolLM2-135M": 134.5,
        "Qwen/Qwen2.5-0.5B": 494.0,
        "Qwen/Qwen2.5-1.5B": 1543.7,
        "Qwen/Qwen2.5-7B": 7615.6,
        "deepseek-ai/deepseek-coder-7b-base-v1.5": 6910.4,
    }
    assert set(stated) == set(published.KNOWN)
    for name, millions in stated.items():
        found = published.model_sizes(ModelConfig(path=name)).parameters
        assert found / 1e6 == pytest.approx(millions, rel=1e-3), name
    with pytest.raises(UserError, match="no config.json there, and its sizes are not known"):
        published.model_sizes(ModelConfig(path="someone/model"))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_a_bill(profile, capsys):
    assert plan.main([profile, "--device", "h100"]) == 0
    told = capsys.readouterr().out
    assert "no room" not in told
    for stage in ("corpus", "pretrain", "sft", "reward", "evaluate", "ppo", "grpo_os"):
        assert f"{stage} " in told


def test_profile_gpu_fits_one_card_and_a_larger_base_does_not(capsys):
    assert plan.main(["gpu", "--check", *CARD]) == 0
    assert capsys.readouterr().out.startswith("gpu fits: ")
    with pytest.raises(UserError) as caught:
        plan.main(["gpu", "--check", *CARD, "model.path=Qwen/Qwen2.5-7B"])
    assert "gpu does not fit H100 80 GB" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="does not fit"):
        plan.main(["gpu", "--check", *CARD, "rl_scale.micro_batch_tokens=32768"])


def test_ppo_costs_more_than_grpo_at_7b(capsys):
    """Claim C13: a value model of the policy's size, its gradient and its moments."""
    plan.main(["paper"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    flops = {name: float(lines[name].split()[1]) for name in ("grpo_os", "ppo")}
    states = {
        name: float(lines[name].split("states ")[1].split()[0]) for name in ("grpo_os", "ppo")
    }
    assert 1.5 < flops["ppo"] / flops["grpo_os"] < 1.8
    # 16 bytes per parameter more: 6.91B parameters of the value model
    assert states["ppo"] - states["grpo_os"] == pytest.approx(16 * 6.91, rel=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gpy"], "no profile 'gpy'; did you mean 'gpu'"),
        (["mini", "steps"], "give settings as key=value"),
        (["mini", "rl_scale.stepz=3"], "rl_scale.stepz: unknown key"),
        (["gpu", "model.path=nowhere"], "model.path=nowhere: no config.json there"),
    ],
)
def test_mistakes_are_one_line(words, message):
    with pytest.raises(UserError, match=message):
        plan.main(words)


def test_adapters_and_shards_cost_what_they_hold():
    """LoRA: states of the adapter's parameters alone, and no reference; FSDP2: shares of them."""
    from pipeline.lm.adapters import add_adapters
    from pipeline.lm.train_config import LoRAConfig
    from pipeline.rl.plan import arm_memory, shared_out

    peft = LoRAConfig(r=4, alpha=8.0, targets=("q_proj", "v_proj", "down_proj"))
    model = policy()
    size = memory.sizes_of(model.config)
    add_adapters(model, peft, 0)
    moved = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert memory.adapter(size, peft) == moved
    assert memory.states(size, peft=peft) == {
        "weights": 4 * sum(p.numel() for p in model.parameters()),
        "gradients": 4 * moved,
        "optimizer": 8 * moved,
    }

    settings = plan.settings_of("mini", plan.read_profile("mini", []))
    settings = replace(settings, scale=replace(settings.scale, peft=peft), vllm=False)
    updating, sampling = arm_memory(settings, ARMS["grpo_os_rule"])
    assert "reference" not in updating and "fused weights" not in updating
    alone, halves = (shared_out(sampling, count, 10**12) for count in (1, 2))
    assert alone["merged weights"] and "whole copy" not in alone
    assert halves["whole copy"] == memory.weight(settings.size) and "merged weights" not in halves
    assert halves["weights"] == -(-alone["weights"] // 2)
