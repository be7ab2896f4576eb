"""Folders of HTML: read them as pages, or pack them into a WARC."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from pipeline.corpus.read.http import HTML_START
from pipeline.corpus.read.record import RawPage, Reject, clean_url
from pipeline.errors import UserError
from pipeline.files import atomic
from pipeline.records import read_jsonl

SUFFIXES = (".html", ".htm", ".xhtml", ".xht", ".shtml", ".html.gz", ".htm.gz")
MAPPINGS = ("urls.jsonl", "MANIFEST.md")  # where a folder says which URL each file has
OWN = (".warc.gz", ".warc", ".wet.gz", ".wet", ".arc.gz", ".arc", ".wat.gz", ".jsonl", ".jsonl.gz", ".json.gz",
       ".ndjson", ".ndjson.gz", ".parquet", ".cdx", ".cdx.gz", ".cdxj", ".cdxj.gz")  # fmt: skip
GZIP = b"\x1f\x8b\x08"
EPOCH = "2000-01-01T00:00:00Z"  # WARC-Date is required; the day a folder was packed is no fact about its pages


def urls_of(folder: Path, mapping: Path | None = None) -> dict[str, str]:
    """URL by file name (relative, with /). From `mapping` or the folder's urls.jsonl (rows with
    file and url), or from a Markdown table in MANIFEST.md with columns `file` and `url` or
    `original URL`. Files without one get a file: URL.
    """
    path = mapping or folder / "urls.jsonl"
    if mapping is not None or path.is_file():
        rows = list(read_jsonl(path))
        for number, row in enumerate(rows, 1):
            if not isinstance(row.get("file"), str) or not isinstance(row.get("url"), str):
                raise UserError(f"{path}:{number}: a row needs file and url, both text")
        return {row["file"]: row["url"] for row in rows}
    manifest = folder / "MANIFEST.md"
    return dict(_table(manifest.read_text(encoding="utf-8"))) if manifest.is_file() else {}


def _table(markdown: str) -> Iterator[tuple[str, str]]:
    columns: list[str] = []
    for line in markdown.splitlines():
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not columns:
            columns = [cell.lower() for cell in cells]
            continue
        row = dict(zip(columns, cells, strict=False))
        url = row.get("url") or row.get("original url") or ""
        if row.get("file") and "://" in url:
            yield row["file"], url


def read_folder(
    folder: Path, max_bytes: int, name: str = "", mapping: Path | None = None, every: bool = False
) -> Iterator[RawPage | Reject]:
    """Every HTML file below `folder`, in the order of their names.

    One without a URL is named by the folder, or `name`, and its place below: files of one name in
    two folders are two pages. `every`: of the other files too, those that begin as HTML are pages,
    and each of the rest is a reject.
    """
    urls, base = urls_of(folder, mapping), name or folder.absolute().name
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = path.relative_to(folder).as_posix()
        is_html = path.name.lower().endswith(SUFFIXES)
        if not is_html and (not every or path.name in MAPPINGS or path.name.lower().endswith(OWN)):
            continue
        url = clean_url(urls.get(relative, "file:///" + quote(f"{base}/{relative}")))
        yield read_html(path, url, max_bytes, f"{name}/{relative}" if name else relative, is_html)


def read_html(
    path: Path, url: str, max_bytes: int, source: str, is_html: bool = True
) -> RawPage | Reject:
    """One file as a page; gzipped or not, whatever its name says."""
    size = path.stat().st_size
    if size > max_bytes:
        return Reject(url, "too_large", f"{size} bytes", source, 0)
    body = path.read_bytes()
    if body.startswith(GZIP):
        inflate = zlib.decompressobj(wbits=31)
        try:
            body = inflate.decompress(body, max_bytes + 1)
        except zlib.error as error:
            return Reject(url, "torn_gzip", str(error), source, 0)
        if len(body) > max_bytes:
            return Reject(url, "too_large", f"inflates to over {max_bytes} bytes", source, 0)
    if not is_html and not HTML_START.search(body[:2_048]):
        kind = path.suffix.lower() or "no suffix"
        return Reject(url, "not_html", f"{kind}, and no tag at the start", source, 0)
    return RawPage(url, body, source, 0)


def write_warc(path: Path, pages: Iterable[tuple[str, bytes]]) -> int:
    """Write (URL, HTML) pairs as a gzipped WARC, a member per record; atomic, and the same bytes each
    time. The count.
    """
    count = 0
    with atomic(path) as temporary, temporary.open("wb") as file:
        for url, html in pages:
            body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:page:{count}>\r\nWARC-Date: {EPOCH}\r\n"
                f"WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            file.write(gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0))
            count += 1
    return count


def pack(folder: Path, out: Path, mapping: Path | None = None, max_bytes: int = 1 << 30) -> int:
    """Turn a folder of HTML into a WARC; returns the number of pages. Raises UserError when there
    is none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give a folder of HTML files")
    pages = (
        page
        for page in read_folder(folder, max_bytes, mapping=mapping)
        if isinstance(page, RawPage)
    )
    first = next(pages, None)
    if first is None:
        raise UserError(f"{folder}: no .html, .htm or .xhtml file below it")
    return write_warc(out, ((page.url, page.body) for part in ([first], pages) for page in part))
