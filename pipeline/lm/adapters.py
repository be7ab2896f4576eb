"""LoRA (arXiv 2106.09685) through peft: W x + alpha / r B A x, where A and B alone are trained.

A is drawn from a seed and B is 0, so that a model starts as it was. Its own weights never change:
merging happens on copies (pipeline/lm/whole.py), since adding B A and taking it away again would
leave rounding behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from pipeline.errors import UserError
from pipeline.lm.train_config import LoRAConfig

ADAPTER = "default"  # peft's name for the only one
BASE = ".base_layer."  # where peft puts the matrix that an adapter stands beside


def add_adapters(model, cfg: LoRAConfig, seed: int) -> None:
    """Freeze the model and put an adapter beside each matrix of its layers that `targets` names.

    A head that is new to the model (`score`, of reward and value models) is trained whole. Raises
    UserError where peft is missing and where no matrix has such a name.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise UserError(
            "peft: {r, alpha}: the package is not installed; pip install peft"
        ) from None
    names = target_names(model, cfg.targets)
    transposed = any(isinstance(model.get_submodule(name), Conv1D) for name in names)
    with torch.random.fork_rng(devices=[]):  # what peft draws is drawn again below
        config = LoraConfig(
            r=cfg.r, lora_alpha=cfg.alpha, target_modules=names, fan_in_fan_out=transposed
        )
        inject_adapter_in_model(config, model, ADAPTER)
    generator = torch.Generator().manual_seed(seed)
    for layer in adapted(model).values():
        first, second = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        drawn = nn.init.kaiming_uniform_(
            torch.empty(first.shape, dtype=first.dtype), a=math.sqrt(5), generator=generator
        )
        with torch.no_grad():
            first.copy_(drawn)
            second.zero_()
    if hasattr(model, "score"):
        model.score.requires_grad_(True)


def target_names(model, targets: tuple[str, ...]) -> list[str]:
    """Full names of the matrices in the model's layers whose last part `targets` lists; all of
    them where it is empty.
    """
    inside = {
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and any(p.isdigit() for p in name.split("."))
    }
    ends = {name.rsplit(".", 1)[-1] for name in inside}
    if unknown := set(targets) - ends:
        raise UserError(
            f"peft.targets: no matrix of the layers is named {', '.join(sorted(unknown))}; "
            f"there are {', '.join(sorted(ends))}"
        )
    return sorted(n for n in inside if not targets or n.rsplit(".", 1)[-1] in targets)


def adapted(model) -> dict[str, nn.Module]:
    """The layers with an adapter, by the names that their matrices had before."""
    return {name: m for name, m in model.named_modules() if hasattr(m, "lora_A")}


def is_adapted(model) -> bool:
    """Whether only adapters of this model are trained."""
    return any(hasattr(module, "lora_A") for module in model.modules())


def merged(layer: nn.Module, weight: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """W + alpha / r B A, a new tensor; W itself while the adapter is off."""
    if layer.disable_adapters:
        return weight
    change = layer.scaling[ADAPTER] * (second @ first)
    return weight + (change.T if layer.fan_in_fan_out else change)


@contextmanager
def adapters_off(model) -> Iterator[None]:
    """The model as it was before it was adapted, to the bit."""
    layers = adapted(model).values()
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
