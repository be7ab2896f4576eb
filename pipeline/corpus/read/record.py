"""A record of a crawl as it was read: a page, or why it is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RawPage:
    """A page as it was read. `offset`: bytes into `source` at which its gzip member starts, or its
    record where the file is not compressed.
    """

    url: str
    body: bytes  # HTML, or UTF-8 text where `is_text`
    source: str  # name of the file
    offset: int
    charset: str = ""  # of the HTTP header
    is_text: bool = False  # a WET record or a row of a table: text already
    date: str = ""  # WARC-Date
    record: str = ""  # WARC-Record-ID


@dataclass(frozen=True)
class Reject:
    """A record or page that was left out, and why."""

    url: str
    reason: str
    detail: str
    source: str
    offset: int


def clean_url(url: str) -> str:
    """A WARC-Target-URI as it should have been written: no angle brackets, no blanks inside."""
    return "%20".join(url.strip().strip("<>").split())[:4096]
