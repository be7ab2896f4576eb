"""Whether sampler and trainer are one policy: the gap between their log-probabilities of the same
tokens.

Another attention mask, a scale of the logits that one of them forgets, a sampler in another
arithmetic: all of them train on wrong ratios without a word, and all of them show here in the first
step.

Legend: B outputs of the batch, T tokens, padded on the right.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import UserError


def sampler_gap(
    sampled: Sequence[Sequence[float]], logp_BT: Tensor, passed: Sequence[int]
) -> dict[str, float]:
    """Mean, 95th percentile and maximum of |sampler's - trainer's log-probability|, in nats.

    `passed` are the outputs whose log-probabilities the trainer computed before its first update;
    without any of them there is no gap.
    """
    pairs = [(torch.tensor(sampled[b]), logp_BT[b, : len(sampled[b])]) for b in passed]
    if not pairs:
        return {}
    gap_N = torch.cat([(theirs - ours).abs().double() for theirs, ours in pairs]).sort().values
    at = min(len(gap_N) - 1, int(0.95 * len(gap_N)))
    return {
        "sampler_gap": gap_N.mean().item(),
        "sampler_gap_p95": gap_N[at].item(),
        "sampler_gap_max": gap_N[-1].item(),
    }


def check_gap(gap: dict[str, float], highest: float, step: int) -> None:
    """Raise UserError when the mean gap is above `highest` (0: any gap passes), or is no number."""
    mean = gap.get("sampler_gap", 0.0)
    if highest and not mean <= highest:
        raise UserError(
            f"step {step}: the sampler's log-probabilities differ from the trainer's by {mean:.3g} "
            f"nats per token on average (at most {gap['sampler_gap_max']:.3g}), and max_sampler_gap is "
            f"{highest}: they are not the same policy; try engine=hf, or compute_dtype=float32"
        )
