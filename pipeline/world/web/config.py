"""Every size of the built-in web. Scale it by `pages` and `domains`; the shares keep their meaning at any size."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UserError


@dataclass(frozen=True)
class WebConfig:
    """`smoke`: pages=1500, domains=24; `mini`: pages=6000, domains=36; the laboratory: pages=24000, domains=66."""

    pages: int = 6000  # original pages, before duplicates, mirrors, worksheets and broken records
    domains: int = (
        36  # the first so many hosts of sites.py; beyond the listed ones, numbered hosts follow
    )
    records_per_shard: int = 2000
    length: float = 1.0  # multiplies the amount of text on every page
    near_dup: float = 0.04  # near-duplicates, as a share of `pages`
    mirror: float = 0.04  # the same page under another URL, as a share of `pages`
    contaminated: int = (
        60  # pages that quote benchmark questions, at most a fifth of the mathematical ones
    )
    broken: float = 0.012  # additional unreadable records, as a share of `pages`
    odd: float = 0.03  # share of readable pages in a difficult form: encodings, chunks, odd URIs
    worksheet_sets: int = 1  # each set has 40 pages that differ in their numbers only
    worksheets_per_set: int = 40
    seed_pages: int = 150  # pages of the seed corpus
    seed_chinese: float = 0.1  # share of them in Chinese
    oversized_bytes: int = 9_000_000  # body of an oversized record, above the reader's cap; compresses to almost nothing
    max_problems: int = (
        40_000  # worked problems drawn per language and kind; beyond it they are used again
    )

    def __post_init__(self) -> None:
        for name in ("pages", "domains", "records_per_shard", "max_problems"):
            if getattr(self, name) < 1:
                raise UserError(f"world.web.{name}: must be at least 1, not {getattr(self, name)}")
        for name in ("near_dup", "mirror", "broken", "odd", "seed_chinese"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(
                    f"world.web.{name}: a share between 0 and 1 is needed, not {getattr(self, name)}"
                )
        if self.pages < 4 * self.domains:
            raise UserError(
                f"world.web.pages: {self.pages} pages do not fill {self.domains} domains; 4 a domain at least"
            )
        if self.length <= 0:
            raise UserError(f"world.web.length: must be positive, not {self.length}")
