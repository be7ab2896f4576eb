"""What a claim is, and how the 95 % interval of a difference decides its status."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.report.data import Results
from pipeline.report.stats import Interval, difference, level, paired

REPRODUCED, DIRECTION, NOT = "reproduced", "direction only", "not reproduced"
UNTESTED, FLOORED = "not tested at this profile", "not testable here"
STATUSES = (REPRODUCED, DIRECTION, NOT, FLOORED, UNTESTED)
FLOOR = 0.05  # where all that is compared scores below this accuracy, a difference says nothing about a method
ONE_SEED = "One seed: no order of trained models is established."
LIFTED = (
    "grpo_os",
    "grpo_os_rule",
)  # the subjects of C7 and C12: the paper's reward is learned, the rule is ours
TOGETHER = "together"  # of several benchmarks
SAME = 0.02  # a difference whose interval stays below this counts as none (C12), and inside it on both sides as alike (C8e)
SLIGHT = 0.005  # means nearer to 0 than this have no sign worth a word
CLOSE = 0.05  # in AUC: a learned reward that ranks no better than this above plain likelihood is close to it


@dataclass(frozen=True)
class Number:
    """One measured value with its 95 % interval: a difference in accuracy (0..1), or in `unit`: level, times, MiB.

    metric -- sampled or greedy, where an answer was either; "" where the name says what was measured
    """

    name: str
    value: Interval
    metric: str = ""
    unit: str = ""

    def plain(self) -> dict[str, Any]:
        """For JSON, which has no infinity: an end that nothing is known about is null."""
        plain = {
            k: v if isinstance(v, int) else round(v, 5) if math.isfinite(v) else None
            for k, v in asdict(self.value).items()
        }
        return {
            "name": ", ".join(filter(None, (self.name, self.metric))),
            "unit": self.unit or "difference",
            **plain,
        }

    def shown(self) -> str:
        """`+5.1 [3.9, 6.3]` in points, or the value in its unit."""
        if self.unit == "times":
            return ratio(self.value)
        if self.unit == "level":
            return bare(self.value, signed=False)
        if self.unit:
            return f"{self.value.mean:+.0f} {self.unit}" + (
                f" [{self.value.low:+.0f}, {self.value.high:+.0f}]"
                if math.isfinite(self.value.low)
                else ""
            )
        return bare(self.value)


@dataclass(frozen=True)
class Claim:
    id: str
    text: str
    where: str  # in the paper
    status: str
    sentence: str
    numbers: tuple[Number, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "claim": self.text,
            "where": self.where,
            "status": self.status,
            "sentence": self.sentence,
            "numbers": [number.plain() for number in self.numbers],
        }


def compare(
    results: Results, arm: str, other: str, benchmarks: Sequence[str], metric: str = "sampled"
) -> Interval | None:
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


def on_every(status: str, parts: Iterable[Interval]) -> str:
    """A claim about several benchmarks is not reproduced on their mean alone where one of them says the opposite, told from 0."""
    return (
        weaker(status, DIRECTION)
        if status == REPRODUCED and any(gap.high < 0 for gap in parts)
        else status
    )


def seeds_note(gap: Interval) -> str:
    return f" {ONE_SEED}" if gap.seeds < 2 else ""


def judge_note(results: Results, *arms: str) -> str:
    """How well the reward models behind these arms tell right from wrong outputs of one question, and plain likelihood beside
    it; "" for rules."""
    kinds = dict.fromkeys(kind for arm in arms if (kind := results.reward_model(arm)))
    if not kinds:
        return ""
    found, plain = judges_auc(results)
    listed = [
        f"{kind} model {f'{found[kind]:.2f}' if kind in found else 'not measured'}"
        for kind in kinds
    ]
    return f"AUC of the rewards inside a question: {', '.join(listed + [f'plain likelihood {plain:.2f}'] * (plain is not None))}."


def judges_auc(results: Results) -> tuple[dict[str, float], float | None]:
    """AUC among the outputs of one question of each kind of reward model, and of the sampler's own log-probability."""
    summary = results.files["reward"].get("summary") or {}
    found = {
        kind: auc
        for kind in ("outcome", "process")
        if (auc := (summary.get(kind) or {}).get("auc_within")) is not None
    }
    return found, ((summary.get("outcome") or {}).get("likelihood") or {}).get("auc_within")


def points(gap: Interval, signed: bool = True) -> str:
    """`+5.1 points [3.9, 6.3]`."""
    return bare(gap, signed).replace(" [", " points [")


def bare(gap: Interval, signed: bool = True) -> str:
    """`+5.1 [3.9, 6.3]`, in points; with a digit more where an end would round to 0, on whose side of it much depends."""
    digits = 2 if any(0 < abs(100 * end) < 0.05 for end in (gap.low, gap.high)) else 1
    mean, low, high = (
        round(100 * end, digits) + 0.0 for end in (gap.mean, gap.low, gap.high)
    )  # no -0.0
    return f"{mean:{'+' if signed else ''}.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def ratio(found: Interval) -> str:
    return (
        f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
        if found.seeds > 1
        else f"{found.mean:.2f}"
    )


def told(gap: Interval) -> str:
    """What the interval says of a difference that the paper has above 0."""
    return (
        "ahead"
        if gap.low > 0
        else "the opposite, and told from 0"
        if gap.high < 0
        else "not told apart"
    )


def parts_text(parts: Mapping[str, Interval]) -> str:
    """The benchmarks behind a difference over several, and whether they point to opposite sides; "" for a single one."""
    if len(parts) < 2:
        return ""
    listed = ", ".join(f"{name} {bare(gap)}" for name, gap in parts.items())
    clear = any(gap.low > 0 for gap in parts.values()) and any(
        gap.high < 0 for gap in parts.values()
    )
    split = any(gap.mean > SLIGHT for gap in parts.values()) and any(
        gap.mean < -SLIGHT for gap in parts.values()
    )
    hidden = ": opposite signs, each told from 0" if clear else ": opposite signs" if split else ""
    return f" ({listed}{hidden})"


def at_floor(
    results: Results, arms: Sequence[str], benchmarks: Sequence[str], metric: str = "sampled"
) -> str | None:
    """A sentence when all that is compared scores below the floor, or none of it can be told from 0."""
    tables = [
        t[0] for arm in arms for b in benchmarks if (t := results.table(arm, b, metric)) is not None
    ]
    return floor_sentence([level(values_SN) for values_SN in tables])


def floor_sentence(levels: Sequence[Interval]) -> str | None:
    if levels and all(found.mean < FLOOR or found.low <= 0 for found in levels):
        best = max(found.mean for found in levels)
        return (
            f"Every score compared is at the floor (highest {100 * best:.1f} %, floor {100 * FLOOR:.0f} %): no difference "
            "between methods can be read here."
        )
    return None


def present(results: Results, names: Sequence[str]) -> list[str]:
    return [b for b in names if b in results.benchmarks]
