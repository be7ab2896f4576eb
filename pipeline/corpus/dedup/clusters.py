"""The clusters of near-duplicates of a crawl: signed shard by shard, compared part by part, joined
here.

Signatures and bands take some 800 bytes per page, more than the text of a short page. They are
deleted when the clusters, 8 bytes per page, are written.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import Crawl
from pipeline.corpus.dedup import bands, minhash
from pipeline.corpus.shards import Progress, Task, Workers, do, run
from pipeline.files import fingerprint

FOLDERS = ("signatures", "bands", "pairs")


def near_duplicates(
    crawl: Crawl,
    proofs: list[str],
    unique: np.ndarray,
    cfg: CorpusConfig,
    work: Path,
    workers: Workers,
    progress: Progress,
) -> np.ndarray:
    """The number of each page's cluster. Signing is a task per shard, comparing a task per part of
    the band hashes.
    """
    if not cfg.dedup.enabled:
        return np.arange(len(crawl))
    signing = sign_tasks(crawl, proofs, cfg, work)
    out = work / "clusters.npy"
    count = bands.parts_of(len(unique), cfg.dedup) if unique.any() else 0
    pairs = [work / "pairs" / f"{part}-of-{count}.npy" for part in range(count)]
    facts = (
        [task.proof for task in signing],
        cfg.dedup.threshold,
        hashlib.blake2b(unique.tobytes()).hexdigest(),
    )
    joining = Task(
        join_pairs,
        (pairs, crawl.url_hash, out),
        (out,),
        out.with_suffix(".receipt"),
        fingerprint(*facts),
    )
    if not joining.is_done():
        for done, total in run(signing, workers):
            progress("near-duplicates", done, total)
        for done, total in run(pair_tasks(signing, unique, cfg, work), workers):
            progress("clusters", done, total)
        do(joining)
    for folder in FOLDERS:
        shutil.rmtree(work / folder, ignore_errors=True)
    return np.load(out)


def sign_tasks(crawl: Crawl, proofs: list[str], cfg: CorpusConfig, work: Path) -> list[Task]:
    """One task per shard: signatures and bands of its pages."""
    tasks = []
    for path, proof in zip(crawl.shards, proofs, strict=True):
        out, sorted_bands = (work / folder / f"{path.stem}.npy" for folder in FOLDERS[:2])
        receipt = fingerprint(proof, cfg.dedup.shingle, cfg.dedup.bands, cfg.dedup.rows)
        args = (path, cfg.dedup, out, sorted_bands)
        results = (out, sorted_bands)
        tasks.append(Task(minhash.sign_shard, args, results, out.with_suffix(".receipt"), receipt))
    return tasks


def pair_tasks(signed: list[Task], unique: np.ndarray, cfg: CorpusConfig, work: Path) -> list[Task]:
    """One task per part: the pairs of alike pages that share a band. None for a crawl without
    pages.
    """
    count, folder = bands.parts_of(len(unique), cfg.dedup), work / "pairs"
    folder.mkdir(parents=True, exist_ok=True)
    if not unique.any():
        return []
    known = folder / "unique.npy"
    if not known.is_file() or not np.array_equal(np.load(known), unique):
        bands.save(unique, known)
    files = tuple(task.results[1] for task in signed), tuple(task.results[0] for task in signed)
    tasks = []
    for part in range(count):
        out = folder / f"{part}-of-{count}.npy"
        proof = fingerprint([task.proof for task in signed], part, count, cfg.dedup.threshold)
        args = (*files, known, part, count, cfg.dedup.threshold, out)
        tasks.append(Task(bands.pairs_of_part, args, (out,), out.with_suffix(".receipt"), proof))
    return tasks


def join_pairs(parts: list[Path], hashes: np.ndarray, out: Path) -> None:
    """Write each page's cluster from the pairs of all parts."""
    bands.save(bands.clusters((np.load(part) for part in parts), hashes), out)
