"""Rows that are made a part at a time, each part on file before the next: a kill loses one part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipeline.lm.parallel import exists, first, write_jsonl
from pipeline.records import read_jsonl
from pipeline.wiring.progress import Progress


def in_parts(
    folder: Path | None,
    count: int,
    size: int,
    make: Callable[[int, int], Iterable[dict]],
    label: str = "",
    unit: str = "question",
) -> Iterator[dict]:
    """Rows of `make(start, end)` for parts of `size` out of `count`; a part on file is not made
    again.

    Without a folder nothing is kept. The rows are the same either way. `label` and `unit`: what is
    shown while parts are made.
    """
    starts = range(0, count, size)
    if folder is None:
        for start in starts:
            yield from make(start, min(start + size, count))
        return
    paths = {start: folder / f"{start:08d}.jsonl" for start in starts}
    missing = [start for start in starts if not exists(paths[start])]
    done = count - sum(min(size, count - start) for start in missing)
    with Progress(label, count, initial=done, unit=unit) as progress:
        for start in starts:
            if start in missing:
                write_jsonl(paths[start], make(start, min(start + size, count)))
                done += min(size, count - start)
                if label and first():
                    progress.go_to(done)
            yield from read_jsonl(paths[start])
