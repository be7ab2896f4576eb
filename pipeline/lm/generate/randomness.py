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
    count = len(seeds_B)
    node_B = np.arange(count) if node_B is None else node_B
    logp_NV = torch.log_softmax(logits_NV.float() / (temperature or 1.0), -1)
    device = logp_NV.device
    at_B = torch.from_numpy(node_B).to(device)
    if temperature == 0:
        token_B = logp_NV.argmax(-1)[at_B]
    else:
        # One column per output of a node, so that no distribution is copied for its outputs.
        order = np.argsort(node_B, kind="stable")
        nodes = node_B[order]
        column_B = np.empty(count, dtype=np.int64)
        column_B[order] = np.arange(count) - np.searchsorted(nodes, nodes)
        u_NC = np.zeros((len(logp_NV), column_B.max() + 1))
        u_NC[node_B, column_B] = uniforms(seeds_B, position)
        cdf_NV = logp_NV.exp().cumsum(-1)
        # scaled by the last value, so that rounding of the sum can never point past the end
        point_NC = torch.from_numpy(u_NC).to(device, cdf_NV.dtype) * cdf_NV[:, -1:]
        token_NC = torch.searchsorted(cdf_NV, point_NC, right=True)
        token_B = token_NC[at_B, torch.from_numpy(column_B).to(device)]
        token_B = token_B.clamp(max=cdf_NV.shape[1] - 1)
    return token_B, logp_NV[at_B, token_B]
