"""The corpus stage as a function: shards of the web, a seed corpus and benchmarks in; the corpus and its accounts
out."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.config import CorpusConfig, RecallConfig
from pipeline.corpus.crawl import Crawl, open_crawl
from pipeline.corpus.decontaminate import Cleaned, Index, clean
from pipeline.corpus.domains import Annotator, by_share, from_yaml
from pipeline.corpus.loop import Mined, Progress, mine_loop
from pipeline.corpus.pages import KEPT, REJECT, Table, extract_shard, rows_of
from pipeline.corpus.shards import Task, code_hash, file_hash, find_shards, fingerprint, run
from pipeline.corpus.tokens import tokens
from pipeline.records import write_json


def mine(
    shards: list[Path],
    seed_rows: Iterable[dict[str, Any]],
    benchmarks: dict[str, list[str]],
    cfg: CorpusConfig,
    out: Path,
    work: Path,
    workers: int = 1,
    annotate: Annotator | None = None,
    progress: Progress = lambda step, done, total: None,
) -> dict[str, Any]:
    """Mine a math corpus (section 2.1) and write pages.parquet, rejects.parquet, contamination.jsonl, classifier.bin
    and
    funnel.json to `out`. `work` holds finished shards between runs. Returns the summary.

    `seed_rows`: {"url", "text"}. `benchmarks`: texts (questions and answers) by name. Every record of the input ends up
    exactly once, in pages or in rejects. Raises UserError for input that is missing or too small to train on.
    """
    parts = extract_tasks(shards, cfg, work)
    for done, total in run(parts, workers):
        progress("extract", done, total)
    crawl = open_crawl([task.results[0] for task in parts])
    annotate = annotate or annotator_of(cfg.recall)
    out.mkdir(parents=True, exist_ok=True)
    mined = mine_loop(crawl, [task.proof for task in parts], seed_rows, cfg, annotate, work, out, workers, progress)
    shutil.copyfile(mined.classifier, out / "classifier.bin")
    written = write_corpus(crawl, mined, [task.results[1] for task in parts], benchmarks, cfg, out)
    funnel = {**written, "steps": steps(crawl, mined, written), "iterations": mined.rows}
    write_json(out / "funnel.json", funnel)
    return {
        key: funnel[key]
        for key in ("records", "pages", "tokens", "languages", "rejects", "contamination", "iterations")
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
    return [*rows, {"step": "decontaminated", "pages": written["pages"], "tokens": written["tokens"]}]


def extract_tasks(shards: list[Path], cfg: CorpusConfig, work: Path) -> list[Task]:
    """One task a shard: WARC to Parquet."""
    code, tasks = code_hash(), []
    for shard in find_shards(shards):
        pages, rejects = work / "pages" / f"{shard.key}.parquet", work / "rejects" / f"{shard.key}.parquet"
        args = (shard.path, shard.name, pages, rejects, cfg.max_page_bytes, cfg.min_page_tokens)
        proof = fingerprint(file_hash(shard.path), shard.name, cfg.max_page_bytes, cfg.min_page_tokens, code)
        tasks.append(Task(extract_shard, args, (pages, rejects), work / "receipts" / f"{shard.key}.json", proof))
    return tasks


class Accounts:
    """Counts of what became of pages and tokens."""

    def __init__(self) -> None:
        self.rejects: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.kept, self.contamination = Counter(), Counter()
        self.tokens_of: Counter[str] = Counter()

    def reject(self, reason: str, count: int | None) -> None:
        self.rejects[reason] += 1
        self.tokens_of[reason] += count or 0

    def clean(self, cleaned: Cleaned) -> None:
        if not cleaned.hits:
            return
        self.contamination["hits"] += len(cleaned.hits)
        self.contamination["counting_runs"] += sum(hit.counting_run for hit in cleaned.hits)
        self.contamination["pages"] += 1
        self.contamination["pages_beyond_counting_runs"] += any(not hit.counting_run for hit in cleaned.hits)
        self.contamination["segments_removed"] += cleaned.removed_segments

    def result(self) -> dict[str, Any]:
        total = sum(self.rejects.values()) + self.kept["pages"]
        return {
            "records": total,
            "pages": self.kept["pages"],
            "tokens": self.kept["tokens"],
            "languages": dict(self.languages),
            "rejects": dict(self.rejects),
            "rejected_tokens": dict(self.tokens_of),
            "contamination": {
                key: self.contamination[key]
                for key in ("pages", "pages_beyond_counting_runs", "hits", "counting_runs", "segments_removed")
            },
        }


def write_corpus(
    crawl: Crawl, mined: Mined, rejects: list[Path], benchmarks: dict[str, list[str]], cfg: CorpusConfig, out: Path
) -> dict[str, Any]:
    """Decontaminate and write the pages of the last collection; all others are rejects, with the reason."""
    index, accounts = Index(benchmarks, cfg.decontaminate), Accounts()
    audit = out / "contamination.jsonl.tmp"
    with (
        Table(out / "pages.parquet", KEPT) as pages,
        Table(out / "rejects.parquet", REJECT) as dropped,
        audit.open("w", encoding="utf-8") as hits,
    ):
        for path in rejects:
            for row in rows_of(path):
                dropped.add(row)
                accounts.reject(row["reason"], row["tokens"])
        for number, row in crawl.rows(np.ones(len(crawl), dtype=bool)):
            score = float(mined.scores[number])
            cleaned = clean(row["text"], index) if mined.iteration[number] else None
            reason = why_dropped(mined, number, cleaned)
            for line in audit_rows(row, cleaned, cfg):
                hits.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
            if cleaned is not None:
                accounts.clean(cleaned)
            if reason:
                detail = {"below_cut": f"score {score:.6f}"}.get(reason, "")
                dropped.add(
                    {key: row[key] for key in ("url", "source", "offset", "tokens")}
                    | {"reason": reason, "detail": detail, "score": score}
                )
                accounts.reject(reason, row["tokens"])
                continue
            if cleaned.removed_segments:
                row |= {"text": cleaned.text, "tokens": len(tokens(cleaned.text))}
            pages.add(row | {"score": score, "iteration": int(mined.iteration[number])})
            accounts.kept["pages"] += 1
            accounts.kept["tokens"] += row["tokens"]
            accounts.languages[row["lang"]] += 1
    os.replace(audit, out / "contamination.jsonl")
    return accounts.result()


def why_dropped(mined: Mined, number: int, cleaned: Cleaned | None) -> str:
    """The reason a page is not kept; "" when it is."""
    if mined.duplicate_url[number]:
        return "duplicate_url"
    if mined.near_duplicate[number]:
        return "near_duplicate"
    if cleaned is None:
        return "below_cut"
    return "contaminated" if cleaned.text is None else ""


def audit_rows(row: dict[str, Any], cleaned: Cleaned | None, cfg: CorpusConfig) -> Iterator[dict[str, Any]]:
    """One row a benchmark gram found in a page; start and end are characters of the page's text before removal."""
    for hit in cleaned.hits if cleaned else ():
        excused = hit.counting_run and cfg.decontaminate.information_rule
        yield {
            "url": row["url"],
            "source": row["source"],
            "offset": row["offset"],
            **asdict(hit),
            "removed": not excused,
        }
