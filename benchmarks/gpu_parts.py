"""Parts of benchmarks/gpu_proof.py: the card, the samplers, training."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.gpu_proof import Place, Rows, row
from pipeline.lm.devices import card_named

HALF_B, ONE_AND_A_HALF_B = "Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B"
WITHIN = 0.15  # of the formula for memory


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(work: Callable[[], Any], device: str, times: int = 3) -> float:
    """Wall seconds of one call, the fastest of `times` after one that is not counted."""
    spent = []
    for _ in range(times + 1):
        wait(device)
        begin = time.perf_counter()
        work()
        wait(device)
        spent.append(time.perf_counter() - begin)
    return min(spent[1:])


def peak_rate(device: str) -> float:
    """Dense bfloat16 FLOP/s that the card's maker states; 0 for a card that is not listed."""
    card = card_named(torch.cuda.get_device_name(0)) if device == "cuda" else None
    return card.rate if card else 0.0


def share_of_peak(rate: float, device: str) -> str:
    peak = peak_rate(device)
    of = f", {rate / peak:.1%} of {peak / 1e12:.0f}" if peak else ""
    return f"{rate / 1e12:.3g} TFLOP/s{of}"


# ---- the card


def card(place: Place) -> Rows:
    side = 256 if place.dry else 8192
    for dtype in (torch.bfloat16, torch.float32):
        a, b = (torch.randn(side, side, device=place.device).to(dtype) for _ in "ab")
        rate = 2 * side**3 / seconds_of(lambda a=a, b=b: a @ b, place.device)
        name = str(dtype).removeprefix("torch.")
        yield row(f"matrix product {side} x {side}, {name}", share_of_peak(rate, place.device))
    data = torch.empty(
        (1 << 20) if place.dry else (1 << 30), dtype=torch.uint8, device=place.device
    )
    rate = 2 * len(data) / seconds_of(data.clone, place.device)
    yield row("copy, bytes read and written", f"{rate / 1e9:.4g} GB/s")


# ---- samplers


def engines(place: Place) -> Rows:
    place.needs("transformers")
    from pipeline.lm.generate import Sampling, make_engine

    rows, length, new = (4, 12, 8) if place.dry else (256, 120, 128)
    tokenizer, model = random_model(HALF_B, place)
    dtype = "bfloat16" if place.device == "cuda" else "float32"
    prompts = [
        [5 + (i * j) % 200 for j in range(length)] for i in range(rows // 4) for _ in range(4)
    ]
    for name in ("fast", "hf"):
        engine = make_engine(name, model, tokenizer, dtype)
        begin = time.perf_counter()
        outputs = engine.sample(prompts, range(rows), Sampling(1.0, new))
        wait(place.device)
        spent, tokens = time.perf_counter() - begin, sum(len(o.tokens) for o in outputs)
        what = f"{name}, {dtype}, {model.num_parameters() / 1e9:.2g}B, {rows} rows x {new}"
        yield row(what, f"{tokens / spent:.5g} tokens/s")
        gap = stated_gap(model, prompts[:16], outputs[:16], dtype)
        yield row(
            f"{name}: stated log-probabilities against the trainer's", f"{gap:.1e} nats", gap < 0.05
        )


def stated_gap(model, prompts: Sequence, outputs: Sequence, dtype: str) -> float:
    """Mean |log-probability that the sampler stated - the trainer's|."""
    from pipeline.lm.optim import autocast
    from pipeline.lm.passes import Rows as Batch
    from pipeline.lm.passes import output_log_probs

    batch = Batch(list(prompts), [list(o.tokens) for o in outputs], list(range(len(outputs))))
    with torch.no_grad(), autocast(model, dtype):
        ours = output_log_probs(model, batch, 1.0, 4096).float().cpu()
    gaps = [
        abs(float(ours[b, t]) - stated)
        for b, output in enumerate(outputs)
        for t, stated in enumerate(output.logprobs)
    ]
    return sum(gaps) / len(gaps)


def random_model(name: str, place: Place):
    """Tokenizer and a model of published sizes with random weights, whose outputs never end."""
    from transformers import LlamaForCausalLM

    from pipeline.lm.published import published_config
    from pipeline.lm.tokenizer import train_tokenizer

    config = published_config(name)
    if place.dry:
        config.update(
            {"hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "vocab_size": 320}
            | {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32}
        )
    tokenizer = train_tokenizer(
        [f"User: {a}+{b}\n\nAssistant: {a + b}" for a in range(9) for b in range(9)], 290
    )
    fill = config.vocab_size - len(tokenizer)
    tokenizer.add_tokens([f"<unused {i}>" for i in range(fill)], special_tokens=True)
    tokenizer.add_special_tokens({"eos_token": "<never>", "pad_token": "<never>"})
    config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, None
    torch.manual_seed(0)
    with torch.device(place.device):
        model = LlamaForCausalLM._from_config(config, attn_implementation="sdpa")
    return tokenizer, model.eval()


# ---- training


def mfu(place: Place) -> Rows:
    place.needs("transformers")
    length = 32 if place.dry else 2048
    for name, again, sequences in (
        (HALF_B, False, 4),
        (HALF_B, True, 8),
        (ONE_AND_A_HALF_B, True, 4),
    ):
        if place.left() < 12 and not place.dry:
            yield row(name, "no time left")
            continue
        yield from training_rows(name, again, sequences, length, place)


def training_rows(name: str, again: bool, sequences: int, length: int, place: Place) -> Rows:
    """One model: seconds of forward, backward and AdamW; the share of the peak; peak memory."""
    from pipeline.lm import memory
    from pipeline.lm.flops import train_flops
    from pipeline.lm.optim import checkpointing, clip_and_step, make_optimizers
    from pipeline.lm.train import next_token_gradient
    from pipeline.lm.train_config import OptimConfig

    fresh_memory(place.device)
    _, model = random_model(name, place)
    optimizers = make_optimizers(model, OptimConfig(steps=9, lr=1e-5))
    batch = [([5 + (i * j) % 250 for j in range(length)], [1] * length) for i in range(sequences)]

    def step() -> None:
        with checkpointing(model, again):
            next_token_gradient(model, batch, compute_dtype="bfloat16")
        clip_and_step(model, optimizers, 1.0, 1.0)

    spent = seconds_of(step, place.device, 1 if place.dry else 3)
    rate = train_flops(model.config, sequences, length) / spent
    what = f"{name}, {sequences} x {length} tokens" + (", checkpointing" if again else "")
    yield row(
        f"{what}: {sequences * length / spent:.5g} tokens/s", share_of_peak(rate, place.device)
    )
    if place.device == "cuda":
        peak = torch.cuda.max_memory_allocated()
        size = memory.sizes_of(model.config)
        parts = memory.states(size) | memory.passing(size, sequences * length, "bfloat16", again)
        yield memory_row(what, peak, sum(parts.values()))


def fresh_memory(device: str) -> None:
    """Give back what earlier models held, and begin to look for the peak."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory_row(what: str, peak: int, formula: float) -> dict[str, Any]:
    said = f"{peak / 1e9:.4g} of {formula / 1e9:.4g} GB"
    return row(f"{what}: peak of the formula's", said, abs(peak / formula - 1) <= WITHIN)
