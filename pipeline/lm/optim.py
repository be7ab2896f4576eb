"""The one optimizer maker and the one step of every training loop; the schedule is in
train_config.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch.utils.checkpoint import checkpoint

from pipeline.errors import UserError
from pipeline.lm import adapters, parallel, shards
from pipeline.lm.muon import Muon
from pipeline.lm.train_config import OptimConfig

# Above these rates a pretrained base is damaged rather than taught. The paper's continued
# pretraining is at 4.2e-4, with ten million tokens per step; its RL is at 1e-6.
BASE_LR, BASE_RL_LR = 5e-4, 5e-5
# Adapters learn best at about ten times the rate (Schulman et al., "LoRA Without Regret", 2025).
ADAPTER_RATE = 10


def make_optimizers(model, cfg: OptimConfig) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the matrices of the layers and AdamW for the rest.

    Weight decay is for matrices alone. Each group keeps its peak rate under the key `peak`. Raises
    UserError for weights below float32: small steps would be lost in their rounding.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    low = next((p.dtype for p in parameters if p.dtype not in (torch.float32, torch.float64)), None)
    if low is not None:
        raise UserError(
            f"the weights to train are {low}: small steps would be lost; load them in float32 and "
            "set compute_dtype=bfloat16"
        )

    named = model.named_parameters() if cfg.lr_muon else ()
    layers = [p for name, p in named if p.requires_grad and p.dim() == 2 and ".layers." in name]
    with_muon = {id(p) for p in layers}
    rest = [p for p in parameters if id(p) not in with_muon]
    groups = [
        {"params": [p for p in rest if p.dim() > 1], "weight_decay": cfg.weight_decay},
        {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=cfg.lr, betas=cfg.betas, eps=1e-8)
    ]
    if layers:
        found.append(Muon(layers, lr=cfg.lr_muon, weight_decay=cfg.weight_decay))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return found


def named_optimizers(
    optimizers: Sequence[torch.optim.Optimizer], prefix: str = ""
) -> dict[str, torch.optim.Optimizer]:
    """The names under which a checkpoint keeps the state of these optimizers."""
    return {f"{prefix}{type(o).__name__.lower()}": o for o in optimizers}


def clip_and_step(
    model,
    optimizers: Sequence[torch.optim.Optimizer],
    share: float,
    max_grad_norm: float,
) -> float:
    """Sum the gradient over processes, clip it, step at `share` of each peak rate, forget the
    gradient.

    A parameter without a gradient gets one of zeros, so that AdamW's moments act on every step.
    Returns the norm before clipping. Raises FloatingPointError, and moves nothing, when the norm is
    not finite.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    if not shards.is_sharded(model):  # else they were summed as they came
        parallel.sum_all([p.grad for p in parameters])
    norm = shards.whole(torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)).item()
    if not math.isfinite(norm):
        raise FloatingPointError(f"the norm of the gradient is {norm}")

    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    return norm


def check_rates(model, cfg: OptimConfig, highest: float = BASE_LR) -> None:
    """Refuse for a pretrained base the rates that a model from scratch learns with. Raises
    UserError.

    Three steps of Muon at 0.02 and AdamW at 3e-3 take SmolLM2-135M from 1.21 to 1.93 nats per token
    on held-out solutions (docs/real.md).
    """
    base = getattr(model.config, "pretrained_base", None)
    highest *= ADAPTER_RATE if adapters.is_adapted(model) else 1
    if not base or (not cfg.lr_muon and cfg.lr <= highest):
        return
    rates = f"Muon at {cfg.lr_muon} and AdamW at {cfg.lr}" if cfg.lr_muon else f"AdamW at {cfg.lr}"
    raise UserError(
        f"{rates} would wreck the pretrained base {base}: these are rates for a model from scratch; "
        f"set optimizer adamw and lr to at most {highest} (1e-5 is usual; 1e-6 in RL)"
    )


@contextmanager
def checkpointing(model, wanted: bool) -> Iterator[None]:
    """Activations of a layer are computed again in the backward pass instead of being kept.

    For passes without a cache. transformers' own switch works in training mode alone, where dropout
    would draw from a generator that no seed here reaches.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer) and wanted]
    for layer in layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def autocast(model, compute_dtype: str):
    """Compute in bfloat16 when asked to; the weights that an optimizer moves stay float32."""
    device = next(model.parameters()).device.type
    return torch.autocast(device, torch.bfloat16, enabled=compute_dtype == "bfloat16")
