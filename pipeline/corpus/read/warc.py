"""Read WARC, WET and folders of HTML; nothing stops the reader.

A gzipped WARC is a run of gzip members, one a record by convention. On a broken member the reader says so in a `Reject`
and looks for the next member, so a flipped byte costs one record. Python's zlib gives whole-member control, which the
usual WARC libraries do not: they drop the rest of the file, and pass a cut-off record as a whole one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.corpus.read.http import BadHttp, html_of_response
from pipeline.errors import UserError

MAGIC = b"\x1f\x8b\x08"
CHUNK = 1 << 16
MAX_HEADER = 1 << 16


@dataclass(frozen=True)
class RawPage:
    """A page as it was read. `offset`: bytes into `source` at which its gzip member starts, or its record where the file
    is not compressed."""

    url: str
    body: bytes  # HTML, or UTF-8 text where `is_text`
    source: str  # name of the file
    offset: int
    charset: str = ""  # of the HTTP header
    is_text: bool = False  # a WET record: text already


@dataclass(frozen=True)
class Reject:
    """A record or page that was left out, and why."""

    url: str
    reason: str
    detail: str
    source: str
    offset: int


class Torn(Exception):
    """The compressed stream is broken or ends early; `reason` names the reject."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


class Stream:
    """Bytes of one gzip member, or of an uncompressed file from `offset` on, read in bounded pieces."""

    def __init__(self, file: BinaryIO, offset: int, gzipped: bool):
        self.file, self.gzipped, self.buffer, self.ended = file, gzipped, bytearray(), False
        self.start, self.read, self.broken = offset, 0, ""
        file.seek(offset)
        self.inflate = zlib.decompressobj(wbits=31) if gzipped else None
        self.pending, self.read_to = b"", offset

    @property
    def offset(self) -> int:
        """Where in the file the next byte stands; of gzip, where the member starts."""
        return self.start if self.gzipped else self.start + self.read - len(self.buffer)

    def _more(self) -> bool:
        """Decompress one more piece; False at the end of the member. Raises Torn."""
        if self.broken:
            raise Torn("torn_gzip", self.broken)
        if self.ended:
            return False
        if not self.gzipped:
            piece = self.file.read(CHUNK)
            self.ended, self.read = not piece, self.read + len(piece)
            self.buffer += piece
            return bool(piece)
        fed = self.pending or self.file.read(CHUNK)
        if not fed:
            self.ended = True
            raise Torn("truncated", "the file ends inside a gzip member")
        before = self.inflate.copy()
        try:
            self.buffer += self.inflate.decompress(fed, CHUNK * 4)
        except zlib.error as error:  # what stands before the damage is read first
            self.broken = str(error)
            self.buffer += _until_broken(before, fed)
            return True
        self.pending = self.inflate.unconsumed_tail
        if self.inflate.eof:
            self.ended, self.read_to = True, self.file.tell() - len(self.inflate.unused_data)
        return True

    def line(self) -> bytes | None:
        """The next line without its end; None at the end. Raises Torn."""
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > MAX_HEADER or not self._more():
                rest, self.buffer = bytes(self.buffer), bytearray()
                return rest or None
        text = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        return text.rstrip(b"\r")

    def take(self, size: int, keep: int) -> tuple[bytes, bool]:
        """Up to `size` bytes, of which at most `keep` are held; and whether all `size` were there. Raises Torn."""
        held, seen = bytearray(), 0
        while seen < size:
            if not self.buffer and not self._more():
                break
            piece = self.buffer[: size - seen]
            held += piece[: max(0, keep - len(held))]
            seen += len(piece)
            del self.buffer[: len(piece)]
        return bytes(held), seen == size

    def drain(self) -> None:
        """Read to the end of the member, so that its checksum is checked. Raises Torn."""
        while self._more():
            self.buffer.clear()


def _until_broken(inflate: Any, fed: bytes) -> bytes:
    """What can be inflated of a piece that ends in an error."""
    found = bytearray()
    try:
        for at in range(len(fed)):
            found += inflate.decompress(fed[at : at + 1])
    except zlib.error:
        pass
    return bytes(found)


def read_warc(path: Path, max_bytes: int = 8_000_000, name: str = "") -> Iterator[RawPage | Reject]:
    """Yield every readable HTML (or WET text) record of a WARC file, gzipped or plain, and a Reject for each other.

    At most `max_bytes` of a record are held in memory. Raises UserError when the file cannot be opened.
    """
    name = name or path.name
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); give a WARC file or a folder"
        ) from None
    with file:
        gzipped = file.read(2) == MAGIC[:2] or path.suffix == ".gz"
        offset, size = 0, path.stat().st_size
        if not size:
            yield Reject("", "empty", "a file of no bytes", name, 0)
        while offset < size:
            if gzipped and not _is_member(file, offset):
                found = _next_member(file, offset + 1)
                if not _only_zeros(file, offset, found):
                    yield Reject("", "torn_gzip", "no gzip member starts here", name, offset)
                offset = found
                continue
            stream = Stream(file, offset, gzipped)
            torn = yield from _records_of(stream, name, offset, max_bytes)
            if not gzipped:
                return
            offset = _next_member(file, offset + len(MAGIC)) if torn else stream.read_to


def _records_of(
    stream: Stream, name: str, offset: int, max_bytes: int
) -> Iterator[RawPage | Reject]:
    """The records of one member. A record is held back until what follows it is read well; lines that follow it without
    a blank line between are its own. Returns whether the member is torn."""
    held = None
    try:
        while True:
            start, line, parted = stream.offset, stream.line(), False
            while line == b"":
                start, line, parted = stream.offset, stream.line(), True
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
    """Parse the record whose version line was just read; None for one that holds no page (warcinfo, request, ...)."""
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
    if kind == b"conversion":
        return RawPage(url, body, name, offset, "utf-8", is_text=True)
    try:
        content_type = header.get(b"content-type", b"") if kind == b"resource" else b""
        html, charset = html_of_response(body, content_type, max_bytes)
    except BadHttp as error:
        return Reject(url, error.reason, str(error), name, offset)
    return RawPage(url, html, name, offset, charset)


def clean_url(url: str) -> str:
    """A WARC-Target-URI as it should have been written: no angle brackets, no blanks inside."""
    return "%20".join(url.strip().strip("<>").split())[:4096]


def _is_member(file: BinaryIO, offset: int) -> bool:
    """Whether a gzip member starts at `offset`: magic, method, flags, and first bytes that can be inflated."""
    file.seek(offset)
    head = file.read(512)
    if not head.startswith(MAGIC) or len(head) < 4 or head[3] > 0x1F:
        return False
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 5) in (b"WARC/", b"") or offset == 0
    except zlib.error:
        return offset == 0


def _next_member(file: BinaryIO, offset: int) -> int:
    """The first place at or after `offset` where a gzip member starts; the end of the file when there is none."""
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
