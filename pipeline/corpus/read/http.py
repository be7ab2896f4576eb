"""The HTTP response inside a WARC record: status, type, transfer and content encoding."""

from __future__ import annotations

import re
import zlib

import pyarrow as pa

HTML_TYPES = (b"text/html", b"application/xhtml+xml")
XML_TYPES = (b"application/xml", b"text/xml", b"application/vnd.wap.xhtml+xml")
# Types that say nothing: what the body begins with decides.
NO_TYPES = (b"", b"application/octet-stream", b"unknown/unknown", b"html", b"text", b"no-type")
PAGE_STATUS = (b"200", b"203")  # 203: a proxy changed the page on its way
MAX_INTERIM = 5  # responses like 100 Continue before the page
CODECS = {b"br": "brotli", b"zstd": "zstd"}
MAGIC = {b"gzip": b"\x1f\x8b", b"x-gzip": b"\x1f\x8b", b"zstd": b"\x28\xb5\x2f\xfd"}
XHTML = re.compile(rb"<(?:\w+:)?html\b", re.I)
HTML_START = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|article|div|p|h1)\b", re.I)
CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]+)", re.I)
CHUNK_SIZE = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class BadHttp(Exception):
    """The response holds no page that can be read; `reason` names the reject."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def html_of_response(record: bytes, content_type: bytes, max_bytes: int) -> tuple[bytes, str]:
    """(HTML, charset of the header) of a response record; `content_type` is given for a resource
    record, whose body is the page itself. Raises BadHttp.
    """
    if content_type or not record[:5].upper().startswith(b"HTTP/"):
        return _checked(record, content_type), _charset(content_type)
    lines, body = _head(record)
    for _ in range(MAX_INTERIM):
        if not lines[0].split()[1].startswith(b"1"):
            break
        lines, body = _head(body)
    header: dict[bytes, bytes] = {}
    for line in lines[1:]:
        key, _, value = line.partition(b":")
        key = key.strip().lower()
        value = value.strip()
        header[key] = header[key] + b", " + value if key in header else value
    status = lines[0].split()[1]
    if status not in PAGE_STATUS:
        raise BadHttp("http_status", status.decode())
    if b"chunked" in header.get(b"transfer-encoding", b"").lower():
        body = _dechunk(body)
    body = _inflate(body, header.get(b"content-encoding", b"").lower(), max_bytes)
    kind = header.get(b"content-type", b"")
    return _checked(body, kind), _charset(kind)


def _head(response: bytes) -> tuple[list[bytes], bytes]:
    """The lines of a response's header, the status line first, and the body."""
    head, body = _split(response)
    lines = head.splitlines() or [b""]
    status = lines[0].split()
    if len(status) < 2 or not status[1].isdigit():
        raise BadHttp("bad_http", f"status line {lines[0][:60]!r}")
    return lines, body


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
    """`body` when it is HTML by its type, or by its first bytes where the type says nothing."""
    kinds = [part.split(b";")[0].strip().lower() for part in content_type.split(b",")]
    start = body[:2048]
    is_html = (
        any(kind in HTML_TYPES for kind in kinds)
        or (any(kind in NO_TYPES for kind in kinds) and HTML_START.search(start) is not None)
        or (any(kind in XML_TYPES for kind in kinds) and XHTML.search(start) is not None)
    )
    if not is_html:
        named = b", ".join(kinds).decode("ascii", "replace")
        raise BadHttp("not_html", named or "no Content-Type and no tag at the start")
    if not body.strip():
        raise BadHttp("empty", "no body")
    return body


def _dechunk(body: bytes) -> bytes:
    """Undo chunked transfer. A body without chunk marks is passed on: crawlers often undo it and
    keep the header.
    """
    parts, at = [], 0
    while mark := CHUNK_SIZE.match(body, at):
        size, start = int(mark.group(1), 16), mark.end()
        if size == 0:
            return b"".join(parts)
        if start + size > len(body):
            raise BadHttp("mis_chunked", f"a chunk of {size} bytes at {at} runs past the body")
        parts.append(body[start : start + size])
        at = start + size
    if not parts and HTML_START.search(body[:2048]):
        return body
    if body[at:].strip():
        raise BadHttp("mis_chunked", f"no chunk size at {at}")
    return b"".join(parts)


def _inflate(body: bytes, encoding: bytes, max_bytes: int) -> bytes:
    """Undo the content encodings, the last one first.

    A body that is not compressed in spite of its header is passed on: crawlers often undo it and
    keep the header.
    """
    for name in reversed([part.strip() for part in encoding.split(b",")]):
        if name in (b"", b"identity", b"utf-8", b"none"):
            continue
        is_packed = name in MAGIC and body.startswith(MAGIC[name])
        if not is_packed and HTML_START.search(body[:512]):
            return body
        if name in (b"gzip", b"x-gzip", b"deflate"):
            body = _inflate_zlib(body, max_bytes)
        elif name in CODECS:
            body = _inflate_stream(body, CODECS[name], max_bytes)
        else:
            raise BadHttp("bad_content_encoding", name.decode("ascii", "replace")[:40])
    return body


def _inflate_zlib(body: bytes, max_bytes: int) -> bytes:
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


def _inflate_stream(body: bytes, codec: str, max_bytes: int) -> bytes:
    """Undo Brotli or Zstandard, within the same limit."""
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
            page = stream.read(max_bytes + 1)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadHttp("bad_content_encoding", f"{codec}: {str(error)[:60]}") from None
    if len(page) > max_bytes:
        raise BadHttp("too_large", f"inflates to over {max_bytes} bytes")
    return page
