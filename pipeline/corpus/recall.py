"""One recall iteration of section 2.1: train the classifier on the seed, score the crawl, keep the
best pages.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus import classifier
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import Crawl
from pipeline.corpus.rank import Columns, find_cut
from pipeline.corpus.read.pages import rows_of
from pipeline.corpus.shards import Task, code_hash, file_hash
from pipeline.corpus.urls import stable_hash, url_hash
from pipeline.files import atomic, fingerprint, write_text


@dataclass(frozen=True)
class Seed:
    """The seed corpus: texts that came with it, by hash of their URL, and pages of the crawl."""

    texts: dict[int, str]
    pages: np.ndarray  # bool, one per page of the crawl
    marked: (
        np.ndarray
    )  # pages under accepted prefixes: never negatives, whether they joined the seed or not

    def __len__(self) -> int:
        return len(self.texts) + int(self.pages.sum())


def sample_seed(rows: Iterable[dict[str, Any]], crawl: Crawl, limit: int, salt: str) -> Seed:
    """At most `limit` seed rows (url, text), drawn by hash, so the order of the rows is of no
    account.

    A row whose page is in the crawl is read from there: positives and negatives then come from one
    extractor.
    """
    heap: list[tuple[int, int, str]] = []
    for row in rows:
        key = url_hash(row["url"]) if row.get("url") else stable_hash(row["text"])
        heapq.heappush(heap, (-stable_hash(str(key), salt), key, row["text"]))
        if len(heap) > limit:
            heapq.heappop(heap)
    texts = {key: text for _, key, text in sorted(heap, reverse=True)}
    pages = np.isin(crawl.url_hash, np.fromiter(texts, dtype=np.int64, count=len(texts)))
    present = set(crawl.url_hash[pages].tolist())
    return Seed(
        {key: text for key, text in texts.items() if key not in present},
        pages,
        np.zeros(len(crawl), dtype=bool),
    )


def draw(crawl: Crawl, eligible: np.ndarray, count: int, salt: str) -> np.ndarray:
    """A mask of `count` of the eligible pages, drawn by the hash of their URLs."""
    chosen = np.zeros(len(crawl), dtype=bool)
    numbers = np.flatnonzero(eligible)
    mixed = np.array(
        [stable_hash(str(key), salt) for key in crawl.url_hash[numbers].tolist()], dtype=np.int64
    )
    chosen[numbers[np.argsort(mixed, kind="stable")[:count]]] = True
    return chosen


def train_classifier(
    crawl: Crawl, unique: np.ndarray, seed: Seed, cfg: CorpusConfig, work: Path, out: Path
) -> dict:
    """Positives from the seed; as many negatives (or `least`, if more) from the rest of the crawl;
    returns counts.
    """
    salt = f"classifier {cfg.seed}"
    from_crawl = draw(crawl, seed.pages & unique, cfg.classifier.positives, salt)
    wanted = min(
        cfg.classifier.negatives, max(cfg.classifier.least, len(seed.texts) + int(from_crawl.sum()))
    )
    negatives = draw(crawl, unique & ~seed.pages & ~seed.marked, wanted, salt)

    def texts(mask: np.ndarray) -> Iterator[str]:
        return (row["text"] for _, row in crawl.rows(mask, ["text"]))

    def positives() -> Iterator[str]:
        yield from seed.texts.values()
        yield from texts(from_crawl)

    return classifier.train(positives(), texts(negatives), cfg.classifier, cfg.seed, work, out)


@dataclass(frozen=True)
class Trained:
    """What a training leaves: its counts, and the hash of the classifier's file."""

    counts: dict[str, int]
    model_hash: str


