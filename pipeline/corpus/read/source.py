"""Where input lies: files of this machine, or at a URL (https://, s3:// and whatever else fsspec
knows).

A remote file is read in pieces by range requests, each tried several times, so nothing is stored
and a record of an index costs one request.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import time
import urllib.error
import urllib.request
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import UserError

Location = Path | str  # a path of this machine, or a URL
PIECE = 8 << 20  # bytes of one request
TRIES = 6
FIRST_WAIT = 1.0  # seconds before the second try; each further wait is twice as long
EXTRAS = {"s3": "s3fs", "gs": "gcsfs", "hf": "huggingface_hub"}


def is_remote(location: Location) -> bool:
    return isinstance(location, str) and "://" in location and not location.startswith("file://")


def located(text: str | Path) -> Location:
    """What a person wrote on a command line or in a list: a URL stays text, anything else is a
    path.
    """
    if isinstance(text, Path):
        return text
    return text if is_remote(text) else Path(text.removeprefix("file://"))


def name_of(location: Location) -> str:
    """The last part of a path or URL."""
    return (
        location.name
        if isinstance(location, Path)
        else location.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    )


def open_source(location: Location) -> BinaryIO:
    """A binary file that can seek. Raises UserError when it cannot be opened."""
    if is_remote(location):
        url = str(location)
        if not sends_parts(url):
            return downloaded(url)
        return io.BufferedReader(Ranged(url), buffer_size=1 << 16)
    try:
        return Path(location).open("rb")
    except OSError as error:
        raise UserError(
            f"{location}: cannot be read ({error.strerror}); give a WARC file or a folder"
        ) from None


@lru_cache(maxsize=4_096)
def sends_parts(url: str) -> bool:
    """Whether a server answers range requests: stores do, and a web server is asked for one byte."""
    if not url.startswith(("http://", "https://")):
        return True
    request = urllib.request.Request(url, headers={"Range": "bytes=0-0"})

    def ask() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status == 206
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FileNotFoundError(url) from None
            raise

    return tried(ask, url)


def downloaded(url: str) -> BinaryIO:
    """A copy on disk, gone when it is closed, of a file whose server sends it only as a whole."""
    system, path = filesystem_of(url)
    copy = tempfile.NamedTemporaryFile(prefix="dsm-")  # noqa: SIM115 - the caller closes it
    tried(lambda: system.get_file(path, copy.name), url)
    copy.seek(0)
    return copy


def size_of(file: BinaryIO) -> int:
    at = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(at)
    return size


def stamp_of(location: Location) -> str:
    """What says that a file is still the same: the hash of its bytes; of a remote one its size and
    its date or tag.
    """
    if is_remote(location):
        facts = facts_of(str(location))
        tags = [
            str(facts.get(key, "")) for key in ("ETag", "Last-Modified", "LastModified", "mtime")
        ]
        return " ".join(["remote", str(facts.get("size")), *tags])
    digest = hashlib.blake2b(digest_size=16)
    with Path(location).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def filesystem_of(url: str) -> tuple[Any, str]:
    """(fsspec's file system, the path in it). Raises UserError when its package is missing."""
    import fsspec

    kind = url.split("://", 1)[0]
    try:
        return fsspec.core.url_to_fs(url, **({"anon": anonymous()} if kind == "s3" else {}))
    except (ImportError, ValueError) as error:
        need = f"; pip install {EXTRAS[kind]}" if kind in EXTRAS else ""
        raise UserError(f"{url}: {kind}:// cannot be opened ({error}){need}") from None


def anonymous() -> bool:
    """Whether S3 is asked without an account, as Common Crawl's bucket allows."""
    return not any(
        name in os.environ for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN")
    )


def facts_of(url: str) -> dict[str, Any]:
    """Size and date of a remote file. Raises UserError when it cannot be reached or has no size."""
    system, path = filesystem_of(url)
    facts = tried(lambda: system.info(path), url)
    if not isinstance(facts.get("size"), int):
        raise UserError(
            f"{url}: the server tells no size, so it cannot be read in pieces; download it"
        )
    return facts


def tried(call: Any, url: str) -> Any:
    """The result of a call to a server, tried again after growing waits. Raises UserError at last."""
    wait = FIRST_WAIT
    for left in range(TRIES - 1, -1, -1):
        try:
            return call()
        except FileNotFoundError:
            raise UserError(f"{url}: not found; check the address") from None
        except Exception as error:  # noqa: BLE001 - each file system raises what its own client raises
            if not left:
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                raise UserError(
                    f"{url}: not read after {TRIES} tries ({reason}); run it again, it goes on there"
                ) from None
            time.sleep(wait)
            wait *= 2
    raise AssertionError("unreachable")


class Ranged(io.RawIOBase):
    """A remote file as a seekable stream; holds one piece of it in memory."""

    def __init__(self, url: str):
        self.url, self.size = url, facts_of(url)["size"]
        self.system, self.path = filesystem_of(url)
        self.at, self.start, self.piece = 0, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        self.at = max(0, base + offset)
        return self.at

    def readinto(self, buffer: Any) -> int:
        if self.at >= self.size:
            return 0
        if not self.start <= self.at < self.start + len(self.piece):
            self.start = self.at
            self.piece = read_range(self.url, self.at, min(self.size, self.at + PIECE))
        begin = self.at - self.start
        part = self.piece[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)


def read_range(location: Location, start: int, end: int) -> bytes:
    """The bytes `start`..`end` of a file; fewer where it ends before. Raises UserError."""
    if not is_remote(location):
        with open_source(location) as file:
            file.seek(start)
            return file.read(end - start)
    system, path = filesystem_of(str(location))

    def ask() -> bytes:
        found = system.cat_file(path, start=start, end=end)
        if not found and end > start:
            raise OSError("an empty answer")
        return found

    found = tried(ask, str(location))
    if len(found) > end - start:
        raise UserError(
            f"{location}: the server sends no parts of a file; download it, then give the copy"
        )
    return found
