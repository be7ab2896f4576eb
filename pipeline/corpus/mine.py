"""The corpus stage as a function: shards of the web, a seed corpus and benchmarks in; the corpus and its accounts
out."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.annotations import from_yaml
from pipeline.corpus.audit import OPENING, RejectSample, near_cut, write_audit
from pipeline.corpus.config import CorpusConfig, RecallConfig, check
from pipeline.corpus.crawl import Crawl, open_crawl
from pipeline.corpus.decontaminate import Cleaned, Index, clean, hit_row
from pipeline.corpus.domains import Annotator, by_share
from pipeline.corpus.explain import stand_ins
from pipeline.corpus.inputs import Shard, find_shards
from pipeline.corpus.loop import Mined, mine_loop
from pipeline.corpus.read.pages import KEPT, REJECT, Table, extract_shard, rows_of
from pipeline.corpus.read.source import Location
from pipeline.corpus.shards import (
    Progress,
    Task,
    Workers,
    code_hash,
    fingerprint,
    run,
    stamps_of,
)
from pipeline.corpus.tokens import tokens
from pipeline.corpus.truth import Measure, Truth, histogram
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
    """Mine a math corpus (section 2.1) and write pages.parquet, rejects.parquet, contamination.jsonl, classifier.bin,
    audit.jsonl and funnel.json to `out`. `work` holds finished shards between runs. Returns the summary.

    `seed_rows`: {"url", "text"}. `benchmarks`: texts (questions and answers) by name. Every record of the input ends up
    exactly once, in pages or in rejects. `truth` about a built web decides nothing; with it each step is measured.
    `explain`: a duplicate's row says which page stands in for it, a contaminated one's what was found, and the audit names
    all benchmarks of a gram. Raises UserError for settings out of range and for input that is missing or too small to train
    on.
    """
    check(cfg)
    parts = extract_tasks(shards, cfg, work, progress)
    for done, total in run(parts, workers):
        progress("extract", done, total)
    crawl = open_crawl([task.results[0] for task in parts])
    annotate = annotate or annotator_of(cfg.recall)
    out.mkdir(parents=True, exist_ok=True)
    measure = Measure(truth, crawl) if truth else None
    mined = mine_loop(
        crawl, [task.proof for task in parts], seed_rows, cfg, annotate, work, out, workers, progress,
        *([measure.collection] if measure else []),
    )  # fmt: skip
    shutil.copyfile(mined.classifier, out / "classifier.bin")
    return finish(
        crawl, mined, [task.results[1] for task in parts], benchmarks, cfg, out, measure, explain
    )


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
    """Precision and recall of each step against the truth about a built web; those of the loop are in its rows."""
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


COUNTED = (
    "pages", "pages_by_information_rule", "hits", "counting_runs", "lone", "segments_removed",
)  # fmt: skip


class Accounts:
    """Counts of what became of pages and tokens."""

    def __init__(self, normalise: bool = False) -> None:
        self.counted = COUNTED + (("pages_by_normalising_alone",) if normalise else ())
        self.rejects: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.kept, self.contamination = Counter(), Counter()
        self.tokens_of: Counter[str] = Counter()
        self.flagged: list[int] = []  # numbers of the pages with a benchmark gram
        self.informed: list[int] = []  # of those that are left when the information rule is on

    def reject(self, reason: str, count: int | None) -> None:
        self.rejects[reason] += 1
        self.tokens_of[reason] += count or 0

    def clean(self, number: int, cleaned: Cleaned) -> None:
        if not cleaned.hits:
            return
        self.flagged.append(number)
        self.informed += [number] if any(not hit.uninformative for hit in cleaned.hits) else []
        self.contamination["hits"] += len(cleaned.hits)
        self.contamination["counting_runs"] += sum(hit.counting_run for hit in cleaned.hits)
        self.contamination["lone"] += sum(hit.lone and not hit.counting_run for hit in cleaned.hits)
        self.contamination["pages"] += 1
        self.contamination["pages_by_information_rule"] += any(
            not hit.uninformative for hit in cleaned.hits
        )
        self.contamination["segments_removed"] += cleaned.removed_segments
        self.contamination["pages_by_normalising_alone"] += all(
            hit.normalised for hit in cleaned.hits
        )

    @staticmethod
    def mask(size: int, numbers: list[int]) -> np.ndarray:
        mask = np.zeros(size, dtype=bool)
        mask[numbers] = True
        return mask

    def result(self) -> dict[str, Any]:
        total = sum(self.rejects.values()) + self.kept["pages"]
        return {
            "records": total,
            "pages": self.kept["pages"],
            "tokens": self.kept["tokens"],
            "languages": dict(self.languages),
            "rejects": dict(self.rejects),
            "rejected_tokens": dict(self.tokens_of),
            "contamination": {key: self.contamination[key] for key in self.counted},
        }


def write_corpus(
    crawl: Crawl, mined: Mined, rejects: list[Path], benchmarks: dict[str, list[str]], cfg: CorpusConfig, out: Path,
    explain: bool = False,
) -> Accounts:  # fmt: skip
    """Decontaminate and write the pages of the last collection; all others are rejects, with the reason."""
    taken = stand_ins(crawl, mined) if explain else {}
    index, accounts = Index(benchmarks, cfg.decontaminate), Accounts(cfg.decontaminate.normalise)
    eligible = ~mined.duplicate_url & ~mined.near_duplicate
    near = near_cut(crawl, mined.scores, eligible, mined.iteration > 0)
    rejected = RejectSample()
    audit = out / "contamination.jsonl.tmp"
    with (
        Table(out / "pages.parquet", KEPT) as pages,
        Table(out / "rejects.parquet", REJECT) as dropped,
        audit.open("w", encoding="utf-8") as hits,
    ):
        for path in rejects:
            for row in rows_of(path):
                dropped.add(row)
                rejected.add(row)
                accounts.reject(row["reason"], row["tokens"])
        for number, row in crawl.rows(np.ones(len(crawl), dtype=bool)):
            score = float(mined.scores[number])
            cleaned = clean(row["text"], index) if mined.iteration[number] else None
            reason = why_dropped(mined, number, cleaned)
            for line in audit_rows(row, cleaned, index, explain):
                hits.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
            if number in near:
                shown = {
                    key: row[key]
                    for key in ("url", "lang", "tokens", "formulas", "source", "offset")
                }
                near[number] |= shown | {"score": score, "opening": row["text"][:OPENING]}
            if cleaned is not None:
                accounts.clean(number, cleaned)
            if reason:
                detail = f"score {score:.6f}" if reason == "below_cut" else taken.get(number, "")
                if explain and reason == "contaminated":
                    detail = found_in(cleaned)
                reject = {key: row[key] for key in ("url", "source", "offset", "tokens")}
                reject |= {"reason": reason, "detail": detail, "score": score}
                dropped.add(reject)
                rejected.add(reject)
                accounts.reject(reason, row["tokens"])
                continue
            if cleaned.removed_segments:
                row |= {"text": cleaned.text, "tokens": len(tokens(cleaned.text))}
            pages.add(row | {"score": score, "iteration": int(mined.iteration[number])})
            accounts.kept["pages"] += 1
            accounts.kept["tokens"] += row["tokens"]
            accounts.languages[row["lang"]] += 1
    os.replace(audit, out / "contamination.jsonl")
    write_audit(out / "audit.jsonl", near.values(), rejected)
    return accounts


def why_dropped(mined: Mined, number: int, cleaned: Cleaned | None) -> str:
    """The reason a page is not kept; "" when it is."""
    if mined.duplicate_url[number]:
        return "duplicate_url"
    if mined.near_duplicate[number]:
        return "near_duplicate"
    if cleaned is None:
        return "below_cut"
    return "contaminated" if cleaned.text is None else ""


def found_in(cleaned: Cleaned) -> str:
    first = cleaned.hits[0]
    return f"{len(cleaned.hits)} benchmark grams, first {first.gram!r} of {first.benchmark} {first.item}"


def audit_rows(
    row: dict[str, Any], cleaned: Cleaned | None, index: Index, explain: bool
) -> Iterator[dict[str, Any]]:
    """One row a benchmark gram found in a page; start and end are characters of the page's text before removal."""
    for hit in cleaned.hits if cleaned else ():
        found = hit_row(hit, index)
        if not explain:
            del found["also"]
        yield {key: row[key] for key in ("url", "source", "offset")} | found
