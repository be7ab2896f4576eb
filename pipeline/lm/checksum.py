"""A checksum of weights that stays the same when matrices are laid end to end, as engines do.

The sum of all bit patterns as integers, modulo 2^64. One optimizer step changes it almost surely,
however small the step; a sampler that still holds the weights of the step before shows by it, where
its log-probabilities would differ by less than rounding.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def checksum(tensors: Iterable[torch.Tensor], dtype: torch.dtype | None = None) -> int:
    """The checksum of these tensors, each storage counted once; `dtype` casts matrices before."""
    seen: set[int] = set()
    total = 0
    for tensor in tensors:
        if tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        tensor = tensor.detach()
        if dtype is not None and tensor.dim() > 1:
            tensor = tensor.to(dtype)
        bits = tensor.contiguous().view(BITS[tensor.element_size()])
        total += int(bits.sum(dtype=torch.int64))
    return total % (1 << 64)
