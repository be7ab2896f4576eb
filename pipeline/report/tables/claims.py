"""The table of claims, and every number behind it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.claim import Claim, Number
from pipeline.report.page.blocks import Table


def claims_table(claims: Sequence[Claim]) -> Table:
    rows = tuple((c.id, f"{c.text} ({c.where})", c.status, c.sentence, counted(c)) for c in claims)
    return Table(
        ("claim", "the paper", "this run", "what was measured", "n"),
        rows,
        labels=4,
        caption="n: questions, and seeds of the arm, behind the first number.",
    )


def numbers_table(claims: Sequence[Claim]) -> Table:
    """Every number behind the claims: a row a comparison, sampled and greedy answers side by side."""
    rows: dict[tuple[str, str], list[Number]] = {}
    for claim in claims:
        for number in claim.numbers:
            rows.setdefault((claim.id, number.name), []).append(number)
    cells = []
    for (id, name), found in rows.items():
        by_metric = {number.metric: number.shown() for number in found}
        first = found[0].value
        count = f"{first.questions} x {first.seeds}" if first.questions else f"seeds: {first.seeds}"
        cells.append(
            (
                id,
                name,
                count,
                by_metric.get("sampled", by_metric.get("", "-")),
                by_metric.get("greedy", "-"),
            )
        )
    caption = (
        "Points and 95 % interval; ratios of FLOPs; MiB where it says so. Value: mean sampled accuracy where answers are "
        "compared, else what the row names. n: questions x seeds."
    )
    return Table(("claim", "what", "n", "value", "greedy"), tuple(cells), caption, labels=2)


def counted(claim: Claim) -> str:
    """`2000 x 3`: questions and seeds of a claim's first number; `seeds: 3` where it is about runs and not questions."""
    if not claim.numbers:
        return "-"
    first = claim.numbers[0].value
    return f"{first.questions} x {first.seeds}" if first.questions else f"seeds: {first.seeds}"
