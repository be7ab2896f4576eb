"""Parts of benchmarks/gpu_proof.py: GRPO next to TRL, the engine `vllm`, a few steps on GSM8K."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.gpu_device import arm_of
from benchmarks.gpu_parts import (
    HALF_B,
    fresh_memory,
    memory_row,
    random_model,
    stated_gap,
    wait,
)
from benchmarks.gpu_proof import Place, Rows, Skip, installed, row

SMOL = "HuggingFaceTB/SmolLM2-135M"
ARM, SEED = "grpo_os_rule", 0
TRL_ROWS = 32  # outputs that TRL trains on at once


def arithmetic(place: Place) -> str:
    return "bfloat16" if place.device == "cuda" else "float32"


# ---- GRPO next to TRL


def grpo(place: Place) -> Rows:
    place.needs("transformers")
    for name in (SMOL, HALF_B):
        if place.left() < 15 and not place.dry:
            yield row(name, "no time left")
            continue
        with tempfile.TemporaryDirectory() as folder:
            yield from steps_rows(name, Path(folder), place)


def scale(place: Place):
    """Fixed lengths: random weights never end an output. The first step is not counted."""
    from pipeline.rl.config import RLConfig

    questions, group, new = (2, 4, 8) if place.dry else (16, 16, 128)
    return RLConfig(
        questions_per_step=questions,
        group_size=group,
        steps=4,
        max_new_tokens=new,
        lr=1e-6,
        lr_schedule="constant",
        compute_dtype=arithmetic(place),
        micro_batch_tokens=64 if place.dry else 8192,
        validation_size=0,
        validation_every=10**6,
        checkpoint_every=10**6,
        rollouts_every=10**6,
        engine="fast",
    )


def questions():
    from pipeline.records import Question

    return [Question(f"q{i}", f"{i}+{i % 7}", str(i + i % 7)) for i in range(64)]


def steps_rows(name: str, folder: Path, place: Place) -> Rows:
    from pipeline.lm.model import save_model

    fresh_memory(place.device)
    cfg, arm = scale(place), arm_of(ARM)
    tokenizer, model = random_model(name, place)
    if installed("trl"):
        save_model(model, tokenizer, folder / "model")
    what = (
        f"GRPO, {model.num_parameters() / 1e9:.2g}B, {cfg.questions_per_step} x {cfg.group_size} "
        f"outputs x {cfg.max_new_tokens}"
    )
    ours, phases, peak = our_steps(model, tokenizer, arm, cfg, folder, place)
    outputs = cfg.questions_per_step * cfg.group_size
    yield row(f"{what}: ours", f"{outputs / ours:.4g} samples/s")
    shares = ", ".join(f"{key} {100 * value:.0f} %" for key, value in phases.items())
    yield row("  of the step", shares)
    if place.device == "cuda":
        yield memory_row(what, peak, formula_of(model, arm, cfg))
    if not installed("trl"):
        yield row(f"{what}: TRL", "skipped: trl is not installed")
        return
    del model
    theirs = trl_steps(folder, arm, cfg, place)
    yield row(f"{what}: TRL, {TRL_ROWS} at once", f"{outputs / theirs:.4g} samples/s")
    yield row("  ours / TRL, samples per second", f"{theirs / ours:.2f}")


def our_steps(model, tokenizer, arm, cfg, folder: Path, place: Place) -> tuple[float, dict, int]:
    """Wall seconds of a step, shares of its phases, and peak bytes on the device."""
    from pipeline.rl.loop import train_policy
    from pipeline.rl.training import Inputs

    given, spent = Inputs(model, tokenizer, questions(), ()), {}
    marks = []
    for found in train_policy(given, arm, cfg, SEED, folder / "out", folder / "state", spent):
        wait(place.device)
        marks.append(time.perf_counter())
        if found["step"] == 1:
            spent.clear()
        if found["step"] == 3:
            break  # the last step would save a checkpoint
    steps = [b - a for a, b in zip(marks[1:], marks[2:], strict=False)]
    total = sum(spent.values())
    shares = {key: value / total for key, value in spent.items()}
    peak = torch.cuda.max_memory_allocated() if place.device == "cuda" else 0
    return statistics.median(steps), shares, peak


def formula_of(model, arm, cfg) -> int:
    """What `dsm plan` says of the update and of sampling, the larger of both."""
    from dataclasses import replace

    from pipeline.lm import memory
    from pipeline.rl.plan import arm_memory

    lengths = {"control_prompt_tokens": 16, "control_output_tokens": cfg.max_new_tokens}
    plan = SimpleNamespace(
        scale=replace(cfg, **lengths), size=memory.sizes_of(model.config), vllm=False
    )
    return max(sum(moment.values()) for moment in arm_memory(plan, arm))


def trl_steps(folder: Path, arm, cfg, place: Place) -> float:
    """Wall seconds of a step of TRL's trainer."""
    from benchmarks.trl_peer import trl_trainer, watch

    rows = min(TRL_ROWS, cfg.questions_per_step * cfg.group_size)
    trainer = trl_trainer(
        folder / "model", questions(), arm, cfg, SEED, rows, str(folder / "trl"),
        on_gpu=place.device == "cuda",
    )  # fmt: skip

    def clock() -> float:
        wait(place.device)
        return time.perf_counter()

    marks, _ = watch(trainer, Counter(), clock)
    trainer.train()
    return statistics.median([b - a for a, b in zip(marks, marks[1:], strict=False)])


