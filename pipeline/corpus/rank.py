"""Keep the best pages up to a token budget: an exact cut that no shard order and no worker count
can move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

BINS = 1 << 16
Columns = tuple[
    np.ndarray, np.ndarray, np.ndarray
]  # scores (float64), URL hashes (int64), tokens (int64), one per page


@dataclass(frozen=True)
class Cut:
    """A page is kept when it ranks at or before this place: higher score first, then smaller URL
    hash.
    """

    score: float
    url_hash: int

    def keeps(self, scores: np.ndarray, hashes: np.ndarray) -> np.ndarray:
        return (scores > self.score) | ((scores == self.score) & (hashes <= self.url_hash))


NOTHING, EVERYTHING = Cut(2.0, -1), Cut(-1.0, -1)


def histogram(scores: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Tokens by score, BINS bins on [0, 1]; histograms of shards add up."""
    return np.bincount(_bins(scores), weights=tokens, minlength=BINS).astype(np.int64)


def _bins(scores: np.ndarray) -> np.ndarray:
    return np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)


def find_cut(shards: Callable[[], Iterable[Columns]], budget: int) -> Cut:
    """The cut that keeps the longest head of the ranking whose tokens fit into `budget`.

    `shards` is called twice: once to add up histograms, once to fetch the pages of the one bin that
    the cut falls into, so memory is bounded by a bin and not by the crawl.
    """
    total = np.zeros(BINS, dtype=np.int64)
    for scores, _, tokens in shards():
        total += histogram(scores, tokens)
    from_top = np.cumsum(total[::-1])
    if from_top[-1] <= budget:
        return EVERYTHING
    place = int(np.searchsorted(from_top, budget, side="right"))
    bin_of_cut = BINS - 1 - place
    left = budget - (int(from_top[place - 1]) if place else 0)
    parts = [
        [column[_bins(scores) == bin_of_cut] for column in (scores, hashes, tokens)]
        for scores, hashes, tokens in shards()
    ]
    scores, hashes, tokens = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((hashes, -scores))
    fit = int(np.searchsorted(np.cumsum(tokens[order]), left, side="right"))
    if fit:
        last = order[fit - 1]
        return Cut(float(scores[last]), int(hashes[last]))
    return Cut((bin_of_cut + 1) / BINS, np.iinfo(np.int64).max) if place else NOTHING
