"""Anyone's outputs as rows to grade: JSONL, .gz, Parquet or standard input; lm-evaluation-harness
samples, OpenAI batch results, the rows that `dsm evaluate` writes, or rows whose keys are told by
flags."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.grading.answer.reference import read_reference

STDIN = "-"
DEFAULTS: dict[str, tuple[str, ...]] = {  # tried in this order where no flag names the key
    "id": ("id", "question_id", "custom_id", "idx", "index", "unique_id"),
    "prediction": (
        "prediction",
        "output",
        "outputs",
        "response",
        "responses",
        "completion",
        "generation",
        "generated_text",
        "model_output",
        "text",
    ),
    "reference": (
        "reference",
        "ground_truth",
        "expected_answer",
        "gold",
        "gt",
        "target",
        "answer",
        "solution",
    ),
    "question": ("question", "problem", "prompt"),
    "benchmark": ("benchmark", "task", "dataset", "subset"),
    "level": ("level",),
    "finished": ("finished", "finish_reason"),
}


@dataclass(frozen=True)
class Row:
    """One question with its outputs. `where` names file and row; `reference` is None where the file
    holds none; `finished` has one entry per output, None where the file does not say."""

    where: str
    id: Any
    predictions: tuple[str, ...]
    reference: str | None
    question: str = ""
    benchmark: str = ""
    level: Any = ""
    kind: str = ""
    finished: tuple[bool | None, ...] = ()


class Unusable(UserError):
    """One row cannot be graded; the others can."""


def raw_rows(path: str) -> Iterator[tuple[str, Any]]:
    """(where, object) of each row; where a line is no JSON, the object is an `Unusable`. Raises
    UserError for a file that cannot be read at all."""
    if path == STDIN:
        yield from _json_lines("standard input", sys.stdin.buffer)
        return
    file = Path(path)
    if not file.is_file():
        raise UserError(f"{path}: no such file; give a JSONL, .gz or Parquet file, or - for stdin")
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    opened = gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")
    with opened as lines:
        try:
            yield from _json_lines(path, lines)
        except (EOFError, gzip.BadGzipFile) as error:
            raise UserError(f"{path}: not a whole gzip file ({error}); get it again") from None


def _json_lines(name: str, lines: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{name}:{number}"
            try:
                yield where, json.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except (ValueError, RecursionError) as error:
                yield where, Unusable(f"{where}: not a JSON line ({error})")


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(file)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise UserError(f"{file}: not a Parquet file ({error}); get it again") from None
    number = 0
    for batch in table.iter_batches():
        for row in batch.to_pylist():
            number += 1
            yield f"{file}:{number}", row


def read_row(
    where: str, raw: Any, keys: dict[str, str], number: int, name: str, labelled: bool = False
) -> Row:
    """One row in whichever shape it comes. Raises Unusable.

    keys   -- what flags say: {"id": ..., "prediction": ..., ...}
    number -- of the row, its id where it has none; name -- of the file, for the name of the benchmark
    labelled -- whether the row has a label of its own, so that a reference may be empty or unreadable
    """
    if isinstance(raw, Unusable):
        raise raw
    if not isinstance(raw, dict):
        raise Unusable(f"{where}: a JSON object is needed, not {type(raw).__name__}")
    if "resps" in raw and "doc" in raw and "prediction" not in keys:
        return _harness(where, raw, keys, name)
    if "custom_id" in raw and "response" in raw and "prediction" not in keys:
        return _openai(where, raw, keys)
    if "greedy" in raw and "samples" in raw and "prediction" not in keys:
        outputs = (
            [s for s in (raw["greedy"], *raw["samples"]) if s]
            if not raw["samples"]
            else raw["samples"]
        )
        raw = {
            **raw,
            "prediction": [s["text"] for s in outputs],
            "finished": [s["finished"] for s in outputs],
        }
    if labelled:
        value = _get(where, raw, keys, "reference")
        kept = None if value is None else str(value)
        return replace(
            _plain(where, {**raw, "reference": "1"}, {**keys, "reference": "reference"}, number),
            reference=kept,
        )
    return _plain(where, raw, keys, number)


def _plain(where: str, raw: dict[str, Any], keys: dict[str, str], number: int) -> Row:
    predictions = _texts(where, _get(where, raw, keys, "prediction", needed=True))
    finished = _get(where, raw, keys, "finished")
    kind = raw.get("kind", "")
    if kind not in ("", "answer", "text"):
        raise Unusable(f"{where}: kind {kind!r} is neither 'answer' nor 'text'")
    question = _get(where, raw, keys, "question") or ""
    if isinstance(question, list):  # a prompt as chat messages
        question = str(question[-1].get("content", "")) if isinstance(question[-1], dict) else ""
    if not isinstance(question, str):
        raise Unusable(f"{where}: the question is {type(question).__name__}; a string is needed")
    return Row(
        where,
        _get(where, raw, keys, "id", default=number),
        predictions,
        _reference(where, _get(where, raw, keys, "reference")),
        question,
        str(_get(where, raw, keys, "benchmark") or ""),
        _get(where, raw, keys, "level") or "",
        kind,
        _finished(finished, len(predictions)),
    )


def _harness(where: str, raw: dict[str, Any], keys: dict[str, str], name: str) -> Row:
    """A row of samples_<task>_<date>.jsonl: `resps` holds the outputs, `doc` the data set's row."""
    doc = raw["doc"] if isinstance(raw["doc"], dict) else {}
    outputs = [
        text for group in raw["resps"] for text in (group if isinstance(group, list) else [group])
    ]
    named = keys.get("reference")
    reference = doc.get(named, raw.get(named)) if named else raw.get("target")
    if reference in (None, ""):
        reference = next((doc[key] for key in DEFAULTS["reference"] if doc.get(key)), None)
    task = re.match(r"samples_(.+?)_\d{4}-\d\d-\d\d", Path(name).name)
    question = doc.get("question") or doc.get("problem") or doc.get("query") or ""
    return Row(
        where,
        raw.get("doc_id", raw.get("id")),
        _texts(where, outputs),
        _reference(where, reference),
        str(question),
        task[1] if task else "",
        doc.get("level", ""),
    )


