"""Milliseconds of a training step at mini size, with our optimizer and with torch's.

    python -m benchmarks.train_step [--steps N]

The floor is forward and backward alone; the last column is the whole step over that floor. It runs
on one thread.
"""

from __future__ import annotations

import argparse
import time

import torch

from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.muon import Muon
from pipeline.lm.train import next_token_loss

OPTIMIZERS = {
    "AdamW": lambda matrices: torch.optim.AdamW(matrices, lr=1e-3),
    "Muon, ours (float32)": lambda matrices: Muon(matrices, lr=1e-3),
    "Muon, torch (bfloat16)": lambda matrices: torch.optim.Muon(matrices, lr=1e-3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--steps",
        type=int,
        default=10,
        help="timed steps of each optimizer, after two that are not",
    )
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    tokens_BT = torch.randint(0, 1024, (4, 256), generator=torch.Generator().manual_seed(0))
    mask_BT = torch.ones_like(tokens_BT, dtype=torch.bool)
    print(f"{'matrices by':<24}{'forward':>10}{'backward':>10}{'optimizer':>11}{'step/floor':>12}")
    for name, make in OPTIMIZERS.items():
        model = new_model(ModelConfig(), 1024, 0, 1, seed=0)
        optimizer = make(
            [p for key, p in model.named_parameters() if p.dim() == 2 and ".layers." in key]
        )
        spent = [0.0, 0.0, 0.0]
        for step in range(steps + 2):
            marks = [time.perf_counter()]
            loss = next_token_loss(model, tokens_BT, mask_BT)
            marks.append(time.perf_counter())
            loss.backward()
            marks.append(time.perf_counter())
            optimizer.step()
            model.zero_grad(set_to_none=True)
            marks.append(time.perf_counter())
            if step >= 2:
                spent = [s + b - a for s, a, b in zip(spent, marks, marks[1:], strict=False)]
        forward, backward, update = (1000 * s / steps for s in spent)
        ratio = (forward + backward + update) / (forward + backward)
        print(f"{name:<24}{forward:>8.1f}ms{backward:>8.1f}ms{update:>9.1f}ms{ratio:>11.2f}x")


if __name__ == "__main__":
    main()
