"""Rows of pages as other tools keep them: JSONL (also gzipped) and Parquet, with a text or with
HTML.

A row of an index (Common Crawl's CDX, or its columnar form in Parquet) names a file and the bytes
of one record in it.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus.read.record import RawPage, Reject, clean_url
from pipeline.corpus.read.source import Location, is_remote, name_of, open_source, read_range
from pipeline.corpus.read.warc import read_records
from pipeline.errors import UserError
from pipeline.files import atomic
from pipeline.records import read_jsonl, write_jsonl

JSONL = (".jsonl", ".jsonl.gz", ".json.gz", ".ndjson", ".ndjson.gz")
PARQUET = (".parquet",)
INDEX = (".cdx", ".cdx.gz", ".cdxj", ".cdxj.gz")
ROWS = (*JSONL, *PARQUET)
BATCH = 256
TEXT_KEYS, HTML_KEYS = ("text", "content"), ("html", "raw_content")
# The names of Common Crawl's CDX server and of its columnar index.
FILE_KEYS = ("filename", "warc_filename")
OFFSET_KEYS = ("offset", "warc_record_offset")
LENGTH_KEYS = ("length", "warc_record_length")


def rows_of_file(location: Location) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file, gzipped or not, of a Parquet file or of a CDX file. Raises
    UserError for a bad row.
    """
    name = name_of(location).lower()
    with open_source(location) as file:
        if name.endswith(PARQUET):
            yield from parquet_rows(file, location)
            return
        gzipped = file.peek(2)[:2] == b"\x1f\x8b" if hasattr(file, "peek") else name.endswith(".gz")
        lines: Iterable[bytes] = gzip.open(file) if gzipped else file
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield json_row(line, location, number)
        except (gzip.BadGzipFile, EOFError) as error:
            raise UserError(
                f"{location}: the compressed file is torn ({error}); get it again"
            ) from None


def parquet_rows(file: Any, location: Location) -> Iterator[dict[str, Any]]:
    try:
        table = pq.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{location}: not a Parquet file ({str(error)[:80]})") from None
    for batch in table.iter_batches(batch_size=BATCH):
        yield from batch.to_pylist()


def json_row(line: bytes, location: Location, number: int) -> dict[str, Any]:
    """A line of JSONL; of a CDX file "key timestamp {json}"."""
    start = line.find(b"{")
    try:
        row = json.loads(line[start:] if start > 0 else line)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            f"{location}:{number}: not a JSON line ({str(error)[:80]}); fix or remove it"
        ) from None
    if not isinstance(row, dict):
        raise UserError(f"{location}:{number}: a JSON object is needed, not {type(row).__name__}")
    return row


def write_table(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as JSONL, gzipped JSONL or Parquet by the name of the file; atomic. Returns the
    count.
    """
    name = path.name.lower()
    if not name.endswith(ROWS) or name.endswith((".jsonl", ".ndjson")):
        return write_jsonl(path, rows)
    plain = path.with_name(path.name + ".rows.tmp")
    count = write_jsonl(plain, rows)
    with atomic(path) as temporary:
        if name.endswith(PARQUET):
            to_parquet(plain, temporary)
        else:
            with plain.open("rb") as source, temporary.open("wb") as file:
                with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
                    shutil.copyfileobj(source, packed, 1 << 20)
    plain.unlink()
    return count


def to_parquet(plain: Path, out: Path) -> None:
    """JSONL as Parquet: the columns are all keys that occur, those of rejects among them."""
    schema = pa.schema([])
    for batch in batches(read_jsonl(plain)):
        found = pa.Table.from_pylist([filled(row, set().union(*batch)) for row in batch]).schema
        schema = pa.unify_schemas([schema, found], promote_options="permissive")
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in batches(read_jsonl(plain)):
            writer.write_table(
                pa.Table.from_pylist([filled(row, schema.names) for row in batch], schema=schema)
            )


def filled(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in sorted(names)}


def batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


def first_of(row: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((row[key] for key in keys if row.get(key) is not None), None)


def is_index(row: dict[str, Any]) -> bool:
    """Whether a row names the bytes of a record."""
    return all(first_of(row, keys) is not None for keys in (FILE_KEYS, OFFSET_KEYS, LENGTH_KEYS))


def pages_of_rows(location: Location, name: str, max_bytes: int) -> Iterator[RawPage | Reject]:
    """A page or a reject for each row of a table. `offset` is the number of the row, the first is
    0.
    """
    for number, row in enumerate(rows_of_file(location)):
        url = clean_url(str(row.get("url") or ""))
        url = url or f"row:{name}#{number}"
        text, markup = first_of(row, TEXT_KEYS), first_of(row, HTML_KEYS)
        body = text if isinstance(text, str) else markup
        if row.get("rejected") or row.get("reason"):
            reason = str(row.get("rejected") or row["reason"])
            yield Reject(
                url, reason, str(row.get("detail") or "rejected by an earlier step"), name, number
            )
        elif not isinstance(body, str | bytes):
            yield Reject(url, "empty", "a row without text and without html", name, number)
        else:
            data = body.encode("utf-8", "replace") if isinstance(body, str) else body
            if len(data) > max_bytes:
                yield Reject(url, "too_large", f"{len(data)} bytes", name, number)
                continue
            yield RawPage(
                url, data, name, number, "utf-8", isinstance(text, str),
                str(row.get("date") or ""), str(row.get("record") or ""),
            )  # fmt: skip


def count_rows(location: Location) -> int:
    """How many rows a file has, without holding them."""
    if name_of(location).lower().endswith(PARQUET):
        with open_source(location) as file:
            return pq.ParquetFile(file).metadata.num_rows
    return sum(1 for _ in rows_of_file(location))


def pages_of_index(
    location: Location, part: tuple[int, int], base: str, max_bytes: int
) -> Iterator[RawPage | Reject]:
    """The records that rows `part` of an index name, each fetched by its bytes. Their source is the
    file they are in.
    """
    for number, row in enumerate(rows_of_file(location)):
        if number >= part[1]:
            break
        if number < part[0]:
            continue
        url = clean_url(str(row.get("url") or ""))
        try:
            offset, length = (int(first_of(row, keys)) for keys in (OFFSET_KEYS, LENGTH_KEYS))
            filename = str(first_of(row, FILE_KEYS))
        except (TypeError, ValueError):
            detail = "a row of an index needs filename, offset and length"
            yield Reject(url, "bad_header", detail, name_of(location), number)
            continue
        if not 0 < length <= max_bytes + (1 << 20):
            yield Reject(url, "too_large", f"{length} bytes", filename, offset)
            continue
        data = read_range(under(base, filename), offset, offset + length)
        found = 0
        for record in read_records(io.BytesIO(data), filename, max_bytes):
            found += 1
            yield moved(record, offset)
        if not found:
            yield Reject(url, "not_html", "the record is no response", filename, offset)


def moved(record: RawPage | Reject, offset: int) -> RawPage | Reject:
    """A record with the place in its file instead of that in the piece that was fetched."""
    return type(record)(**{**record.__dict__, "offset": record.offset + offset})


def under(base: str, filename: str) -> Location:
    """Where a file of a list lies: a list of Common Crawl names files below its server."""
    if is_remote(filename) or filename.startswith("/"):
        return filename if is_remote(filename) else Path(filename)
    if is_remote(base):
        return base.rstrip("/") + "/" + filename
    return Path(base) / filename
