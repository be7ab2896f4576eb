"""What the matrix of rival corpora says: a table of arms, the claims C1, C2, C4 and C5, and a figure.

Two measures, both fixed before the matrix was built. Of the base model: bits a byte of held-out solutions in a form that no
corpus holds (lab/corpora/probe.py). Of the fine-tuned one: mean sampled accuracy at temperature 0.7, as for the other
claims. Differences are paired by question and seed (pipeline/report/stats.py); a claim has the status of its weakest deciding
comparison, in the words of pipeline/report/claims.py.

Legend: S seeds, N questions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from lab.corpora.matrix import ARMS, PARAMS, PROBED, WORLD
from lab.corpora.probe import EQUATION
from pipeline.errors import UserError
from pipeline.records import Question, read_jsonl, read_rows, write_json
from pipeline.report.claim import (
    DIRECTION,
    FLOORED,
    NOT,
    REPRODUCED,
    UNTESTED,
    floor_sentence,
    verdict,
    weaker,
)
from pipeline.report.origin import commit
from pipeline.report.stats import Interval, difference, level, paired
from pipeline.wiring.code import ROOT

LABELS = {
    "none": "no pre-training", "web": "raw web", "iteration_1": "mined, iteration 1", "final": "mined, last iteration",
    "final_en": "its English half", "arxiv": "papers in LaTeX", "general_then_final": "general text, then mined",
    "code_then_final": "code, then mined",
}  # fmt: skip
COT = ("mini_gsm8k", "mini_math", "mini_cmath")
TOOL, CHINESE, ENGLISH = ("mini_gsm8k@pot",), ("mini_cmath",), ("mini_gsm8k",)
BASE, TUNED = "base", "fine-tuned"
NO_GAIN = 0.02  # `not better`: the gain stays below two points, as for claim C12


@dataclass(frozen=True)
class Comparison:
    """`arm` is to be better than `rival` on the benchmarks: as a base model in bits, fine-tuned in accuracy."""

    measure: str
    arm: str
    rival: str
    benchmarks: tuple[str, ...]
    decides: bool = True
    helps: bool = True  # False: the claim is that the arm is *not* better than its rival


def both(
    arm: str, rival: str, benchmarks: tuple[str, ...] = COT, decides: bool = True
) -> tuple[Comparison, ...]:
    probed = tuple(name for name in benchmarks if name in PROBED)
    return (
        Comparison(BASE, arm, rival, probed, decides),
        Comparison(TUNED, arm, rival, benchmarks, decides),
    )


CLAIMS = {
    "C1": ("the mined corpus beats other corpora of equal token count", "Table 1",
           (*both("final", "web"), *both("final", "arxiv"), *both("final", "iteration_1", decides=False),
            Comparison(TUNED, "final", "none", COT, decides=False))),
    "C2": ("a corpus in two languages lifts Chinese benchmarks; English-only corpora do not", "Table 1",
           (*both("final", "final_en", CHINESE), Comparison(TUNED, "final", "none", CHINESE),
            Comparison(TUNED, "final_en", "none", CHINESE, helps=False))),
    "C4": ("code before mathematics helps, with and without tools", "Table 6",
           (*both("code_then_final", "final"), *both("code_then_final", "general_then_final"),
            Comparison(TUNED, "code_then_final", "final", TOOL),
            Comparison(TUNED, "code_then_final", "general_then_final", TOOL))),
    "C5": ("arXiv-like text alone does not help", "Table 8",
           (Comparison(TUNED, "arxiv", "none", COT, helps=False), *both("arxiv", "web", decides=False))),
}  # fmt: skip


def accuracies(data: Path) -> dict[str, dict[str, np.ndarray]]:
    """values_SN by arm and benchmark: the share of right samples of each question, a row a seed."""
    return gather(
        data,
        lambda row: np.mean([s["verdict"] == "right" for s in row["samples"] or [row["greedy"]]]),
    )


def greedy(data: Path) -> dict[str, dict[str, np.ndarray]]:
    return gather(data, lambda row: row["greedy"]["verdict"] == "right")


def gather(data: Path, value: Any) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, list]] = {}
    for arm, folder in cells(data):
        for name in json.loads((folder / "summary.json").read_text(encoding="utf-8"))["benchmarks"]:
            rows = sorted(read_jsonl(folder / f"{name}.jsonl"), key=lambda row: row["id"])
            found.setdefault(arm, {}).setdefault(name, []).append(
                [float(value(row)) for row in rows]
            )
    return {arm: {name: np.array(rows) for name, rows in of.items()} for arm, of in found.items()}


def surprises(
    data: Path, above: str = "bits", below: str = "bytes"
) -> dict[str, dict[str, np.ndarray]]:
    """values_SN by arm and benchmark: bits a byte of each question's solution, or bits a result."""
    found: dict[str, dict[str, list]] = {}
    for arm, folder in cells(data):
        rows = sorted(read_jsonl(folder / "base.jsonl"), key=lambda row: row["id"])
        for name in PROBED:
            values = [row[above] / row[below] for row in rows if row["id"].startswith(name)]
            found.setdefault(arm, {}).setdefault(name, []).append(values)
    return {arm: {name: np.array(rows) for name, rows in of.items()} for arm, of in found.items()}


