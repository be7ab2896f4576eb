"""The recall loop of section 2.1: train, score, keep, discover domains, grow the seed, again; until
little is new.

An iteration is a function of the crawl and of what the iteration before left (`State`), which can
be saved: iterations can run one after another in one process, or as one job each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus import recall
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import Crawl, first_of_each_url
from pipeline.corpus.dedup import minhash as dedup
from pipeline.corpus.dedup.clusters import near_duplicates
from pipeline.corpus.domains import Annotator, Marks, propose, under_prefixes, unmatched, write_yaml
from pipeline.corpus.shards import Progress, Workers, run
from pipeline.files import atomic


@dataclass(frozen=True)
class Ground:
    """What every iteration starts from."""

    crawl: Crawl
    proofs: list[str]  # what each shard's pages were made from
    unique: np.ndarray  # one page a URL
    cluster: np.ndarray  # of near-duplicates
    texts: dict[int, str]  # the seed's texts that are not in the crawl


@dataclass(frozen=True)
class State:
    """What an iteration leaves to the next one, and its result. All arrays have one entry per page
    of the crawl.
    """

    number: int
    seed_pages: np.ndarray  # bool: pages in the seed of the next iteration
    marked: np.ndarray  # bool: pages under prefixes accepted so far
    kept: np.ndarray  # bool: the collection
    first: np.ndarray  # int: iteration that first collected a page; 0 = none
    scores: np.ndarray
    eligible: np.ndarray  # bool: the survivor of each cluster, by these scores
    row: dict[str, Any]  # counts, as in funnel.json

    def is_last(self, cfg: CorpusConfig) -> bool:
        """Little was new, or the number of iterations is reached."""
        converged = self.row.get("pages_collected_before", 0.0) >= cfg.recall.stop_share
        return converged or self.number >= cfg.recall.iterations

    def save(self, path: Path) -> None:
        """Write the arrays (.npz); `row` is kept in its caller's tables."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        with atomic(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, number=self.number, **arrays)

    @classmethod
    def load(cls, path: Path) -> State:
        with np.load(path, allow_pickle=False) as found:
            return cls(
                number=int(found["number"]), row={}, **{name: found[name] for name in ARRAYS}
            )


ARRAYS = ("seed_pages", "marked", "kept", "first", "scores", "eligible")


@dataclass(frozen=True)
class Mined:
    """What the loop decides about each page of the crawl."""

    duplicate_url: np.ndarray
    near_duplicate: np.ndarray  # of a better page, by the last iteration's scores
    scores: np.ndarray  # of the last iteration
    iteration: (
        np.ndarray
    )  # in which a page of the last collection was first collected; 0 = not in it
    cluster: np.ndarray
    classifier: Path
    rows: list[dict[str, Any]]  # one per iteration


def mine_loop(
    crawl: Crawl, proofs: list[str], seed_rows: Iterable[dict[str, Any]], cfg: CorpusConfig, annotate: Annotator,
    work: Path, out: Path, workers: Workers, progress: Progress, measure: Callable[[np.ndarray], dict] = lambda kept: {},
) -> Mined:  # fmt: skip
    """Up to `recall.iterations` iterations; stops when `stop_share` of one was collected in the one
    before.

    `measure` of an iteration's collection (a mask) is added to its row.
    """
    ground, state = prepare(crawl, proofs, seed_rows, cfg, work, workers, progress)
    rows: list[dict[str, Any]] = []
    while not rows or not state.is_last(cfg):
        state = iterate(ground, state, cfg, annotate, work, out, workers, progress)
        rows.append(state.row | measure(state.kept))
    return mined_of(ground, state, model_of(work, state.number), rows)


def mined_of(ground: Ground, state: State, classifier: Path, rows: list[dict[str, Any]]) -> Mined:
    """What the last iteration's state says of each page."""
    near_duplicate, iteration = (
        ground.unique & ~state.eligible,
        np.where(state.kept, state.first, 0),
    )
    return Mined(
        ~ground.unique, near_duplicate, state.scores, iteration, ground.cluster, classifier, rows
    )


