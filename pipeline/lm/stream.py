"""Batches of training examples, for ever: the step alone decides what is read.

Shapes: B sequences per step, T positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count, islice

import numpy as np
import torch

from pipeline.errors import UserError

Example = tuple[list[int], list[int]]  # token ids, loss mask


class Stream:
    """Epochs over the examples, each in a new order that is drawn from the seed.

    A token counts in the loss where its mask is 1. A resumed run reads on where the killed one
    stopped, because the place in the stream follows from the step.
    """

    def __init__(self, examples: Sequence[Example], seed: int) -> None:
        if not examples:
            raise UserError("no training examples: the stage before this one kept nothing")
        self.examples, self.seed = examples, seed

    def order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.examples))

    def epoch(self, epoch: int) -> Sequence[Example]:
        raise NotImplementedError

    def batches(self, sequences: int) -> Iterator[list[Example]]:
        """Lists of `sequences` examples: of step 1, of step 2, ..."""
        rows = chain.from_iterable(map(self.epoch, count()))
        while True:
            yield list(islice(rows, sequences))


class Packed(Stream):
    """Examples laid end to end and cut into rows of `length` tokens without a mask between them.

    This is the paper's "randomly concatenated". The tail that fills no row is left to other epochs.
    """

    def __init__(self, examples: Sequence[Example], length: int, seed: int) -> None:
        super().__init__(examples, seed)
        self.length = length

    def epoch(self, epoch: int) -> Sequence[Example]:
        ids: list[int] = []
        mask: list[int] = []
        for i in self.order(epoch):
            ids += self.examples[i][0]
            mask += self.examples[i][1]
        if len(ids) < self.length:
            repeat = -(-self.length // len(ids))
            ids, mask = ids * repeat, mask * repeat
        starts = range(0, len(ids) - self.length + 1, self.length)
        return [(ids[s : s + self.length], mask[s : s + self.length]) for s in starts]


class Unpacked(Stream):
    """One example per row, as it will be asked: at position 0 and with nothing before it.

    `length` cuts longer ones.
    """

    def __init__(self, examples: Sequence[Example], length: int, seed: int) -> None:
        super().__init__([(ids[:length], mask[:length]) for ids, mask in examples], seed)

    def epoch(self, epoch: int) -> Sequence[Example]:
        return [self.examples[i] for i in self.order(epoch)]


def pad_examples(rows: Sequence[Example], device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Examples as (tokens_BT, mask_BT), padded on the right with masked zeros."""
    width = max(len(ids) for ids, _ in rows)
    tokens_BT = torch.zeros(len(rows), width, dtype=torch.long)
    mask_BT = torch.zeros(len(rows), width, dtype=torch.bool)
    for b, (ids, mask) in enumerate(rows):
        tokens_BT[b, : len(ids)] = torch.tensor(ids)
        mask_BT[b, : len(ids)] = torch.tensor(mask, dtype=torch.bool)
    return tokens_BT.to(device), mask_BT.to(device)
