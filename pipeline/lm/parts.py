"""Rows that are made a part at a time, each part on file before the next: a kill loses one part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipeline.lm.parallel import exists, write_jsonl
from pipeline.records import read_jsonl


def in_parts(
    folder: Path | None, count: int, size: int, make: Callable[[int, int], Iterable[dict]]
) -> Iterator[dict]:
    """Rows of `make(start, end)` for parts of `size` out of `count`; a part on file is not made
    again.

    Without a folder nothing is kept. The rows are the same either way.
    """
    for start in range(0, count, size):
        end = min(start + size, count)
        if folder is None:
            yield from make(start, end)
            continue
        path = folder / f"{start:08d}.jsonl"
        if not exists(path):
            write_jsonl(path, make(start, end))
        yield from read_jsonl(path)
