"""What a claim is, and how the 95 % interval of a difference decides its status."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.report.data import Results
from pipeline.report.stats import Interval, difference

REPRODUCED, DIRECTION, NOT, UNTESTED = "reproduced", "direction only", "not reproduced", "not tested at this profile"
FLOOR = 0.03  # below this accuracy on both sides a difference says nothing about a method


@dataclass(frozen=True)
class Number:
    """One measured value: a difference or a level in accuracy (0..1), with its 95 % interval."""

    name: str
    value: Interval

    def plain(self) -> dict[str, Any]:
        rounded = {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self.value).items()}
        return {"name": self.name, **rounded}


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
    """Paired difference arm - other over all those benchmarks; None when a side has no results."""
    pair = results.pair(arm, other, benchmarks, metric)
    return difference(*pair) if pair else None


def verdict(gap: Interval, side: int = 1) -> str:
    if gap.mean * side <= 0:
        return NOT
    return REPRODUCED if gap.excludes_zero else DIRECTION


def points(gap: Interval, signed: bool = True) -> str:
    """`+5.1 points [3.9, 6.3]`."""
    sign = "+" if signed else ""
    return f"{100 * gap.mean:{sign}.1f} points [{100 * gap.low:.1f}, {100 * gap.high:.1f}]"


def at_floor(results: Results, arms: Sequence[str], benchmarks: Sequence[str]) -> str | None:
    """A sentence when all arms score below the floor, so that no difference can be read."""
    tables = [t[0] for arm in arms for b in benchmarks if (t := results.table(arm, b, "sampled")) is not None]
    if tables and max(t.mean() for t in tables) < FLOOR:
        best = max(t.mean() for t in tables)
        return f"Every score is at the floor (highest {100 * best:.1f} %): no difference between methods can be read here."
    return None


def present(results: Results, names: Sequence[str]) -> list[str]:
    return [b for b in names if b in results.benchmarks]
