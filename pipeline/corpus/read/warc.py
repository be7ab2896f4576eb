"""Read WARC, WET and folders of HTML; nothing stops the reader.

A gzipped WARC is a run of gzip members, one per record by convention. On a broken member the reader
says so in a `Reject` and looks for the next member, so a flipped byte costs one record. Python's
zlib gives whole-member control, which the usual WARC libraries do not: they drop the rest of the
file, and pass a cut-off record as a whole one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.corpus.read.arc import FILE_HEADER, records_of_arc
from pipeline.corpus.read.http import BadHttp, html_of_response
from pipeline.corpus.read.record import RawPage, Reject, clean_url
from pipeline.corpus.read.source import Location, name_of, open_source, size_of
from pipeline.corpus.read.stream import CHUNK, MAX_HEADER, Stream, Torn

MAGIC = b"\x1f\x8b\x08"
RECORD_STARTS = (b"WARC/", b"http:", b"https", b"filed", b"dns:", b"ftp:")  # of WARC, then of ARC
BOM = b"\xef\xbb\xbf"


def read_warc(
    path: Location, max_bytes: int = 8_000_000, name: str = ""
) -> Iterator[RawPage | Reject]:
    """Yield every readable HTML (or WET text) record of a WARC or ARC file, and a Reject for each
    other.

    What the bytes are decides, not the name: gzipped or plain, or plain at first. At most
    `max_bytes` of a record are held in memory. Raises UserError when the file cannot be opened.
    """
    name = name or name_of(path)
    with open_source(path) as file:
        yield from read_records(file, name, max_bytes)


def read_records(file: BinaryIO, name: str, max_bytes: int) -> Iterator[RawPage | Reject]:
    """The records of an open file."""
    head, size = file.read(16), size_of(file)
    if not size:
        yield Reject("", "empty", "a file of no bytes", name, 0)
    offset = len(BOM) if head.startswith(BOM) else 0
    starts = head.removeprefix(BOM).lstrip()
    gzipped = head.startswith(MAGIC[:2]) or (
        name.lower().endswith(".gz") and not starts.startswith((b"WARC/", FILE_HEADER))
    )
    is_arc, began_plain = False, not gzipped
    while offset < size:
        if gzipped and not _is_member(file, offset):
            if began_plain and _starts_record(file, offset):
                gzipped = False  # plain records among members, as the file began
                continue
            found = _next_member(file, offset + 1)
            if not _only_zeros(file, offset, found):
                yield Reject("", "torn_gzip", "no gzip member starts here", name, offset)
            offset = found
            continue
        stream = Stream(file, offset, gzipped)
        is_arc = is_arc or stream.starts_with(FILE_HEADER)
        read = _arc_of if is_arc else _records_of
        torn = yield from read(stream, name, offset, max_bytes)
        if not gzipped:
            if stream.gzip_at is None:
                return
            offset, gzipped = stream.gzip_at, True  # plain records first, then members
            continue
        offset = _next_member(file, offset + len(MAGIC)) if torn else stream.read_to


def _arc_of(stream: Stream, name: str, offset: int, max_bytes: int) -> Iterator[RawPage | Reject]:
    """The ARC records of one member. Returns whether the member is torn."""
    try:
        yield from records_of_arc(stream, name, max_bytes)
        stream.drain()
    except Torn as error:
        yield Reject("", error.reason, str(error), name, offset)
        return True
    return False


def _records_of(
    stream: Stream, name: str, offset: int, max_bytes: int
) -> Iterator[RawPage | Reject]:
    """The records of one member. A record is held back until what follows it is read well; lines
    that follow it without a blank line between are its own. Returns whether the member is torn.
    """
    held = None
    try:
        while True:
            start, line, parted = stream.offset, stream.line(), False
            while line == b"":
                start, line, parted = stream.offset, stream.line(), True
            if line is not None and not stream.gzipped and line.startswith(MAGIC):
                stream.gzip_at = start
                line = None
                break
            if line is not None and not line.startswith(b"WARC/"):
                ours = held is not None and (
                    not parted or getattr(held, "reason", "") == "bad_header"
                )
                if not ours:
                    if held is not None:
                        yield held
                    held = Reject("", "bad_header", f"no WARC record: {line[:40]!r}", name, start)
                elif isinstance(held, RawPage):
                    held = Reject(
                        held.url,
                        "bad_header",
                        "the record is longer than its Content-Length",
                        name,
                        held.offset,
                    )
                while line is not None and not line.startswith(b"WARC/1"):
                    start, line = stream.offset, stream.line()
            if line is None:
                break
            if held is not None:
                yield held
            held = None  # should what comes next be torn, it is not this record
            held = _record(stream, name, start, max_bytes)
        if stream.gzip_at is None:
            stream.drain()
    except Torn as error:
        url = (
            held.url if held is not None and not stream.broken else ""
        )  # a URL this near to damage is not to be trusted
        yield Reject(url, error.reason, str(error), name, offset)
        return True
    if held is not None:
        yield held
    return False


def _record(stream: Stream, name: str, offset: int, max_bytes: int) -> RawPage | Reject | None:
    """Parse the record whose version line was just read; None for one that holds no page (warcinfo,
    request, ...).
    """
    header, total = {}, 0
    while line := stream.line():
        total += len(line)
        if total > MAX_HEADER:
            return Reject("", "bad_header", f"a WARC header over {MAX_HEADER} bytes", name, offset)
        key, _, value = line.partition(b":")
        header[key.strip().lower()] = value.strip()
    url = clean_url(header.get(b"warc-target-uri", b"").decode("utf-8", "replace"))
    length = header.get(b"content-length", b"")
    if not length.isdigit() or len(length) > 15:
        return Reject(url, "bad_header", f"Content-Length is {length[:20]!r}", name, offset)
    body, whole = stream.take(int(length), max_bytes + MAX_HEADER)
    kind = header.get(b"warc-type", b"").lower()
    if kind not in (b"response", b"resource", b"conversion"):
        return None
    if not whole:
        return Reject(
            url, "truncated", "the record is shorter than its Content-Length", name, offset
        )
    if b"warc-truncated" in header:
        cause = header[b"warc-truncated"][:40].decode("utf-8", "replace")
        return Reject(url, "truncated", f"WARC-Truncated: {cause}", name, offset)
    if int(length) > max_bytes:
        return Reject(url, "too_large", f"{int(length)} bytes", name, offset)
    if not url:
        return Reject(url, "no_url", "no WARC-Target-URI", name, offset)
    origin = {
        "date": header.get(b"warc-date", b"")[:40].decode("ascii", "replace"),
        "record": header.get(b"warc-record-id", b"")[:200].decode("utf-8", "replace").strip("<>"),
    }
    if kind == b"conversion":
        return RawPage(url, body, name, offset, "utf-8", is_text=True, **origin)
    try:
        content_type = header.get(b"content-type", b"") if kind == b"resource" else b""
        html, charset = html_of_response(body, content_type, max_bytes)
    except BadHttp as error:
        return Reject(url, error.reason, str(error), name, offset)
    return RawPage(url, html, name, offset, charset, **origin)


def _is_member(file: BinaryIO, offset: int) -> bool:
    """Whether a gzip member starts at `offset`: magic, method, flags, and first bytes that can be
    inflated.
    """
    file.seek(offset)
    head = file.read(512)
    if not head.startswith(MAGIC) or len(head) < 4 or head[3] > 0x1F:
        return False
    try:
        start = zlib.decompressobj(wbits=31).decompress(head, 5)
        return not start or start.startswith(RECORD_STARTS) or offset == 0
    except zlib.error:
        return offset == 0


def _starts_record(file: BinaryIO, offset: int) -> bool:
    """Whether a plain record starts at `offset`."""
    file.seek(offset)
    return file.read(64).lstrip().startswith(b"WARC/")


def _next_member(file: BinaryIO, offset: int) -> int:
    """The first place at or after `offset` where a gzip member starts; the end of the file when
    there is none.
    """
    file.seek(offset)
    base, buffer = offset, file.read(CHUNK)
    while buffer:
        at = buffer.find(MAGIC)
        if at >= 0:
            if _is_member(file, base + at):
                return base + at
            base, buffer = base + at + 1, buffer[at + 1 :]
            file.seek(base + len(buffer))
            continue
        keep = buffer[-2:]
        base += len(buffer) - len(keep)
        file.seek(base + len(keep))
        more = file.read(CHUNK)
        if not more:
            break
        buffer = keep + more
    file.seek(0, 2)
    return file.tell()


def _only_zeros(file: BinaryIO, start: int, end: int) -> bool:
    """Whether the bytes between two members are padding."""
    file.seek(start)
    left = end - start
    while left > 0:
        piece = file.read(min(CHUNK, left))
        if piece.strip(b"\0"):
            return False
        left -= len(piece)
    return True
