"""The rows that stages hand to each other, and how JSONL files of them are read and written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import UserError
from pipeline.files import atomic_text, write_text

Row = TypeVar("Row")


@dataclass(frozen=True)
class Question:
    """A question with its reference answer: RL questions, the validation split, benchmarks."""

    id: str
    question: str
    answer: str
    lang: str = "en"  # "en" | "zh"
    level: int = 0  # graded difficulty; 0 = not graded
    family: str = ""  # kind of problem: "rate", "number_theory", ...
    structure: str = ""  # what splits are disjoint in; "" for real data
    trace: tuple[
        str, ...
    ] = ()  # value of each step of the only solution, for the exact step checker; () = unknown
    options: tuple[str, ...] = ()  # of a multiple-choice question


@dataclass(frozen=True)
class Instruction:
    """A question with a worked solution, for supervised fine-tuning (section 3)."""

    id: str
    question: str
    solution: str
    answer: str
    format: str = "cot"  # "cot" | "pot" | "tir"
    lang: str = "en"
    level: int = 0
    family: str = ""
    structure: str = ""


def read_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """Yield the rows of a JSONL file as `kind`. Raises UserError naming file, line and key when one
    is malformed.
    """
    names = {f.name for f in fields(kind)}
    for number, row in enumerate(read_jsonl(path), 1):
        unknown = sorted(set(row) - names)
        if unknown:
            raise UserError(
                f"{path}:{number}: unknown key {unknown[0]!r}; a {kind.__name__} has {sorted(names)}"
            )
        for key in ("options", "trace"):
            if key in row:
                row[key] = tuple(row[key])
        try:
            yield kind(**row)
        except TypeError as error:
            raise UserError(
                f"{path}:{number}: {error}; a {kind.__name__} has {sorted(names)}"
            ) from None


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSONL file; blank lines are skipped. Raises UserError for a missing
    file or a bad line.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it, or give another path")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise UserError(
                    f"{path}:{number}: not a JSON line ({error}); mend or remove it"
                ) from None
            if not isinstance(row, dict):
                raise UserError(
                    f"{path}:{number}: a JSON object is needed, not {type(row).__name__}"
                )
            yield row


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Write dataclass instances or dicts as JSONL, keys sorted; atomic. Returns how many."""
    count = 0
    with atomic_text(path) as file:
        for row in rows:
            plain = row if isinstance(row, dict) else asdict(row)
            file.write(json.dumps(plain, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
    return count


def write_json(path: Path, value: Any) -> None:
    """Write sorted, indented JSON; atomic."""
    write_text(path, json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2) + "\n")
