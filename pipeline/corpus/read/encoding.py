"""Bytes of a page to text. The one place that knows resiliparse."""

from __future__ import annotations

import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)


def decode(body: bytes, header_charset: str = "") -> str | None:
    """The text of `body`, or None when it is in no encoding that can be told (over 1 % of it unreadable).

    Order: byte order mark, UTF-8 where the bytes are valid UTF-8 (stronger evidence than any label), the HTTP header,
    the meta element, a guess from the bytes.
    """
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _readable(body.decode("utf-16", "replace"))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    meta = META.search(body, 0, 4096)
    named = [header_charset, meta.group(1).decode("ascii", "ignore") if meta else ""]
    for charset in (*named, detect_encoding(body[:65536]) or "utf-8"):
        if not charset:
            continue
        try:
            text = _readable(body.decode(map_encoding_to_html5(charset), "replace"))
        except LookupError:
            continue
        if text is not None:
            return text
    return None


def _readable(text: str) -> str | None:
    bad = text.count("\ufffd") + text.count("\0")
    return text if bad * 100 <= len(text) else None
