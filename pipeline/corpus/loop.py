"""The recall loop of section 2.1: train, score, keep, discover domains, grow the seed, again; until little is new."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus import dedup, recall
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import Crawl, first_of_each_url
from pipeline.corpus.domains import Annotator, propose, under_prefixes, write_yaml
from pipeline.corpus.shards import Task, fingerprint, run

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Mined:
    """What the loop decides about each page of the crawl."""

    duplicate_url: np.ndarray
    near_duplicate: np.ndarray  # of a better page, by the last iteration's scores
    scores: np.ndarray  # of the last iteration
    iteration: np.ndarray  # in which a page of the last collection was first collected; 0 = not in it
    cluster: np.ndarray
    classifier: Path
    rows: list[dict[str, Any]]  # one an iteration


def mine_loop(
    crawl: Crawl, proofs: list[str], seed_rows: Iterable[dict[str, Any]], cfg: CorpusConfig, annotate: Annotator,
    work: Path, out: Path, workers: int, progress: Progress,
) -> Mined:  # fmt: skip
    """Up to `recall.iterations` iterations; stops when `stop_share` of one was collected in the one before."""
    unique = first_of_each_url(crawl)
    cluster = near_duplicates(crawl, proofs, unique, cfg, work, workers, progress)
    zeros = np.zeros(len(crawl))
    distinct = dedup.survivors(cluster, unique, zeros, crawl.tokens, crawl.url_hash)
    seed = recall.sample_seed(seed_rows, crawl, cfg.classifier.positives, f"seed {cfg.seed}")
    first, before, rows = np.zeros(len(crawl), dtype=np.int64), None, []
    for number in range(1, cfg.recall.iterations + 1):
        folder = work / f"iteration-{number}"
        model = folder / "classifier.bin"
        trained = recall.train_classifier(crawl, distinct, seed, cfg, folder, model)
        for done, total in run(recall.score_tasks(crawl, proofs, model, cfg, folder / "scores"), workers):
            progress(f"score {number}", done, total)
        scores = recall.read_scores(crawl, folder / "scores")
        eligible = dedup.survivors(cluster, unique, scores, crawl.tokens, crawl.url_hash)
        kept, cut = recall.keep_best(crawl, scores, eligible, cfg)
        first[kept & (first == 0)] = number
        row = {"iteration": number, "seed_pages": len(seed), **trained, **cut, **overlap(crawl, cluster, kept, before)}
        rows.append(row)
        if row.get("pages_collected_before", 0.0) >= cfg.recall.stop_share:
            break
        if number < cfg.recall.iterations:
            shares, proposals = propose(crawl, eligible, kept, cfg.recall)
            accepted = write_yaml(out / f"prefixes-{number}.yaml", proposals, annotate)
            marked = under_prefixes(crawl, eligible, accepted)
            added = marked & ~kept & ~seed.pages
            seed = replace(seed, pages=seed.pages | added, marked=seed.marked | marked)
            row |= {
                "mathematical_domains": len(shares["mathematical"]), "hosts": len(shares["hosts"]),
                "prefixes_proposed": len(proposals), "prefixes_accepted": len(accepted), "seed_pages_added": int(added.sum()),
            }  # fmt: skip
        before = kept
    return Mined(~unique, unique & ~eligible, scores, np.where(kept, first, 0), cluster, model, rows)


def near_duplicates(
    crawl: Crawl, proofs: list[str], unique: np.ndarray, cfg: CorpusConfig, work: Path, workers: int, progress: Progress
) -> np.ndarray:
    """Each page's cluster."""
    if not cfg.dedup.enabled:
        return np.arange(len(crawl))
    tasks = []
    for path, proof in zip(crawl.shards, proofs, strict=True):
        out = work / "signatures" / f"{path.stem}.npy"
        receipt = fingerprint(proof, cfg.dedup.shingle, cfg.dedup.bands, cfg.dedup.rows)
        tasks.append(Task(dedup.sign_shard, (path, cfg.dedup, out), (out,), out.with_suffix(".receipt"), receipt))
    for done, total in run(tasks, workers):
        progress("near-duplicates", done, total)
    width = cfg.dedup.bands * cfg.dedup.rows
    parts = [np.zeros((0, width), dtype=np.uint32), *(np.load(task.results[0]) for task in tasks)]
    return dedup.clusters(np.concatenate(parts), crawl.url_hash, unique, cfg.dedup)


def overlap(crawl: Crawl, cluster: np.ndarray, kept: np.ndarray, before: np.ndarray | None) -> dict[str, float]:
    """How much of this iteration's collection was collected in the one before (claim C3), by pages and by tokens.

    A page counts as collected before when it or a near-duplicate of it was: which copy survives may change with scores.
    """
    if before is None or not kept.any():
        return {}
    again = kept & np.isin(cluster, cluster[before])
    return {
        "pages_collected_before": round(int(again.sum()) / int(kept.sum()), 6),
        "tokens_collected_before": round(int(crawl.tokens[again].sum()) / int(crawl.tokens[kept].sum()), 6),
    }
