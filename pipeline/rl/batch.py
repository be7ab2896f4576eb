"""What an update reads of a step's outputs, as tensors.

Legend: B outputs of the batch, R rows of a micro-batch, T tokens, padded on the right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pipeline.lm import parallel
from pipeline.lm import passes as lm_passes
from pipeline.lm.passes import Rows, first_equal
from pipeline.rl.config import RLConfig


@dataclass(frozen=True)
class Batch:
    """Advantages were computed on whole groups, weights on the whole batch.

    So no split into micro-batches changes a result.
    """

    rows: Rows
    weight_B: Tensor  # of each token of an output in the mean of the batch; float64
    advantage_BT: Tensor
    ref_logp_BT: Tensor | None = None  # None: no KL term
    old_logp_BT: Tensor | None = None  # pi_old; None: the ratio is 1
    sampled_BT: Tensor | None = None  # the sampler's log-probabilities, for importance_cap
    return_BT: Tensor | None = None  # PPO: what the value model is to learn
    pairs: bool = False  # DPO: rows 2p and 2p + 1 are o+ and o- of pair p

    @cached_property
    def first(self) -> list[int]:
        """For each output itself, or the earlier one that it equals, whose pass serves both."""
        return first_equal(self.rows)

    @cached_property
    def copies_B(self) -> Tensor:
        """How many outputs a pass through this one stands for, 0 where an earlier one is equal."""
        if self.pairs:
            return torch.ones(len(self.rows.outputs), dtype=torch.float64)
        count = Counter(self.first)
        return torch.tensor([count[b] for b in range(len(self.first))], dtype=torch.float64)

    @property
    def pushed(self) -> list[int]:
        """Outputs with a gradient: those of weight 0 have none, nor, without a KL term, those of
        advantage 0.
        """
        if self.ref_logp_BT is not None:
            return self.weight_B.nonzero()[:, 0].tolist()
        return self.advantage_BT.any(1).nonzero()[:, 0].tolist()

    @property
    def active(self) -> list[int]:
        """Outputs that need a pass: those with a gradient, equal ones once."""
        if self.pairs:
            return self.pushed
        return [b for b in self.pushed if self.first[b] == b]

    def part(self, chosen: Sequence[int], width: int, device: torch.device) -> Part:
        """The rows of a micro-batch whose longest output has `width` tokens."""
        index = torch.tensor(chosen)

        def cut(x_BT: Tensor | None) -> Tensor | None:
            return None if x_BT is None else x_BT[index, :width].to(device)

        return Part(
            cut(self.advantage_BT),
            (self.copies_B[index] * self.weight_B[index]).to(device),
            self.copies_B[index].to(device),
            cut(self.ref_logp_BT),
            cut(self.old_logp_BT),
            cut(self.sampled_BT),
        )

    def with_old(self, logp_BT: Tensor) -> Batch:
        """The batch for the next update, where pi_old is the policy of the first one.

        `logp_BT` has the log-probabilities of the outputs that were passed; equal ones share them.
        """
        return (
            self if self.old_logp_BT is not None else replace(self, old_logp_BT=logp_BT[self.first])
        )


@dataclass(frozen=True)
class Part:
    """A micro-batch of a `Batch`."""

    advantage_RT: Tensor
    weight_R: Tensor  # with the weight of the copies
    copies_R: Tensor
    ref_logp_RT: Tensor | None
    old_logp_RT: Tensor | None
    sampled_RT: Tensor | None


def passes(policy, batch: Batch, cfg: RLConfig) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Micro-batches of the outputs that need a pass, with the log-probabilities of their tokens.

    Of several processes each passes its share of them. Yields (indices of R outputs, logp_RT with
    gradient, mask_RT); see pipeline/lm/passes.py.
    """
    unit = 2 if batch.pairs else 1
    mine = parallel.share(batch.active, unit)
    yield from lm_passes.passes(
        policy, batch.rows, mine, cfg.micro_batch_tokens, cfg.temperature, unit
    )
