"""Near-duplicates by parts of the band hashes: the clusters of a plain reference, for any number of
parts and shards.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.corpus.config import DedupConfig
from pipeline.corpus.dedup import bands

CFG = DedupConfig()


def crowd(seed: int, pages: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signatures of families that drift apart copy by copy, URL hashes, and which pages are one of
    their URL.
    """
    rng = np.random.default_rng(seed)
    signatures = rng.integers(0, 1 << 32, (pages, CFG.bands * CFG.rows), dtype=np.uint32)
    for page in range(1, pages):
        if rng.random() < 0.7:  # a copy of an earlier page, with up to 60 of 112 values of its own
            changed = rng.choice(CFG.bands * CFG.rows, rng.integers(0, 60), replace=False)
            own = signatures[page, changed]
            signatures[page] = signatures[rng.integers(max(0, page - 40), page)]
            signatures[page, changed] = own
    hashes = rng.permutation(pages).astype(np.int64) * (1 << 50) - (1 << 58)
    return signatures, hashes, rng.random(pages) < 0.9


def reference(signatures: np.ndarray, hashes: np.ndarray, unique: np.ndarray) -> list[int]:
    """The rule in plain words, all in memory."""
    label = list(range(len(hashes)))
    for band in range(CFG.bands):
        groups: dict[bytes, list[int]] = {}
        for page in sorted(np.flatnonzero(unique).tolist(), key=lambda page: hashes[page]):
            groups.setdefault(
                signatures[page, band * CFG.rows : (band + 1) * CFG.rows].tobytes(), []
            ).append(page)
        for group in groups.values():
            for left, right in [*((group[0], page) for page in group[1:]), *pairwise(group)]:
                if (signatures[left] == signatures[right]).mean() >= CFG.threshold:
                    old, new = sorted((label[left], label[right]), key=lambda page: -hashes[page])
                    label = [new if one == old else one for one in label]
    return label


def by_parts(
    folder: Path,
    signatures: np.ndarray,
    hashes: np.ndarray,
    unique: np.ndarray,
    cuts: list[int],
    parts: int,
):
    """Through files: shards that end at `cuts`, and `parts` parts."""
    folder.mkdir()
    stored = []
    for number, (start, end) in enumerate(pairwise([0, *cuts, len(hashes)])):
        stored.append((folder / f"b{number}.npy", folder / f"s{number}.npy"))
        bands.save(bands.band_rows(signatures[start:end], hashes[start:end], CFG), stored[-1][0])
        bands.save(signatures[start:end], stored[-1][1])
    bands.save(unique, folder / "unique.npy")
    outs = [folder / f"{part}.npy" for part in range(parts)]
    for part in reversed(range(parts)):  # any order
        names = [pair[0] for pair in stored], [pair[1] for pair in stored]
        bands.pairs_of_part(*names, folder / "unique.npy", part, parts, CFG.threshold, outs[part])
    pairs = [np.load(out) for out in outs]
    return bands.clusters(pairs, hashes).tolist(), [found.shape[1] for found in pairs]


@pytest.mark.parametrize("seed", [0, 1])
def test_parts_and_shards_do_not_matter(tmp_path, seed):
    crawl = crowd(seed)
    expected = reference(*crawl)
    assert len(set(expected)) < 0.8 * len(expected)  # there is something to find
    for number, (cuts, parts) in enumerate(
        [([], 1), ([], 7), ([250, 250, 600], 1), ([10, 300], 64)]
    ):
        found, counts = by_parts(tmp_path / str(number), *crawl, cuts, parts)
        assert found == expected
        assert parts == 1 or sum(count > 0 for count in counts) > parts // 2  # the work is spread


def test_a_crawl_without_pages_or_pairs(tmp_path):
    signatures, hashes, unique = crowd(0, 3)
    assert by_parts(tmp_path / "none", signatures, hashes, np.zeros(3, dtype=bool), [1, 1], 3)[
        0
    ] == [0, 1, 2]
    assert bands.clusters([], np.zeros(0, dtype=np.int64)).tolist() == []
