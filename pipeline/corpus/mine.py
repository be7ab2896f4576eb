"""Mining a math corpus (section 2.1) as one function: crawl, seed and benchmarks in; the corpus and
its accounts out.

The steps, each in a module of its own:

1. read the crawl and take the text out of its pages      (read/, text/)
2. keep one page per URL and one per near-duplicate       (crawl.py, dedup/)
3. train the classifier on the seed, score every page     (classifier.py, recall.py)
4. keep the best pages within the token budget            (rank.py)
5. find mathematical domains, let them be annotated, add
   their uncollected pages to the seed; again from 3      (domains.py, annotations.py, loop.py)
6. drop what stands in a benchmark                        (decontaminate.py)
7. write the corpus, the rejects and the accounts         (write.py, audit.py, truth.py)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.annotations import from_yaml
from pipeline.corpus.config import CorpusConfig, RecallConfig, check
from pipeline.corpus.crawl import Crawl, open_crawl
from pipeline.corpus.domains import Annotator, by_share
from pipeline.corpus.inputs import Shard, find_shards
from pipeline.corpus.loop import Mined, mine_loop
from pipeline.corpus.read.pages import extract_shard
from pipeline.corpus.read.source import Location
from pipeline.corpus.shards import (
    Progress,
    Task,
    Workers,
    code_hash,
    run,
    stamps_of,
)
from pipeline.corpus.truth import Measure, Truth, histogram
from pipeline.corpus.write import Accounts, write_corpus
from pipeline.files import fingerprint
from pipeline.records import write_json


def mine(
    shards: Sequence[Location] | Sequence[Shard],
    seed_rows: Iterable[dict[str, Any]],
    benchmarks: dict[str, list[str]],
    cfg: CorpusConfig,
    out: Path,
    work: Path,
    workers: Workers = 1,
    annotate: Annotator | None = None,
    progress: Progress = lambda step, done, total: None,
    truth: Truth | None = None,
    explain: bool = False,
) -> dict[str, Any]:
    """Mine a math corpus (section 2.1) and write pages.parquet, rejects.parquet,
    contamination.jsonl, classifier.bin, audit.jsonl and funnel.json to `out`. `work` holds finished
    shards between runs. Returns the summary.

    `seed_rows`: {"url", "text"}. `benchmarks`: texts (questions and answers) by name. Every record
    of the input ends up exactly once, in pages or in rejects. `truth` about a built web decides
    nothing; with it each step is measured. `explain`: a duplicate's row says which page stands in
    for it, a contaminated one's what was found, and the audit names all benchmarks of a gram.
    Raises UserError for settings out of range and for input that is missing or too small to train
    on.
    """
    check(cfg)
    out.mkdir(parents=True, exist_ok=True)
    # 1: a Parquet file of pages and one of rejects per shard of the crawl
    parts = extract_tasks(shards, cfg, work, progress)
    for done, total in run(parts, workers):
        progress("extract", done, total)
    pages, rejects = zip(*(task.results for task in parts), strict=True)
    crawl = open_crawl(list(pages))

    # 2 to 5
    measure = Measure(truth, crawl) if truth else None
    mined = mine_loop(
        crawl, [task.proof for task in parts], seed_rows, cfg, annotate or annotator_of(cfg.recall), work, out, workers,
        progress, *([measure.collection] if measure else []),
    )  # fmt: skip
    shutil.copyfile(mined.classifier, out / "classifier.bin")

    # 6 and 7
    return finish(crawl, mined, list(rejects), benchmarks, cfg, out, measure, explain)


def finish(
    crawl: Crawl, mined: Mined, rejects: list[Path], benchmarks: dict[str, list[str]], cfg: CorpusConfig, out: Path,
    measure: Measure | None, explain: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """After the loop: decontaminate, write the corpus, its accounts and the summary."""
    accounts = write_corpus(crawl, mined, rejects, benchmarks, cfg, out, explain)
    written = accounts.result()
    funnel = {**written, "steps": steps(crawl, mined, written), "iterations": mined.rows}
    if measure:
        funnel["truth"] = measured(measure, mined, accounts)
    write_json(out / "funnel.json", funnel)
    names = (
        "records",
        "pages",
        "tokens",
        "languages",
        "rejects",
        "contamination",
        "iterations",
        "truth",
    )
    scores = histogram(mined.scores, ~mined.duplicate_url & ~mined.near_duplicate, measure)
    return {key: funnel[key] for key in names if key in funnel} | {"score_histogram": scores}


def measured(measure: Measure, mined: Mined, accounts: Accounts) -> dict[str, Any]:
    """Precision and recall of each step against the truth about a built web; those of the loop are
    in its rows.
    """
    unique, collected = ~mined.duplicate_url, mined.iteration > 0
    distinct = unique & ~mined.near_duplicate
    return {
        "text": measure.reading(),
        "distinct URLs": measure.copies(np.ones_like(unique), unique, measure.truth.page),
        "distinct pages": measure.copies(unique, distinct, measure.truth.content),
        "worksheets": measure.worksheets(distinct),
        "decontaminated": measure.leaks(collected, accounts.mask(len(unique), accounts.flagged)),
        "decontaminated by the information rule": measure.leaks(
            collected, accounts.mask(len(unique), accounts.informed)
        ),
    }


def annotator_of(cfg: RecallConfig) -> Annotator:
    """The annotator that the configuration names."""
    return from_yaml(Path(cfg.annotations)) if cfg.annotations else by_share(cfg.accept_share)


def steps(crawl: Crawl, mined: Mined, written: dict[str, Any]) -> list[dict[str, Any]]:
    """The funnel: pages and tokens that are left after each step."""
    text, unique = np.ones(len(crawl), dtype=bool), ~mined.duplicate_url
    masks = {
        "text": text,
        "distinct URLs": unique,
        "distinct pages": unique & ~mined.near_duplicate,
        "collected": mined.iteration > 0,
    }
    rows = [{"step": "records", "pages": written["records"], "tokens": None}]
    rows += [
        {"step": name, "pages": int(mask.sum()), "tokens": int(crawl.tokens[mask].sum())}
        for name, mask in masks.items()
    ]
    return [
        *rows,
        {"step": "decontaminated", "pages": written["pages"], "tokens": written["tokens"]},
    ]


def extract_tasks(
    inputs: Sequence[Location] | Sequence[Shard],
    cfg: CorpusConfig,
    work: Path,
    progress: Progress = lambda step, done, total: None,
) -> list[Task]:
    """One task per shard: from WARC to Parquet."""
    given = [shard for shard in inputs if isinstance(shard, Shard)]
    shards = given or find_shards(inputs)
    stamps = stamps_of(
        shards, work / "stamps", lambda done, total: progress("see what changed", done, total)
    )
    code, tasks = code_hash(), []
    limits = (cfg.max_page_bytes, cfg.min_page_tokens, cfg.max_page_seconds)
    for shard, stamp in zip(shards, stamps, strict=True):
        results = tuple(work / kind / f"{shard.key}.parquet" for kind in ("pages", "rejects"))
        proof = fingerprint(stamp, shard.name, limits, code)
        receipt = work / "receipts" / f"{shard.key}.json"
        tasks.append(Task(extract_shard, (shard, *results, *limits), results, receipt, proof))
    return tasks
