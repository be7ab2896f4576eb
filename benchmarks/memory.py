"""Peak memory of a forward and backward against the formula, at three sizes.

python -m benchmarks.memory [--micro 1024 4096]
    The formula is pipeline/lm/memory.py's; the peak is of a process of its own, over what it held before the step.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

SIZES = {
    "6M": {
        "hidden_size": 192,
        "layers": 6,
        "heads": 6,
        "intermediate_size": 512,
        "vocab_size": 8192,
    },
    "30M": {
        "hidden_size": 384,
        "layers": 8,
        "heads": 6,
        "intermediate_size": 1024,
        "vocab_size": 32768,
    },
    "60M": {
        "hidden_size": 512,
        "layers": 8,
        "heads": 8,
        "intermediate_size": 1536,
        "vocab_size": 49152,
    },
}


def peak(name: str, tokens: int) -> dict:
    """Forward and backward of `tokens` tokens in this process: bytes above what the weights take."""
    import resource

    import torch

    from pipeline.lm.memory import activations, logits, sizes_of
    from pipeline.lm.model import ModelConfig, new_model
    from pipeline.lm.train import next_token_gradient

    torch.set_num_threads(1)
    cfg = ModelConfig(**SIZES[name], context=512)
    model = new_model(cfg, cfg.vocab_size, 0, 1, seed=0)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    row = torch.arange(256).remainder(cfg.vocab_size).tolist()
    next_token_gradient(model, [(row[:8], [1] * 8)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    next_token_gradient(model, [(row, [1] * 256)] * (tokens // 256))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = sizes_of(model.config)
    formula = activations(size, tokens, "float32") + logits(size, tokens)
    return {"bytes": 1024 * (after - before), "formula": formula}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--micro", type=int, nargs="*", default=[1024, 4096])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return print(json.dumps(peak(options.one[0], int(options.one[1]))))
    print(f"{'model':>6} {'tokens':>7} {'peak MB':>8} {'formula':>8} {'ratio':>6}")
    for name in SIZES:
        for tokens in options.micro:
            command = [sys.executable, "-m", "benchmarks.memory", "--one", name, str(tokens)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            ratio = found["bytes"] / found["formula"]
            megabytes = found["bytes"] / 1e6, found["formula"] / 1e6
            print(f"{name:>6} {tokens:>7} {megabytes[0]:>8.0f} {megabytes[1]:>8.0f} {ratio:>6.2f}")


if __name__ == "__main__":
    main()
