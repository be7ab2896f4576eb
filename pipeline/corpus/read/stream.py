"""A file of records as a stream of bytes, one gzip member or the plain rest of a file at a time."""

from __future__ import annotations

import zlib
from typing import Any, BinaryIO

CHUNK = 1 << 16
MAX_HEADER = 1 << 16


class Torn(Exception):
    """The compressed stream is broken or ends early; `reason` names the reject."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


class Stream:
    """Bytes of one gzip member, or of an uncompressed file from `offset` on, read in bounded
    pieces.
    """

    def __init__(self, file: BinaryIO, offset: int, gzipped: bool):
        self.file, self.gzipped, self.buffer, self.ended = file, gzipped, bytearray(), False
        self.start, self.read, self.broken = offset, 0, ""
        file.seek(offset)
        self.inflate = zlib.decompressobj(wbits=31) if gzipped else None
        self.pending, self.read_to = b"", offset
        self.gzip_at: int | None = None  # where plain records end and gzip members begin

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

    def starts_with(self, text: bytes) -> bool:
        """Whether the stream, of which nothing was taken yet, begins with a text after blank lines."""
        try:
            while len(self.buffer.lstrip()) < len(text) and self._more():
                pass
        except Torn:
            self.broken = self.broken or "broken at its start"
        return self.buffer.lstrip().startswith(text)

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
        """Up to `size` bytes, of which at most `keep` are held; and whether all `size` were there.
        Raises Torn.
        """
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
