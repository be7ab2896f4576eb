"""Read a finished build's files (docs/contracts.md) into Results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.records import read_jsonl
from pipeline.report.arms import LEARNED
from pipeline.report.data import Cell, Results, Scores, Unit, split_model

STAGES = ("world", "corpus", "pretrain", "sft", "reward")
SHARED = ("world", "corpus")
CHAINS = "chains"  # of pipeline.wiring.plans.CHAIN


def load(data: Path) -> Results:
    """Read the data folder of a plan: what its chains share, and `chains/0`, `chains/1` and so on.

    Raises UserError when it holds no evaluation at all, or a file is malformed.
    """
    folders = chain_folders(data)
    scores: dict[str, dict[str, Scores]] = {}
    cells: dict[str, dict[Unit, Cell]] = {}
    costs = {p.stem: json_of(p) for p in sorted((data / ".cost").glob("*.json"))}
    for chain, folder in folders.items():
        prefix = f"{chain}/" if chain else ""
        for model in evaluated(folder):
            scores[f"{prefix}{model.name}"] = load_scores(model)
        for arm, unit, cell in load_cells(folder, chain, costs):
            cells.setdefault(arm, {})[unit] = cell
    if not scores:
        raise UserError(f"{data / CHAINS}: no evaluated model; `dvc repro` makes them")

    first = next(iter(folders.values()))
    places = {stage: data if stage in SHARED else first for stage in STAGES}
    files = {stage: stage_files(place / stage) for stage, place in places.items()}
    settings = json_of(evaluated(first)[0] / "config.json") or {}
    files["evaluate"] = {"config": settings}
    files["reward"]["chains"] = {str(n): judged(folder) for n, folder in folders.items()}
    profile, seed = str(settings.get("profile", "unknown")), int(settings.get("seed", 0))
    return Results(profile, seed, scores, cells, files, costs)


def judged(folder: Path) -> dict[str, Any]:
    """What the gate reads of a chain's reward models: {kind: AUC inside a question, ...}."""
    found = json_of(folder / "reward/summary.json") or {}
    keys = "auc_within", "likelihood", "n", "samples"
    return {
        kind: {key: found[kind][key] for key in keys if key in found[kind]}
        for kind in LEARNED
        if isinstance(found.get(kind), dict)
    }


def chain_folders(data: Path) -> dict[int, Path]:
    """{chain: folder}, by number."""
    found = [p for p in (data / CHAINS).glob("*") if p.is_dir() and p.name.isdigit()]
    return {int(path.name): path for path in sorted(found, key=lambda path: int(path.name))}


def evaluated(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "evaluate").glob("*") if (p / "summary.json").is_file())


def load_cells(folder: Path, chain: int, costs: dict[str, dict[str, Any]]):
    """(arm, unit, cell) of every RL run of a chain."""
    for path in sorted(p for p in (folder / "rl").glob("*") if p.is_dir()):
        arm, seed = split_model(path.name)
        if seed is None:
            continue
        settings = json_of(path / "config.json") or {}
        cell = Cell(
            rows_of(path / "metrics.jsonl"),
            validation_of(rows_of(path / "validation.jsonl")),
            json_of(path / "summary.json") or {},
            settings.get("rl") or {},
            settings.get("rl_scale") or {},
            costs.get(f"rl-{chain}-{path.name}") or {},
        )
        yield arm, Unit(chain, seed), cell


def load_scores(folder: Path) -> dict[str, Scores]:
    """Every benchmark that the model's summary names."""
    summaries = json_of(folder / "summary.json")["benchmarks"]
    found = {}
    for name, summary in summaries.items():
        rows = list(read_jsonl(folder / f"{name}.jsonl"))
        try:
            found[name] = Scores(
                tuple(row["id"] for row in rows),
                np.array([float(row["greedy"]["verdict"] == "right") for row in rows]),
                tuple(tuple(sample["vote"] for sample in row["samples"]) for row in rows),
                summary["samples"],
                summary,
                tuple(row["level"] for row in rows),
            )
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{folder / name}.jsonl: a row has no {error}; run the evaluate stage again"
            ) from None
    return found


def stage_files(folder: Path) -> dict[str, Any]:
    """The small files of a stage by stem: summary, config, funnel, metrics and audit (rows)."""
    found = {path.stem: json_of(path) for path in sorted(folder.glob("*.json"))}
    tables = {name: rows_of(folder / f"{name}.jsonl") for name in ("metrics", "audit")}
    return found | {name: rows for name, rows in tables.items() if rows}


def validation_of(rows: Sequence[dict[str, Any]]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        share = row["right"] / row["samples"] if row["samples"] else float(row["greedy"])
        found.setdefault(row["step"], {})[row["id"]] = share
    return found


def json_of(path: Path) -> Any:
    """A JSON file's value; None where there is no file. Raises UserError when it is not JSON."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); run its stage again") from None


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(path)) if path.is_file() else []
