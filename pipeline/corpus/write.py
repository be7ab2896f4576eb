"""The corpus and its accounts: decontaminated pages, rejects with their reasons, counts, the audit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.audit import OPENING, RejectSample, near_cut, write_audit
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import Crawl
from pipeline.corpus.decontaminate import Cleaned, Index, clean, hit_row
from pipeline.corpus.explain import stand_ins
from pipeline.corpus.loop import Mined
from pipeline.corpus.read.pages import KEPT, REJECT, Table, rows_of
from pipeline.corpus.tokens import tokens
from pipeline.files import atomic_text

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
    """Decontaminate and write the pages of the last collection; all others are rejects, with the
    reason.
    """
    taken = stand_ins(crawl, mined) if explain else {}
    index, accounts = Index(benchmarks, cfg.decontaminate), Accounts(cfg.decontaminate.normalise)
    eligible = ~mined.duplicate_url & ~mined.near_duplicate
    near = near_cut(crawl, mined.scores, eligible, mined.iteration > 0)
    rejected = RejectSample()
    with (
        Table(out / "pages.parquet", KEPT) as pages,
        Table(out / "rejects.parquet", REJECT) as dropped,
        atomic_text(out / "contamination.jsonl") as hits,
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
    """One row per benchmark gram found in a page; start and end are characters of the page's text
    before removal.
    """
    for hit in cleaned.hits if cleaned else ():
        found = hit_row(hit, index)
        if not explain:
            del found["also"]
        yield {key: row[key] for key in ("url", "source", "offset")} | found
