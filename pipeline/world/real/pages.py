"""The user's pages as WARC files, and the user's known mathematical pages as the seed corpus."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.corpus.read.pack import SUFFIXES, pack, read_folder, write_warc
from pipeline.corpus.read.record import RawPage, Reject, clean_url
from pipeline.corpus.shards import SUFFIXES as CRAWL_SUFFIXES
from pipeline.errors import UserError
from pipeline.records import read_jsonl, write_jsonl

ARCHIVES = tuple(suffix for suffix in CRAWL_SUFFIXES if suffix not in SUFFIXES)
MAPPINGS = ("urls.jsonl", "MANIFEST.md")  # what pipeline/corpus/read/pack.py finds URLs in


def write_web(paths: Sequence[Path], out: Path) -> dict[str, int]:
    """Copy WARC and WET files to `out`, and pack HTML into WARC. Returns counts.

    A folder may hold both kinds; `sources.jsonl` says where each file came from. Raises UserError
    for a path that is missing or holds neither.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for path in paths:
        if not path.exists():
            raise UserError(
                f"{path}: no such file or folder; world.real.web names WARC files or folders of "
                "HTML (in conf/profile/real.yaml it is the folder DSM_WEB)"
            )
        begin = len(rows)
        for archive in find(path, ARCHIVES):
            below = archive.relative_to(path).as_posix() if path.is_dir() else archive.name
            target = out / f"{len(rows):03d}-{archive.name}"
            shutil.copyfile(archive, target)
            rows.append(source_row(target, below, "copied"))
        if find(path, SUFFIXES):
            target = out / f"{len(rows):03d}-{path.stem}-html.warc.gz"
            pages = (
                pack(path, target)
                if path.is_dir()
                else write_warc(target, [(f"file:///{path.name}", path.read_bytes())])
            )
            rows.append({**source_row(target, path.name, "packed"), "pages": pages})
        if len(rows) == begin:
            raise UserError(
                f"{path}: no WARC, WET or HTML file in it; world.real.web names files or folders "
                "that hold some"
            )
    write_jsonl(out / "sources.jsonl", rows)
    return {"files": len(rows), "packed_pages": sum(row.get("pages", 0) for row in rows)}


def find(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return [p for p in files if p.name.lower().endswith(suffixes)]


def source_row(target: Path, origin: str, how: str) -> dict[str, Any]:
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "file": target.name,
        "origin": origin,
        "how": how,
        "bytes": target.stat().st_size,
        "sha256": digest,
    }


def write_seed(paths: Sequence[Path], out: Path, max_bytes: int) -> dict[str, int]:
    """Write seed rows (url, text). Returns counts.

    Raises UserError when no page is left, because a classifier needs positive examples.
    """
    rows, left_out = [], 0
    for path in paths:
        if not path.exists():
            raise UserError(
                f"{path}: no such file or folder; world.real.seed names JSONL files with url and "
                "text, or folders of HTML"
            )
        for row in jsonl_pages(path) if path.suffix == ".jsonl" else html_pages(path, max_bytes):
            if row is None:
                left_out += 1
            else:
                rows.append(row)
    if not rows:
        raise UserError(
            "world.real.seed: no page; name known mathematical pages (JSONL with url and text, or "
            "folders of HTML)"
        )
    unique = {row["url"]: row for row in rows}
    write_jsonl(out, unique.values())
    return {"pages": len(unique), "left_out": left_out}


def jsonl_pages(path: Path) -> Iterator[dict[str, str] | None]:
    for number, row in enumerate(read_jsonl(path), 1):
        if (
            not isinstance(row.get("url"), str)
            or not isinstance(row.get("text"), str)
            or not row["text"].strip()
        ):
            raise UserError(
                f"{path}:{number}: a seed page needs url and text; fix or remove the line"
            )
        yield {"url": row["url"], "text": row["text"]}


def html_pages(path: Path, max_bytes: int) -> Iterator[dict[str, str] | None]:
    """Pages of a folder with their text as the corpus stage reads it; None for a page without text.

    URLs come from the nearest mapping at or above the folder, so that a part of a crawl's folder
    can be its seed.
    """
    from pipeline.corpus.read.pages import page_of

    if not find(path, SUFFIXES):
        raise UserError(
            f"{path}: no HTML file in it; world.real.seed names JSONL files or folders of HTML"
        )
    folder = path if path.is_dir() else path.parent
    root = next(
        (
            p
            for p in (folder, *folder.parents[:2])
            if any((p / name).is_file() for name in MAPPINGS)
        ),
        folder,
    )
    prefix = path.relative_to(root).as_posix()
    for raw in read_folder(root, max_bytes):
        if prefix != "." and raw.source != prefix and not raw.source.startswith(prefix + "/"):
            continue
        page = page_of(raw, min_tokens=1) if isinstance(raw, RawPage) else raw
        yield None if isinstance(page, Reject) else {"url": clean_url(page.url), "text": page.text}
