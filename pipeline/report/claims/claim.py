"""A claim of the paper with what a build says about it, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.report.claims.rules import (
    ALPHA,
    MORE_QUESTIONS,
    MOST_UNITS,
    OPEN,
    UNTESTABLE,
    Needed,
    Test,
    holm,
    needed,
    number_of,
    p_value,
    rows_of,
    verdict,
)
from pipeline.report.stats import Interval

OVER = {"C3": "worlds"}  # what an interval is over, where it is neither chains nor models


@dataclass(frozen=True)
class Spec:
    """A claim before anything is measured.

    paper  -- the paper's number, in words
    effect -- the same as a difference in accuracy (0..1); None where the paper only has a figure
    """

    id: str
    text: str
    where: str
    paper: str
    effect: float | None = None


@dataclass(frozen=True)
class Number:
    """A measured value that stands next to the primary comparison and decides nothing."""

    name: str
    value: Interval
    unit: str = "points"


@dataclass(frozen=True)
class Claim:
    """A row of the table of claims. `p` and `adjusted` (Holm) are two-sided.

    times -- what Holm's correction would multiply p by, were this the next claim to be significant
    """

    spec: Spec
    tests: tuple[Test, ...] = ()
    samples: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    build: str = ""
    verdict: str = UNTESTABLE
    p: float = 1.0
    adjusted: float = 1.0
    times: int = 1

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def primary(self) -> Test | None:
        return self.tests[0] if self.tests else None

    @property
    def units(self) -> str:
        """What the interval is over: `chains`, `models` or `worlds`."""
        chains = bool(self.tests) and self.tests[0].value.chains > 1
        return OVER.get(self.id, "chains" if chains else "models")

    def needed(self) -> Needed | None:
        """What would decide an open claim if its values stayed as they are; None where nothing
        within reach would.
        """
        return needed(self.tests, self.times) if self.tests and self.verdict == OPEN else None

    def plain(self) -> dict[str, Any]:
        """For claims.json: everything that the table needs, and that other builds are compared by."""
        return {
            "id": self.id,
            "claim": self.spec.text,
            "where": self.spec.where,
            "paper": self.spec.paper,
            "paper_effect": self.spec.effect,
            "build": self.build,
            "verdict": self.verdict,
            "p": rounded(self.p),
            "p_holm": rounded(self.adjusted),
            "holm_times": self.times,
            "sentence": sentence(self),
            "samples": self.samples,
            "reason": self.reason,
            "notes": list(self.notes),
            "tests": [plain_test(test) for test in self.tests],
            "needed": asdict(found) if (found := self.needed()) else None,
            "numbers": [
                {"name": n.name, "unit": n.unit, **plain_interval(n.value)} for n in self.numbers
            ],
        }


def from_plain(row: Mapping[str, Any]) -> Claim:
    """A claim out of claims.json."""
    spec = Spec(row["id"], row["claim"], row["where"], row["paper"], row["paper_effect"])
    numbers = [Number(n["name"], interval_of(n), n["unit"]) for n in row["numbers"]]
    return Claim(
        spec,
        tuple(test_of(test) for test in row["tests"]),
        row["samples"],
        row["reason"],
        tuple(row["notes"]),
        tuple(numbers),
        row["build"],
        row["verdict"],
        row["p"],
        row["p_holm"],
        row.get("holm_times", 1),
    )


def untestable(spec: Spec, reason: str, numbers: Iterable[Number] = ()) -> Claim:
    return Claim(spec, reason=reason, numbers=tuple(numbers))


def settle(claims: Sequence[Claim]) -> list[Claim]:
    """Give every claim its p-value, corrected over those that were measured, and its verdict."""
    tested = [i for i, c in enumerate(claims) if c.tests and all(test.measured for test in c.tests)]
    found = {i: p_value(claims[i].tests) for i in tested}
    corrected = dict(zip(tested, holm([found[i] for i in tested]), strict=True))
    significant = {i for i in tested if corrected[i] < ALPHA}
    return [
        replace(
            claim,
            p=found[i],
            adjusted=corrected[i],
            verdict=verdict(claim.tests, corrected[i]),
            times=len(tested) - len(significant - {i}),
        )
        if i in found
        else replace(claim, verdict=OPEN if claim.tests else UNTESTABLE, p=1.0, adjusted=1.0)
        for i, claim in enumerate(claims)
    ]


def sentence(claim: Claim) -> str:
    """What was measured, in words: every test with its interval and each benchmark's, then the
    notes.
    """
    if not claim.tests:
        return claim.reason
    said = [
        f"{test.name}: {shown(test.value, test.unit)}{parts_text(test.parts, test.unit)}"
        for test in claim.tests
    ]
    text = "; ".join(said) + "."
    against = next((name for test in claim.tests if (name := test.part_against)), "")
    if against:
        text += f" {against} is significantly against the claim, which therefore cannot hold."
    return " ".join(filter(None, [text, deciding(claim), *claim.notes]))


def deciding(claim: Claim) -> str:
    """What would decide an open claim, in words; "" for others."""
    if claim.verdict != OPEN:
        return ""
    if any(test.trained and test.value.seeds < 2 for test in claim.tests):
        return "One trained model: nothing about trained models can be decided; two at least are needed."
    if not all(test.measured for test in claim.tests):
        one = claim.units.removesuffix("s")
        return f"One {one} has no interval: two {claim.units} at least are needed for one."
    if found := claim.needed():
        return f"Would decide, if the values stay: {found.shown(claim.units)} ({found.verdict})."
    value = claim.tests[0].value
    most = number_of(MOST_UNITS if rows_of(value) > 1 else 1, claim.units)
    asked = f" and {MORE_QUESTIONS[-1]} times the questions" if value.questions else ""
    return f"If the values stay, nothing up to {most}{asked} would decide it."


def shown(value: Interval, unit: str = "points", signed: bool = True) -> str:
    """`+5.1 [3.9, 6.3]` in points or percent; ratios and other units as they are."""
    if unit in ("points", "percent"):
        scale, signed = 100, signed and unit == "points"
        ends = (value.low, value.high)
        digits = 2 if any(0 < abs(100 * end) < 0.05 for end in ends if math.isfinite(end)) else 1
    else:
        scale, digits = 1, 0 if unit == "MiB" else 2
        signed = signed and unit != "times"
    mean = f"{scale * value.mean:{'+' if signed else ''}.{digits}f}"
    if not math.isfinite(value.low):
        return mean
    low, high = (
        f"{round(scale * end, digits) + 0.0:.{digits}f}" for end in (value.low, value.high)
    )
    return f"{mean} [{low}, {high}]"


def parts_text(parts: Mapping[str, Interval], unit: str = "points") -> str:
    """` (mini_gsm8k +4.8 [3.8, 5.9], mini_math +2.0 [0.1, 3.9])`; "" for one benchmark."""
    if len(parts) < 2:
        return ""
    return f" ({', '.join(f'{name} {shown(part, unit)}' for name, part in parts.items())})"


def counted(claim: Claim) -> str:
    """`8 chains, 8 models, 2,000 questions x 4`."""
    if not claim.tests:
        return "-"
    value = claim.tests[0].value
    if claim.id in OVER:
        return number_of(value.seeds, OVER[claim.id])
    asked = f", {value.questions:,} questions" if value.questions else ""
    times = f" x {claim.samples}" if asked and claim.samples else ""
    return f"{number_of(value.chains, 'chains')}, {number_of(value.seeds, 'models')}{asked}{times}"


def plain_test(test: Test) -> dict[str, Any]:
    return {
        "name": test.name,
        "kind": test.kind,
        "unit": test.unit,
        "d": rounded(test.d),
        "trained": test.trained,
        **plain_interval(test.value),
        "parts": {name: plain_interval(part) for name, part in test.parts.items()},
    }


def test_of(row: Mapping[str, Any]) -> Test:
    parts = {name: interval_of(part) for name, part in row["parts"].items()}
    return Test(
        row["name"], interval_of(row), row["d"], row["kind"], row["unit"], parts, row["trained"]
    )


def plain_interval(value: Interval) -> dict[str, Any]:
    """For JSON, which has no infinity: what is not known is null."""
    return {key: rounded(item) for key, item in asdict(value).items()}


def interval_of(row: Mapping[str, Any]) -> Interval:
    ends = {
        "low": -math.inf,
        "high": math.inf,
        "se": math.inf,
        "freedom": math.inf,
        "question_se": math.nan,
    }
    found = {key: row[key] for key in Interval.__dataclass_fields__}
    return Interval(**{k: ends[k] if v is None and k in ends else v for k, v in found.items()})


def rounded(value: Any) -> Any:
    if isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
