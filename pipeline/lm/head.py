"""From hidden states to logits as the model itself does it: the head, and what a model does to its result.

Gemma 2 caps its logits, Granite divides them, Cohere multiplies them. Whoever applies the head alone
trains another model than the one that is saved; `pipeline/lm/probe.py` finds models that do something
which is not known here.

Shapes: N chosen positions, E hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError


@dataclass(frozen=True)
class Head:
    """logits = cap tanh(scale layer(hidden) / cap); a cap of 0 is none."""

    layer: Callable[[Tensor], Tensor]
    scale: float = 1.0
    cap: float = 0.0

    def __call__(self, hidden_NE: Tensor) -> Tensor:
        logits_NV = self.layer(hidden_NE)
        if self.scale != 1.0:
            logits_NV = logits_NV * self.scale
        if self.cap:
            logits_NV = torch.tanh(logits_NV / self.cap) * self.cap
        return logits_NV


def head_of(model, layer: Callable[[Tensor], Tensor] | None = None) -> Head:
    """The head of a causal LM, or `layer` in its place, with what the configuration says of its logits.

    Raises UserError for a model without a language-model head.
    """
    layer = layer or model.get_output_embeddings()
    if layer is None:
        raise UserError(f"{model.config.model_type}: the model has no language-model head")
    config = model.config
    scale = 1.0
    if getattr(config, "logits_scaling", None):  # Granite
        scale /= config.logits_scaling
    if getattr(config, "logit_scale", None):  # Cohere
        scale *= config.logit_scale
    return Head(layer, scale, getattr(config, "final_logit_softcapping", None) or 0.0)
