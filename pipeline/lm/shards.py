"""FSDP2: weights, gradients and moments of a model lie in shards, one per process.

`accelerate launch` with a configuration of type FSDP asks for it. A layer's weights are gathered
when the layer computes and given back after it; its gradient is summed over the processes and kept
as a shard. Every process must go through the same layers in the same order, so processes whose
share of a step is smaller keep step with passes that change nothing (`turns`, `without_effect`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import MethodType

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.lm import parallel


def wanted() -> bool:
    """Whether the launcher asked for shards. Raises UserError for FSDP's first version."""
    if parallel.world() == 1 or os.environ.get("ACCELERATE_USE_FSDP", "false") != "true":
        return False
    if os.environ.get("FSDP_VERSION") != "2":
        raise UserError("FSDP: only version 2 is supported; set fsdp_version: 2 (conf/accelerate/)")
    return True


def shard(model) -> None:
    """Split the weights of a model over the processes of this job, layer by layer.

    Outside of the layers are the embedding, the last norm and the head: one more group, which stays
    gathered from the decoder's pass to the end of the backward pass, because the head is applied
    by itself (pipeline/lm/head.py). Raises UserError when the processes loaded other weights.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
    from transformers.modeling_layers import GradientCheckpointingLayer

    parallel.check_same({"the model to be split": model})
    mesh = init_device_mesh(model.device.type, (parallel.world(),))
    layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    for module in (*layers, model):
        fully_shard(module, mesh=mesh)
        module.set_gradient_divide_factor(1.0)  # sums: the loss was divided by the whole count
        module.set_force_sum_reduction_for_comms(True)
    model.read_layers = MethodType(_last_hidden_state, model)
    register_fsdp_forward_method(model, "read_layers")


def _last_hidden_state(model, **inputs) -> Tensor:
    return model.get_decoder()(**inputs).last_hidden_state


def read(model, **inputs) -> Tensor:
    """What the decoder makes of its inputs: the hidden states of its last layer."""
    return model.read_layers(**inputs) if is_sharded(model) else _last_hidden_state(model, **inputs)


def is_sharded(model) -> bool:
    """Whether this process holds a shard of the model."""
    return hasattr(model, "read_layers")


def at_rest(model) -> None:
    """Give back whatever is still gathered, so that the model's parameters are its shards."""
    if is_sharded(model):
        from torch.distributed.fsdp import FSDPModule

        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


# ---- in step with the other processes


def turns(model, counts: Sequence[int]) -> list[int]:
    """How many micro-batches each group of this process's share has to count, with those that
    change nothing; more groups than `counts` has where others have more.
    """
    if not is_sharded(model):
        return list(counts)
    all_counts = parallel.gathered(list(counts))
    most = max(map(len, all_counts))
    return [max(c[g] if g < len(c) else 1 for c in all_counts) for g in range(most)]


def without_effect(model, hidden: Tensor) -> None:
    """A backward pass that adds 0 to every gradient which a micro-batch adds to."""
    if not (torch.is_grad_enabled() and hidden.requires_grad):
        return
    loss = 0.0 * hidden.sum()
    for parameter in model.parameters():  # gathered ones: the head is not in `hidden`
        if parameter.requires_grad and not _is_shard(parameter):
            loss = loss + 0.0 * parameter.sum()
    loss.backward()


# ---- shards and whole tensors


def _is_shard(tensor: Tensor) -> bool:
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """The tensor of which this process holds a shard; every process has to ask. Others: itself."""
    return tensor.full_tensor() if _is_shard(tensor) else tensor


def part_like(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's shard of a whole tensor, split and placed as `like` is."""
    if not _is_shard(like):
        return tensor.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = like.device_mesh, like.placements
    return distribute_tensor(tensor.to(like.device), mesh, placements, src_data_rank=None)
