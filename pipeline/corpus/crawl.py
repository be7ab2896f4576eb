"""All pages of a crawl as columns of numbers; their texts stay on disk, in the shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pipeline.corpus.read.pages import rows_of


@dataclass(frozen=True)
class Crawl:
    """One entry per page, shard after shard in the order of names. Memory: 24 bytes per page and
    column.
    """

    shards: tuple[Path, ...]  # Parquet files of pages
    starts: np.ndarray  # first page of each shard, and the number of pages at the end
    url_hash: np.ndarray
    tokens: np.ndarray

    def __len__(self) -> int:
        return len(self.url_hash)

    def shard_slices(self) -> Iterator[slice]:
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield slice(int(start), int(end))

    def rows(
        self, wanted: np.ndarray, columns: list[str] | None = None
    ) -> Iterator[tuple[int, dict]]:
        """(number of the page, row) of the pages where `wanted` is true, in order; shards without
        any are not opened.
        """
        for path, part in zip(self.shards, self.shard_slices(), strict=True):
            mask = wanted[part]
            if mask.any():
                for index, row in enumerate(rows_of(path, columns)):
                    if mask[index]:
                        yield part.start + index, row


def open_crawl(shards: list[Path]) -> Crawl:
    """Read the columns of the shards."""
    hashes, tokens, starts = [], [], [0]
    for path in shards:
        table = pq.read_table(path, columns=["url_hash", "tokens"])
        hashes.append(table["url_hash"].to_numpy())
        tokens.append(table["tokens"].to_numpy())
        starts.append(starts[-1] + len(table))
    empty = np.zeros(0, dtype=np.int64)
    return Crawl(
        tuple(shards),
        np.array(starts),
        np.concatenate([empty, *hashes]),
        np.concatenate([empty, *tokens]),
    )


def first_of_each_url(crawl: Crawl) -> np.ndarray:
    """True for one page of each URL: the longest, then the first in the order of shards and
    offsets.
    """
    order = np.lexsort((np.arange(len(crawl)), -crawl.tokens, crawl.url_hash))
    hashes = crawl.url_hash[order]
    first = np.ones(len(crawl), dtype=bool)
    first[1:] = hashes[1:] != hashes[:-1]
    unique = np.zeros(len(crawl), dtype=bool)
    unique[order[first]] = True
    return unique
