"""One token a row from its logits, by inverse CDF of a uniform that depends on (seed of the row,
position) alone.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def row_seed(*parts: object) -> int:
    """A 63-bit seed from what identifies a row, such as (run seed, iteration, step, slot in the
    batch, sample index).
    """
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def uniforms(seeds_B: np.ndarray, position: int) -> np.ndarray:
    """Uniforms in [0, 1), float64: the splitmix64 finaliser of seed + (position + 1) * golden
    ratio.
    """
    with np.errstate(over="ignore"):
        z = seeds_B.astype(np.uint64) + np.uint64(position + 1) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def draw_tokens(
    logits_NV: torch.Tensor,
    seeds_B: np.ndarray,
    position: int,
    temperature: float,
    node_B: np.ndarray | None = None,
):
    """Token and log-probability of each output: (token_B, logp_B). Temperature 0 takes the first
    largest logit.

    `node_B`: the row of the logits that each output draws from; by default they are the same rows.
    """
    at_B = slice(None) if node_B is None else torch.from_numpy(node_B).to(logits_NV.device)
    logp_NV = torch.log_softmax(logits_NV.float() / (temperature or 1.0), -1)
    if temperature == 0:
        token_B = logp_NV.argmax(-1)[at_B]
    else:
        cdf_BV = logp_NV.exp().cumsum(-1)[at_B]
        u_B = torch.from_numpy(uniforms(seeds_B, position)).to(cdf_BV.device)
        # scaled by the last value, so that rounding of the sum can never point past the end
        point_B1 = (u_B.to(cdf_BV.dtype) * cdf_BV[:, -1])[:, None]
        token_B = torch.searchsorted(cdf_BV, point_B1, right=True)[:, 0].clamp(
            max=cdf_BV.shape[1] - 1
        )
    rows_B = torch.arange(len(token_B), device=token_B.device) if node_B is None else at_B
    return token_B, logp_NV[rows_B, token_B]
