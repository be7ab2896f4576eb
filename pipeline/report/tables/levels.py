"""Where gains lie: differences by the level of the questions (in the miniature world, the steps of a solution)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.arms import arm_label, first_counterparts
from pipeline.report.data import Results, common, pick
from pipeline.report.page.blocks import Table
from pipeline.report.stats import Interval, difference, paired
from pipeline.report.tables.scores import shown


def by_level(results: Results, arm: str, other: str, benchmark: str) -> dict[int, Interval]:
    """arm - other in mean sampled accuracy, level by level, paired as the claims are; {} where a side was not asked."""
    seeds = results.common_seeds(arm, other, [benchmark])
    one, two = (results.table(name, benchmark, "sampled", seeds) for name in (arm, other))
    if not one or not two:
        return {}
    ids = common([one[1], two[1]])
    level_of = level_by_id(results, arm, benchmark)
    level_N = np.array([level_of[i] for i in ids])
    sides = [
        np.stack([pick(found_ids, row, ids) for row in values_SN])
        for values_SN, found_ids in (one, two)
    ]
    gap = paired if seeds else difference
    return {
        int(level): gap(*(side_SN[:, level_N == level] for side_SN in sides))
        for level in sorted(set(level_N.tolist()))
    }


def level_by_id(results: Results, arm: str, benchmark: str) -> dict[str, int]:
    scores = next(
        results.scores[m][benchmark]
        for m in results.models_of(arm)
        if benchmark in results.scores[m]
    )
    return dict(zip(scores.ids, scores.levels, strict=True))


def levels_table(results: Results, benchmark: str, arms: Sequence[str] = ()) -> Table:
    """A row an arm over the instruct model, then pairs of arms. No rows where the benchmark's questions have one level."""
    found = {
        f"{arm_label(arm)} - {arm_label(other)}": by_level(results, arm, other, benchmark)
        for arm, other in [
            *((arm, "instruct") for arm in arms or results.arms),
            *first_counterparts(),
        ]
        if {arm, other} <= {*results.arms, "instruct"}
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
    return Table(
        columns,
        rows,
        f"Points of mean sampled accuracy on {benchmark}, by level: the steps of a solution. 95 % "
        "interval, paired by question, and by seed between arms.",
    )
