"""Arms on the validation questions of their own runs, step by step: paired by question and by seed.

Legend: S seeds, N validation questions.
"""

from __future__ import annotations

import numpy as np

from pipeline.report.data import Cell, Results, common
from pipeline.report.stats import Interval, paired


def accuracy_at(cells: dict[int, Cell], steps: list[int]) -> list[np.ndarray]:
    """values_SN at each of these steps, on the questions that every seed was asked."""
    ids = common([list(cell.validation[step]) for cell in cells.values() for step in steps])
    return [
        np.array([[cells[seed].validation[step][i] for i in ids] for seed in sorted(cells)])
        for step in steps
    ]


def sides(results: Results, arm: str, other: str) -> tuple[list[dict[int, Cell]], list[int]]:
    """The cells of both arms at the seeds that both have, and the steps at which all of them were validated."""
    both = [results.cells.get(name, {}) for name in (arm, other)]
    seeds = sorted(set(both[0]) & set(both[1]))
    cells = [{seed: side[seed] for seed in seeds} for side in both]
    found = [set(cell.validation) for side in cells for cell in side.values()]
    return cells, sorted(set.intersection(*found)) if found else []


def gap_at(cells: list[dict[int, Cell]], step: int) -> Interval | None:
    """Mean sampled accuracy of the first arm minus that of the second after a step; None without common questions."""
    ids = common([list(cell.validation[step]) for side in cells for cell in side.values()])
    if not ids:
        return None
    tables = [
        np.array([[side[seed].validation[step][i] for i in ids] for seed in sorted(side)])
        for side in cells
    ]
    return paired(*tables)


def last_gap(results: Results, arm: str, other: str) -> Interval | None:
    """The difference of two arms after the last step at which both were validated."""
    cells, steps = sides(results, arm, other)
    return gap_at(cells, steps[-1]) if steps and steps[-1] else None