def trained(
    crawl: Crawl, proofs: list[str], unique: np.ndarray, seed: Seed, cfg: CorpusConfig, model: Path
) -> Trained:
    """`train_classifier`, unless the receipt next to `model` says that pages, seed, settings and
    code are those of an earlier training, and its classifier, or all that it was needed for, is
    there.
    """
    receipt, proof = model.with_suffix(".receipt"), training_proof(proofs, unique, seed, cfg)
    if receipt.is_file():
        kept = json.loads(receipt.read_text(encoding="utf-8"))
        found = Trained(kept["counts"], kept["model_hash"])
        if kept["proof"] == proof and is_of_use(found, crawl, proofs, cfg, model):
            return found
    counts = train_classifier(crawl, unique, seed, cfg, model.parent, model)
    found = Trained(counts, file_hash(model))
    write_text(receipt, json.dumps({"proof": proof, **asdict(found)}))
    return found


def is_of_use(
    found: Trained, crawl: Crawl, proofs: list[str], cfg: CorpusConfig, model: Path
) -> bool:
    """Whether an earlier training need not be repeated."""
    if model.is_file():
        return file_hash(model) == found.model_hash
    return all(task.is_done() for task in score_tasks(crawl, proofs, model, found.model_hash, cfg))


def training_proof(proofs: list[str], unique: np.ndarray, seed: Seed, cfg: CorpusConfig) -> str:
    """Stands for all that decides what a classifier is trained on, and how."""
    digest = hashlib.blake2b(digest_size=16)
    for key, text in seed.texts.items():
        digest.update(f"{key} {len(text)} {text}".encode("utf-8", "surrogatepass"))
    for mask in (unique, seed.pages, seed.marked):
        digest.update(np.packbits(mask).tobytes())
    code = code_hash(Path(__file__))
    return fingerprint(proofs, digest.hexdigest(), asdict(cfg.classifier), cfg.seed, code)


@lru_cache(maxsize=1)
def _loaded(model: Path, model_hash: str, max_tokens: int) -> classifier.Classifier:
    return classifier.Classifier(model, max_tokens)


def score_shard(pages: Path, model: Path, model_hash: str, max_tokens: int, out: Path) -> None:
    """Write the score of every page of a shard (float64, .npy)."""
    trained = _loaded(model, model_hash, max_tokens)
    scores = np.array(
        [trained.score(row["text"]) for row in rows_of(pages, ["text"])], dtype=np.float64
    )
    with atomic(out, durable=True) as temporary, temporary.open("wb") as file:
        np.save(file, scores)


def scores_of(model: Path) -> Path:
    """The folder of the scores that a classifier gives."""
    return model.parent / "scores"


def score_tasks(
    crawl: Crawl, proofs: list[str], model: Path, model_hash: str, cfg: CorpusConfig
) -> list[Task]:
    """One scoring task per shard; `proofs` say what each shard's pages were made from."""
    tasks, folder = [], scores_of(model)
    for path, proof in zip(crawl.shards, proofs, strict=True):
        out = folder / f"{path.stem}.npy"
        args = (path, model, model_hash, cfg.classifier.max_tokens, out)
        tasks.append(
            Task(
                score_shard,
                args,
                (out,),
                out.with_suffix(".receipt"),
                fingerprint(proof, model_hash),
            )
        )
    return tasks


def read_scores(crawl: Crawl, folder: Path) -> np.ndarray:
    """The scores of all pages."""
    return np.concatenate(
        [np.zeros(0), *(np.load(folder / f"{path.stem}.npy") for path in crawl.shards)]
    )


def keep_best(
    crawl: Crawl, scores: np.ndarray, eligible: np.ndarray, cfg: CorpusConfig
) -> tuple[np.ndarray, dict]:
    """The best eligible pages that fit into the token budget, as a mask, and the cut."""
    total = int(crawl.tokens[eligible].sum())
    budget = cfg.token_budget or int(cfg.keep_fraction * total)

    def shards() -> Iterator[Columns]:
        for part in crawl.shard_slices():
            mask = eligible[part]
            yield scores[part][mask], crawl.url_hash[part][mask], crawl.tokens[part][mask]

    cut = find_cut(shards, budget)
    kept = eligible & cut.keeps(scores, crawl.url_hash)
    facts = {
        "budget_tokens": budget,
        "cut_score": cut.score,
        "pages": int(kept.sum()),
        "tokens": int(crawl.tokens[kept].sum()),
    }
    return kept, facts
