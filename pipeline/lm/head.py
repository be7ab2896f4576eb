"""From hidden states to log-probabilities as the model itself does it, and without holding all
logits.

Gemma 2 caps its logits, Granite divides them, Cohere multiplies them. Whoever applies the head
alone trains another model than the one that is saved; `pipeline/lm/probe.py` finds models that do
something which is not known here.

Shapes: N chosen positions, E hidden, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import UserError

# Logits at once: 256 MB in float32 with what softmax and its gradient need. Below this nothing is
# recomputed; a vocabulary of 151,936 entries has chunks of 110 positions.
ENTRIES = 1 << 24


@dataclass(frozen=True)
class Head:
    """logits = cap tanh(scale (W hidden + bias) / cap); a cap of 0 is none."""

    weight: Tensor  # V x E
    bias: Tensor | None = None
    scale: float = 1.0
    cap: float = 0.0

    def __call__(self, hidden_NE: Tensor) -> Tensor:
        """Logits in the arithmetic of `hidden_NE` or of autocast."""
        logits_NV = F.linear(hidden_NE, self.weight, self.bias)
        if self.scale != 1.0:
            logits_NV = logits_NV * self.scale
        if self.cap:
            logits_NV = torch.tanh(logits_NV / self.cap) * self.cap
        return logits_NV


def head_of(model, weight: Tensor | None = None) -> Head:
    """The head of a causal LM, or one of these weights, with what the configuration says of its
    logits.

    Raises UserError for a model without a language-model head.
    """
    layer = None if weight is not None else model.get_output_embeddings()
    if weight is None and layer is None:
        raise UserError(f"{model.config.model_type}: the model has no language-model head")
    config = model.config
    scale = 1.0
    if getattr(config, "logits_scaling", None):  # Granite
        scale /= config.logits_scaling
    if getattr(config, "logit_scale", None):  # Cohere
        scale *= config.logit_scale
    cap = getattr(config, "final_logit_softcapping", None) or 0.0
    if layer is None:
        return Head(weight, None, scale, cap)
    return Head(layer.weight, layer.bias, scale, cap)


def log_probs(
    head: Head,
    hidden_NE: Tensor,
    target_N: Tensor,
    temperature: float = 1.0,
    entries: int = ENTRIES,
) -> Tensor:
    """log softmax(head(hidden) / temperature) of each target, in float32 (float64 stays so).

    Where the logits would have more than `entries` entries they are made in chunks, and again in
    the backward pass, so that the memory does not grow with N x V. The result is the same to
    rounding.
    """
    chunk = max(1, entries // head.weight.shape[0])
    if len(target_N) <= chunk:
        logits_NV = raised(head(hidden_NE))
        if temperature != 1.0:
            logits_NV = logits_NV / temperature
        return logits_NV.gather(1, target_N[:, None])[:, 0] - torch.logsumexp(logits_NV, -1)
    device = hidden_NE.device.type
    dtype = hidden_NE.dtype
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    with torch.autocast(device, enabled=False):
        return _Chunked.apply(
            hidden_NE,
            head.weight,
            head.bias,
            target_N,
            head.scale,
            head.cap,
            temperature,
            chunk,
            dtype,
        )


def raised(logits: Tensor) -> Tensor:
    """In float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class _Chunked(torch.autograd.Function):
    """Logits are made chunk by chunk in `forward` and once more in `backward`; none is kept."""

    @staticmethod
    def forward(ctx, hidden_NE, weight_VE, bias_V, target_N, scale, cap, temperature, chunk, dtype):
        ctx.save_for_backward(hidden_NE, weight_VE, bias_V, target_N)
        ctx.how = scale, cap, temperature, chunk, dtype
        low_VE = weight_VE.to(dtype)
        parts = []
        for rows in _slices(len(target_N), chunk):
            logits_CV, _ = _logits(hidden_NE[rows].to(dtype), low_VE, bias_V, scale, cap)
            logits_CV /= temperature
            norm_C = torch.logsumexp(logits_CV, -1)
            parts.append(logits_CV.gather(1, target_N[rows, None])[:, 0] - norm_C)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, grad_N):
        hidden_NE, weight_VE, bias_V, target_N = ctx.saved_tensors
        scale, cap, temperature, chunk, dtype = ctx.how
        low_VE = weight_VE.to(dtype)
        grad_NE = torch.empty_like(hidden_NE)
        wanted = ctx.needs_input_grad
        grad_VE = torch.zeros_like(weight_VE) if wanted[1] else None
        grad_V = torch.zeros_like(bias_V) if bias_V is not None and wanted[2] else None
        for rows in _slices(len(target_N), chunk):
            logits_CV, slope_CV = _logits(hidden_NE[rows].to(dtype), low_VE, bias_V, scale, cap)
            # d logp / d logit = 1[target] - softmax, over the temperature
            push_CV = torch.softmax(logits_CV.div_(temperature), -1).neg_()
            push_CV.scatter_add_(1, target_N[rows, None], torch.ones_like(push_CV[:, :1]))
            push_CV *= grad_N[rows, None] * (scale / temperature)
            if slope_CV is not None:
                push_CV *= slope_CV
            low_CV = push_CV.to(dtype)
            grad_NE[rows] = (low_CV @ low_VE).to(grad_NE.dtype)
            if grad_VE is not None:
                grad_VE += (low_CV.T @ hidden_NE[rows].to(dtype)).to(grad_VE.dtype)
            if grad_V is not None:
                grad_V += push_CV.sum(0).to(grad_V.dtype)
        return grad_NE, grad_VE, grad_V, *[None] * 6


def _slices(count: int, chunk: int) -> list[slice]:
    return [slice(start, start + chunk) for start in range(0, count, chunk)]


def _logits(hidden_CE, weight_VE, bias_V, scale: float, cap: float) -> tuple[Tensor, Tensor | None]:
    """Logits of a chunk in float32 or above, and their slope in what was capped (None: 1)."""
    bias = None if bias_V is None else bias_V.to(hidden_CE.dtype)
    logits_CV = raised(F.linear(hidden_CE, weight_VE, bias))
    if scale != 1.0:
        logits_CV = logits_CV * scale
    if not cap:
        return logits_CV, None
    bent_CV = torch.tanh(logits_CV / cap)
    return bent_CV * cap, 1 - bent_CV.square()
