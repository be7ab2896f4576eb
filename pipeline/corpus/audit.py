"""A sample for a person's eyes: the pages nearest to the cut, on both sides of it, and some of what
was rejected.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.crawl import Crawl
from pipeline.corpus.urls import stable_hash
from pipeline.records import write_jsonl

NEAR = 25  # pages on each side of the cut
REJECTS = 5  # of each reason
OPENING = 300  # characters of a page


def near_cut(
    crawl: Crawl, scores: np.ndarray, eligible: np.ndarray, kept: np.ndarray
) -> dict[int, dict[str, Any]]:
    """By number of the page: which side of the cut it is on, and its place in the ranking, 1 =
    best.
    """
    numbers = np.flatnonzero(eligible)
    order = numbers[np.lexsort((crawl.url_hash[numbers], -scores[numbers]))]
    cut = int(kept[order].sum())
    near = range(max(0, cut - NEAR), min(len(order), cut + NEAR))
    return {
        int(order[at]): {"side": "above" if at < cut else "below", "rank": at + 1} for at in near
    }


class RejectSample:
    """The REJECTS rows of each reason whose URLs hash lowest, so that the order of the rows is of
    no account.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[int, str, dict[str, Any]]]] = {}

    def add(self, row: dict[str, Any]) -> None:
        rows = self.found.setdefault(row["reason"], [])
        rows.append(
            (stable_hash(f"{row['source']} {row['offset']}", "audit"), row["url"] or "", row)
        )
        if len(rows) > 2 * REJECTS:
            self.found[row["reason"]] = sorted(rows, key=lambda item: item[:2])[:REJECTS]

    def rows(self) -> Iterable[dict[str, Any]]:
        for reason in sorted(self.found):
            for _, _, row in sorted(self.found[reason], key=lambda item: item[:2])[:REJECTS]:
                yield row | {"side": "rejected"}


def write_audit(path: Path, near: Iterable[dict[str, Any]], rejects: RejectSample) -> None:
    """`audit.jsonl`: pages near the cut by rank, then rejects by reason."""
    write_jsonl(path, [*sorted(near, key=lambda row: row["rank"]), *rejects.rows()])
