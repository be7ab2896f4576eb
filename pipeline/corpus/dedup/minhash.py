"""Near-duplicates by MinHash on tokens that keep mathematics apart.

Numbers, operators and LaTeX commands are tokens of their own, so forty worksheets that differ in
their numbers stay forty. Which pages are compared, and which copy survives, depends on URL hashes
and scores alone: the result is the same for any sharding.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.corpus.config import DedupConfig
from pipeline.corpus.dedup.bands import band_rows, save
from pipeline.corpus.read.pages import rows_of
from pipeline.corpus.spans import token_ids

MAX_TOKENS = 20_000  # of a page that are looked at
PIECE = 512  # shingles hashed at a time: 112 rows of them stay in a core's cache


def shingles(text: str, width: int) -> np.ndarray:
    """The distinct hashes of all runs of `width` tokens (uint32)."""
    ids = token_ids(text[: 10 * MAX_TOKENS])[:MAX_TOKENS].astype(np.uint64)
    count = max(1, len(ids) - width + 1)
    mixed = np.zeros(count, dtype=np.uint64)
    for offset in range(min(width, len(ids))):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + ids[offset : offset + count]
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    hashes = np.sort((mixed >> np.uint64(32)).astype(np.uint32))  # many times faster than np.unique
    return hashes[np.append(True, hashes[1:] != hashes[:-1])]


@lru_cache(maxsize=4)
def permutations(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd factors and addends of `count` hash functions; constants of the method, not a setting."""
    rng = np.random.Generator(np.random.PCG64(1))
    factors = rng.integers(0, 1 << 32, count, dtype=np.uint32) | np.uint32(1)
    return factors[:, None], rng.integers(0, 1 << 32, count, dtype=np.uint32)[:, None]


def signature(text: str, cfg: DedupConfig) -> np.ndarray:
    """MinHash signature (uint32, bands * rows): two texts agree in a share of it equal to their
    Jaccard similarity.
    """
    factors, addends = permutations(cfg.bands * cfg.rows)
    values = shingles(text, cfg.shingle)
    best = np.full(len(factors), np.iinfo(np.uint32).max, dtype=np.uint32)
    whole = np.empty((2, len(factors), min(PIECE, len(values))), dtype=np.uint32)
    for start in range(0, len(values), PIECE):
        piece = values[None, start : start + PIECE]
        hashed, shifted = whole[:, :, : piece.shape[1]]
        np.multiply(factors, piece, out=hashed)
        hashed += addends
        hashed ^= np.right_shift(hashed, np.uint32(15), out=shifted)
        np.minimum(best, hashed.min(axis=1), out=best)
    return best


def sign_shard(pages: Path, cfg: DedupConfig, out: Path, bands: Path) -> None:
    """Write the signatures of a shard's pages (.npy, one row per page), and their bands sorted by
    hash (`band_rows`).
    """
    rows, hashes = [], []
    for row in rows_of(pages, ["text", "url_hash"]):
        rows.append(signature(row["text"], cfg))
        hashes.append(row["url_hash"])
    signatures = np.array(rows, dtype=np.uint32).reshape(-1, cfg.bands * cfg.rows)
    save(signatures, out)
    save(band_rows(signatures, np.array(hashes, dtype=np.int64), cfg), bands)


def survivors(
    cluster: np.ndarray,
    eligible: np.ndarray,
    scores: np.ndarray,
    tokens: np.ndarray,
    hashes: np.ndarray,
) -> np.ndarray:
    """One eligible page of each cluster: the best score, then the longest, then the smallest URL
    hash.
    """
    places = np.flatnonzero(eligible)
    order = places[
        np.lexsort((hashes[places], -tokens[places], -scores[places], hashes[cluster[places]]))
    ]
    labels = cluster[order]
    kept = np.zeros(len(eligible), dtype=bool)
    kept[order[np.diff(labels, prepend=-1) != 0]] = True
    return kept