def cells(data: Path) -> Iterator[tuple[str, Path]]:
    for arm in ARMS:
        for path in sorted(data.glob(f"{arm}-[0-9]*/summary.json")):
            yield arm, path.parent


def gap(values: dict[str, dict[str, np.ndarray]], one: Comparison) -> Interval | None:
    """arm - rival, over all the benchmarks; None where a side was not built."""
    sides = [values.get(name, {}) for name in (one.arm, one.rival)]
    if any(name not in side for side in sides for name in one.benchmarks):
        return None
    first_SN, second_SN = (
        np.concatenate([side[name] for name in one.benchmarks], axis=1) for side in sides
    )
    return (
        paired(first_SN, second_SN)
        if first_SN.shape == second_SN.shape
        else difference(first_SN, second_SN)
    )


def status(one: Comparison, found: Interval) -> str:
    """Fewer bits and more accuracy are better. `Not better`: the gain stays below NO_GAIN."""
    if one.helps:
        better = (
            found
            if one.measure == TUNED
            else Interval(-found.mean, -found.high, -found.low, found.questions, found.seeds)
        )
        return verdict(better)
    return (
        REPRODUCED
        if found.high < NO_GAIN and found.seeds > 1
        else DIRECTION
        if found.mean < NO_GAIN
        else NOT
    )


def judge(tuned: dict, bits: dict) -> list[dict[str, Any]]:
    """The claims: status, and a row a comparison."""
    claims = []
    for id, (text, where, comparisons) in CLAIMS.items():
        rows, statuses, levels = [], [], []
        for one in comparisons:
            values = tuned if one.measure == TUNED else bits
            found = gap(values, one)
            if found is None:
                statuses += [UNTESTED] * one.decides
                continue
            rows.append({
                "measure": one.measure, "arm": one.arm, "rival": one.rival, "benchmarks": list(one.benchmarks),
                "decides": one.decides, "claimed": "better" if one.helps else "not better", "status": status(one, found),
                **{key: round(getattr(found, key), 5) for key in ("mean", "low", "high")},
                "questions": found.questions, "seeds": found.seeds,
            })  # fmt: skip
            statuses += [rows[-1]["status"]] * one.decides
            if one.measure == TUNED:
                levels += [
                    level(values[arm][name])
                    for arm in (one.arm, one.rival)
                    for name in one.benchmarks
                ]
        decided = (
            UNTESTED
            if UNTESTED in statuses
            else FLOORED
            if floor_sentence(levels)
            else reduce(weaker, statuses)
        )
        claims.append(
            {"id": id, "claim": text, "where": where, "status": decided, "comparisons": rows}
        )
    return claims


def mean_of(values_SN: np.ndarray) -> Interval:
    """A mean and its interval without the bounds of an accuracy."""
    return difference(values_SN, np.zeros((1, values_SN.shape[1])))


def guess(world: Path) -> list[float]:
    """Bits that a result costs who knows how often each number is one and nothing of the question, by benchmark."""
    bits = []
    for name in PROBED:
        rows = read_rows(world / f"benchmarks/{name}.jsonl", Question)
        values = [value for row in rows for *_, value in EQUATION.findall(row.structure)]
        share = np.unique(values, return_counts=True)[1] / len(values)
        bits.append(float(-(share * np.log2(share)).sum()))
    return bits


