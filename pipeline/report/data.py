"""The results of a build as arrays, whether they come from its data folder (load.py) or from
committed outcomes (outcomes.py). What is missing stays empty, and the report says so.

Legend: U units (trained models of an arm), N questions, K values of K.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pipeline.evaluate.metrics import RIGHT, maj_at_k, pass_at_k
from pipeline.report.arms import LEARNED, arm_order, reward_model

SINGLE = ("base", "instruct")
BENCHMARKS = (
    "mini_gsm8k",
    "mini_math",
    "mini_cmath",
    "mini_bbh",
    "mini_bbh_zh",
    "gsm8k",
    "math",
    "math500",
)
BENCHMARKS += ("cmath", "mgsm_zh")


class Unit(NamedTuple):
    """Which of an arm's trained models: its chain, and its training seed inside the chain (None:
    base, instruct).
    """

    chain: int
    seed: int | None


@dataclass(frozen=True)
class Scores:
    """One model on one benchmark.

    votes[i]  -- question i's samples as vote classes (pipeline/evaluate/metrics.py); the first
    `samples` are in every row measures  -- other values per question, such as bits: {name: (N,)}
    """

    ids: tuple[str, ...]
    greedy_N: np.ndarray
    votes: tuple[tuple[int, ...], ...]
    samples: int
    summary: dict[str, Any]
    levels: tuple[int, ...] = ()
    measures: dict[str, np.ndarray] = field(default_factory=dict)

    def has(self, metric: str) -> bool:
        """Whether the metric was measured: without samples only greedy answers and measures were."""
        return metric == "greedy" or metric in self.measures or self.samples > 0

    def values(self, metric: str) -> np.ndarray:
        """`greedy`, `sampled`, `maj@K`, `pass@K` or a measure, of each question -> (N,)."""
        if metric == "greedy":
            return self.greedy_N
        if metric in self.measures:
            return self.measures[metric]
        if metric not in self._known:  # every table asks for them again
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

    @property
    def deep_samples(self) -> int:
        return max(map(len, self.votes), default=0) if self.deep else self.samples

    def curve(self, kind: str, ks: Sequence[int]) -> np.ndarray:
        """`maj` or `pass` over K -> (N, K): from all samples of the deep questions, else from those
        of all questions.
        """
        if not self.deep:
            return np.stack([self.values(f"{kind}@{k}") for k in ks], 1)
        deep, score = set(self.deep), scorer(kind, list(ks))
        return np.array([score(v) for i, v in zip(self.ids, self.votes, strict=True) if i in deep])

    def deep_greedy(self) -> np.ndarray:
        """The greedy answers of the questions that `curve` is about -> (N,)."""
        chosen = set(self.deep or self.ids)
        return np.array([g for i, g in zip(self.ids, self.greedy_N, strict=True) if i in chosen])


@dataclass(frozen=True)
class Cell:
    """One RL run.

    metrics    -- a row per step (pipeline/rl/glossary.py)
    validation -- [step][question id] = share of right samples (greedy where none were drawn)
    settings   -- those of the arm (conf/rl/), scale those that all arms of a profile share (rl_scale)
    cost       -- seconds, memory: what the stage's cost file has
    """

    metrics: list[dict[str, Any]]
    validation: dict[int, dict[str, float]]
    summary: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    scale: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)

    @property
    def validation_questions(self) -> int:
        return max(map(len, self.validation.values()), default=0)

    def over_steps(self, key: str) -> dict[int, float]:
        """A metric by step, where it was measured."""
        return {row["step"]: row[key] for row in self.metrics if row.get(key) is not None}


@dataclass(frozen=True)
class Results:
    """Everything the report is made of.

    scores -- [model][benchmark]; a model of chain 0 is called `instruct` or `<arm>-<seed>`, of
              others `<chain>/<arm>-<seed>`
    cells  -- [arm][unit], the RL runs
    files  -- [stage][name], small files of the stages before RL, of the first chain
    """

    profile: str
    seed: int
    scores: dict[str, dict[str, Scores]]
    cells: dict[str, dict[Unit, Cell]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def build(self) -> str:
        """How the table over all builds calls this one."""
        return {"lab": "laboratory"}.get(self.profile, self.profile)

    @property
    def benchmarks(self) -> list[str]:
        return sorted({b for found in self.scores.values() for b in found}, key=benchmark_order)

    @property
    def arms(self) -> list[str]:
        return sorted({split_model(model)[0] for model in self.scores} - {*SINGLE}, key=arm_order)

    @property
    def chains(self) -> list[int]:
        return sorted({unit_of(model).chain for model in self.scores})

    def file(self, stage: str, name: str) -> dict[str, Any]:
        """A small file of a stage before RL; {} where there is none."""
        return self.files.get(stage, {}).get(name) or {}

    def reward_model(self, arm: str) -> str | None:
        """The kind of reward model behind an arm, by the settings it was trained with, else by its
        file; None for rules.
        """
        for cell in self.cells.get(arm, {}).values():
            if cell.settings:
                kind = cell.settings.get("reward_function")
                return kind if kind in LEARNED else None
        return reward_model(arm)

    @property
    def reward_models(self) -> dict[str, dict[str, Any]]:
        """What the reward stage measured of each kind of reward model: outcome, process."""
        summary = self.file("reward", "summary")
        return {kind: summary[kind] for kind in LEARNED if isinstance(summary.get(kind), dict)}

    @property
    def judges(self) -> list[dict[str, dict[str, Any]]]:
        """The same of each chain that has reward models, as far as the gate reads it; of outcomes
        that were written before there were several, of the first.
        """
        found = [kinds for kinds in self.file("reward", "chains").values() if kinds]
        return found or [self.reward_models]

    def models_of(self, arm: str) -> list[str]:
        """The evaluated models of an arm, or base or instruct of every chain, by chain and seed."""
        found = [model for model in self.scores if split_model(model)[0] == arm]
        return sorted(found, key=lambda model: (unit_of(model).chain, unit_of(model).seed or 0))

    def units_of(self, arm: str, benchmarks: Iterable[str]) -> dict[Unit, str]:
        """{unit: model} of an arm, as far as they were evaluated on all these benchmarks."""
        wanted = set(benchmarks)
        return {unit_of(m): m for m in self.models_of(arm) if wanted <= set(self.scores[m])}

    def pairs_of(self, arm: str, other: str, benchmarks: Iterable[str]) -> dict[Unit, tuple]:
        """{unit: (model, other model)}: of the same chain and seed, or of the same chain where one
        side is a single model.
        """
        benchmarks = list(benchmarks)
        ours, theirs = self.units_of(arm, benchmarks), self.units_of(other, benchmarks)
        found = {}
        for unit, model in ours.items():
            alone = Unit(unit.chain, None)
            if unit in theirs or alone in theirs:
                found[unit] = (model, theirs.get(unit) or theirs[alone])
        return found

    def table(self, arm: str, benchmark: str, metric: str) -> Table | None:
        """values_UN of an arm on the questions that all its models answered; None without results,
        or where the metric was not measured.
        """
        found = self.units_of(arm, [benchmark])
        if not found:
            return None
        scores = [self.scores[model][benchmark] for model in found.values()]
        if not all(s.has(metric) for s in scores):
            return None
        ids = common([s.ids for s in scores])
        values_UN = np.stack([pick(s.ids, s.values(metric), ids) for s in scores])
        return Table(values_UN, ids, tuple(unit.chain for unit in found))

    def gaps(self, arm: str, other: str, benchmarks: Sequence[str], metric: str) -> Gaps | None:
        """The difference arm - other of each pair of units, on the questions of each benchmark that
        all of them answered; None where a side, a common unit, or the metric is missing.
        """
        pairs = self.pairs_of(arm, other, benchmarks) if benchmarks else {}
        if not pairs:
            return None
        tables = []
        for benchmark in benchmarks:
            scores = [[self.scores[m][benchmark] for m in models] for models in pairs.values()]
            if not all(s.has(metric) for two in scores for s in two):
                return None
            ids = common([s.ids for two in scores for s in two])
            values = [[pick(s.ids, s.values(metric), ids) for s in two] for two in scores]
            tables.append(np.array([first - second for first, second in values]))
        return Gaps(tables, tuple(unit.chain for unit in pairs), tuple(pairs))

    def deepest_models(self, arm: str, benchmark: str) -> list[str]:
        """The models of an arm with the most samples on a benchmark (the extra samples are drawn
        for chosen models).
        """
        found = [m for m in self.models_of(arm) if benchmark in self.scores[m]]
        most = max((self.scores[m][benchmark].deep_samples for m in found), default=0)
        return [m for m in found if self.scores[m][benchmark].deep_samples == most]


class Table(NamedTuple):
    values_UN: np.ndarray
    ids: tuple[str, ...]
    chains_U: tuple[int, ...]


class Gaps(NamedTuple):
    """tables[b]_UN: differences on benchmark b."""

    tables: list[np.ndarray]
    chains_U: tuple[int, ...]
    units: tuple[Unit, ...]


def split_model(name: str) -> tuple[str, int | None]:
    """`grpo_os_rule-2` and `3/grpo_os_rule-2` -> ("grpo_os_rule", 2); `instruct` -> ("instruct",
    None).
    """
    name = name.rpartition("/")[2]
    arm, dash, seed = name.rpartition("-")
    return (arm, int(seed)) if dash and seed.isdigit() else (name, None)


def unit_of(name: str) -> Unit:
    """`3/grpo_os_rule-2` -> Unit(3, 2)."""
    chain = name.rpartition("/")[0]
    return Unit(int(chain) if chain else 0, split_model(name)[1])


def model_name(arm: str, unit: Unit) -> str:
    prefix = f"{unit.chain}/" if unit.chain else ""
    return prefix + (arm if unit.seed is None else f"{arm}-{unit.seed}")


def common(ids: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Ids that stand in every list, in the order of the first."""
    rest = set(ids[0]).intersection(*ids[1:])
    return tuple(i for i in ids[0] if i in rest)


def pick(ids: Sequence[str], values_N: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Values of the wanted ids, in their order."""
    if tuple(ids) == tuple(wanted):
        return values_N
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
    plain = name.partition("@")[0]
    return (BENCHMARKS.index(plain) if plain in BENCHMARKS else len(BENCHMARKS), name)


def rate_beside(results: Results, arm: str, other: str) -> float:
    """Learning rate of an arm over that of another: they need not have one (lr_factor)."""
    factors = [
        next(iter(results.cells[name].values())).settings.get("lr_factor", 1.0)
        if results.cells.get(name)
        else 1.0
        for name in (arm, other)
    ]
    return factors[0] / factors[1]
