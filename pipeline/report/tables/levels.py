"""Where gains lie: differences by the level of the questions (in the miniature world, the steps of
a solution).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.arms import arm_label, first_counterparts
from pipeline.report.data import Results, common
from pipeline.report.page.blocks import Table
from pipeline.report.stats import Interval, combined
from pipeline.report.tables.scores import shown


def by_level(results: Results, arm: str, other: str, benchmark: str) -> dict[int, Interval]:
    """arm - other in mean sampled accuracy, level by level, paired as the claims are; {} where a
    side was not asked.
    """
    gaps = results.gaps(arm, other, [benchmark], "sampled")
    if gaps is None:
        return {}
    table_UN = gaps.tables[0]
    level_N = levels_of(results, arm, other, benchmark)
    return {
        int(level): combined([table_UN[:, level_N == level]], gaps.chains_U)
        for level in sorted(set(level_N.tolist()))
    }


def levels_of(results: Results, arm: str, other: str, benchmark: str) -> np.ndarray:
    """The level of each question that the difference is over -> (N,)."""
    pairs = results.pairs_of(arm, other, [benchmark]).values()
    scores = [results.scores[model][benchmark] for models in pairs for model in models]
    level = dict(zip(scores[0].ids, scores[0].levels, strict=True))
    return np.array([level[i] for i in common([s.ids for s in scores])])


def levels_table(results: Results, benchmark: str, arms: Sequence[str] = ()) -> Table:
    """A row per arm over the instruct model, then pairs of arms. No rows where all questions have
    one level.
    """
    over_instruct = [(arm, "instruct") for arm in arms or results.arms]
    there = {*results.arms, "instruct"}
    found = {
        f"{arm_label(arm)} - {arm_label(other)}": by_level(results, arm, other, benchmark)
        for arm, other in [*over_instruct, *first_counterparts()]
        if {arm, other} <= there
    }
    levels = sorted({level for gaps in found.values() for level in gaps})
    if len(levels) < 2:
        return Table((), ())

    counts = next(gaps for gaps in found.values() if gaps)
    columns = ("arms", *(f"level {level} (n {counts[level].questions})" for level in levels))
    rows = tuple(
        (name, *(shown(gaps[level], signed=True) for level in levels))
        for name, gaps in found.items()
        if gaps
    )
    caption = (
        f"Points of mean sampled accuracy on {benchmark}, by level: the steps of a solution. 95 % "
        "interval, paired by question, seed and chain."
    )
    return Table(columns, rows, caption)
