"""The table of claims, and every number behind it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.claims.claim import Claim, counted, sentence, shown
from pipeline.report.claims.rules import UNTESTABLE
from pipeline.report.page.blocks import Table

CAPTION = (
    "paper: its number. here: the primary comparison, oriented so that the claim wants it large, "
    "in points where no other unit stands, with its 95 % interval. d: what counts as no "
    "difference. p: two-sided, corrected over the table by Holm's method. n: chains, trained "
    "models, questions and samples per question."
)


def claims_table(claims: Sequence[Claim], builds: bool = False) -> Table:
    """A row per claim and one number per row; `builds`: with the build that decides it."""
    rows = []
    for claim in claims:
        first = claim.primary
        here = f"{shown(first.value, first.unit)}{unit_of(first.unit)}" if first else "-"
        cells = (
            f"{claim.id}: {claim.spec.text} ({claim.spec.where})",
            claim.spec.paper,
            claim.verdict,
            here,
            d_text(claim),
            p_text(claim.adjusted) if first else "-",
            counted(claim),
        )
        rows.append((*cells, claim.build or "-") if builds else cells)
    columns = ("claim", "paper", "verdict", "here", "d", "p", "n")
    return Table((*columns, "build") if builds else columns, tuple(rows), CAPTION, labels=3)


def sentences(claims: Sequence[Claim]) -> list[str]:
    """What was measured for each claim, in words."""
    return [f"**{claim.id}**, {claim.verdict}: {sentence(claim)}" for claim in claims]


def numbers_table(claims: Sequence[Claim]) -> Table:
    """Every number behind the claims that decides nothing: greedy answers, validation, arms below
    the gate.
    """
    rows = [
        (claim.id, n.name, str(n.value.seeds), shown(n.value, n.unit) + unit_of(n.unit))
        for claim in claims
        for n in claim.numbers
    ]
    caption = "Points and 95 % interval where no other unit stands. These decide nothing."
    return Table(("claim", "what", "models", "value"), tuple(rows), caption, labels=2)


def unit_of(unit: str) -> str:
    return "" if unit == "points" else f" {unit}"


def d_text(claim: Claim) -> str:
    first = claim.primary
    if first is None:
        return "-"
    return f"{100 * first.d:.2g}" if first.unit == "points" else f"{first.d:g}"


def p_text(p: float) -> str:
    """`< .001`, `.034`."""
    return "< .001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)


def untested(claims: Sequence[Claim]) -> list[str]:
    return [f"{claim.id}: {claim.reason}" for claim in claims if claim.verdict == UNTESTABLE]
