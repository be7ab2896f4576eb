"""Read a finished run's files (docs/contracts.md) into arrays. What is missing stays empty, and the report says so.

Legend: S seeds of an arm, N questions, K values of K.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluate.metrics import RIGHT, maj_at_k, pass_at_k
from pipeline.records import read_jsonl
from pipeline.report.arms import LEARNED, arm_order, reward_model

SINGLE = ("base", "instruct")


@dataclass(frozen=True)
class Scores:
    """One model on one benchmark. `votes[i]` are question i's samples (metrics.py); the first `samples` are in every row."""

    ids: tuple[str, ...]
    greedy_N: np.ndarray
    votes: tuple[tuple[int, ...], ...]
    samples: int
    summary: dict[str, Any]
    levels: tuple[int, ...] = ()  # of the questions

    def values(self, metric: str) -> np.ndarray:
        """`greedy`, `sampled`, `maj@K` or `pass@K` of each question -> (N,), from its first `samples` samples."""
        if metric == "greedy":
            return self.greedy_N
        if metric not in self._known:  # every table asks for them anew
            kind, _, k = metric.partition("@")
            score = scorer(kind, [int(k or 1)])
            self._known[metric] = np.array(
                [score(votes[: self.samples])[0] for votes in self.votes]
            )
        return self._known[metric]

    @cached_property
    def _known(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def deep(self) -> tuple[str, ...]:
        """Ids of the questions with the most samples, where some have more than `samples`."""
        most = max(map(len, self.votes), default=0)
        return tuple(
            i for i, v in zip(self.ids, self.votes, strict=True) if len(v) == most > self.samples
        )

    def curve(self, kind: str, ks: Sequence[int]) -> np.ndarray:
        """`maj` or `pass` over K for the deep questions, from all their samples -> (N, K)."""
        deep, score = set(self.deep), scorer(kind, list(ks))
        return np.array([score(v) for i, v in zip(self.ids, self.votes, strict=True) if i in deep])

    @property
    def deep_samples(self) -> int:
        return max(map(len, self.votes), default=0) if self.deep else self.samples


@dataclass(frozen=True)
class Cell:
    """One RL run: metric rows a step (pipeline/rl/glossary.py), validation[step][question id] = share of right samples
    (greedy where none were drawn), summary, the arm's settings (conf/rl/), and the scale that all arms share (rl_scale)."""

    metrics: list[dict[str, Any]]
    validation: dict[int, dict[str, float]]
    summary: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    scale: dict[str, Any] = field(default_factory=dict)

    @property
    def validation_questions(self) -> int:
        return max(map(len, self.validation.values()), default=0)

    def over_steps(self, key: str) -> dict[int, float]:
        """A metric by step, where it was measured."""
        return {row["step"]: row[key] for row in self.metrics if row.get(key) is not None}


@dataclass(frozen=True)
class Results:
    """Everything the report is made of. `scores[model][benchmark]`, `cells[arm][seed]`, `files[stage][name]`."""

    profile: str
    seed: int
    scores: dict[str, dict[str, Scores]]
    cells: dict[str, dict[int, Cell]]
    files: dict[str, dict[str, Any]]
    costs: dict[str, dict[str, Any]]
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def benchmarks(self) -> list[str]:
        return sorted({b for found in self.scores.values() for b in found}, key=benchmark_order)

    @property
    def arms(self) -> list[str]:
        return sorted(
            {arm for arm, _ in map(split_model, self.scores) if arm not in SINGLE}, key=arm_order
        )

    def reward_model(self, arm: str) -> str | None:
        """The kind of reward model behind an arm, by the settings it was trained with, else by its file; None for rules."""
        for cell in self.cells.get(arm, {}).values():
            if cell.settings:
                kind = cell.settings.get("reward_function")
                return kind if kind in LEARNED else None
        return reward_model(arm)

    @property
    def reward_models(self) -> dict[str, dict[str, Any]]:
        """What the reward stage measured of each kind of reward model: outcome, process."""
        summary = self.files["reward"].get("summary") or {}
        return {kind: summary[kind] for kind in LEARNED if isinstance(summary.get(kind), dict)}

    def models_of(self, arm: str) -> list[str]:
        """`base`, `instruct`, or the evaluated cells of an arm, by seed."""
        found = [m for m in self.scores if split_model(m)[0] == arm]
        return sorted(found, key=lambda m: split_model(m)[1] or 0)

    def seeds_of(self, arm: str, benchmarks: Sequence[str]) -> set[int]:
        """Seeds of an arm that were evaluated on all of these benchmarks; none for base and instruct."""
        found = [m for m in self.models_of(arm) if set(benchmarks) <= set(self.scores[m])]
        return {seed for m in found if (seed := split_model(m)[1]) is not None}

    def common_seeds(self, arm: str, other: str, benchmarks: Sequence[str]) -> list[int]:
        """Seeds by which the two are paired; [] where one of them is a single model or they share none."""
        return sorted(self.seeds_of(arm, benchmarks) & self.seeds_of(other, benchmarks))

    def table(
        self, arm: str, benchmark: str, metric: str, seeds: Sequence[int] = ()
    ) -> tuple[np.ndarray, tuple[str, ...]] | None:
        """values_SN of an arm (of these seeds, else of all it has) on the questions that all of them answered, and their
        ids; None without results."""
        models = [f"{arm}-{seed}" for seed in seeds] if seeds else self.models_of(arm)
        found = [self.scores[m][benchmark] for m in models if benchmark in self.scores[m]]
        if not found:
            return None
        ids = common([s.ids for s in found])
        return np.stack([pick(s.ids, s.values(metric), ids) for s in found]), ids

    def deepest_models(self, arm: str, benchmark: str) -> list[str]:
        """The cells of an arm with the most samples on a benchmark (the extra samples are drawn for chosen models)."""
        found = [m for m in self.models_of(arm) if benchmark in self.scores[m]]
        most = max((self.scores[m][benchmark].deep_samples for m in found), default=0)
        return [m for m in found if self.scores[m][benchmark].deep_samples == most]

    def curve_values(self, model: str, benchmark: str, kind: str, ks: Sequence[int]) -> np.ndarray:
        """maj or pass over K -> (N, K): from the deep questions where there are any, else from all."""
        scores = self.scores[model][benchmark]
        if scores.deep:
            return scores.curve(kind, ks)
        return np.stack([scores.values(f"{kind}@{k}") for k in ks], 1)

    def pair(
        self, arm: str, other: str, benchmarks: Sequence[str], metric: str
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """values_SN and other_TN on the common questions of all those benchmarks that both have; None if there are none.
        Where they have seeds in common, row s of both is the same seed, and other seeds are left out."""
        left, right, seeds = [], [], self.common_seeds(arm, other, benchmarks)
        for benchmark in benchmarks:
            one, two = (self.table(name, benchmark, metric, seeds) for name in (arm, other))
            if one and two:
                ids = common([one[1], two[1]])
                left.append(np.stack([pick(one[1], row, ids) for row in one[0]]))
                right.append(np.stack([pick(two[1], row, ids) for row in two[0]]))
        same = {len(v) for v in left}, {len(v) for v in right}
        if not left or max(map(len, same)) > 1:
            return None
        return np.concatenate(left, 1), np.concatenate(right, 1)


def load(data: Path) -> Results:
    """Read a data/ folder. Raises UserError when it holds no evaluation at all, or a file is malformed."""
    folders = sorted(p for p in (data / "evaluate").glob("*") if (p / "summary.json").is_file())
    if not folders:
        raise UserError(f"{data / 'evaluate'}: no evaluated model; `dvc repro` makes them")
    cells: dict[str, dict[int, Cell]] = {}
    for folder in sorted(p for p in (data / "rl").glob("*") if p.is_dir()):
        arm, seed = split_model(folder.name)
        if seed is not None:
            summary = json_of(folder / "summary.json") or {}
            settings = json_of(folder / "config.json") or {}
            found = validation_of(rows_of(folder / "validation.jsonl"))
            cells.setdefault(arm, {})[seed] = Cell(
                rows_of(folder / "metrics.jsonl"),
                found,
                summary,
                settings.get("rl") or {},
                settings.get("rl_scale") or {},
            )
    files = {
        stage: stage_files(data / stage)
        for stage in ("world", "corpus", "pretrain", "sft", "reward")
    }
    settings = json_of(folders[0] / "config.json") or {}
    costs = {p.stem: json_of(p) for p in sorted((data / ".cost").glob("*.json"))}
    return Results(
        str(settings.get("profile", "unknown")),
        int(settings.get("seed", 0)),
        {folder.name: load_scores(folder) for folder in folders},
        cells,
        files,
        costs,
    )


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
                f"{folder / name}.jsonl: a row has no {error}; run the evaluate stage anew"
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
        raise UserError(f"{path}: not JSON ({error}); run its stage anew") from None


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(path)) if path.is_file() else []


def split_model(name: str) -> tuple[str, int | None]:
    """`grpo_os_rule-2` -> ("grpo_os_rule", 2); `instruct` -> ("instruct", None)."""
    arm, dash, seed = name.rpartition("-")
    return (arm, int(seed)) if dash and seed.isdigit() else (name, None)


def common(ids: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Ids that stand in every list, in the order of the first."""
    rest = set(ids[0]).intersection(*ids[1:])
    return tuple(i for i in ids[0] if i in rest)


def pick(ids: Sequence[str], values_N: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Values of the wanted ids, in their order."""
    at = {i: n for n, i in enumerate(ids)}
    return values_N[[at[i] for i in wanted]]


def scorer(kind: str, ks: Sequence[int]) -> Callable[[Sequence[int]], list[float]]:
    """From a question's votes to its values at every k; a k above the samples drawn is an error."""
    if kind == "maj":
        return lambda votes: maj_at_k(votes, ks)
    if kind in ("pass", "sampled"):
        return lambda votes: [pass_at_k(len(votes), sum(v == RIGHT for v in votes), k) for k in ks]
    raise ValueError(f"no metric {kind!r}")


def benchmark_order(name: str) -> tuple[int, str]:
    known = (
        "mini_gsm8k",
        "mini_math",
        "mini_cmath",
        "gsm8k",
        "math",
        "math500",
        "cmath",
        "mgsm_zh",
    )
    plain = name.partition("@")[0]
    return (known.index(plain) if plain in known else len(known), name)


def rate_beside(results: Results, arm: str, other: str) -> float:
    """Learning rate of an arm over that of another: they need not have one (lr_factor)."""
    factors = [
        next(iter(results.cells[name].values())).settings.get("lr_factor", 1.0)
        if results.cells.get(name)
        else 1.0
        for name in (arm, other)
    ]
    return factors[0] / factors[1]
