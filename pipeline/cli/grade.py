"""Grade anyone's outputs, score a labelled set, or explain one verdict.

grade   rows with an output (or several) and a reference become verdicts, and accuracy with a 95 % interval by benchmark
        and level, maj@k, pass@k, and what was not read, as a table and as JSON
bench   pairs labelled right or wrong: false accepts and false rejects by kind, next to math-verify where it is installed
explain what is extracted, the normal forms, and the rule that decides

A row that cannot be graded is named by its line, the others are graded, and the exit status is then
1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.cli.outputs import DEFAULTS, STDIN, Row, Unusable, merge_samples, raw_rows, read_row
from pipeline.errors import UserError
from pipeline.files import atomic_text, write_text
from pipeline.grading.grade import MODES, Grade, grade, grade_answer

_VERDICTS = {"right": True, "wrong": False}
MAX_NAMED = 20  # rows that are named on stderr; the rest is counted
_ORDERS = {"any": "free", "given": "as written", "": "as written for numbers"}


def main(argv: Sequence[str] | None = None, prog: str = "dsm grade") -> int:
    """Run the command line. Returns the exit status; a user's mistake is one line."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["grade"] and words[1:2] and words[1] in ("bench", "explain"):
        words = words[1:]  # `dsm grade bench`
    options = parser(prog).parse_args(words)
    try:
        return options.run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader of a pipe left, as `head` does
        os._exit(141)
    except OSError as error:
        print(f"error: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
    return 1


def parser(prog: str = "dsm grade") -> argparse.ArgumentParser:
    """The argument parser of all three commands."""
    made = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    grading = commands.add_parser("grade", help="grade a file of outputs")
    _add_input(grading)
    _add_grade_options(grading)
    grading.set_defaults(run=_grade)
    bench = commands.add_parser("bench", help="score the checker on pairs labelled right or wrong")
    _add_input(bench)
    bench.add_argument(
        "--label-key", help="key of the label: true or false, 1 or 0, right or wrong"
    )
    bench.add_argument("--category-key", help="key of the kind; default: category, else the form")
    bench.add_argument(
        "--wrong", action="store_true", help="list the pairs judged unlike the label"
    )
    bench.add_argument("--no-math-verify", action="store_true", help="leave math-verify out")
    bench.set_defaults(run=_bench)
    explaining = commands.add_parser("explain", help="show why an answer is right or wrong")
    explaining.add_argument(
        "prediction", help="a whole output, or a bare answer with --kind answer"
    )
    explaining.add_argument("reference")
    explaining.add_argument("--kind", choices=("answer", "text"), default="text")
    explaining.add_argument(
        "--question", default="", help="says whether the order of a list counts"
    )
    explaining.set_defaults(run=_explain)
    for command in (grading, bench, explaining):
        command.add_argument(
            "--mode",
            choices=MODES,
            default="strict",
            help="strict (default), or deepseek: the paper's own scorer",
        )
    return made


def _add_input(command: argparse.ArgumentParser) -> None:
    command.add_argument("input", help="JSONL, .gz or Parquet file; - reads JSONL from stdin")
    command.add_argument(
        "--kind",
        choices=("answer", "text"),
        default="text",
        help="what a prediction is where the row does not say: a whole output (default), or a bare answer",
    )
    for what in DEFAULTS:
        tried = ", ".join(DEFAULTS[what][:4])
        command.add_argument(
            f"--{what}-key",
            metavar="KEY",
            help=f"key of the {what}; default: the first of {tried}, ...",
        )


def _add_grade_options(grading: argparse.ArgumentParser) -> None:
    grading.add_argument("--out", type=Path, help="write one verdict per output here (JSONL)")
    grading.add_argument("--json", type=Path, help="write the scores here as JSON")
    grading.add_argument(
        "--references", help="file with id and reference per row, for outputs that come without"
    )
    grading.add_argument(
        "--repeated", action="store_true", help="rows with the same id are samples of one question"
    )
    grading.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        help="accept numbers within this relative distance, such as 0.01; default 0: exact",
    )


# ---- grade


