"""Models that are trained in part (adapters, shards), and the whole model that they stand for.

A whole model is what is saved, and what a sampler reads. It is made of the parts when it is needed:
shards are gathered, adapters are merged, one tensor at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.lm import adapters, parallel, shards
from pipeline.lm.train_config import LoRAConfig


def prepared(model, peft: LoRAConfig | None = None, seed: int = 0):
    """The model, changed in place to what is trained: with adapters, in shards, or as it came.

    Raises UserError for a model that was changed before.
    """
    if peft is None and not shards.wanted():
        return model
    if in_parts(model):
        raise UserError("this model has adapters or lies in shards already; load it again")
    frame = copy.deepcopy(model, {id(x): x for x in (*model.parameters(), model.config)})
    empty(frame)
    object.__setattr__(model, "frame", frame)  # not as a part of the model
    if peft is not None:
        adapters.add_adapters(model, peft, seed)
    if shards.wanted():
        shards.shard(model)
    return model


def in_parts(model) -> bool:
    """Whether the model was changed by `prepared`."""
    return "frame" in model.__dict__


def weights(model) -> Iterator[tuple[str, Tensor]]:
    """Name and value of every weight as a published folder has it, tied ones once.

    Of a model in shards every process has to go through all of them.
    """
    shards.at_rest(model)
    layers = adapters.adapted(model)
    for name, parameter in model.named_parameters():
        owner, _, kind = name.rpartition(".")
        if owner.endswith((f"lora_A.{adapters.ADAPTER}", f"lora_B.{adapters.ADAPTER}")):
            continue
        value = shards.whole(parameter.detach())
        layer = layers.get(owner.removesuffix(".base_layer"))
        if layer is not None and kind == "weight":
            pair = (layer.lora_A, layer.lora_B)
            change = (shards.whole(part[adapters.ADAPTER].weight.detach()) for part in pair)
            value = adapters.merged(layer, value, *change)
        yield name.replace(adapters.BASE, "."), value


def trained(model) -> dict[str, Tensor]:
    """What a checkpoint has to hold: adapters alone where only they move, else every weight."""
    only = adapters.is_adapted(model)
    return {name: p for name, p in model.named_parameters() if p.requires_grad or not only}


def save_weights(model, folder: str | Path) -> None:
    """Write configuration and weights of the whole model. Process 0 writes; all have to call."""
    if not in_parts(model):
        if parallel.first():
            model.save_pretrained(folder)
        return
    found = {}
    for name, value in weights(model):
        if parallel.first():
            found[name] = value.cpu().contiguous()
    if parallel.first():
        model.frame.save_pretrained(folder, state_dict=found)


# ---- a module to hold the whole model


def fill(frame, model) -> None:
    """Put the weights of a model into a frame; those that no adapter and no shard changed are
    shared with it.
    """
    places = _places(frame)
    for name, value in weights(model):
        parameter = nn.Parameter(value, requires_grad=False)
        for module, key in places[name]:
            module._parameters[key] = parameter


def empty(frame) -> None:
    """Take the weights out of a frame again."""
    for places in _places(frame).values():
        nothing = nn.Parameter(torch.empty(0, device="meta"), requires_grad=False)
        for module, key in places:
            module._parameters[key] = nothing


def _places(frame) -> dict[str, list[tuple[nn.Module, str]]]:
    """Where each parameter stands, under its first name; tied ones stand in several places."""
    first: dict[int, str] = {}
    found: dict[str, list[tuple[nn.Module, str]]] = {}
    for path, module in frame.named_modules():
        for key, parameter in module._parameters.items():
            if parameter is not None:
                name = first.setdefault(id(parameter), f"{path}.{key}" if path else key)
                found.setdefault(name, []).append((module, key))
    return found
