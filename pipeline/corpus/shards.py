"""Shards: the unit of work. A shard's result is written under a temporary name and renamed, then a receipt is written.

A receipt holds hashes of the shard's input, of the parameters and of the code; work is done when its receipt matches.
So a run can be killed anywhere, and the next one, with any number of workers, ends with the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.wiring.code import code_hashes

HTML = (".html", ".htm", ".xhtml")
SUFFIXES = (".warc.gz", ".warc", ".wet.gz", ".wet", *HTML)
FOREIGN = tuple(
    f"{kind}.{packed}"
    for kind in (".warc", ".wet")
    for packed in ("zst", "xz", "bz2", "lz4", "br", "zip")
)


@dataclass(frozen=True)
class Shard:
    """One input file (or folder of HTML). `name` is its path below the common parent of all inputs, `key` names
    results."""

    path: Path
    name: str
    key: str


def find_shards(inputs: list[Path]) -> list[Shard]:
    """WARC and WET files, and HTML files, at or below `inputs`, in the order of their names, each once.

    All HTML below a folder is one shard. Raises UserError when an input is missing, holds no page, or is compressed in a
    way that is not read.
    """
    found: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise UserError(
                f"{path}: no such file or folder; give WARC files, WET files or a folder of HTML"
            )
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        foreign = [p for p in files if p.name.lower().endswith(FOREIGN)]
        if foreign:
            raise UserError(
                f"{foreign[0]}: {foreign[0].suffix} is not read; unpack it, or pack it with gzip"
            )
        if path.is_dir():
            pages = [path] if any(p.name.lower().endswith(HTML) for p in files) else []
            files = [p for p in files if p.name.lower().endswith(SUFFIXES[:4])] + pages
            if not files:
                raise UserError(
                    f"{path}: no WARC, WET or HTML file below it ({', '.join(SUFFIXES)})"
                )
        found += files
    once = {
        os.path.abspath(p): p for p in reversed(found)
    }  # a file may be named twice, or below a folder that is
    folders = {Path(name) for name, p in once.items() if p.is_dir()}
    unique = sorted(
        (p for name, p in once.items()
         if not (folders.intersection(Path(name).parents) and (p.is_dir() or p.name.lower().endswith(HTML)))),
        key=lambda p: p.as_posix(),
    )  # fmt: skip
    if not unique:
        raise UserError("corpus: no input; give WARC files, WET files or a folder of HTML")
    parent = os.path.commonpath([p.absolute().parent for p in unique])
    names = [p.absolute().relative_to(parent).as_posix() for p in unique]
    return [
        Shard(
            path,
            name,
            f"{hashlib.blake2b(name.encode(), digest_size=5).hexdigest()}-{path.name[:60]}",
        )
        for path, name in zip(unique, names, strict=True)
    ]


def file_hash(path: Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of the HTML files below a folder and of their URLs."""
    digest = hashlib.blake2b(digest_size=16)
    mappings = [path / name for name in ("urls.jsonl", "MANIFEST.md")]
    pages = (
        p
        for p in path.rglob("*")
        if p.is_file() and (p.name.lower().endswith(HTML) or p in mappings)
    )
    for part in sorted(pages) if path.is_dir() else [path]:
        if path.is_dir():
            digest.update(part.relative_to(path).as_posix().encode())
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def code_hash() -> str:
    """Fingerprint of the code that turns a shard into pages: what `read/pages.py` imports, however deep."""
    return fingerprint(code_hashes(Path(__file__).with_name("read") / "pages.py"))


def fingerprint(*facts: Any) -> str:
    """Hash of plain values."""
    return hashlib.blake2b(
        json.dumps(facts, sort_keys=True, default=str).encode(), digest_size=16
    ).hexdigest()


@dataclass(frozen=True)
class Task:
    """Call `function(*args)`, which writes `results`; done when the receipt holds `proof` and all results are there."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    results: tuple[Path, ...]
    receipt: Path
    proof: str

    def is_done(self) -> bool:
        if not self.receipt.is_file() or not all(path.is_file() for path in self.results):
            return False
        return json.loads(self.receipt.read_text())["proof"] == self.proof


Workers = (
    int | Callable[[list[Task]], None]
)  # processes of this machine, or a function that has tasks done elsewhere


def run(tasks: list[Task], workers: Workers) -> Iterator[tuple[int, int]]:
    """Do the tasks that are not done; yields (done, all) after each. Results do not depend on `workers` or on order."""
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
    with ProcessPoolExecutor(max_workers=workers) as pool:
        for _ in pool.map(do, left):
            done += 1
            yield done, len(tasks)


def do(task: Task) -> None:
    """Do one task and write its receipt."""
    task.receipt.unlink(missing_ok=True)
    for path in (*task.results, task.receipt):
        path.parent.mkdir(parents=True, exist_ok=True)
    task.function(*task.args)
    temporary = task.receipt.with_name(task.receipt.name + ".tmp")
    temporary.write_text(json.dumps({"proof": task.proof}))
    os.replace(temporary, task.receipt)
