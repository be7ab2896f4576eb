"""Each step of mining measured against the truth about a built web (docs/world.md): nothing else
may read that truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.crawl import Crawl

BINS = 40  # of the score histogram


def share(part: int, whole: int) -> float | None:
    return round(int(part) / int(whole), 6) if whole else None


class Truth:
    """What is known of each record, by WARC file and offset."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]):
        known = [row for row in rows if row["readable"]]
        numbers = {row["url"]: number for number, row in enumerate(known)}
        self.at = {(row["file"], row["offset"]): number for number, row in enumerate(known)}
        self.is_math = np.array([row["is_math"] for row in known], dtype=bool)
        self.chinese = np.array([row["lang"] == "zh" for row in known], dtype=bool)
        self.prose = np.array(
            [row["formula_source"] == "dollars" or not row["formulas"] for row in known], dtype=bool
        )
        self.worksheet = np.array([bool(row["group"]) for row in known], dtype=bool)
        self.leak = np.array([bool(row["contaminated"]) for row in known], dtype=bool)
        # An original that no reader can read leaves its copies to stand for it.
        self.page = np.array([numbers.get(row["mirror_of"], n) for n, row in enumerate(known)])
        self.content = np.array([numbers.get(row["near_dup_of"], n) for n, row in enumerate(known)])
        self.content = self.content[self.page]
        self.by_url = {row["url"]: row["is_math"] for row in known}

    def of(self, crawl: Crawl) -> np.ndarray:
        """The number of each page of the crawl in this truth; -1 = a page from a record that was no
        page.
        """
        found = [
            self.at.get((Path(row["source"]).name, row["offset"]), -1)
            for _, row in crawl.rows(np.ones(len(crawl), dtype=bool), ["source", "offset"])
        ]
        return np.array(found, dtype=np.int64)


class Measure:
    """Precision and recall of decisions about the pages of one crawl. Masks have one entry per page
    of the crawl.
    """

    def __init__(self, truth: Truth, crawl: Crawl):
        self.truth, self.number, self.tokens = truth, truth.of(crawl), crawl.tokens
        self.is_math = (self.number >= 0) & truth.is_math[self.number]

    def reading(self) -> dict[str, Any]:
        """Of the readable records, how many became pages; of the pages, how many are readable
        records.
        """
        right = int((self.number >= 0).sum())
        return {
            "recall": share(right, len(self.truth.is_math)),
            "precision": share(right, len(self.number)),
        }

    def copies(self, before: np.ndarray, after: np.ndarray, original: np.ndarray) -> dict[str, Any]:
        """Removal of copies. `original` gives each record the one it is a copy of; one of each may
        stay.
        """
        labels = np.where(self.number >= 0, original[self.number], -1)
        surplus = int(before.sum()) - len(np.unique(labels[before]))
        lost = len(np.setdiff1d(labels[before], labels[after]))
        removed = int(before.sum()) - int(after.sum())
        left = int(after.sum()) - len(np.unique(labels[after]))
        return {
            "recall": share(surplus - left, surplus), "precision": share(removed - lost, removed), "lost": lost,
        }  # fmt: skip

    def worksheets(self, after: np.ndarray) -> dict[str, int]:
        """Pages that differ in their numbers only: all should stay."""
        known = np.unique(self.number[(self.number >= 0) & self.truth.worksheet[self.number]])
        return {"pages": len(known), "kept": len(np.intersect1d(known, self.number[after]))}

    def collection(self, kept: np.ndarray) -> dict[str, Any]:
        """Precision by pages and tokens; recall of what is mathematical on this web, each content
        once, by kind.
        """
        truth, right = self.truth, kept & self.is_math
        wanted = np.unique(truth.content[truth.is_math])
        found = np.isin(wanted, truth.content[self.number[right]])
        parts = {
            "recall_en": ~truth.chinese,
            "recall_zh": truth.chinese,
            "recall_prose": truth.prose,
        }
        return {
            "precision": share(right.sum(), kept.sum()),
            "precision_tokens": share(self.tokens[right].sum(), self.tokens[kept].sum()),
            "recall": share(found.sum(), len(wanted)),
            **{
                name: share((found & mask[wanted]).sum(), mask[wanted].sum())
                for name, mask in parts.items()
            },
        }

    def leaks(self, kept: np.ndarray, flagged: np.ndarray) -> dict[str, Any]:
        """Decontamination among collected pages: planted leaks found, and clean pages flagged."""
        planted = kept & (self.number >= 0) & self.truth.leak[self.number]
        return {
            "planted": int(planted.sum()), "found": int((planted & flagged).sum()),
            "clean": int((kept & ~planted).sum()), "clean_flagged": int((kept & ~planted & flagged).sum()),
        }  # fmt: skip


def histogram(scores: np.ndarray, eligible: np.ndarray, measure: Measure | None) -> dict[str, Any]:
    """Pages by classifier score, by class where the truth is known."""
    edges = np.linspace(0, 1, BINS + 1)

    def counts(mask: np.ndarray) -> list[int]:
        return np.histogram(scores[mask], edges)[0].tolist()

    found = {"edges": [round(float(edge), 4) for edge in edges]}
    if measure is None:
        return found | {"all": counts(eligible)}
    return found | {
        "math": counts(eligible & measure.is_math),
        "other": counts(eligible & ~measure.is_math),
    }
