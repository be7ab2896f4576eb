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
from torch.autograd.function import once_differentiable

from pipeline.errors import UserError

# Logits at once: 256 MB in float32, which softmax and its gradient overwrite. Below this nothing is
# made twice; a vocabulary of 151,936 entries has chunks of 441 positions.
ENTRIES = 1 << 26
BLOCK = 1 << 20  # entries: 4 MB


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

    The only matrix of N x V that is kept for the backward pass is the softmax, in the logits'
    place. Where it would have more than `entries` entries nothing of that size is kept: logits are
    made in chunks, and again in the backward pass. The result is the same to rounding.
    """
    chunk = max(1, entries // head.weight.shape[0])
    device = hidden_NE.device.type
    dtype = hidden_NE.dtype
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    how = head.scale, head.cap, temperature, chunk, dtype
    with torch.autocast(device, enabled=False):
        return _LogProbs.apply(hidden_NE, head.weight, head.bias, target_N, how)


def raised(logits: Tensor) -> Tensor:
    """In float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class _LogProbs(torch.autograd.Function):
    """d logp / d logit = 1[target] - softmax, over the temperature; C positions of a chunk."""

    @staticmethod
    def forward(ctx, hidden_NE, weight_VE, bias_V, target_N, how):
        ctx.save_for_backward(hidden_NE, weight_VE, bias_V, target_N)
        ctx.how, ctx.kept = how, None
        chunk, dtype = how[3:]
        low_VE = weight_VE.to(dtype)
        slices, parts = _slices(len(target_N), chunk), []
        for rows in slices:
            logp_CV, slope_CV = _log_softmax(hidden_NE[rows].to(dtype), low_VE, bias_V, how)
            parts.append(logp_CV.gather(1, target_N[rows, None])[:, 0])
        if len(slices) == 1:
            ctx.kept = logp_CV, slope_CV
        return torch.cat(parts) if parts else raised(hidden_NE.new_zeros(0))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_N):
        hidden_NE, weight_VE, bias_V, target_N = ctx.saved_tensors
        scale, _, temperature, chunk, dtype = ctx.how
        low_VE = weight_VE.to(dtype)
        wanted = ctx.needs_input_grad
        grad_NE = torch.empty_like(hidden_NE)
        grad_VE = torch.zeros_like(weight_VE) if wanted[1] else None
        grad_V = torch.zeros_like(bias_V) if bias_V is not None and wanted[2] else None
        kept, ctx.kept = ctx.kept, None  # it is overwritten; a second pass makes it again
        for rows in _slices(len(target_N), chunk):
            hidden_CE, target_C1 = hidden_NE[rows].to(dtype), target_N[rows, None]
            logp_CV, slope_CV = kept or _log_softmax(hidden_CE, low_VE, bias_V, ctx.how)
            grad_C1 = (grad_N[rows, None] * (scale / temperature)).to(logp_CV.dtype)
            push_CV = _blockwise(logp_CV, lambda block, at: block.exp_().mul_(-at), grad_C1)
            push_CV.scatter_add_(1, target_C1, grad_C1)
            if slope_CV is not None:
                push_CV *= slope_CV
            low_CV = push_CV.to(dtype)
            grad_NE[rows] = (low_CV @ low_VE).to(grad_NE.dtype)
            if grad_VE is not None and grad_VE.dtype == dtype:
                grad_VE.addmm_(low_CV.T, hidden_CE)
            elif grad_VE is not None:
                grad_VE += low_CV.T @ hidden_CE
            if grad_V is not None:
                grad_V += push_CV.sum(0).to(grad_V.dtype)
        return grad_NE, grad_VE, grad_V, None, None


def _log_softmax(hidden_CE, weight_VE, bias_V, how) -> tuple[Tensor, Tensor | None]:
    """Log-probabilities of a chunk in float32 or above, and the slope of the cap (None: 1)."""
    scale, cap, temperature, *_ = how
    logits_CV, slope_CV = _logits(hidden_CE, weight_VE, bias_V, scale, cap)
    if temperature != 1.0:
        logits_CV /= temperature
    return _blockwise(logits_CV, lambda block: block.copy_(block.log_softmax(-1))), slope_CV


def _blockwise(x_CV: Tensor, change, *others: Tensor) -> Tensor:
    """`change`, which works in place, on blocks of rows that stay in a processor's cache."""
    for rows in _slices(len(x_CV), max(1, BLOCK // x_CV.shape[1])):
        change(x_CV[rows], *(other[rows] for other in others))
    return x_CV


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
