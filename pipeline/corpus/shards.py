"""Shards: the unit of work. A shard's result is written under a temporary name and renamed, then a
receipt is written.

A receipt holds hashes of the shard's input, of the parameters and of the code; work is done when
its receipt matches. So a run can be killed anywhere, and the next one, with any number of workers,
ends with the same bytes.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.corpus.inputs import CRAWL, Shard
from pipeline.corpus.read.pack import SUFFIXES as HTML
from pipeline.corpus.read.source import is_remote, stamp_of
from pipeline.errors import UserError
from pipeline.files import fingerprint, write_text
from pipeline.wiring.code import code_hashes

SUFFIXES = (*CRAWL, *HTML)
PR_SET_PDEATHSIG = 1  # of prctl(2)
HASHERS = 8  # files read at a time to see whether they changed


def stamps_of(
    shards: Sequence[Shard],
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """What says of each shard's input that it is still the same.

    The hash of its bytes is kept in `folder` with size and date of the file, so that a run that
    goes on reads only what changed; a remote file is known by its size and its date or tag alone.
    Shards of one index share its stamp.
    """
    places = {str(shard.path): shard for shard in shards}
    with ThreadPoolExecutor(max_workers=HASHERS) as pool:
        found = {}
        for done, (place, stamp) in enumerate(
            zip(
                places,
                pool.map(lambda shard: stamp_kept(shard, folder), places.values()),
                strict=True,
            ),
            1,
        ):
            found[place] = stamp
            progress(done, len(places))
    return [f"{found[str(shard.path)]} {shard.part} {shard.base}" for shard in shards]


def stamp_kept(shard: Shard, folder: Path) -> str:
    """The stamp of a shard's input, from `folder` where size and date are those of the last time."""
    if is_remote(shard.path):
        return stamp_of(shard.path)
    path = Path(shard.path)
    known, facts = folder / f"{shard.key}.json", facts_of_files(path)
    if known.is_file():
        kept = json.loads(known.read_text())
        if kept.get("facts") == facts:
            return kept["stamp"]
    stamp = file_hash(path)
    write_text(known, json.dumps({"facts": facts, "stamp": stamp}))
    return stamp


def facts_of_files(path: Path) -> str:
    """Size and date of a file, or of all files below a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return fingerprint([(p.as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files])


def file_hash(path: Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of the files below a folder that are no
    shards of their own.
    """
    digest = hashlib.blake2b(digest_size=16)
    below = (p for p in path.rglob("*") if p.is_file() and not p.name.lower().endswith(CRAWL))
    for part in sorted(below) if path.is_dir() else [path]:
        if path.is_dir():
            digest.update(part.relative_to(path).as_posix().encode())
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


PAGES = Path(__file__).with_name("read") / "pages.py"


def code_hash(entry: Path = PAGES) -> str:
    """Fingerprint of the code of a module and of all that it imports, however deep; of what turns a
    shard into pages unless another is named.
    """
    return fingerprint(code_hashes(entry))


@dataclass(frozen=True)
class Task:
    """Call `function(*args)`, which writes `results`; done when the receipt holds `proof` and all
    results are there.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    results: tuple[Path, ...]
    receipt: Path
    proof: str

    def is_done(self) -> bool:
        if not self.receipt.is_file() or not all(path.is_file() for path in self.results):
            return False
        return json.loads(self.receipt.read_text())["proof"] == self.proof


# Processes of this machine, or a function that has tasks done elsewhere.
Workers = int | Callable[[list[Task]], None]
Progress = Callable[[str, int, int], None]  # step, done, all


def run(tasks: list[Task], workers: Workers) -> Iterator[tuple[int, int]]:
    """Do the tasks that are not done; yields (done, all) after each. Results do not depend on
    `workers` or on order.
    """
    left = [task for task in tasks if not task.is_done()]
    done = len(tasks) - len(left)
    yield done, len(tasks)
    if callable(workers):
        if left:
            workers(left)
        lost = [task.results[0] for task in left if not task.is_done()]
        if lost:
            raise UserError(
                f"{lost[0]}: not made, nor {len(lost) - 1} others; read the executor's log, then run it again"
            )
        yield len(tasks), len(tasks)
        return
    if workers <= 1 or len(left) <= 1:
        for task in left:
            do(task)
            done += 1
            yield done, len(tasks)
        return
    with ProcessPoolExecutor(workers, initializer=end_with, initargs=(os.getpid(),)) as pool:
        for _ in pool.map(do, left):
            done += 1
            yield done, len(tasks)


def end_with(parent: int) -> None:
    """Have this process killed when the one that started it ends, however it ends: a worker that
    went on after a kill would be in the way of the run that takes over its shard.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it was asked for
        os._exit(1)


def do(task: Task) -> None:
    """Do one task and write its receipt."""
    task.receipt.unlink(missing_ok=True)
    for path in (*task.results, task.receipt):
        path.parent.mkdir(parents=True, exist_ok=True)
    task.function(*task.args)
    write_text(task.receipt, json.dumps({"proof": task.proof}))
