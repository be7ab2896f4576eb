"""Benchmark files as people have them: which parts of a row are a question, a solution or an
answer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.read.tables import rows_of_file
from pipeline.corpus.tokens import grams
from pipeline.errors import UserError

TEXT_KEYS = (
    "question", "problem", "answer", "solution", "text", "content", "golden", "input", "messages", "ground_truth",
)  # fmt: skip
OPTION_KEYS = ("options", "choices")


def benchmark_texts(paths: list[Path]) -> dict[str, list[str]]:
    """Texts of benchmark files by "name:key" ("gsm8k/test:question"), one entry per row, "" where a
    row has none: so a text's place is its row, 0 = the first. Says on stderr how many texts of a
    file can be matched.

    Raises UserError for a file none of whose texts is long enough to be matched.
    """
    found: dict[str, list[str]] = {}
    shortest = DecontaminateConfig().shortest
    for name, path in names_of(paths).items():
        rows, sizes = list(rows_of_file(path)), []
        for number, row in enumerate(rows):
            for key, text in texts_of(row):
                found.setdefault(f"{name}:{key}", [""] * len(rows))[number] = text
                sizes.append(len(grams(text)))
        matched = sum(size >= shortest for size in sizes)
        if not matched:
            keys = ", ".join((*TEXT_KEYS, *OPTION_KEYS))
            raise UserError(
                f"{path}: none of its {len(sizes)} texts has {shortest} words; rows need one of {keys}"
            )
        print(f"{name}: {matched} texts of {len(rows)} rows, {len(sizes) - matched} more under {shortest} words that "
              "match nothing", file=sys.stderr)  # fmt: skip
    return found


def names_of(paths: list[Path]) -> dict[str, Path]:
    """A name for each file: as many of the last parts of its path as tell the files apart, without
    the suffix.
    """
    unique = list({path.resolve(): path for path in paths}.values())
    whole = [path.absolute().with_suffix("").parts for path in unique]
    for depth in range(1, max(map(len, whole), default=0) + 1):
        names = ["/".join(parts[-depth:]) for parts in whole]
        if len(set(names)) == len(names):
            return dict(zip(names, unique, strict=True))
    return {path.as_posix(): path for path in unique}  # two files that differ in their suffix alone


def texts_of(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, text) of each text of a row. Options are read behind their question: alone, many of
    them are commonplaces ("all of the above", "1 2 3 4").
    """
    question = next((row[key] for key in TEXT_KEYS if isinstance(row.get(key), str)), "")
    for key in TEXT_KEYS:
        yield from _texts(key, row.get(key))
    for key in OPTION_KEYS:
        options = [text for _, text in _texts(key, row.get(key))]
        if options:
            yield key, "\n".join([question, *options])


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """The texts below one key: of a list each entry, of a mapping (a chat's message) those under
    TEXT_KEYS.
    """
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _texts(f"{key}.{place}", part)
    elif isinstance(value, dict) and value.get("role") != "system":
        for inner in TEXT_KEYS:
            yield from _texts(f"{key}.{inner}", value.get(inner))
