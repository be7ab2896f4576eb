"""ARC files, in which crawls were kept before WARC: one line of header per record, then the
response.

The line holds URL, IP address, date, content type and length (version 1), or five more fields
before the length (version 2).
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.corpus.read.http import BadHttp, html_of_response
from pipeline.corpus.read.record import RawPage, Reject, clean_url
from pipeline.corpus.read.stream import Stream

FILE_HEADER = b"filedesc://"
FIELDS = (5, 10)


def records_of_arc(stream: Stream, name: str, max_bytes: int) -> Iterator[RawPage | Reject]:
    """The records of a file, or of one gzip member, from where the stream stands. Raises Torn."""
    while True:
        offset, line = stream.offset, stream.line()
        while line == b"":
            offset, line = stream.offset, stream.line()
        if line is None:
            return
        fields = line.split()
        if len(fields) not in FIELDS or not fields[-1].isdigit() or len(fields[-1]) > 15:
            yield Reject("", "bad_header", f"no ARC record: {line[:40]!r}", name, offset)
            return
        url = clean_url(fields[0].decode("utf-8", "replace"))
        body, whole = stream.take(int(fields[-1]), max_bytes + (1 << 16))
        if not whole:
            yield Reject(url, "truncated", "the record is shorter than its length", name, offset)
            return
        if fields[0].startswith((FILE_HEADER, b"dns:")):
            continue
        if int(fields[-1]) > max_bytes:
            yield Reject(url, "too_large", f"{int(fields[-1])} bytes", name, offset)
            continue
        yield page_of_arc(url, body, fields, name, offset, max_bytes)


def page_of_arc(
    url: str, body: bytes, fields: list[bytes], name: str, offset: int, max_bytes: int
) -> RawPage | Reject:
    is_response = body[:5].upper() == b"HTTP/"
    try:
        html, charset = html_of_response(body, b"" if is_response else fields[3], max_bytes)
    except BadHttp as error:
        return Reject(url, error.reason, str(error), name, offset)
    return RawPage(url, html, name, offset, charset, date=iso_date(fields[2]))


def iso_date(stamp: bytes) -> str:
    """20240131120000 as 2024-01-31T12:00:00Z; "" for anything else."""
    text = stamp.decode("ascii", "replace")
    if len(text) != 14 or not text.isdigit():
        return ""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:]}Z"
