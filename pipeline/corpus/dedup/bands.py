"""Near-duplicates over a whole crawl, a part of the band hashes at a time.

A shard's bands are written sorted by hash (`band_rows`). A part is a range of hashes: it reads its
slice of every shard, finds the pages that share a band, compares their signatures and writes the
pairs that are alike (`pairs_of_part`). So a part is a unit of work as a shard is, its memory is set
by ROWS, and the pairs of all parts together are the same however many parts there are. `clusters`
joins them.

Legend: n pages of a shard or crawl, R rows (a row is a band of a page), M pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.corpus.config import DedupConfig
from pipeline.files import atomic

ROWS = 4_000_000  # bands that a part is cut to: at most some 100 bytes of memory each
CHUNK = 10_000  # pairs whose signatures are compared at a time


def band_hashes(signatures: np.ndarray, cfg: DedupConfig) -> np.ndarray:
    """A number for each band of each page (uint64, n x bands); unlike bands share one about once in
    2^64 pairs, and then whole signatures decide.
    """
    parts = signatures.reshape(len(signatures), cfg.bands, cfg.rows)
    mixed = np.tile(np.arange(1, cfg.bands + 1, dtype=np.uint64), (len(signatures), 1))
    for row in range(cfg.rows):
        mixed = (mixed ^ parts[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


def band_rows(signatures: np.ndarray, url_hash: np.ndarray, cfg: DedupConfig) -> np.ndarray:
    """The bands of a shard's pages, sorted by hash and URL hash: (3, R) of hash, URL hash, place in
    the shard.
    """
    hashes, places = band_hashes(signatures, cfg), np.arange(len(signatures))
    rows = np.stack([hashes.ravel(), np.repeat(url_hash.astype(np.int64).view(np.uint64), cfg.bands),
                     np.repeat(places.astype(np.uint64), cfg.bands)])  # fmt: skip
    return rows[:, np.lexsort((rows[1].view(np.int64), rows[0]))]


def parts_of(pages: int, cfg: DedupConfig) -> int:
    """How many parts a crawl is cut into."""
    return max(1, -(-pages * cfg.bands // ROWS))


def pairs_of_part(
    bands: Sequence[Path],
    signatures: Sequence[Path],
    unique: Path,
    part: int,
    parts: int,
    threshold: float,
    out: Path,
) -> None:
    """Write the pages of a part's bands that are alike (.npy, 2 x M numbers of pages of the crawl).

    `unique` holds a bool a page: others are left out. Of the pages that share a band, in the order
    of their URL hashes, each is compared with the first and with the one before it.
    """
    starts = np.cumsum([0, *(len(np.load(path, mmap_mode="r")) for path in signatures)])
    rows = rows_of_part(bands, starts, np.load(unique, mmap_mode="r"), part, parts)
    hashes, places = rows[0], rows[2].astype(np.int64)
    new = np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]
    first, same = np.maximum.accumulate(np.where(new, np.arange(len(new)), 0)), np.flatnonzero(~new)
    left, right = np.concatenate(
        [[places[first[same]], places[same]], [places[same - 1], places[same]]], axis=1
    )
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    once = np.append(True, (np.diff(left) != 0) | (np.diff(right) != 0))[: len(left)]
    left, right = left[once], right[once]
    stored = [np.load(path, mmap_mode="r") for path in signatures]
    alike = np.zeros(len(left), dtype=bool)
    for at in range(0, len(left), CHUNK):
        chunk = slice(at, at + CHUNK)
        agree = gather(stored, starts, left[chunk]) == gather(stored, starts, right[chunk])
        alike[chunk] = agree.mean(axis=1) >= threshold
    save(np.stack([left[alike], right[alike]]), out)


def rows_of_part(
    bands: Sequence[Path], starts: np.ndarray, unique: np.ndarray, part: int, parts: int
) -> np.ndarray:
    """The rows of the hashes from part/parts to (part+1)/parts of all, of unique pages: (3, R),
    places in the crawl.
    """
    low, high = ((1 << 64) * edge // parts for edge in (part, part + 1))
    found = [np.zeros((3, 0), dtype=np.uint64)]
    for path, start in zip(bands, starts, strict=False):
        rows = np.load(path, mmap_mode="r")
        begin = np.searchsorted(rows[0], np.uint64(low))
        end = np.searchsorted(rows[0], np.uint64(high)) if part + 1 < parts else rows.shape[1]
        piece = np.array(rows[:, begin:end])
        piece[2] += np.uint64(start)
        found.append(piece[:, unique[piece[2].astype(np.int64)]])
    rows = np.concatenate(found, axis=1)
    return rows[:, np.lexsort((rows[1].view(np.int64), rows[0]))]


def gather(stored: Sequence[np.ndarray], starts: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The signatures of these pages of the crawl, from the files of its shards."""
    shard = np.searchsorted(starts, places, side="right") - 1
    found = np.empty((len(places), stored[0].shape[1]), dtype=np.uint32)
    for number in np.unique(shard):
        mine = shard == number
        found[mine] = stored[number][places[mine] - starts[number]]
    return found


def clusters(pairs: Iterable[np.ndarray], hashes: np.ndarray) -> np.ndarray:
    """The number of each page's cluster of near-duplicates: that of its member with the smallest
    URL hash.
    """
    parent = np.arange(len(hashes))
    for left, right in pairs:
        for x, y in zip(left.tolist(), right.tolist(), strict=True):
            join(parent, hashes, x, y)
    return np.array([find(parent, place) for place in range(len(parent))])


def find(parent: np.ndarray, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = int(parent[place])
    return place


def join(parent: np.ndarray, hashes: np.ndarray, a: int, b: int) -> None:
    a, b = find(parent, a), find(parent, b)
    if hashes[a] > hashes[b]:
        a, b = b, a
    parent[b] = a


def save(array: np.ndarray, out: Path) -> None:
    """Write an array under a temporary name and rename it."""
    with atomic(out, durable=True) as temporary, temporary.open("wb") as file:
        np.save(file, array)
