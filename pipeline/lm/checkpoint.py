"""The state of a run between two steps in one safetensors file: written under a temporary name,
then renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline.files import atomic
from pipeline.lm import parallel, shards, whole


def save(
    folder: Path,
    models: dict[str, torch.nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    plain: dict,
) -> None:
    """Weights, optimizer moments, and `plain` (JSON: the step, the counters, the metric rows so
    far). Of a model with adapters these alone.

    Of several processes the first one writes, once the weights of all have been found equal; what
    lies in shards is gathered, so that any number of processes can go on from it.
    """
    parallel.check_same({name: m for name, m in models.items() if not shards.is_sharded(m)})
    tensors = {}
    for key, value in _tensors(models, optimizers):
        value = shards.whole(value.detach())
        if parallel.first():
            tensors[key] = value.contiguous() if parallel.world() == 1 else value.contiguous().cpu()
    if not parallel.first():
        return
    with atomic(folder / "state.safetensors", durable=True) as temporary:
        save_file(tensors, temporary, metadata={"plain": json.dumps(plain)})


def _tensors(models: dict, optimizers: dict) -> Iterator[tuple[str, torch.Tensor]]:
    """What is saved, in one order in all processes."""
    for name, model in models.items():
        for key, value in whole.trained(model).items():
            yield f"{name}/{key}", value
    for name, optimizer in optimizers.items():
        for i, parameter in enumerate(_parameters(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                yield f"{name}/{i}/{key}", value


def peek(folder: Path) -> dict | None:
    """The `plain` part of the last saved state, or None when there is none; loads no weight."""
    path = folder / "state.safetensors"
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["plain"])


def load(
    folder: Path, models: dict[str, torch.nn.Module], optimizers: dict[str, torch.optim.Optimizer]
) -> dict | None:
    """Put the last saved state in place. Returns its `plain` part, or None when there is none."""
    path = folder / "state.safetensors"
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file, torch.no_grad():
        for name, model in models.items():
            for key, value in whole.trained(model).items():
                value.copy_(shards.part_like(file.get_tensor(f"{name}/{key}"), value))
        names = sorted(file.keys())
        for name, optimizer in optimizers.items():
            parameters = _parameters(optimizer)
            for full in names:
                if full.startswith(f"{name}/"):
                    _, i, key = full.split("/")
                    value, parameter = file.get_tensor(full), parameters[int(i)]
                    optimizer.state[parameter][key] = (
                        value if key == "step" else shards.part_like(value, parameter)
                    )
        return json.loads(file.metadata()["plain"])


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]
