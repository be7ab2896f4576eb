"""Muon for the matrices of the layers, in float32: torch.optim.Muon orthogonalises in bfloat16,
which on a processor without bfloat16 arithmetic made a miniature step 4.6 times its forward and
backward; this one 1.2 (benchmarks/train_step.py).
"""

from __future__ import annotations

import torch

from pipeline.lm.shards import part_like, whole

# quintic Newton-Schulz coefficients of K. Jordan's Muon (2024)
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(update_NRC: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """About U V^T of the singular value decomposition of each of N matrices (R rows, C columns)."""
    tall = update_NRC.shape[1] > update_NRC.shape[2]
    x = update_NRC.transpose(1, 2) if tall else update_NRC
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.transpose(1, 2)
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.transpose(1, 2) if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; equal shapes go through Newton-Schulz together. Decoupled
    weight decay.

    The step is scaled by sqrt(max(1, rows / columns)), as in the original.
    """

    def __init__(
        self, params, lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            shapes: dict[tuple, list] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(tuple(p.shape), []).append(p)
            for (rows, columns), params in shapes.items():
                momentum, updates = group["momentum"], []
                for p in params:
                    buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    buffer.lerp_(p.grad, 1 - momentum)
                    updates.append(p.grad.lerp(buffer, momentum))
                lr = group["lr"]
                scale = lr * max(1.0, rows / columns) ** 0.5
                found = orthogonalise(torch.stack([whole(update) for update in updates]))
                for p, update in zip(params, found, strict=True):
                    p.mul_(1 - lr * group["weight_decay"]).sub_(part_like(update, p), alpha=scale)
