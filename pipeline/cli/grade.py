"""Grade files of predictions, or explain one verdict.

grade: rows {"id", "kind": "answer" | "text", "prediction", "reference", "question"?, "lang"?} become rows {"id",
"verdict": true | false | null, "status": "right" | "wrong" | "no_answer" | "undecided", "extracted", "rule", "seconds",
"mode"}. A malformed row is reported by its line number, the others are graded, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.cli.grade_show import form_text
from pipeline.errors import UserError
from pipeline.grading import worker
from pipeline.grading.answer.asked import asked
from pipeline.grading.answer.text import MAX_CHARS, clean
from pipeline.grading.grade import MODES, Grade, grade, grade_answer
from pipeline.grading.modes import deepseek, strict

_VERDICTS = {"right": True, "wrong": False}
_ORDERS = {"any": "free", "given": "as written", "": "as written for numbers"}
_TEXTS = ("prediction", "reference")


def main(argv: list[str] | None = None) -> int:
    """The console script `dsm-grade`. Returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dsm-grade", description="Judge answers against references."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    grading = commands.add_parser("grade", help="grade a JSONL file of predictions")
    grading.add_argument(
        "input",
        type=Path,
        help="rows with id, kind (answer or text), prediction, reference, question?, lang?",
    )
    grading.add_argument("--out", type=Path, required=True, help="where the verdicts go (JSONL)")
    grading.set_defaults(run=_grade)
    explaining = commands.add_parser(
        "explain", help="show what is extracted, the normal forms and the rule that decides"
    )
    explaining.add_argument(
        "prediction", help="a whole output, or a bare answer with --kind answer"
    )
    explaining.add_argument("reference")
    explaining.add_argument("--kind", choices=("answer", "text"), default="text")
    explaining.add_argument(
        "--question", default="", help="decides whether the order of a comma list is free"
    )
    explaining.set_defaults(run=_explain)
    for command in (grading, explaining):
        command.add_argument(
            "--mode",
            choices=MODES,
            default="strict",
            help="strict (default) or the paper's own scorer",
        )
    return parser


def _grade(args: argparse.Namespace) -> int:
    if not args.input.is_file():
        raise UserError(f"{args.input}: no such file; give a JSONL file of predictions")
    if not args.out.parent.is_dir():
        raise UserError(f"{args.out.parent}: no such folder for --out; make it first")
    if args.out.is_dir() or args.out.resolve() == args.input.resolve():
        raise UserError(
            f"{args.out}: --out is {'a folder' if args.out.is_dir() else 'the input'}; name another file"
        )
    worker.start()  # before the first row is timed
    counts: dict[str, int] = {}
    temporary = args.out.with_name(args.out.name + ".tmp")
    with args.input.open("rb") as lines, temporary.open("w", encoding="utf-8") as out:
        for row in _rows(args.input, lines, counts):
            start = time.perf_counter()
            result = _judge(row, args.mode)
            counts[result.verdict] = counts.get(result.verdict, 0) + 1
            verdict = {
                "id": row["id"],
                "verdict": _VERDICTS.get(result.verdict),
                "status": result.verdict,
                "extracted": result.extracted,
                "rule": result.rule,
                "mode": args.mode,
                "seconds": round(time.perf_counter() - start, 6),
            }
            out.write(json.dumps(verdict, sort_keys=True) + "\n")
    os.replace(temporary, args.out)
    malformed = counts.pop("malformed", 0)
    summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no rows"
    print(
        f"{args.out}: {summary}; mode {args.mode}"
        + (f"; {malformed} malformed rows left out" if malformed else "")
    )
    return 1 if malformed else 0


def _judge(row: dict[str, Any], mode: str) -> Grade:
    judge = grade_answer if row["kind"] == "answer" else grade
    return judge(row["prediction"], row["reference"], mode, row.get("question") or "")


def _rows(path: Path, lines: Any, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Well-formed rows; the others go to stderr by line number and are counted."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        problem = None
        try:
            row = json.loads(line)
            problem = _problem(row)
        except (
            ValueError,
            RecursionError,
        ) as error:  # bad JSON or bad UTF-8, or JSON nested without end
            problem = f"not a JSON line ({error})"
        if problem:
            counts["malformed"] = counts.get("malformed", 0) + 1
            print(f"{path}:{number}: {problem}; the row is left out", file=sys.stderr)
        else:
            yield row


def _problem(row: Any) -> str | None:
    if not isinstance(row, dict):
        return f"a JSON object is needed, not {type(row).__name__}"
    for key in ("id", "kind", *_TEXTS):
        if key not in row:
            return f"no key {key!r}"
    if row["kind"] not in ("answer", "text"):
        return f"kind {row['kind']!r} is neither 'answer' nor 'text'"
    for key in _TEXTS:
        if not isinstance(row[key], str):
            return f"{key!r} must be a string, not {type(row[key]).__name__}"
    if not isinstance(row.get("question") or "", str):
        return "'question' must be a string"
    return None


def _explain(args: argparse.Namespace) -> int:
    result = _judge(
        {
            "kind": args.kind,
            "prediction": args.prediction,
            "reference": args.reference,
            "question": args.question,
        },
        args.mode,
    )
    print(f"mode       {args.mode}")
    print(f"extracted  {result.extracted}")
    for name, text in (("answer", result.extracted), ("reference", args.reference)):
        for line in _normal_forms(text, args.mode):
            print(f"{name:<10} {line}")
    if args.mode == "strict":
        print(f"list order {_ORDERS[asked(args.question).order]}")
    print(f"rule       {result.rule}")
    print(f"verdict    {result.verdict}")
    return 0


def _normal_forms(text: str | None, mode: str) -> Iterator[str]:
    if text is None or len(text) > MAX_CHARS:
        yield (
            "none"
            if text is None
            else f"{len(text)} characters, over the cap of {MAX_CHARS}: compared as a string"
        )
        return
    if mode == "deepseek":
        yield deepseek.strip(text)
        return
    yield f"cleaned as {clean(text)!r}"
    for name, form in strict.readings(clean(text)):
        yield f"read {name}: {form_text(form)}"