def _grade(options: argparse.Namespace) -> int:
    _check_paths(options)
    rows, problems = _read_all(options)
    rows = _with_references(rows, options, problems)
    rows = merge_samples(rows) if options.repeated else _distinct(rows, problems)
    _report(problems)
    if not rows:
        raise UserError(f"{options.input}: no rows to grade")
    from pipeline.evaluate.tally import table, tallies

    questions = _judge_all(rows, options)
    found = tallies(questions)
    print(f"{_counts(questions)}; mode {options.mode}" + _left_out(problems))
    print(table(found))
    if options.json:
        summary = {"mode": options.mode, "left_out": len(problems), "scores": found}
        write_text(
            options.json, json.dumps(summary, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        )
    return 1 if problems else 0


def _check_paths(options: argparse.Namespace) -> None:
    for flag, path in (("--out", options.out), ("--json", options.json)):
        if path is None:
            continue
        if not path.parent.is_dir():
            raise UserError(f"{path.parent}: no such folder for {flag}; make it first")
        if path.is_dir() or path.resolve() == Path(options.input).resolve():
            what = "a folder" if path.is_dir() else "the input"
            raise UserError(f"{path}: {flag} is {what}; name another file")


def _read_all(options: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """Usable rows, and what is wrong with the others."""
    keys = {what: key for what in DEFAULTS if (key := getattr(options, f"{what}_key"))}
    rows: list[Row] = []
    problems: list[str] = []
    seen: set[tuple[Any, ...]] = set()
    for number, (where, raw) in enumerate(raw_rows(options.input), 1):
        try:
            row = read_row(where, raw, keys, number, options.input)
        except Unusable as problem:
            problems.append(str(problem))
            continue
        if isinstance(raw, dict) and "filter" in raw:  # the harness writes a row per filter
            if (str(row.id), row.predictions) in seen:
                continue
            seen.add((str(row.id), row.predictions))
        name = Path(options.input).name.split(".")[0] if options.input != STDIN else "stdin"
        rows.append(replace(row, kind=row.kind or options.kind, benchmark=row.benchmark or name))
    return rows, problems


def _with_references(
    rows: list[Row], options: argparse.Namespace, problems: list[str]
) -> list[Row]:
    known: dict[str, str] = {}
    if options.references:
        for number, (where, raw) in enumerate(raw_rows(options.references), 1):
            if isinstance(raw, dict):
                raw = {"prediction": "", **raw}
                if not any(key in raw for key in DEFAULTS["id"]):
                    raise UserError(f"{where}: no key 'id', by which references find their outputs")
            row = read_row(where, raw, {}, number, options.references)
            if row.reference is None:
                raise UserError(f"{where}: no key 'reference'")
            known[str(row.id)] = row.reference
    found = []
    for row in rows:
        reference = known.get(str(row.id), row.reference)
        if reference is None:
            problems.append(
                f"{row.where}: no reference for id {row.id!r}; name its key with --reference-key or give --references"
            )
        else:
            found.append(replace(row, reference=reference))
    return found


def _distinct(rows: list[Row], problems: list[str]) -> list[Row]:
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        old = first.setdefault((str(row.id), row.benchmark), row)
        if old is not row:
            problems.append(
                f"{row.where}: id {row.id!r} stands in {old.where} too; --repeated takes them as samples of one question"
            )
    return list(first.values())


def _report(problems: list[str]) -> None:
    for problem in problems[:MAX_NAMED]:
        print(f"{problem}; the row is left out", file=sys.stderr)
    if len(problems) > MAX_NAMED:
        print(f"... and {len(problems) - MAX_NAMED} more rows", file=sys.stderr)


def _left_out(problems: list[str]) -> str:
    return f"; {len(problems)} rows left out" if problems else ""


def _judge_all(rows: list[Row], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Questions as pipeline/evaluate/tally.py takes them; verdicts go to --out on the way."""
    from pipeline.evaluate.tally import add_votes

    questions = []
    verdicts = atomic_text(options.out) if options.out else open(os.devnull, "w", encoding="utf-8")
    with verdicts as out:
        for row in rows:
            samples = []
            for k, output in enumerate(row.predictions):
                start = time.perf_counter()
                found = judged(output, row, options.mode, options.tolerance)
                seconds = round(time.perf_counter() - start, 6)
                finished = row.finished[k] if row.finished else None
                samples.append(_sample(output, row, found, finished))
                verdict = _verdict_row(row, k, found, options.mode, seconds)
                out.write(json.dumps(verdict, sort_keys=True) + "\n")
            add_votes(samples, options.mode)
            level = "" if row.level in (None, 0) else str(row.level).removeprefix("Level ")
            questions.append(
                {"id": row.id, "benchmark": row.benchmark, "level": level, "samples": samples}
            )
    return questions


def judged(output: str, row: Row, mode: str, tolerance: float = 0.0) -> Grade:
    """The grade of one output of a row, within a tolerance where one is given."""
    judge = grade_answer if row.kind == "answer" else grade
    found = judge(output, row.reference or "", mode, row.question)
    if tolerance and found.verdict in ("wrong", "undecided") and found.extracted:
        from pipeline.grading.tolerance import within

        if within(found.extracted, row.reference or "", tolerance):
            return Grade("right", found.extracted, "tolerance")
    return found


def _sample(output: str, row: Row, found: Grade, finished: bool | None) -> dict[str, Any]:
    return {
        "text": output,
        "reference": row.reference,
        "verdict": found.verdict,
        "rule": found.rule,
        "extracted": found.extracted,
        "finished": finished,
    }


def _verdict_row(row: Row, k: int, found: Grade, mode: str, seconds: float) -> dict[str, Any]:
    verdict = {
        "id": row.id,
        "verdict": _VERDICTS.get(found.verdict),
        "status": found.verdict,
        "extracted": found.extracted,
        "rule": found.rule,
        "mode": mode,
        "seconds": seconds,
    }
    return verdict if len(row.predictions) == 1 else {**verdict, "sample": k}


def _counts(questions: list[dict[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for question in questions:
        for sample in question["samples"]:
            counts[sample["verdict"]] = counts.get(sample["verdict"], 0) + 1
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


# ---- bench and explain


def _bench(options: argparse.Namespace) -> int:
    from pipeline.cli.grade_bench import bench

    return bench(options)


def _explain(options: argparse.Namespace) -> int:
    from pipeline.cli.grade_show import normal_forms
    from pipeline.grading.answer.asked import Asked

    row = Row("", "", (options.prediction,), options.reference, options.question, kind=options.kind)
    found = judged(options.prediction, row, options.mode)
    print(f"mode       {options.mode}")
    print(f"extracted  {found.extracted}")
    for name, text in (("answer", found.extracted), ("reference", options.reference)):
        for line in normal_forms(text, options.mode):
            print(f"{name:<10} {line}")
    if options.mode == "strict":
        print(f"list order {_ORDERS[Asked(options.question).order]}")
    print(f"rule       {found.rule}")
    print(f"verdict    {found.verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
