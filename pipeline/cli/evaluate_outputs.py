"""`dsm evaluate --outputs`: outputs that were made elsewhere, scored on the questions of a known
benchmark."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.cli.outputs import Row, merge_samples, raw_rows, read_row
from pipeline.errors import UserError
from pipeline.evaluate import suites
from pipeline.evaluate.scoring import grade_outputs
from pipeline.evaluate.tally import add_votes, table, tallies
from pipeline.records import Question, write_json


def score_outputs(options: argparse.Namespace) -> None:
    """Print the table of scores, and write OUT/summary.json where --out is given.

    Raises UserError for an output of an unknown question, and for questions without output unless
    --partial."""
    from pipeline.evaluate.suites import expanded

    names = expanded([name for name in options.benchmarks.split(",") if name])
    rows = _rows(options)
    folder = Path(options.folder) if options.folder else None
    questions: list[dict[str, Any]] = []
    left = rows
    for name in names:
        loaded = suites.load(name, Path(options.world), folder, options.source)
        mine, left = _of_benchmark(name, left, len(names))
        questions += _scored(name, mine, loaded.questions, options)
    if left:
        raise UserError(
            f"{left[0].where}: benchmark {left[0].benchmark!r} is not among {', '.join(names)}"
        )
    found = tallies(questions)
    print(table(found))
    if options.out:
        Path(options.out).mkdir(parents=True, exist_ok=True)
        write_json(Path(options.out) / "summary.json", {"mode": options.mode, "scores": found})


def _rows(options: argparse.Namespace) -> list[Row]:
    given = {"id": options.id_key, "prediction": options.prediction_key}
    keys = {what: key for what, key in given.items() if key}
    rows = [
        read_row(where, _without_reference(raw), keys, number - 1, options.outputs)
        for number, (where, raw) in enumerate(raw_rows(options.outputs), 1)
    ]
    if not rows:
        raise UserError(f"{options.outputs}: no rows")
    distinct: dict[tuple[str, str, tuple[str, ...]], Row] = {}
    for row in rows:  # the harness writes the same outputs once per filter
        distinct.setdefault((str(row.id), row.benchmark, row.predictions), row)
    return merge_samples(list(distinct.values()))


def _without_reference(raw: Any) -> Any:
    """The benchmark has the references; what the file says about them does not count."""
    if not isinstance(raw, dict) or "resps" in raw:
        return raw
    return {
        **{k: v for k, v in raw.items() if k not in ("reference", "answer", "target")},
        "reference": "0",
    }


def _of_benchmark(name: str, rows: Sequence[Row], count: int) -> tuple[list[Row], list[Row]]:
    """The rows of a benchmark, and the others; where one benchmark is asked for, all rows are its
    own."""
    if count == 1:
        return list(rows), []
    mine = [row for row in rows if row.benchmark == name or str(row.id).startswith(f"{name}-")]
    return mine, [row for row in rows if row not in mine]


def _scored(
    name: str, rows: list[Row], questions: Sequence[Question], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Questions as tally.py takes them."""
    of_row = [_question(name, row, questions) for row in rows]
    seen = {question.id: row for question, row in zip(of_row, rows, strict=True)}
    if len(seen) < len(rows):
        raise UserError(f"{options.outputs}: two ids name the same question of {name}")
    missing = [question.id for question in questions if question.id not in seen]
    if missing and not options.partial:
        raise UserError(
            f"{options.outputs}: {len(missing)} of {len(questions)} questions of {name} have no output, the first "
            f"{missing[0]!r}; --partial scores the others"
        )
    if not rows:
        raise UserError(f"{options.outputs}: no output of {name}")
    items = [
        (text, question.answer, question.question)
        for question, row in zip(of_row, rows, strict=True)
        for text in row.predictions
    ]
    grades = iter(grade_outputs(suites.TABLE[name].scoring, items, mode=options.mode))
    scored = []
    for question, row in zip(of_row, rows, strict=True):
        samples = []
        for k, text in enumerate(row.predictions):
            grade = next(grades)
            samples.append(
                {
                    "text": text,
                    "reference": question.answer,
                    "verdict": grade.verdict,
                    "rule": grade.rule,
                    "extracted": grade.extracted,
                    "finished": row.finished[k] if row.finished else None,
                }
            )
        add_votes(samples, options.mode)
        level = question.level or ""
        scored.append({"id": question.id, "benchmark": name, "level": level, "samples": samples})
    return scored


def _question(name: str, row: Row, questions: Sequence[Question]) -> Question:
    """The question of a row: by its id, by its place in the file, which many tools use as id, or by
    its text."""
    by_id = {question.id: question for question in questions}
    word = str(row.id)
    found = by_id.get(word) or by_id.get(f"{name}-{word}")
    if found is None and word.isdecimal() and int(word) < len(questions):
        found = questions[int(word)]
    if found is None and row.question:
        asked = _plain(row.question)
        found = next((q for q in questions if _plain(q.question) == asked), None)
    if found is None:
        known = json.dumps(questions[0].id)
        raise UserError(
            f"{row.where}: no question {row.id!r} in {name}; its ids are like {known}, or 0, 1, 2, ..."
        )
    if row.question and not found.options and _plain(row.question) != _plain(found.question):
        raise UserError(
            f"{row.where}: its question is not that of {found.id!r}; the ids do not fit {name}"
        )
    return found


def _plain(text: str) -> str:
    return "".join(text.split())
