"""Bytes of a page to text. The one place that knows resiliparse."""

from __future__ import annotations

import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

DEFAULTS = frozenset({"iso-8859-1", "latin1", "latin-1", "windows-1252"})
META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)


def decode(body: bytes, header_charset: str = "") -> str | None:
    """The text of `body`, or None when it is in no encoding that can be told (over 1 % of it
    unreadable).

    Order: byte order mark, UTF-8 where the bytes are valid UTF-8 (stronger evidence than any
    label), the HTTP header, the meta element, a guess from the bytes.
    """
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _readable(body.decode("utf-16", "replace"))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    meta = META.search(body, 0, 4096)
    inside = meta.group(1).decode("ascii", "ignore") if meta else ""
    named = [header_charset, inside]
    if inside and header_charset.lower() in DEFAULTS:
        named.reverse()  # a server's default says nothing about this page
    for charset in (*named, detect_encoding(body[:65536]) or "utf-8"):
        if not charset:
            continue
        try:
            text = _readable(body.decode(codec_of(charset), "replace"))
        except LookupError:
            continue
        if text is not None:
            return text
    return None


def codec_of(charset: str) -> str:
    """The codec that browsers read a label with; gb18030 holds gb2312 and gbk, and the four-byte
    characters beyond.
    """
    codec = map_encoding_to_html5(charset)
    return "gb18030" if codec.lower() in ("gb2312", "gbk", "x-gbk") else codec


def _readable(text: str) -> str | None:
    bad = text.count("\ufffd") + text.count("\0")
    return text if bad * 100 <= len(text) else None
