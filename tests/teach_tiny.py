"""Teach the policy of the RL tests some sums and store its weights: PYTHONPATH=.:tests python
tests/teach_tiny.py

Float16 halves the file; the numbers that it rounds to are what every test then uses.
"""

import torch
from rl_tiny import GOLDEN, SCALE, instructions, policy, tokenizer
from safetensors.torch import save_file

from pipeline.lm.passes import passes
from pipeline.rl.data_source import solutions

STEPS, EXAMPLES = 80, 35


def main() -> None:
    model = policy()
    data = solutions(tokenizer(), instructions(EXAMPLES), SCALE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        for _, logp_RT, _ in passes(model, data.rows, range(EXAMPLES), 4096, 1.0):
            (-logp_RT.sum() / EXAMPLES).backward()
        optimizer.step()
    weights = {name: p.detach().half() for name, p in model.named_parameters()}
    save_file(weights, GOLDEN / "half_taught.safetensors")


if __name__ == "__main__":
    main()
