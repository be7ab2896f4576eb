"""What a claim is, and how the 95 % interval of a difference decides its status."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.report.data import Results
from pipeline.report.names import JUDGED_BY
from pipeline.report.stats import Interval, difference, level, paired

REPRODUCED, DIRECTION, NOT = "reproduced", "direction only", "not reproduced"
UNTESTED, FLOORED = "not tested at this profile", "not testable here"
STATUSES = (REPRODUCED, DIRECTION, NOT, FLOORED, UNTESTED)
FLOOR = 0.05  # where all that is compared scores below this accuracy, a difference says nothing about a method
ONE_SEED = "One seed: what another seed would give is not known, so no order of trained models is established."


@dataclass(frozen=True)
class Number:
    """One measured value with its 95 % interval: a difference or a level in accuracy (0..1), unless its name has a unit."""

    name: str
    value: Interval

    def plain(self) -> dict[str, Any]:
        """For JSON, which has no infinity: an end that nothing is known about is null."""
        plain = {k: v if isinstance(v, int) else round(v, 5) if math.isfinite(v) else None for k, v in asdict(self.value).items()}
        return {"name": self.name, **plain}


@dataclass(frozen=True)
class Claim:
    id: str
    text: str
    where: str  # in the paper
    status: str
    sentence: str
    numbers: tuple[Number, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {"id": self.id, "claim": self.text, "where": self.where, "status": self.status, "sentence": self.sentence,
                "numbers": [number.plain() for number in self.numbers]}


def compare(results: Results, arm: str, other: str, benchmarks: Sequence[str], metric: str = "sampled") -> Interval | None:
    """Difference arm - other over all those benchmarks, paired by question, and by seed where both have the same seeds;
    None when a side has no results."""
    pair = results.pair(arm, other, benchmarks, metric)
    if pair is None:
        return None
    return (paired if results.common_seeds(arm, other, benchmarks) else difference)(*pair)


def verdict(gap: Interval, trained: bool = True) -> str:
    """Status by the interval of a difference that the paper has above 0.

    trained -- whether the difference depends on how a training run fell out: then one seed gives a direction at most.
    """
    if gap.mean <= 0:
        return NOT
    return REPRODUCED if gap.low > 0 and (gap.seeds > 1 or not trained) else DIRECTION


def weaker(first: str, second: str) -> str:
    """The status of a claim with two halves."""
    return max(first, second, key=(REPRODUCED, DIRECTION, NOT).index)


def seeds_note(gap: Interval) -> str:
    return f" {ONE_SEED}" if gap.seeds < 2 else ""


def judge_note(results: Results, *arms: str) -> str:
    """How well the reward models behind these arms tell right from wrong outputs of one question; "" for rules."""
    measured = results.files["reward"].get("summary") or {}
    kinds = dict.fromkeys(JUDGED_BY[arm] for arm in arms if arm in JUDGED_BY)
    if not kinds:
        return ""
    found = {kind: (measured.get(kind) or {}).get("auc_within") for kind in kinds}
    listed = ", ".join(f"{kind} model {'not measured' if auc is None else f'{auc:.2f}'}" for kind, auc in found.items())
    return f"AUC of the rewards among the outputs of one question: {listed} (0.50 is chance)."


def points(gap: Interval, signed: bool = True) -> str:
    """`+5.1 points [3.9, 6.3]`."""
    sign = "+" if signed else ""
    mean, low, high = (round(100 * end, 1) + 0.0 for end in (gap.mean, gap.low, gap.high))  # no -0.0
    return f"{mean:{sign}.1f} points [{low:.1f}, {high:.1f}]"


def at_floor(results: Results, arms: Sequence[str], benchmarks: Sequence[str], metric: str = "sampled") -> str | None:
    """A sentence when all that is compared scores below the floor, or none of it can be told from 0."""
    tables = [t[0] for arm in arms for b in benchmarks if (t := results.table(arm, b, metric)) is not None]
    return floor_sentence([level(values_SN) for values_SN in tables])


def floor_sentence(levels: Sequence[Interval]) -> str | None:
    if levels and all(found.mean < FLOOR or found.low <= 0 for found in levels):
        best = max(found.mean for found in levels)
        return (f"Every score compared is at the floor (highest {100 * best:.1f} %, floor {100 * FLOOR:.0f} %): no difference "
                "between methods can be read here.")
    return None


def present(results: Results, names: Sequence[str]) -> list[str]:
    return [b for b in names if b in results.benchmarks]
