"""Arms on the validation questions of their own runs, step by step: paired by question, seed and
chain.

Legend: U units, N validation questions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.report.data import Cell, Results, Unit, common
from pipeline.report.stats import Interval, paired

Cells = Mapping[Unit, Cell]


def accuracy_at(cells: Cells, steps: list[int]) -> list[np.ndarray]:
    """values_UN at each of these steps, on the questions that every unit was asked; units in sorted
    order.
    """
    ids = common([list(cell.validation[step]) for cell in cells.values() for step in steps])
    return [
        np.array([[cells[unit].validation[step][i] for i in ids] for unit in sorted(cells)])
        for step in steps
    ]


def sides(results: Results, arm: str, other: str) -> tuple[list[dict[Unit, Cell]], list[int]]:
    """The cells of both arms at the units that both have, and the steps at which all of them were
    validated.
    """
    both = [results.cells.get(name, {}) for name in (arm, other)]
    units = sorted(set(both[0]) & set(both[1]))
    cells = [{unit: side[unit] for unit in units} for side in both]
    found = [set(cell.validation) for side in cells for cell in side.values()]
    return cells, sorted(set.intersection(*found)) if found else []


def gap_at(cells: list[dict[Unit, Cell]], step: int) -> Interval | None:
    """Mean sampled accuracy of the first arm minus that of the second after a step; None without
    common questions.
    """
    ids = common([list(cell.validation[step]) for side in cells for cell in side.values()])
    if not ids:
        return None
    units = sorted(cells[0])
    tables = [
        np.array([[side[unit].validation[step][i] for i in ids] for unit in units])
        for side in cells
    ]
    return paired(*tables, [unit.chain for unit in units])


def last_gap(results: Results, arm: str, other: str) -> Interval | None:
    """The difference of two arms after the last step at which both were validated."""
    cells, steps = sides(results, arm, other)
    return gap_at(cells, steps[-1]) if steps and steps[-1] else None


def over_training(results: Results, arm: str, other: str) -> list[tuple[int, Interval]]:
    """(step, difference on the validation questions) after about a third of the steps and at the
    end.
    """
    cells, steps = sides(results, arm, other)
    if len(steps) < 3:
        return []
    early = min(steps, key=lambda step: abs(step - steps[-1] / 3))
    return [(step, gap) for step in (early, steps[-1]) if (gap := gap_at(cells, step))]


def boundaries(cells: Cells) -> list[int]:
    """Step 0 and the steps at which an iteration ended; [] without cells, or where one of them was
    not validated.
    """
    if not cells:
        return []
    last = {
        row["iteration"]: row["step"]
        for cell in cells.values()
        for row in cell.metrics
        if "iteration" in row
    }
    validated = set.intersection(*(set(cell.validation) for cell in cells.values()))
    ends = [0, *(last[i] for i in sorted(last))]
    return ends if set(ends) <= validated else []
