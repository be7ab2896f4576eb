"""What a command's inputs are: files, folders, URLs, lists of files and indexes of records, as
shards of work.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.corpus.read.http import HTML_START
from pipeline.corpus.read.pack import MAPPINGS
from pipeline.corpus.read.pack import SUFFIXES as HTML
from pipeline.corpus.read.source import Location, is_remote, located, name_of, open_source
from pipeline.corpus.read.tables import INDEX, ROWS, count_rows, is_index, rows_of_file, under
from pipeline.errors import UserError

Note = Callable[[str], None]
CRAWL = (".warc.gz", ".warc", ".wet.gz", ".wet", ".arc.gz", ".arc", ".wat.gz")
LISTS = (".paths", ".paths.gz")
PACKED = ("zst", "xz", "bz2", "lz4", "br", "zip")
FOREIGN = tuple(
    f"{kind}.{packed}" for kind in (".warc", ".wet", ".arc", ".jsonl") for packed in PACKED
)
COMMON_CRAWL = "https://data.commoncrawl.org/"
INDEX_ROWS = 2_000  # of an index to a shard
WARC_STARTS = (b"WARC/", b"filedesc://", b"\x1f\x8b", b"\xef\xbb\xbfWARC/")


@dataclass(frozen=True)
class Shard:
    """One unit of input.

    `name` is its path below the common parent of all inputs (its URL where it is remote), `key`
    names results. `kind` is crawl (WARC, WET, ARC), html (a file or a folder), rows or index; of an
    index, `part` is a range of its rows and `base` where the files are that they name.
    """

    path: Location
    name: str
    key: str
    kind: str = "crawl"
    part: tuple[int, int] = (0, 0)
    base: str = ""


def find_shards(
    inputs: Sequence[Location | str], base: str = COMMON_CRAWL, note: Note = lambda line: None
) -> list[Shard]:
    """The shards at or below `inputs`, in the order of their names, each once.

    `base` is where the files lie that a list of paths or an index names. All HTML below a folder is
    one shard. `note` is told what of a folder is left out. Raises UserError when an input is
    missing, holds nothing that can be read, or is compressed in a way that is not read.
    """
    found: list[tuple[Location, str]] = []
    for given in inputs:
        found += expanded(located(given), base, note)
    local = {
        os.path.abspath(path): (path, kind) for path, kind in reversed(found) if not is_remote(path)
    }
    folders = {Path(name) for name, (_, kind) in local.items() if kind == "folder"}
    once = [
        (path, "html" if kind == "folder" else kind)
        for name, (path, kind) in local.items()
        if kind not in ("html", "folder") or not folders.intersection(Path(name).parents)
    ]
    once.sort(key=lambda item: Path(item[0]).as_posix())
    remote = sorted({(str(path), kind) for path, kind in found if is_remote(path)})
    if not once and not remote:
        raise UserError("corpus: no input; give WARC files, WET files or a folder of HTML")
    parent = os.path.commonpath([Path(p).absolute().parent for p, _ in once]) if once else ""
    named = [
        (path, Path(path).absolute().relative_to(parent).as_posix(), kind) for path, kind in once
    ]
    named += [(path, path, kind) for path, kind in remote]
    return [shard for path, name, kind in named for shard in shards_of(path, name, kind, base)]


def shards_of(path: Location, name: str, kind: str, base: str) -> Iterator[Shard]:
    """One shard; of an index one for every INDEX_ROWS rows."""
    key = f"{hashlib.blake2b(name.encode(), digest_size=5).hexdigest()}-{name_of(path)[:60]}"
    if kind != "index":
        yield Shard(path, name, key, kind)
        return
    rows = count_rows(path)
    if not rows:
        raise UserError(f"{path}: an index without rows")
    for start in range(0, rows, INDEX_ROWS):
        part = (start, min(rows, start + INDEX_ROWS))
        yield Shard(path, f"{name}#{start}", f"{key}-{start}", kind, part, base)


def expanded(location: Location, base: str, note: Note) -> list[tuple[Location, str]]:
    """(location, kind) of everything that one input stands for."""
    name = name_of(location).lower()
    if not is_remote(location) and not Path(location).exists():
        raise UserError(
            f"{location}: no such file or folder; give WARC files, WET files or a folder of HTML"
        )
    if not is_remote(location) and Path(location).is_dir():
        return in_folder(Path(location), note)
    if name.endswith(FOREIGN):
        suffix = name.rsplit(".", 1)[1]
        raise UserError(f"{location}: .{suffix} is not read; unpack it, or pack it with gzip")
    if name.endswith(LISTS):
        listed = [under(base, line) for line in lines_of(location)]
        if not listed:
            raise UserError(f"{location}: a list without paths")
        return [found for path in listed for found in expanded(path, base, note)]
    return [(location, kind_of(location))]


def lines_of(location: Location) -> Iterator[str]:
    with open_source(location) as file:
        gzipped = name_of(location).lower().endswith(".gz")
        lines: Iterable[bytes] = gzip.open(file) if gzipped else file
        for line in lines:
            if text := line.decode("utf-8", "replace").strip():
                yield text


def kind_of(location: Location) -> str:
    """What a file is: by its name, else by how it begins. Raises UserError."""
    name = name_of(location).lower()
    if name.endswith(CRAWL):
        return "crawl"
    if name.endswith(HTML) and not is_remote(location):
        return "html"
    if name.endswith(INDEX):
        return "index"
    if name.endswith(ROWS):
        first = next(rows_of_file(location), None)
        if first is None:
            raise UserError(f"{location}: no rows in it")
        return "index" if is_index(first) else "rows"
    with open_source(location) as file:
        head = file.read(2_048)
    if head.lstrip().startswith(WARC_STARTS):
        return "crawl"
    if HTML_START.search(head) and not is_remote(location):
        return "html"
    raise UserError(
        f"{location}: no WARC, WET, ARC, HTML, JSONL or Parquet file by its name or its first bytes"
    )


def in_folder(folder: Path, note: Note) -> list[tuple[Location, str]]:
    """The crawl files and tables below a folder, and the folder itself for all other files."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    foreign = [p for p in files if p.name.lower().endswith(FOREIGN)]
    if foreign:
        raise UserError(
            f"{foreign[0]}: {foreign[0].suffix} is not read; unpack it, or pack it with gzip"
        )
    found: list[tuple[Location, str]] = []
    tables: list[Path] = []
    others = 0
    for path in files:
        name = path.name.lower()
        if name.endswith(CRAWL):
            found.append((path, "crawl"))
        elif name.endswith((*ROWS, *INDEX)) and path.name not in MAPPINGS:
            tables.append(path)
        else:
            others += name.endswith(HTML) or (path.name not in MAPPINGS and may_be_html(path))
    if others:
        found.append((folder, "folder"))
    if found and tables:  # accounts of the crawl, as tools write them
        note(f"{folder}: not read beside its pages: {', '.join(p.name for p in tables[:5])}"
             + (f" and {len(tables) - 5} more" if len(tables) > 5 else "") + "; name them if they hold pages")  # fmt: skip
    elif tables:
        found = [(path, kind_of(path)) for path in tables]
    if not found:
        raise UserError(
            f"{folder}: no WARC, WET or HTML file below it ({', '.join((*CRAWL, *HTML))})"
        )
    return found


def may_be_html(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(2_048)
    return HTML_START.search(head) is not None or path.name.lower().endswith(
        (".html.gz", ".htm.gz")
    )