def write_report(data: Path, out: Path, world: Path = WORLD) -> None:
    from lab.corpora.figure import draw

    tuned, first, bits, results = (
        accuracies(data),
        greedy(data),
        surprises(data),
        surprises(data, "result_bits", "results"),
    )
    if "final" not in tuned:
        raise UserError(
            f"{data}: no cell of arm final; build the cells first: dvc repro lab/corpora/dvc.yaml"
        )
    claims = judge(tuned, bits)
    out.mkdir(parents=True, exist_ok=True)
    write_json(
        out / "summary.json", {"claims": claims, "arms": levels_of(tuned, first, bits, results)}
    )
    (out / "report.md").write_text(
        page(tuned, first, bits, results, claims, guess(world)), encoding="utf-8"
    )
    draw(tuned, bits, out / "corpora.png")


def levels_of(tuned: dict, first: dict, bits: dict, results: dict) -> dict[str, Any]:
    """Means by arm, measure and benchmark."""
    kinds = {"sampled": tuned, "greedy": first, "bits_a_byte": bits, "bits_a_result": results}
    return {arm: {"seeds": len(next(iter(found.values()))), **{
        kind: {name: round(float(values.mean()), 5) for name, values in of[arm].items()} for kind, of in kinds.items()}}
        for arm, found in tuned.items()}  # fmt: skip


def page(
    tuned: dict,
    first: dict,
    bits: dict,
    results: dict,
    claims: list[dict[str, Any]],
    chance: list[float],
) -> str:
    seeds = "/".join(
        map(str, sorted({len(next(iter(found.values()))) for found in tuned.values()}))
    )
    lines = [
        "# Rival corpora, equal token budgets", "",
        f"Made by `dvc repro lab/corpora/dvc.yaml`, commit {commit(ROOT)}, {seeds} seeds an arm. Settings:", "",
        "```yaml", (ROOT / PARAMS).read_text(encoding="utf-8").strip(), "```", "",
        "| claim | status |", "| --- | --- |",
        *(f"| {claim['id']}: {claim['claim']} ({claim['where']}) | {claim['status']} |" for claim in claims),
        "", "![Base models and fine-tuned models by corpus](corpora.png)", "",
        "## Arms", "",
        "Base: bits a byte of held-out solutions, and bits for each result in them; who knows how often each number is a result,"
        f" and nothing of the question, pays {chance[0]:.2f} in English and {chance[1]:.2f} in Chinese. Fine-tuned: accuracy in"
        " percent, mean of the samples at temperature 0.7 (greedy). Means with 95 % intervals over questions and seeds.", "",
        "| pre-trained on | bits a byte, en | zh | bits a result, en | zh | " + " | ".join((*COT, *TOOL)) + " |",
        "|" + " --- |" * (5 + len(COT + TOOL)),
    ]  # fmt: skip
    for arm, found in tuned.items():
        known = [mean_of(of[arm][name]) for of in (bits, results) for name in PROBED]
        base = [f"{v.mean:.2f} [{v.low:.2f}, {v.high:.2f}]" for v in known]
        told = [
            f"{percent(level(found[n]))} ({100 * first[arm][n].mean():.1f})" if n in found else "-"
            for n in COT + TOOL
        ]
        lines.append(f"| {LABELS[arm]} (`{arm}`) | " + " | ".join(base + told) + " |")
    lines += ["", "## Comparisons", ""]
    lines += [
        "| claim | difference | measure | mean, 95 % interval | claimed | status | decides |",
        "|" + " --- |" * 7,
    ]
    lines += [compared(claim["id"], row) for claim in claims for row in claim["comparisons"]]
    return "\n".join(lines) + "\n"


def compared(id: str, row: dict[str, Any]) -> str:
    unit, scale, digits = ("bits a byte", 1, 2) if row["measure"] == BASE else ("points", 100, 1)
    low, mean, high = (f"{scale * row[key]:+.{digits}f}" for key in ("low", "mean", "high"))
    return (f"| {id} | {row['arm']} - {row['rival']} | {row['measure']}, {', '.join(row['benchmarks'])} | {mean} [{low}, {high}] "
            f"{unit} | {row['claimed']} | {row['status']} | {'yes' if row['decides'] else 'beside'} |")  # fmt: skip


def percent(value: Interval) -> str:
    return f"{100 * value.mean:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
