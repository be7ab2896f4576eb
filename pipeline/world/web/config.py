"""Every size of the built-in web."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UserError


@dataclass(frozen=True)
class WebConfig:
    """How large the web is and how much of it is damaged.

    Scale it by `pages` and `domains`; the shares keep their meaning at any size. conf/profile/
    holds the sizes of each profile.
    """

    pages: int = 6000  # original pages, before duplicates, mirrors, worksheets and broken records
    domains: int = 36  # the first so many hosts of data/sites.txt, then numbered copies of them
    records_per_shard: int = 2000
    length: float = 1.0  # multiplies the amount of text on every page
    results: float = 1.0  # multiplies worked problems and arithmetic facts on mathematical pages
    near_dup: float = 0.04  # near-duplicates, as a share of `pages`
    mirror: float = 0.04  # the same page under another URL, as a share of `pages`
    # pages that quote benchmark questions, at most a fifth of the mathematical ones
    contaminated: int = 60
    broken: float = 0.012  # additional unreadable records, as a share of `pages`
    odd: float = 0.03  # share of readable pages in a difficult form: encodings, chunks, odd URIs
    worksheet_sets: int = 1  # each set has 40 pages that differ in their numbers only
    worksheets_per_set: int = 40
    seed_pages: int = 150  # pages of the seed corpus
    seed_chinese: float = 0.1  # share of them in Chinese
    # body of an oversized record, above the reader's limit; it compresses to almost nothing
    oversized_bytes: int = 9_000_000
    # worked problems drawn per language and kind; beyond it they are used again
    max_problems: int = 40_000

    def __post_init__(self) -> None:
        for name in ("pages", "domains", "records_per_shard", "max_problems"):
            if getattr(self, name) < 1:
                raise UserError(f"world.web.{name}: must be at least 1, not {getattr(self, name)}")
        for name in ("near_dup", "mirror", "broken", "odd", "seed_chinese"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(
                    f"world.web.{name}={getattr(self, name)}: must be a share between 0 and 1"
                )
        if self.pages < 4 * self.domains:
            raise UserError(
                f"world.web.pages: {self.pages} pages are too few for {self.domains} domains; "
                f"at least 4 per domain are needed"
            )
        if self.length <= 0:
            raise UserError(f"world.web.length: must be positive, not {self.length}")
        if self.results < 1:
            raise UserError(f"world.web.results: must be at least 1, not {self.results}")