def prepare(
    crawl: Crawl, proofs: list[str], seed_rows: Iterable[dict[str, Any]], cfg: CorpusConfig, work: Path, workers: Workers,
    progress: Progress,
) -> tuple[Ground, State]:  # fmt: skip
    """What all iterations share, and the state before the first one."""
    unique = first_of_each_url(crawl)
    cluster = near_duplicates(crawl, proofs, unique, cfg, work, workers, progress)
    seed = recall.sample_seed(seed_rows, crawl, cfg.classifier.positives, f"seed {cfg.seed}")
    none, zeros = np.zeros(len(crawl), dtype=bool), np.zeros(len(crawl))
    ground = Ground(crawl, proofs, unique, cluster, seed.texts)
    return ground, State(
        0, seed.pages, seed.marked, none, zeros.astype(np.int64), zeros, unique, {}
    )


def model_of(work: Path, number: int) -> Path:
    """Where iteration `number` leaves its classifier."""
    return work / f"iteration-{number}" / "classifier.bin"


def iterate(
    ground: Ground, before: State, cfg: CorpusConfig, annotate: Annotator, work: Path, out: Path, workers: Workers,
    progress: Progress,
) -> State:  # fmt: skip
    """One iteration. Unless it is the last one, prefixes of the domains that it finds are written
    to `out`, and pages under those that `annotate` accepts join the seed.
    """
    crawl, number = ground.crawl, before.number + 1
    seed = recall.Seed(ground.texts, before.seed_pages, before.marked)
    distinct = dedup.survivors(
        ground.cluster, ground.unique, np.zeros(len(crawl)), crawl.tokens, crawl.url_hash
    )
    model = model_of(work, number)
    progress(f"train {number}", 0, 1)
    trained = recall.trained(crawl, ground.proofs, distinct, seed, cfg, model)
    progress(f"train {number}", 1, 1)
    if number > 1:
        model_of(work, number - 1).unlink(missing_ok=True)  # only the last classifier is kept
    tasks = recall.score_tasks(crawl, ground.proofs, model, trained.model_hash, cfg)
    for done, total in run(tasks, workers):
        progress(f"score {number}", done, total)
    scores = recall.read_scores(crawl, recall.scores_of(model))
    eligible = dedup.survivors(ground.cluster, ground.unique, scores, crawl.tokens, crawl.url_hash)
    kept, cut = recall.keep_best(crawl, scores, eligible, cfg)
    known = overlap(crawl, ground.cluster, kept, before.kept)
    row = {"iteration": number, "seed_pages": len(seed), **trained.counts, **cut, **known}
    first = np.where(kept & (before.first == 0), number, before.first)
    state = State(number, before.seed_pages, before.marked, kept, first, scores, eligible, row)
    if not state.is_last(cfg):
        return discover(ground, state, cfg, annotate, out)
    if not model.is_file():  # an earlier run went further, and kept only its last classifier
        recall.train_classifier(crawl, distinct, seed, cfg, model.parent, model)
    return state


def discover(
    ground: Ground, state: State, cfg: CorpusConfig, annotate: Annotator, out: Path
) -> State:
    """Uncollected pages of mathematical domains, under accepted prefixes, join the seed."""
    shares, proposals = propose(ground.crawl, state.eligible, state.kept, cfg.recall)
    accepted = write_yaml(out / f"prefixes-{state.number}.yaml", proposals, annotate)
    under = under_prefixes(ground.crawl, state.eligible, accepted)
    added = under & ~state.kept & ~state.seed_pages
    row = state.row | {
        "mathematical_domains": len(shares["mathematical"]), "hosts": len(shares["hosts"]),
        "prefixes_proposed": len(proposals), "prefixes_accepted": len(accepted), "seed_pages_added": int(added.sum()),
    }  # fmt: skip
    if isinstance(
        annotate, Marks
    ):  # of a person, who should hear of a prefix that says nothing about this crawl
        row |= {"prefixes_unmatched": unmatched(ground.crawl, accepted)}
    return replace(state, seed_pages=state.seed_pages | added, marked=state.marked | under, row=row)


def overlap(
    crawl: Crawl, cluster: np.ndarray, kept: np.ndarray, before: np.ndarray
) -> dict[str, float]:
    """How much of this iteration's collection was collected in the one before (claim C3), by pages
    and by tokens.

    A page counts as collected before when it or a near-duplicate of it was: which copy survives may
    change with scores.
    """
    if not before.any() or not kept.any():
        return {}
    again = kept & np.isin(cluster, cluster[before])
    return {
        "pages_collected_before": round(int(again.sum()) / int(kept.sum()), 6),
        "tokens_collected_before": round(
            int(crawl.tokens[again].sum()) / int(crawl.tokens[kept].sum()), 6
        ),
    }
