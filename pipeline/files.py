"""Files that are there in full or not at all, and hashes of what they hold."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic(path: Path, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path next to `path` to write to; it gets its final name when the block ends.

    After an error, or a kill, whatever stood at `path` before is still there. The temporary name is
    always the same, so that the next attempt overwrites what a killed one left and no stray file is
    ever published with a result. `durable` waits until the disk has the bytes before the rename, so
    that a power cut leaves the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    os.replace(temporary, path)


@contextlib.contextmanager
def atomic_text(path: Path) -> Iterator[IO[str]]:
    """`atomic` with a text file (UTF-8, newlines as written) that is open for writing."""
    with (
        atomic(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        yield file


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, atomically."""
    with atomic_text(path) as file:
        file.write(text)


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text file unless it holds exactly that already. Returns whether it was written.

    Processes may do this at the same time, so each uses a temporary name of its own.
    """
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return True


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Hexadecimal SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(*parts: Any) -> str:
    """16 hexadecimal digits that stand for JSON-able values; anything else counts by its `str`."""
    return sha256_text(json.dumps(parts, sort_keys=True, default=str))[:16]
