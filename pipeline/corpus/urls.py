"""URLs: one spelling for each page, its hash, its host."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import unquote, urlsplit

TRACKING = re.compile(
    r"^(?:utm_\w+|fbclid|gclid|ref|ref_src|spm|from|source|share|session_?id|phpsessid|jsessionid|sid)$",
    re.I,
)
INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.I)


def normal_url(url: str) -> str:
    """The spelling under which two URLs are one page: no scheme, www., default port, fragment, index page, trailing
    slash, session or tracking parameter; parameters sorted; escapes undone.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:  # an unclosed bracket or a bad port
        return url.strip().lower()
    name = (parts.hostname or "").removeprefix("www.")
    if port not in (None, 80, 443):
        name += f":{port}"
    path = re.sub(r"/{2,}", "/", unquote(parts.path, errors="replace"))
    path = re.sub(r";jsessionid=[^/]*", "", path, flags=re.I)
    path = INDEX.sub("/", path).rstrip("/")
    query = sorted(p for p in parts.query.split("&") if p and not TRACKING.match(p.split("=")[0]))
    return name + path + ("?" + "&".join(query) if query else "")


def host(url: str) -> str:
    """The host of a URL without www.; "" for a URL that has none (a file)."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def stable_hash(text: str, salt: str = "") -> int:
    """63 bits that depend on `text` and `salt` alone, the same on every machine."""
    digest = hashlib.blake2b(f"{salt}\0{text}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def url_hash(url: str, salt: str = "") -> int:
    """`stable_hash` of the page that a URL names (its normal spelling): sampling and tie-breaks by it need no order."""
    return stable_hash(normal_url(url), salt)