def _openai(where: str, raw: dict[str, Any], keys: dict[str, str]) -> Row:
    """A line of an OpenAI batch output file; a request that failed is an output without an
    answer."""
    response = raw["response"] or {}
    body = response.get("body") or {}
    choices = body.get("choices") or []
    failed = raw.get("error") or response.get("status_code", 200) != 200 or not choices
    texts = (
        [""] if failed else [str((c.get("message") or {}).get("content") or "") for c in choices]
    )
    ended = [None] if failed else [c.get("finish_reason") != "length" for c in choices]
    reference = _reference(where, _get(where, raw, keys, "reference"))
    return Row(where, raw["custom_id"], tuple(texts), reference, finished=tuple(ended))


def _get(
    where: str,
    raw: dict[str, Any],
    keys: dict[str, str],
    what: str,
    needed: bool = False,
    default: Any = None,
) -> Any:
    if what in keys:
        if keys[what] not in raw:
            raise Unusable(f"{where}: no key {keys[what]!r} (--{what}-key); it has {_listed(raw)}")
        return raw[keys[what]]
    for name in DEFAULTS[what]:
        if name in raw and raw[name] is not None:
            return raw[name]
    if needed:
        raise Unusable(
            f"{where}: no key {DEFAULTS[what][0]!r}; name it with --{what}-key (it has {_listed(raw)})"
        )
    return default


def _listed(raw: dict[str, Any]) -> str:
    return ", ".join(sorted(map(str, raw))[:12]) or "none"


def _texts(where: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    for text in values:
        if not isinstance(text, str):
            raise Unusable(f"{where}: the prediction is {type(text).__name__}; a string is needed")
    if not values:
        raise Unusable(f"{where}: an empty list of predictions")
    return tuple(values)


def _reference(where: str, value: Any) -> str | None:
    if value is None:
        return None
    try:
        return read_reference(value)
    except UserError as error:
        raise Unusable(f"{where}: {error}") from None


def _finished(value: Any, count: int) -> tuple[bool | None, ...]:
    values = value if isinstance(value, list) else [value] * count
    known = {"length": False, "max_tokens": False, "stop": True, "eos": True}
    found = [
        v if isinstance(v, bool) else known.get(v) if isinstance(v, str) else None for v in values
    ]
    return tuple(found[:count]) + (None,) * (count - len(found))


def merge_samples(rows: Sequence[Row]) -> list[Row]:
    """Rows that share id and benchmark as one question with several outputs, in the order of their
    first row."""
    merged: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (str(row.id), row.benchmark)
        old = merged.get(key)
        if old is None:
            merged[key] = row
            continue
        if old.reference != row.reference:
            raise UserError(
                f"{row.where}: another reference than {old.where}, which has the same id {row.id!r}"
            )
        merged[key] = Row(
            old.where,
            old.id,
            old.predictions + row.predictions,
            old.reference,
            old.question,
            old.benchmark,
            old.level,
            old.kind,
            (old.finished or (None,) * len(old.predictions))
            + (row.finished or (None,) * len(row.predictions)),
        )
    return list(merged.values())
