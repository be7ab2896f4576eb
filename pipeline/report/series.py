"""Numbers for DVC: what `dvc metrics` and `dvc plots` show of a build, and compare between two."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.records import write_json
from pipeline.report.claims.claim import Claim
from pipeline.report.data import Results, model_name

METRICS, CURVES = "metrics.json", "validation.csv"
COLUMNS = ("step", "accuracy", "model", "arm", "chain", "seed")


def write_series(results: Results, claims: Sequence[Claim], out: Path) -> None:
    """metrics.json: accuracies by model and the claims' primary values; validation.csv: a row per
    run and step.
    """
    write_json(out / METRICS, metrics(results, claims))
    with (out / CURVES).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(curves(results))


def metrics(results: Results, claims: Sequence[Claim]) -> dict[str, Any]:
    accuracy = {
        model: {
            name: {
                key: round(scores.summary[key], 4)
                for key in ("greedy", "sampled")
                if scores.summary.get(key) is not None
            }
            for name, scores in found.items()
        }
        for model, found in results.scores.items()
    }
    values = {
        claim.id: {"verdict": claim.verdict, "value": round(claim.primary.value.mean, 5)}
        for claim in claims
        if claim.primary
    }
    return {"accuracy": accuracy, "claims": values}


def curves(results: Results) -> list[tuple]:
    """Validation accuracy of every RL run, by arm, unit and step."""
    rows = []
    for arm, cells in sorted(results.cells.items()):
        for unit, cell in sorted(cells.items()):
            for step, found in sorted(cell.validation.items()):
                accuracy = round(sum(found.values()) / len(found), 5)
                rows.append((step, accuracy, model_name(arm, unit), arm, unit.chain, unit.seed))
    return rows