# ---- vLLM


def vllm(place: Place) -> Rows:
    place.needs("transformers", "vllm")
    from pipeline.lm.generate import Sampling, check_sync
    from pipeline.lm.generate.make import make_engine

    rows, length, new = (4, 12, 8) if place.dry else (256, 120, 128)
    tokenizer, model = random_model(HALF_B, place)
    dtype = arithmetic(place)
    begin = time.perf_counter()
    engine = make_engine("vllm", model, tokenizer, dtype)
    yield row("built, with its probe", f"{time.perf_counter() - begin:.1f} s")
    prompts = [[5 + (i * j) % 200 for j in range(length)] for i in range(rows // 4) for _ in "1234"]
    outputs = engine.sample(prompts, range(rows), Sampling(1.0, new))
    begin = time.perf_counter()
    outputs = engine.sample(prompts, range(rows), Sampling(1.0, new))
    spent, tokens = time.perf_counter() - begin, sum(len(o.tokens) for o in outputs)
    yield row(f"vllm, {dtype}, {rows} rows x {new}", f"{tokens / spent:.5g} tokens/s")
    gap = stated_gap(model, prompts[:16], outputs[:16], dtype)
    yield row("vllm: stated log-probabilities against the trainer's", f"{gap:.1e} nats", gap < 0.05)
    for turn in range(2):
        yield from sleep_rows(engine, model, place, turn)
    check_sync(engine, model)
    some = prompts[:16]
    outputs = engine.sample(some, range(len(some)), Sampling(1.0, new))
    gap = stated_gap(model, some, outputs, dtype)
    yield row("vllm: the same after two updates", f"{gap:.1e} nats", gap < 0.05)
    engine.close()


def sleep_rows(engine, model, place: Place, turn: int) -> Rows:
    """Sleep, an update of the policy, and a sync that wakes the engine with the new weights."""
    before = free_bytes(place)
    engine.sleep()
    freed = free_bytes(place) - before
    if not turn and place.device == "cuda":
        yield row("asleep: given back", f"{freed / 1e9:.3g} GB", freed > 0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.001)
    begin = time.perf_counter()
    engine.sync(model)
    wait(place.device)
    same = engine.checksum() == engine.expected(model)
    yield row(
        f"awake with new weights, update {turn + 1}", f"{time.perf_counter() - begin:.2f} s", same
    )


def free_bytes(place: Place) -> int:
    return torch.cuda.mem_get_info()[0] if place.device == "cuda" else 0


# ---- GSM8K


def gsm8k(place: Place) -> Rows:
    place.needs("transformers")
    if place.base is None or place.data is None:
        raise Skip("give --base FOLDER and --data FOLDER")
    from pipeline.evaluate import suites
    from pipeline.lm.model import load_base
    from pipeline.world.real.build import question_of
    from pipeline.world.real.config import RealConfig
    from pipeline.world.real.sets import load

    tokenizer, model = load_base(str(place.base), place.device)
    rows, _ = load("gsm8k", RealConfig(folder=str(place.data)))
    held = 4 if place.dry else 64
    test = suites.load("gsm8k", Path(), place.data, limit=held).questions
    begin, last = time.perf_counter(), 0.0
    for found in gsm8k_steps(model, tokenizer, [question_of(r) for r in rows], test, place):
        if "greedy" in found["shown"]:
            yield row(f"GSM8K test, {held} questions, greedy, step {found['step']}", found["shown"])
        else:
            yield row(f"GSM8K, GRPO step {found['step']}", found["shown"])
        last, begin = time.perf_counter() - begin, time.perf_counter()
        if place.left() < 1.5 * last or (place.dry and found["step"] == 3):
            return


def gsm8k_steps(model, tokenizer, asked, test, place: Place) -> Iterator[dict[str, Any]]:
    """The rows of a GRPO run as words, until the time is up."""
    from pipeline.rl.config import RLConfig
    from pipeline.rl.loop import train_policy
    from pipeline.rl.training import Inputs

    small = place.dry
    cfg = RLConfig(
        questions_per_step=2 if small else 16,
        group_size=2 if small else 8,
        steps=1000,
        max_new_tokens=16 if small else 300,
        lr=1e-6,
        lr_schedule="constant",
        style="paper",
        compute_dtype=arithmetic(place),
        micro_batch_tokens=512 if small else 8192,
        validation_size=len(test),
        validation_samples=0,
        validation_every=3,
        checkpoint_every=10**6,
        engine="auto",
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        given = Inputs(model, tokenizer, asked, test)
        for found in train_policy(given, arm_of(ARM), cfg, SEED, out / "out", out / "state", {}):
            shown = [f"{key} {found[key]:.3g}" for key in SHOWN if key in found]
            yield {"step": found["step"], "shown": ", ".join(shown)}


SHOWN = ("reward", "sampler_gap", "zero_variance", "truncated", "grad_norm", "validation_greedy")
