"""Peak memory of two training steps in this process, in bytes: python tests/peak_memory.py lm|rl
DTYPE CHECKPOINTING TOKENS [RANK OF ADAPTERS]

Prints what was measured above the weights, and what pipeline/lm/memory.py says. Run with
MALLOC_MMAP_THRESHOLD_=65536, so that freed blocks go back at once and no block is kept for later.
"""

import json
import re
import resource
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from pipeline.lm import memory
from pipeline.lm.optim import autocast, checkpointing, clip_and_step, make_optimizers
from pipeline.lm.passes import Rows, passes
from pipeline.lm.train import next_token_gradient
from pipeline.lm.train_config import LoRAConfig, OptimConfig
from pipeline.lm.whole import prepared

PROMPT, OUTPUT = 64, 64


def main() -> None:
    kind, dtype, again, tokens = sys.argv[1], sys.argv[2], sys.argv[3] == "1", int(sys.argv[4])
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM._from_config(config, attn_implementation="sdpa").eval()
    peft = LoRAConfig(r=int(sys.argv[5])) if len(sys.argv) > 5 else None
    prepared(model, peft)
    optimizers = make_optimizers(model, OptimConfig(steps=3, lr=1e-4))
    size = memory.sizes_of(config)

    def step(count: int) -> None:
        if kind == "lm":
            batch = [([i % 4096 for i in range(count // 4)], [1] * (count // 4))] * 4
            with checkpointing(model, again):
                next_token_gradient(model, batch, compute_dtype=dtype)
        else:
            outputs = [[(i * j) % 4096 for j in range(OUTPUT)] for i in range(count // OUTPUT)]
            owners = [i % 2 for i in range(len(outputs))]
            rows = Rows([[5] * PROMPT, [6] * PROMPT], outputs, owners)
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
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    kept = memory.states(size, peft=peft)
    extra = 2 * PROMPT if kind == "rl" else 0
    scored = tokens if kind == "rl" else None
    parts = kept | memory.passing(size, tokens + extra, dtype, again, scored, peft)
    parts["copies"] = (
        memory.prompts_read_again(size, tokens // OUTPUT, PROMPT, dtype) if kind == "rl" else 0
    )
    del parts["weights"]
    print(json.dumps({"measured": peak - before, "formula": sum(parts.values()), "parts": parts}))


if __name__ == "__main__":
    main()
