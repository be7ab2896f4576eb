"""Peak memory of two training steps against the formulas of pipeline/lm/memory.py.

    python -m benchmarks.memory [--sizes 6M 30M 60M] [--settings "lm float32 0 2048" ...]

A setting: lm (supervised) or rl (an update on outputs that share prompts), the arithmetic, gradient
checkpointing (0 or 1), tokens of a micro-batch, and the rank of adapters if there are any. Each
row is a process of its own, with glibc told to give every freed block of 64 KiB back at once; the
peak is over what the process held with the weights alone, so gradients and moments are in it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

# hidden size, layers, query heads, key/value heads, MLP, vocabulary
SIZES = {
    "4M": (256, 4, 4, 2, 704, 4096),
    "6M": (192, 6, 6, 6, 512, 8192),
    "30M": (384, 8, 6, 2, 1024, 32768),
    "60M": (512, 8, 8, 4, 1536, 49152),
}
SETTINGS = [
    "lm float32 0 2048",
    "lm float32 1 2048",
    "lm bfloat16 0 2048",
    "rl float32 0 2048",
    "rl bfloat16 0 2048",
    "rl float32 0 2048 16",
]
PROMPT, OUTPUT = 64, 64
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


def peak(name: str, kind: str, dtype: str, again: bool, tokens: int, rank: int) -> dict:
    """Bytes of two steps in this process: measured above the weights, and by formula."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from pipeline.lm import memory
    from pipeline.lm.optim import autocast, checkpointing, clip_and_step, make_optimizers
    from pipeline.lm.passes import Rows, passes
    from pipeline.lm.train import next_token_gradient
    from pipeline.lm.train_config import LoRAConfig, OptimConfig
    from pipeline.lm.whole import prepared

    torch.set_num_threads(1)
    hidden, layers, heads, kv_heads, inner, vocab = SIZES[name]
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM._from_config(config, attn_implementation="sdpa").eval()
    peft = LoRAConfig(r=rank) if rank else None
    prepared(model, peft)
    optimizers = make_optimizers(model, OptimConfig(steps=3, lr=1e-4))
    size = memory.sizes_of(config)

    def step(count: int) -> None:
        if kind == "lm":
            row = [i % vocab for i in range(count // 4)]
            with checkpointing(model, again):
                next_token_gradient(model, [(row, [1] * len(row))] * 4, compute_dtype=dtype)
            return
        outputs = [[(i * j) % vocab for j in range(OUTPUT)] for i in range(count // OUTPUT)]
        rows = Rows([[5] * PROMPT, [6] * PROMPT], outputs, [i % 2 for i in range(len(outputs))])
        with autocast(model, dtype):
            for _, logp_RT, _ in passes(model, rows, range(len(outputs)), count, 1.0):
                logp_RT.sum().backward()

    step(256)  # what the libraries take when they are first used
    model.zero_grad()
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    for _ in range(2):
        step(tokens)
        clip_and_step(model, optimizers, 1.0, 1.0)
    # not ru_maxrss, which begins at the size of the process that started this one
    status = Path("/proc/self/status").read_text()
    most = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    parts = memory.states(size, peft=peft)
    del parts["weights"]
    if kind == "lm":
        parts |= memory.passing(size, tokens, dtype, again, peft=peft)
    else:
        parts |= memory.passing(size, tokens + 2 * PROMPT, dtype, again, tokens, peft)
        parts["copies"] = memory.prompts_read_again(size, tokens // OUTPUT, PROMPT, dtype)
    return {"measured": most - before, "formula": sum(parts.values()), "parts": parts}


def measure(name: str, setting: str) -> dict:
    """What `peak` finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--one", name, *setting.split()]
    environment = {**os.environ, **ENVIRONMENT}
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", nargs="*", default=["6M", "30M", "60M"], choices=SIZES)
    parser.add_argument("--settings", nargs="*", default=SETTINGS)
    parser.add_argument("--one", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, kind, dtype, again, tokens, *rank = options.one
        found = peak(name, kind, dtype, again == "1", int(tokens), int(*rank))
        print(json.dumps(found))
        return
    print(f"{'model':>6} {'setting':<20} {'peak MB':>8} {'formula':>8} {'formula/peak':>13}")
    for name in options.sizes:
        for setting in options.settings:
            found = measure(name, setting)
            peak_mb, formula_mb = found["measured"] / 1e6, found["formula"] / 1e6
            print(
                f"{name:>6} {setting:<20} {peak_mb:>8.0f} {formula_mb:>8.0f} "
                f"{formula_mb / peak_mb:>13.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
