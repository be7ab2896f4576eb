"""Grouping near-duplicates of a made crawl by parts: seconds and peak memory.   python -m benchmarks.bands

    python -m benchmarks.bands --pages 500000 --parts 1 2 8 --out build/bands

Signatures are drawn at random, a fifth of them copies of an earlier page with a few values changed;
the files are those that `mine` writes. Each number of parts runs in a process of its own, so that
its peak is its own; memory-mapped files count in it where they are resident. Prints a Markdown
table, and fails when two numbers of parts disagree.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np

from pipeline.corpus.config import DedupConfig
from pipeline.corpus.dedup import bands

CFG = DedupConfig()


def make(pages: int, shard: int, out: Path) -> None:
    """Signatures, bands and the mask of unique pages, in shards of `shard` pages; and the pages'
    URL hashes.
    """
    rng = np.random.default_rng(0)
    hashes = rng.permutation(pages).astype(np.int64) << 32
    for number, start in enumerate(range(0, pages, shard)):
        size = min(shard, pages - start)
        signatures = rng.integers(0, 1 << 32, (size, CFG.bands * CFG.rows), dtype=np.uint32)
        copies = np.flatnonzero(rng.random(size) < 0.2)
        copies = copies[copies > 0]
        own = signatures[copies, :10]
        signatures[copies] = signatures[rng.integers(0, copies)]
        signatures[copies, :10] = own
        bands.save(signatures, out / f"signatures-{number:04d}.npy")
        bands.save(
            bands.band_rows(signatures, hashes[start : start + size], CFG),
            out / f"bands-{number:04d}.npy",
        )
    bands.save(np.ones(pages, dtype=bool), out / "unique.npy")
    bands.save(hashes, out / "hashes.npy")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(folder: Path, part: int, parts: int, answer) -> None:
    before, start = peak(), time.process_time()
    files = [sorted(folder.glob(f"{kind}-*.npy")) for kind in ("bands", "signatures")]
    bands.pairs_of_part(
        *files, folder / "unique.npy", part, parts, CFG.threshold, folder / f"pairs-{part}.npy"
    )
    answer.put((time.process_time() - start, peak() - before))


def merge(folder: Path, parts: int, answer) -> None:
    before, start = peak(), time.process_time()
    pairs = (np.load(folder / f"pairs-{part}.npy") for part in range(parts))
    found = bands.clusters(pairs, np.load(folder / "hashes.npy"))
    bands.save(found, folder / f"clusters-of-{parts}.npy")
    answer.put((time.process_time() - start, peak() - before))


def alone(function, *args) -> tuple[float, float]:
    """Run in a new process: (CPU seconds, megabytes that its peak rose by)."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=function, args=(*args, answer))
    process.start()
    found = answer.get()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pages", type=int, default=500_000)
    parser.add_argument("--shard", type=int, default=50_000, help="pages per shard")
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--out", type=Path, default=Path("build/bands"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    make(args.pages, args.shard, args.out)
    print(f"{args.pages:,} pages, made in {time.process_time() - start:.0f} CPU s\n")
    print(
        "| parts | CPU s a part | peak MB a part | bytes a band of the part | joining: CPU s | MB | clusters |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    counts = []
    for parts in args.parts:
        costs = [alone(one, args.out, part, parts) for part in range(parts)]
        joined = alone(merge, args.out, parts)
        clusters = np.load(args.out / f"clusters-of-{parts}.npy")
        counts.append(clusters)
        most = max(memory for _, memory in costs)
        rows = args.pages * CFG.bands / parts
        print(
            f"| {parts} | {sum(s for s, _ in costs) / parts:.1f} | {most:.0f} | {most * 2**20 / rows:.0f} | {joined[0]:.1f} | "
            f"{joined[1]:.0f} | {len(np.unique(clusters)):,} |",
            flush=True,
        )
    if any((found != counts[0]).any() for found in counts):
        raise SystemExit("the clusters depend on the number of parts")


if __name__ == "__main__":
    main()
