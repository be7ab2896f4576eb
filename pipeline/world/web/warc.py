"""WARC/1.0 files, written record by record, with one gzip member per record (ISO 28500, RFC 1952).

The same input gives the same bytes.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import zlib
from pathlib import Path

from pipeline.files import atomic

STAMP = "2024-03-01T00:00:00Z"  # one date for all records: nothing may depend on a clock


def http_response(
    body: bytes, content_type: str, status: str = "200 OK", headers: tuple[str, ...] = ()
) -> bytes:
    """An HTTP/1.1 response as a crawler stores it."""
    lines = [f"HTTP/1.1 {status}", "Server: nginx", *headers]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    if not any(header.startswith("Transfer-Encoding") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def record(
    url: str, block: bytes, serial: int, kind: str = "response", length: int | None = None
) -> bytes:
    """A WARC record.

    `serial` makes its id; `length` overrides Content-Length, to make a record that lies.
    """
    media = {
        "response": "application/http; msgtype=response",
        "request": "application/http; msgtype=request",
        "warcinfo": "application/warc-fields",
    }.get(kind, "text/plain")
    target = f"WARC-Target-URI: {url}\r\n" if url else ""
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: {STAMP}\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{serial:012x}>\r\n{target}"
        f"WARC-Block-Digest: sha1:{digest}\r\nContent-Type: {media}\r\n"
        f"Content-Length: {len(block) if length is None else length}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def member(data: bytes, level: int = 4) -> bytes:
    """One gzip member without name and time."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def chunked(body: bytes, size: int = 1000) -> bytes:
    """The body in HTTP chunks (RFC 9112, section 7.1)."""
    chunks = [body[k : k + size] for k in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


class ShardWriter:
    """Writes members into folder/00000.warc.gz, 00001...; a shard opens with a warcinfo record."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shard, self.offset, self.bytes = folder, -1, 0, 0
        self.open = contextlib.ExitStack()  # the shard that is being written

    @property
    def name(self) -> str:
        return f"{self.shard:05d}.warc.gz"

    def next_shard(self) -> None:
        """Close the open shard and start another."""
        self.close()
        self.shard += 1
        temporary = self.open.enter_context(atomic(self.folder / self.name))
        self.file = self.open.enter_context(temporary.open("wb"))
        self.offset = 0
        self.write(
            member(
                record(
                    "",
                    b"software: miniature web\r\nformat: WARC File Format 1.0\r\n",
                    (1 << 40) + self.shard,
                    kind="warcinfo",
                )
            )
        )

    def write(self, data: bytes) -> int:
        """Append; returns the offset at which `data` begins."""
        start = self.offset
        self.file.write(data)
        self.offset += len(data)
        self.bytes += len(data)
        return start

    def close(self) -> None:
        self.open.close()
