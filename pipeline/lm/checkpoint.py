"""The state of a run between two steps in one safetensors file: written under a temporary name,
then renamed.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline.files import atomic
from pipeline.lm import parallel


def save(
    folder: Path,
    models: dict[str, torch.nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    plain: dict,
) -> None:
    """Weights, optimizer moments, and `plain` (JSON: the step, the counters, the metric rows so
    far).

    Of several processes the first one writes, once the weights of all have been found equal.
    """
    parallel.check_same(models)
    if not parallel.first():
        return
    tensors = {}
    for name, model in models.items():
        for key, value in model.named_parameters():
            tensors[f"{name}/{key}"] = value.detach().contiguous()
    for name, optimizer in optimizers.items():
        for i, parameter in enumerate(_parameters(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{name}/{i}/{key}"] = value.detach().contiguous()
    with atomic(folder / "state.safetensors", durable=True) as temporary:
        save_file(tensors, temporary, metadata={"plain": json.dumps(plain)})


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
            for key, value in model.named_parameters():
                value.copy_(file.get_tensor(f"{name}/{key}"))
        names = sorted(file.keys())
        for name, optimizer in optimizers.items():
            parameters = _parameters(optimizer)
            for full in names:
                if full.startswith(f"{name}/"):
                    _, i, key = full.split("/")
                    value, parameter = file.get_tensor(full), parameters[int(i)]
                    optimizer.state[parameter][key] = (
                        value if key == "step" else value.to(parameter.device)
                    )
        return json.loads(file.metadata()["plain"])


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]
