"""Pages as rows: what a shard is read into, and the Parquet files they are kept in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus.inputs import Shard
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.read.limits import PAGE_SECONDS, TooSlow, time_limit
from pipeline.corpus.read.pack import read_folder, read_html
from pipeline.corpus.read.record import RawPage, Reject
from pipeline.corpus.read.tables import pages_of_index, pages_of_rows
from pipeline.corpus.read.warc import read_warc
from pipeline.corpus.spans import token_count
from pipeline.corpus.text.formulas import Formula
from pipeline.corpus.text.html import extract
from pipeline.corpus.tokens import language
from pipeline.corpus.urls import host, url_hash
from pipeline.errors import UserError
from pipeline.files import atomic

PAGE = pa.schema(
    [
        ("url", pa.string()),
        ("url_hash", pa.int64()),
        ("domain", pa.string()),
        ("lang", pa.string()),
        ("text", pa.string()),
        ("tokens", pa.int64()),
        ("formulas", pa.int32()),
        ("formula_sources", pa.string()),
        ("formulas_unread", pa.int32()),
        ("source", pa.string()),
        ("offset", pa.int64()),
        ("date", pa.string()),
        ("record", pa.string()),
    ]
)
KEPT = pa.schema([*PAGE, ("score", pa.float64()), ("iteration", pa.int32())])
REJECT = pa.schema(
    [
        ("url", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("source", pa.string()),
        ("offset", pa.int64()),
        ("tokens", pa.int64()),
        ("score", pa.float64()),
    ]
)
BATCH = 256  # rows of a row group; what is held in memory of a shard


@dataclass(frozen=True)
class Page:
    """A page with its text. `unread` counts formulas that it shows without a source that can be
    read.
    """

    url: str
    text: str
    lang: str
    tokens: int
    formulas: tuple[Formula, ...]
    source: str
    offset: int
    unread: int = 0
    date: str = ""  # WARC-Date
    record: str = ""  # WARC-Record-ID

    def row(self) -> dict[str, Any]:
        sources = Counter(formula.source for formula in self.formulas)
        return {
            "url": self.url,
            "url_hash": url_hash(self.url),
            "domain": host(self.url),
            "lang": self.lang,
            "text": self.text,
            "tokens": self.tokens,
            "formulas": len(self.formulas),
            "formula_sources": json.dumps(sources, sort_keys=True),
            "formulas_unread": self.unread,
            "source": self.source,
            "offset": self.offset,
            "date": self.date,
            "record": self.record,
        }


def read_pages(
    shard: Shard, max_bytes: int, min_tokens: int, seconds: float = PAGE_SECONDS
) -> Iterator[Page | Reject]:
    """Every record of a shard as a page with text, or as a reject that says why not."""
    for raw in read_raw(shard, max_bytes):
        yield raw if isinstance(raw, Reject) else page_of(raw, min_tokens, seconds)


def read_raw(shard: Shard, max_bytes: int) -> Iterator[RawPage | Reject]:
    """The records of a WARC, WET or ARC file, a folder of HTML, an HTML file, a table, or a part of
    an index.
    """
    path, name = shard.path, shard.name
    if shard.kind == "rows":
        yield from pages_of_rows(path, name, max_bytes)
    elif shard.kind == "index":
        yield from pages_of_index(path, shard.part, shard.base, max_bytes)
    elif shard.kind == "crawl":
        yield from read_warc(path, max_bytes, name)
    elif Path(path).is_dir():
        yield from read_folder(Path(path), max_bytes, name, every=True)
    else:
        yield read_html(Path(path), f"file:///{quote(name)}", max_bytes, name)


def page_of(raw: RawPage, min_tokens: int, seconds: float = PAGE_SECONDS) -> Page | Reject:
    """Decode and extract one record within a limit of processor time."""
    try:
        with time_limit(seconds):
            return extracted(raw, min_tokens)
    except TooSlow:
        detail = f"not extracted within {seconds:g} s of processor time"
        return Reject(raw.url, "too_slow", detail, raw.source, raw.offset)


def extracted(raw: RawPage, min_tokens: int) -> Page | Reject:
    markup = decode(raw.body, raw.charset)
    if markup is None:
        return Reject(raw.url, "undecodable", "no encoding fits the bytes", raw.source, raw.offset)
    if raw.is_text:
        text, formulas, unread = markup.strip(), (), 0
    else:
        found = extract(markup)
        text, formulas, unread = found.text, found.formulas, found.unread
    count = token_count(text)
    if count < min_tokens:
        return Reject(raw.url, "short", f"{count} tokens of text", raw.source, raw.offset)
    return Page(
        raw.url, text, language(text), count, formulas, raw.source, raw.offset, unread, raw.date, raw.record
    )  # fmt: skip


class Table:
    """Writes rows to a Parquet file in row groups of BATCH; the file appears under its name when
    closed.
    """

    def __init__(self, path: Path, schema: pa.Schema):
        self.schema, self.rows, self.count = schema, [], 0
        self.pending = atomic(path, durable=True)
        self.writer = pq.ParquetWriter(self.pending.__enter__(), schema, compression="zstd")

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self.count += 1
        if len(self.rows) >= BATCH:
            self._write()

    def _write(self) -> None:
        self.writer.write_table(pa.Table.from_pylist(self.rows, schema=self.schema))
        self.rows = []

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None and self.rows:
            self._write()
        self.writer.close()
        self.pending.__exit__(*error)


def rows_of(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a row group in memory at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=columns):
            yield from batch.to_pylist()


def reject_row(
    reject: Reject, tokens: int | None = None, score: float | None = None
) -> dict[str, Any]:
    return {
        "url": reject.url,
        "reason": reject.reason,
        "detail": reject.detail[:300],
        "source": reject.source,
        "offset": reject.offset,
        "tokens": tokens,
        "score": score,
    }


def extract_shard(
    shard: Shard,
    pages: Path,
    rejects: Path,
    max_bytes: int,
    min_tokens: int,
    seconds: float = PAGE_SECONDS,
) -> None:
    """Read one shard into a Parquet file of pages and one of rejects."""
    with Table(pages, PAGE) as good, Table(rejects, REJECT) as bad:
        for page in read_pages(shard, max_bytes, min_tokens, seconds):
            if isinstance(page, Reject):
                bad.add(reject_row(page))
            else:
                good.add(page.row())
    if not good.count and not bad.count:
        raise UserError(f"{shard.path}: holds no record of a page; is it a crawl?")
