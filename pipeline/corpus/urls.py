"""URLs: one spelling for each page, its hash, its host."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

# Parameters that say how a reader came, never what is shown.
TRACKING = re.compile(
    r"^(?:utm_\w+|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_[ce]id|_ga|_gl|ref_src|ref_url|spm|phpsessid|jsessionid|session_?id"
    r"|asp\.net_sessionid|aspsessionid\w*|cfid|cftoken)$",
    re.I,
)
# Parameters that say so only with certain values: elsewhere they name a source, an article or a
# problem.
MAY_TRACK = frozenset({"source", "ref", "from", "share", "via", "referrer", "referer"})
COMES_FROM = frozenset(
    "twitter facebook weibo wechat weixin qq qzone linkedin reddit pinterest telegram whatsapp instagram google bing baidu "
    "rss feed email mail newsletter share social copy home homepage index search nav navbar menu sidebar footer header "
    "related recommend banner app mobile desktop web timeline singlemessage groupmessage 1 true".split()
)
SESSION = frozenset({"sid", "session", "sess"})
SESSION_VALUE = re.compile(r"(?=.*\d)(?=.*[a-z])[0-9a-z_-]{16,}", re.I)
INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.I)
ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# Escapes of these are not undone: as they stand, they would part the URL elsewhere.
PATH_KEEPS, QUERY_KEEPS = b"/?#%;", b"&=+#%;"


def normal_url(url: str) -> str:
    """The spelling under which two URLs are one page.

    Without scheme, www., default port, fragment, index page, trailing slash, session and tracking
    parameters; host in lower case and Unicode, parameters sorted, escapes undone where they are
    UTF-8. A fragment that is a route of a script ("#!/lesson/1") stays.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:  # an unclosed bracket or a bad port
        return url.strip().lower()
    name = normal_host(parts.hostname or "")
    if port not in (None, 80, 443):
        name += f":{port}"
    path = re.sub(r"/{2,}", "/", undone(parts.path, PATH_KEEPS))
    path = re.sub(r";jsessionid=[^/]*", "", path, flags=re.I)
    path = INDEX.sub("/", path).rstrip("/")
    given = parts.query.replace("&amp;", "&").split("&")
    query = sorted(
        undone(p.replace("+", "%20"), QUERY_KEEPS) for p in given if p and not is_tracking(p)
    )
    route = "#" + parts.fragment if parts.fragment.startswith(("!", "/")) else ""
    return name + path + ("?" + "&".join(query) if query else "") + route


def normal_host(name: str) -> str:
    """A host without www. and a dot at its end, in Unicode."""
    name = name.rstrip(".").removeprefix("www.")
    if "xn--" not in name:
        return name
    labels = []
    for label in name.split("."):
        try:
            labels.append(label.encode("ascii").decode("idna"))
        except UnicodeError:  # no punycode after all
            labels.append(label)
    return ".".join(labels)


def is_tracking(parameter: str) -> bool:
    """Whether a parameter (name=value) says how a reader came."""
    name, _, value = parameter.partition("=")
    name, value = name.lower(), value.lower()
    if TRACKING.match(name):
        return True
    if name in SESSION:
        return SESSION_VALUE.fullmatch(value) is not None
    return name in MAY_TRACK and (not value or value in COMES_FROM)


def undone(text: str, keeps: bytes) -> str:
    """Escapes undone where they are UTF-8; bytes of any other encoding stay as they are, and so do
    those of `keeps`.
    """

    def plain(match: re.Match[str]) -> str:
        raw = bytes.fromhex(match[0].replace("%", ""))
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return match[0].upper()
        kept = b"".join(
            b"%%%02X" % byte if byte in keeps or byte < 32 else bytes([byte]) for byte in raw
        )
        return kept.decode("utf-8")

    return ESCAPES.sub(plain, text)


def host(url: str) -> str:
    """The host of a URL without www.; "" for a URL that has none (a file)."""
    try:
        return normal_host(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def stable_hash(text: str, salt: str = "") -> int:
    """63 bits that depend on `text` and `salt` alone, the same on every machine."""
    digest = hashlib.blake2b(f"{salt}\0{text}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def url_hash(url: str, salt: str = "") -> int:
    """`stable_hash` of the page that a URL names (its normal spelling): sampling and tie-breaks by
    it need no order.
    """
    return stable_hash(normal_url(url), salt)
