"""C3: mining converges; nearly 98 % of the last iteration had been collected in the one before
(2.1).

Primary: the share of the last iteration's pages that the iteration before had collected, above 95
%, over worlds. One world is one draw and has no interval: its share is printed, and the claim stays
open. The overlap of two classifiers that are trained from the same seed pages is the noise floor,
which the share has to exceed where it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.report.claims.claim import Claim, Spec, untestable
from pipeline.report.claims.rules import LARGEST_D, Test
from pipeline.report.data import Results
from pipeline.report.stats import over_seeds

SPEC = Spec(
    "C3",
    "Mining converges: about 98 % of iteration 4 was collected in iteration 3",
    "2.1",
    "98 %",
)
LINE = 0.95


def claim(results: Results) -> Claim:
    """From the corpus stage of one build."""
    return over_worlds([results.file("corpus", "funnel").get("iterations") or []])


def over_worlds(worlds: Sequence[Sequence[dict[str, Any]]], floor: float | None = None) -> Claim:
    """`worlds`: the rows of the recall iterations of each world; `floor`: the overlap of two
    classifiers of the same seed.
    """
    shares = [
        [row["pages_collected_before"] for row in rows if row.get("pages_collected_before")]
        for rows in worlds
    ]
    shares = [found for found in shares if found]
    if not shares:
        return untestable(
            SPEC, "One recall iteration was run in this build, so there is nothing to converge."
        )

    line = max(LINE, floor or 0.0)
    value = over_seeds([found[-1] - line for found in shares])
    listed = ["; ".join(", ".join(f"{100 * s:.1f} %" for s in found) for found in shares)]
    notes = [f"Shares by iteration, a world at a time: {listed[0]}."]
    if floor is not None:
        notes.append(f"Noise floor, two classifiers of the same seed pages: {100 * floor:.1f} %.")
    name = f"share of the last iteration collected before, over {100 * line:.0f} %"
    return Claim(SPEC, (Test(name, value, LARGEST_D, trained=False),), notes=tuple(notes))
