"""The HTTP response inside a WARC record: status, type, transfer and content encoding."""

from __future__ import annotations

import re
import zlib

HTML_TYPES = (b"text/html", b"application/xhtml+xml")
HTML_START = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|article|div|p|h1)\b", re.I)
CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]+)", re.I)
CHUNK_SIZE = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class BadHttp(Exception):
    """The response holds no page that can be read; `reason` names the reject."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def html_of_response(record: bytes, content_type: bytes, max_bytes: int) -> tuple[bytes, str]:
    """(HTML, charset of the header) of a response record; `content_type` is given for a resource record, whose body
    is the page itself. Raises BadHttp.
    """
    if content_type or not record[:5].upper().startswith(b"HTTP/"):
        return _checked(record, content_type), _charset(content_type)
    head, body = _split(record)
    lines = head.splitlines()
    status = lines[0].split()
    header = {}
    for line in lines[1:]:
        key, _, value = line.partition(b":")
        header[key.strip().lower()] = value.strip()
    if len(status) < 2 or not status[1].isdigit():
        raise BadHttp("bad_http", f"status line {lines[0][:60]!r}")
    if status[1] != b"200":
        raise BadHttp("http_status", status[1].decode())
    if b"chunked" in header.get(b"transfer-encoding", b"").lower():
        body = _dechunk(body)
    body = _inflate(body, header.get(b"content-encoding", b"").lower(), max_bytes)
    kind = header.get(b"content-type", b"")
    return _checked(body, kind), _charset(kind)


def _split(record: bytes) -> tuple[bytes, bytes]:
    """The header and the body of a response; the blank line may end in CRLF or LF."""
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := record.find(mark)) >= 0]
    if not ends:
        raise BadHttp("bad_http", "no blank line after the HTTP header")
    at, width = min(ends)
    return record[:at], record[at + width :]


def _charset(content_type: bytes) -> str:
    found = CHARSET.search(content_type)
    return found.group(1).decode("ascii", "ignore") if found else ""


def _checked(body: bytes, content_type: bytes) -> bytes:
    """`body` when it is HTML by its type, or by its first bytes where no type is given."""
    kind = content_type.split(b";")[0].strip().lower()
    if kind in HTML_TYPES or (
        kind in (b"", b"application/octet-stream") and HTML_START.search(body[:2048])
    ):
        if not body.strip():
            raise BadHttp("empty", "no body")
        return body
    raise BadHttp(
        "not_html", kind.decode("ascii", "replace") or "no Content-Type and no tag at the start"
    )


def _dechunk(body: bytes) -> bytes:
    """Undo chunked transfer. A body without chunk marks is passed on: crawlers often undo it and keep the header."""
    parts, at = [], 0
    while mark := CHUNK_SIZE.match(body, at):
        size, start = int(mark.group(1), 16), mark.end()
        if size == 0:
            return b"".join(parts)
        if start + size > len(body):
            raise BadHttp("mis_chunked", f"a chunk of {size} bytes at {at} runs past the body")
        parts.append(body[start : start + size])
        at = start + size
    if not parts and body.lstrip()[:1] == b"<":
        return body
    if body[at:].strip():
        raise BadHttp("mis_chunked", f"no chunk size at {at}")
    return b"".join(parts)


def _inflate(body: bytes, encoding: bytes, max_bytes: int) -> bytes:
    """Undo gzip or deflate; a body that is not compressed in spite of its header is passed on."""
    if encoding in (b"", b"identity", b"utf-8", b"none"):
        return body
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        raise BadHttp("bad_content_encoding", encoding.decode("ascii", "replace")[:40])
    if HTML_START.search(body[:512]):
        return body
    for wbits in (47, -15):  # gzip or zlib header, then raw deflate
        inflate = zlib.decompressobj(wbits=wbits)
        try:
            page = inflate.decompress(body, max_bytes + 1)
        except zlib.error:
            continue
        if not page:
            continue
        if len(page) > max_bytes:
            raise BadHttp("too_large", f"inflates to over {max_bytes} bytes")
        if not inflate.eof:
            raise BadHttp("truncated", "the compressed body is cut off")
        return page
    raise BadHttp("bad_content_encoding", "the body cannot be inflated")
