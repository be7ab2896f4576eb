"""FSDP2: two processes with a shard each compute what one computes, with and without adapters."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace

import pytest
import torch
from processes import assert_same, results, run_arm, start, tokens_of, watched
from rl_tiny import SCALE, exact, half_taught, inputs, instructions, policy, tokenizer
from test_lm_architectures import model_of, some_rows

from benchmarks.kills import status_of
from pipeline.errors import UserError
from pipeline.lm import parallel, shards
from pipeline.lm.checkpoint import peek
from pipeline.lm.examples import instruction_examples
from pipeline.lm.generate import make_engine
from pipeline.lm.model import load_model, save_model
from pipeline.lm.optim import make_optimizers
from pipeline.lm.passes import passes
from pipeline.lm.train import make_stream, next_token_gradient, train_lm
from pipeline.lm.train_config import LoRAConfig, OptimConfig, TrainConfig
from pipeline.lm.whole import prepared
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import training_labels
from pipeline.reward.model import with_scalar_head
from pipeline.reward.train import train_reward_model
from pipeline.rl import loop
from pipeline.wiring.lines import one_line_errors

LORA = LoRAConfig(r=4, alpha=8.0)
CFG = replace(SCALE, steps=2, validation_samples=0)
WITH_LORA = replace(CFG, peft=LORA, lr=1e-2)


def examples():
    return instruction_examples(tokenizer(), instructions(), "mini")


# ---- one process and two


@pytest.mark.parametrize(
    "changes",
    [
        {"sequences": 5},  # Muon, shares of unequal size
        {"packing": False, "micro_batch_tokens": 48, "gradient_checkpointing": True},
        {"sequences": 1, "optimizer": "adamw", "peft": LORA},  # nothing for the second process
    ],
)
def test_next_token_training(changes, tmp_path):
    cfg = TrainConfig(**({"steps": 2, "sequence_length": 24, "log_every": 1} | changes))
    save_model(policy(), tokenizer(), tmp_path / "base")

    def work():
        model = prepared(exact(load_model(tmp_path / "base")), cfg.peft)
        return watched(train_lm(model, make_stream(examples(), cfg), cfg), [model])

    one, (first, second) = work(), results(work, 2, tmp_path, shards=True)
    assert_same(one, first, 1e-9, () if cfg.packing else ("tokens", "flops"))
    assert_same(first, second, 0)


@pytest.mark.parametrize("peft", [None, LORA])
def test_reward_model_training(peft, tmp_path):
    cfg = RewardConfig(epochs=1, questions_per_step=4, micro_batch_tokens=16, peft=peft)
    rows = [{**row, "weight": 1.0 + i % 3} for i, row in enumerate(inputs().label_history)]
    data = training_labels(rows, "every")

    def work():
        model = prepared(with_scalar_head(exact(half_taught()), cfg), peft)
        state = tmp_path / "state" / str(parallel.world())
        state.mkdir(parents=True, exist_ok=True)
        return watched(train_reward_model(model, data, cfg, 0, state), [model])

    one, (first, second) = work(), results(work, 2, tmp_path, shards=True)
    assert_same(one, first, 1e-5)  # its logits are float32
    assert_same(first, second, 0)


@pytest.mark.parametrize(
    "arm, cfg, within",
    [
        ("mu2", CFG, 1e-9),
        ("dpo", CFG, 1e-9),
        ("ppo_mu2", CFG, 1e-5),  # float32 heads
        ("grpo_iter", CFG, 1e-5),
        ("mu2", WITH_LORA, 1e-9),
    ],
)
def test_rl(arm, cfg, within, tmp_path):
    one = run_arm(arm, tmp_path / "one", cfg=cfg)

    def work():
        return run_arm(arm, tmp_path / "two", cfg=cfg)

    first, second = results(work, 2, tmp_path / "two", shards=True)
    assert_same(one, first, within)
    assert_same(first, second, 0)
    assert tokens_of(tmp_path / "one") == tokens_of(tmp_path / "two")


def test_other_architectures(tmp_path):
    """Tied and untied heads, biases, windows, experts; the second process has no output at all."""
    kinds, rows = ("qwen2", "gpt2", "gemma2", "granitemoe", "deepseek_v3"), some_rows()

    def gradient(kind: str) -> torch.Tensor:
        model = prepared(model_of(kind))
        mine = range(4) if parallel.first() else []
        for _, logp_RT, mask_RT in passes(model, rows, mine, 24, 1.0):
            (logp_RT.exp() * mask_RT).sum().backward()
        found = [p.grad for p in model.parameters() if p.grad is not None]
        return torch.cat([shards.whole(grad).flatten() for grad in found])

    def work():
        return {kind: gradient(kind) for kind in kinds}

    one = work()
    for found in results(work, 2, tmp_path, shards=True):
        for kind in kinds:
            assert (found[kind] - one[kind]).norm() < 1e-5 * one[kind].norm(), kind


# ---- what lies where


def test_a_process_holds_half_of_everything_between_steps(tmp_path):
    def work() -> dict[str, float]:
        model = prepared(policy())
        whole = sum(p.numel() for p in model.parameters())
        (optimizer,) = make_optimizers(model, OptimConfig(steps=1, lr=1e-3))
        next_token_gradient(model, examples()[:4])
        loop.clip_and_step(model, [optimizer], 1.0, 1.0)
        parts = {
            "weights": list(model.parameters()),
            "gradients": [p.grad for p in model.parameters()],
            "moments": [m["exp_avg"] for m in optimizer.state.values()],
        }
        return {n: sum(t.to_local().numel() for t in ts) / whole for n, ts in parts.items()}

    for found in results(work, 2, tmp_path, shards=True):
        assert all(share == pytest.approx(0.5, abs=0.02) for share in found.values()), found


@pytest.mark.parametrize("engine", ["fast", "hf"])
def test_the_sampler_and_the_saved_model_are_whole(engine, tmp_path):
    def work():
        model = prepared(policy(), LORA)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.fill_(0.02)
        sampler = make_engine(engine, model, tokenizer())  # probes it
        assert sampler.checksum() == sampler.expected(model)
        save_model(model, tokenizer(), tmp_path / f"model-{parallel.world()}")

    results(work, 2, tmp_path / "job", shards=True)
    work()
    one, two = (load_model(tmp_path / f"model-{n}") for n in (1, 2))
    for (name, a), b in zip(one.named_parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0, msg=name)
    assert not torch.equal(
        one.model.layers[0].mlp.up_proj.weight, policy().model.layers[0].mlp.up_proj.weight
    )


def test_process_0_alone_writes(tmp_path):
    def work() -> list[str]:
        touched: list[str] = []

        def hook(event: str, given: tuple) -> None:
            writes = event == "open" and (given[2] or 0) & (os.O_WRONLY | os.O_RDWR)
            if writes or event in ("os.mkdir", "os.rename", "os.remove"):
                touched.append(str(given[0]))

        sys.addaudithook(hook)
        run_arm("ppo_mu2", tmp_path / "run", cfg=replace(CFG, models_every=1, keep=1))
        return [path for path in touched if path.startswith(str(tmp_path / "run/out"))]

    first, second = results(work, 2, tmp_path, shards=True)
    assert len(first) > 10 and second == []
    assert load_model(tmp_path / "run/out/models/step-00002").num_parameters()


# ---- left and resumed


@pytest.mark.parametrize("before, after, cfg", [(2, 1, CFG), (1, 2, CFG), (2, 1, WITH_LORA)])
def test_saved_by_one_number_and_resumed_by_another(before, after, cfg, tmp_path):
    cfg = replace(cfg, validation_every=4)
    whole = run_arm("mu2", tmp_path / "whole", cfg=cfg)

    def run(processes: int, stop_after: int | None = None) -> dict:
        def work():
            return run_arm("mu2", tmp_path / "parts", stop_after, cfg)

        if processes == 1:
            return work()
        return results(work, processes, tmp_path / "parts", shards=True)[0]

    run(before, stop_after=3)  # the second step is not saved any more
    resumed = run(after)
    assert len(resumed["gradients"]) == 2
    whole["gradients"] = whole["gradients"][2:]
    assert_same(whole, resumed, 1e-9)


def test_lost_process_ends_the_job_in_one_line(tmp_path, capfd):
    def dies():
        real, calls = shards.read, []

        def read(model, **inputs):
            saved = peek(tmp_path / "run/state")
            calls.extend([1] if saved and len(saved["rows"]) == 2 else [])
            if len(calls) == 5:  # in the second step
                os.kill(os.getpid(), signal.SIGKILL)
            return real(model, **inputs)

        shards.read = read
        run_arm("mu2", tmp_path / "run", cfg=CFG)

    def survives():
        with one_line_errors("rl"):
            run_arm("mu2", tmp_path / "run", cfg=CFG)

    begun = time.monotonic()
    first, second = start([survives, dies], tmp_path, shards=True)
    assert status_of(second) == -signal.SIGKILL and status_of(first) != 0
    assert time.monotonic() - begun < 60
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("rl: ")]
    assert len(told) == 1 and "another process of this job ended" in told[0]

    def again():
        return run_arm("mu2", tmp_path / "run", cfg=CFG)

    resumed = results(again, 2, tmp_path, shards=True)[0]
    whole = run_arm("mu2", tmp_path / "whole", cfg=CFG)
    assert len(resumed["gradients"]) == 2  # of four: two were saved
    whole["gradients"] = whole["gradients"][2:]
    assert_same(whole, resumed, 1e-9)


# ---- refused


def test_what_is_refused(tmp_path):
    def work() -> list[str]:
        told = []
        with pytest.raises(UserError) as caught:
            run_arm("mu2", tmp_path, cfg=replace(WITH_LORA, engine="vllm"))
        told.append(str(caught.value))
        os.environ["FSDP_VERSION"] = "1"
        with pytest.raises(UserError) as caught:
            prepared(policy())
        return [*told, str(caught.value)]

    for engine, version in results(work, 2, tmp_path, shards=True):
        assert "engine=vllm works in a job of one process" in engine
        assert "fsdp_version: 2" in version
