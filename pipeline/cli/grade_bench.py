"""`dsm grade bench`: false accepts and false rejects of the checker on pairs that somebody has
labelled."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.cli.outputs import DEFAULTS, Row, Unusable, raw_rows, read_row
from pipeline.errors import UserError
from pipeline.grading.answer.text import MAX_CHARS, clean
from pipeline.grading.grade import grade, grade_answer
from pipeline.grading.modes.strict import readings

LABELS = ("label", "expected", "correct", "is_correct", "verdict", "score")
TRUE = {"true", "1", "1.0", "right", "correct", "yes", "equivalent"}
FALSE = {"false", "0", "0.0", "wrong", "incorrect", "no", "different"}
Judge = Callable[[Row], bool]


def bench(options: argparse.Namespace) -> int:
    """Print the table. Raises UserError for a row that has no pair or no label: a rate over half of
    a set is none."""
    pairs = read_pairs(options)
    judges: dict[str, Judge] = {options.mode: lambda row: _ours(row, options.mode)}
    other = None if options.no_math_verify else math_verify()
    if other is not None:
        judges["math-verify"] = other
    accepted = {name: [judge(row) for row, _, _ in pairs] for name, judge in judges.items()}
    print(rates_table(pairs, accepted))
    if other is None and not options.no_math_verify:
        print("math-verify is not installed, so it is left out")
    if options.wrong:
        for (row, label, _), ours in zip(pairs, accepted[options.mode], strict=True):
            if ours != label:
                said = "accepted" if ours else "rejected"
                print(f"{row.where}: {said} {row.predictions[0][-80:]!r} for {row.reference!r}")
    return 0


def read_pairs(options: argparse.Namespace) -> list[tuple[Row, bool, str]]:
    """(row, label, kind) of every row. Raises UserError."""
    keys = {what: key for what in DEFAULTS if (key := getattr(options, f"{what}_key"))}
    pairs = []
    for number, (where, raw) in enumerate(raw_rows(options.input), 1):
        try:
            row = read_row(where, raw, keys, number, options.input, labelled=True)
        except Unusable as problem:
            raise UserError(str(problem)) from None
        if row.reference is None:
            raise UserError(f"{where}: no reference; name its key with --reference-key")
        label = _label(where, raw, options.label_key)
        category = raw.get(options.category_key or "category") or _form(row.reference)
        pairs.append((replace(row, kind=row.kind or options.kind), label, str(category)))
    if not pairs:
        raise UserError(f"{options.input}: no rows")
    return pairs


def _label(where: str, raw: dict[str, Any], key: str | None) -> bool:
    names = (key,) if key else LABELS
    found = next((raw[name] for name in names if name in raw), None)
    word = str(found).strip().lower()
    if word not in TRUE | FALSE:
        raise UserError(
            f"{where}: no label of right or wrong in {' or '.join(names)}; name its key with --label-key"
        )
    return word in TRUE


def _form(reference: str) -> str:
    """The kind of answer that a reference is, where a set names no kinds of its own."""
    if len(reference) > MAX_CHARS:
        return "long"
    forms = readings(clean(reference))
    return forms[0][1].kind if forms else "not read"


def _ours(row: Row, mode: str) -> bool:
    judge = grade_answer if row.kind == "answer" else grade
    return judge(row.predictions[0], row.reference or "", mode, row.question).verdict == "right"


def math_verify() -> Judge | None:
    """math-verify's verdict on a row as its documentation recommends, or None where it is not
    installed."""
    try:
        from math_verify import parse, verify
    except ImportError:
        return None

    def judge(row: Row) -> bool:
        prediction = row.predictions[0]
        if row.kind == "answer" and "boxed" not in prediction and "$" not in prediction:
            prediction = f"${prediction}$"
        return bool(verify(parse(f"${row.reference}$"), parse(prediction)))

    return judge


def rates_table(pairs: list[tuple[Row, bool, str]], accepted: dict[str, list[bool]]) -> str:
    """Markdown: for every kind and for all, false accepts and false rejects with 95 % intervals of
    their rates."""
    kinds: dict[str, list[int]] = {}
    for index, (_, _, kind) in enumerate(pairs):
        kinds.setdefault(kind, []).append(index)
    groups = [("all", list(range(len(pairs))))]
    groups += sorted(kinds.items(), key=lambda item: -len(item[1])) if len(kinds) > 1 else []
    heads = ["kind", "right / wrong pairs"]
    heads += [f"{name}: {what}" for name in accepted for what in ("false accepts", "false rejects")]
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join(["---"] * len(heads)) + " |"]
    for kind, indices in groups:
        true = [k for k in indices if pairs[k][1]]
        false = [k for k in indices if not pairs[k][1]]
        cells = [kind, f"{len(true)} / {len(false)}"]
        for verdicts in accepted.values():
            cells.append(_rate([verdicts[k] for k in false]))
            cells.append(_rate([not verdicts[k] for k in true]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _rate(faults: list[bool]) -> str:
    from pipeline.evaluate.tally import interval

    if not faults:
        return "-"
    low, high = interval([float(fault) for fault in faults])
    return f"{sum(faults)} ({100 * low:.1f} to {100 * high:.1f} %)"
