"""Why a page was kept or dropped: by what stands in for it, its place in the ranking, and its part
in the seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.annotations import rows_of_yaml
from pipeline.corpus.crawl import Crawl
from pipeline.corpus.domains import prefixes
from pipeline.corpus.loop import Mined
from pipeline.corpus.read.pages import rows_of
from pipeline.corpus.urls import normal_url
from pipeline.errors import UserError
from pipeline.records import read_jsonl

RANKED = ("below_cut", "contaminated")  # rejects that were in the ranking


def stand_ins(crawl: Crawl, mined: Mined) -> dict[int, str]:
    """By number of a duplicate: the page that was taken in its place, as "URL (source, offset)".
    Holds a URL in memory for each of these pages.
    """
    unique = ~mined.duplicate_url
    stays = unique & ~mined.near_duplicate
    found = _same(mined.duplicate_url, unique, crawl.url_hash) | _same(
        mined.near_duplicate, stays, mined.cluster
    )
    wanted = np.zeros(len(crawl), dtype=bool)
    wanted[list(found.values())] = True
    names = {
        number: f"{row['url']} ({row['source']}, {row['offset']})"
        for number, row in crawl.rows(wanted, ["url", "source", "offset"])
    }
    return {number: names[other] for number, other in found.items()}


def _same(dropped: np.ndarray, taken: np.ndarray, key: np.ndarray) -> dict[int, int]:
    """For each dropped page the taken one with the same key; there is exactly one."""
    numbers, lost = np.flatnonzero(taken), np.flatnonzero(dropped)
    order = numbers[np.argsort(key[numbers], kind="stable")]
    return dict(
        zip(lost.tolist(), order[np.searchsorted(key[order], key[lost])].tolist(), strict=True)
    )


def decisions(corpus: Path, url: str) -> list[dict[str, Any]]:
    """What was decided about each page of `url`, from the files of `mine`. Raises UserError when
    one is missing.
    """
    wanted, found, ranked, cut = normal_url(url), [], [], None
    for name in ("pages", "rejects"):
        path = corpus / f"{name}.parquet"
        if not path.is_file():
            raise UserError(f"{path}: no such file; give the output folder of `mine` with --corpus")
        for row in rows_of(path):
            reason = row.get("reason", "")
            if row["url"] and normal_url(row["url"]) == wanted:
                decision = f"dropped: {reason}" if reason else "kept"
                facts = {
                    key: row[key]
                    for key in row
                    if key not in ("text", "url_hash") and row[key] not in (None, "")
                }
                found.append({"decision": decision, **facts})
            if not reason or reason in RANKED:
                ranked.append(row["score"])
            if not reason or reason == "contaminated":
                cut = min(row["score"], 2.0 if cut is None else cut)
    scores = np.array(ranked)
    for row in found:
        if row["decision"] == "kept" or row["reason"] in RANKED:
            row["ranking"] = (
                f"{int((scores > row['score']).sum())} of {len(scores)} pages have a better score; "
                + (
                    "no page was collected"
                    if cut is None
                    else f"pages down to {cut:.6f} were collected"
                )
            )
        row |= (
            {"accepted_prefixes": accepted}
            if (accepted := accepted_above(corpus, row["url"]))
            else {}
        )
    return found


def accepted_above(corpus: Path, url: str) -> list[str]:
    """The accepted prefixes that a URL lies under, so that its page joined the seed if it was not
    collected yet.
    """
    return [
        f"{row['prefix']} after iteration {path.stem.split('-')[1]}"
        for path in sorted(corpus.glob("prefixes-*.yaml"))
        for row in rows_of_yaml(path)
        if row["accept"] and row["prefix"] in prefixes(url, row["prefix"].count("/"))
    ]


def contamination_of(corpus: Path, url: str) -> list[dict[str, Any]]:
    """The audit's rows about a URL."""
    path = corpus / "contamination.jsonl"
    rows = read_jsonl(path) if path.is_file() else ()
    return [row for row in rows if normal_url(row["url"]) == normal_url(url)]


def in_seed(seed_rows: Path, url: str) -> bool:
    """Whether a file of seed rows has a page, or may have been read from the crawl for it."""
    return any(
        row.get("url") and normal_url(row["url"]) == normal_url(url)
        for row in read_jsonl(seed_rows)
    )
