"""Parts that the figures share: axes, lines, bands, labels at the ends of lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from pipeline.report.arms import arm_colour, arm_label
from pipeline.report.data import Cell, Results, Unit
from pipeline.report.stats import Interval
from pipeline.report.validation import gap_at, sides

# An interval longer than this many times the median one is cut off by its panel: with two seeds it
# can be 40 points long.
REACH = 2.5
# Points below the start at which an arm leaves the panels of Figure 5 and of the gains.
COLLAPSED = 12.0


def subplots(count: int, width: float, height: float, **options: Any):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, count, figsize=(width, height), layout="constrained", squeeze=False, **options
    )
    return figure, axes[0]


def over_steps(cells: Mapping[Unit, Cell], key: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps that every seed has, and values_ST of `key`; None when a seed has none."""
    tables = [cell.over_steps(key) for cell in cells.values()]
    steps = sorted(set.intersection(*map(set, tables))) if tables else []
    return (
        (np.array(steps), np.array([[t[s] for s in steps] for t in tables], dtype=float))
        if steps
        else None
    )


def band(axis, arm: str, steps: np.ndarray, values_ST: np.ndarray):
    if len(values_ST) > 1:
        axis.fill_between(
            steps,
            100 * values_ST.min(0),
            100 * values_ST.max(0),
            color=arm_colour(arm),
            alpha=0.13,
            linewidth=0,
        )
    return line(axis, arm, steps, values_ST.mean(0), marker="o" if len(steps) < 30 else None)


def fringe(axis, arm: str, x: np.ndarray, points: Sequence[Interval], colour: str = ""):
    """A line of means with a band of their 95 % intervals, in points of accuracy."""
    colour = colour or arm_colour(arm)
    low, high = ([100 * getattr(p, side) for p in points] for side in ("low", "high"))
    axis.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    return line(axis, arm, x, np.array([p.mean for p in points]), marker="o", colour=colour)


def differences(axis, results: Results, arms: Sequence[str], beside: str) -> None:
    """Arms minus the arm `beside` on the validation questions, at every step that both were
    validated at: mean and 95 % interval, paired by question and by seed; the arms stand side by
    side so that their intervals can be distinguished.
    """
    found = gaps_from(results, arms, beside)
    steps = sorted({step for gaps in found.values() for step in gaps})
    apart, ends, fallen = 0.11 * min(np.diff(steps), default=1), [], {}
    for i, (arm, gaps) in enumerate(found.items()):
        x = np.array(list(gaps), dtype=float) + (i - (len(found) - 1) / 2) * apart
        means, halves = (
            np.array([100 * value(gap) for gap in gaps.values()])
            for value in (lambda gap: gap.mean, lambda gap: gap.high - gap.mean)
        )
        if means[-1] <= -COLLAPSED:
            fallen[arm] = f"{arm_label(arm)} ends at {means[-1]:.0f}"
        else:
            axis.errorbar(
                x, means, halves, fmt="none", ecolor=arm_colour(arm), elinewidth=1.2, alpha=0.6
            )
        ends.append(line(axis, arm, x, means, marker="o", scale=1))
    near = [gap for arm, gaps in found.items() if arm not in fallen for gap in gaps.values()]
    if near:
        reach = REACH * float(
            np.median([half for gap in near if (half := gap.high - gap.mean) > 0] or [0.0])
        )
        axis.set_ylim(
            100 * min(max(gap.low, gap.mean - reach) for gap in near) - 1,
            100 * max(min(gap.high, gap.mean + reach) for gap in near) + 1,
        )
    axis.axhline(0, color=arm_colour(beside), linewidth=1.8)
    ends.append((beside, float(steps[-1]), 0.0))
    some = [gap for gaps in found.values() for gap in gaps.values()]
    questions, runs = {gap.questions for gap in some}, {gap.seeds for gap in some}
    size = f"n {listed(questions)}, {listed(runs)} run{'s' if max(runs) > 1 else ''}"
    axis.set(
        title=f"Over {arm_label(beside)}, paired ({size})",
        xlabel="RL step",
        ylabel="points, 95 % interval",
    )
    label_ends(axis, ends, fallen)


def listed(values: set[int]) -> str:
    return " or ".join(map(str, sorted(values)))


def gaps_from(results: Results, arms: Sequence[str], beside: str) -> dict[str, dict[int, Interval]]:
    return {
        arm: gaps
        for arm in arms
        if arm != beside and (gaps := gaps_over_steps(results, arm, beside))
    }


def gaps_over_steps(results: Results, arm: str, beside: str) -> dict[int, Interval]:
    """{step: difference of two arms on the validation questions}, at the seeds and steps that both
    have.
    """
    cells, steps = sides(results, arm, beside)
    return {step: gap for step in steps if (gap := gap_at(cells, step))}


def line(
    axis,
    arm: str,
    x: np.ndarray,
    y: np.ndarray,
    marker: str | None = None,
    scale: float = 100,
    colour: str = "",
):
    axis.plot(x, scale * y, color=colour or arm_colour(arm), marker=marker, markersize=3.2)
    return arm, float(x[-1]), float(scale * y[-1])


def label_ends(
    axis,
    ends: Sequence[tuple[str, float, float]],
    instead: Mapping[str, str] = MappingProxyType({}),
    colours: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write each arm's name, or what is to stand `instead`, beside the end of its line; names that
    would touch are moved apart, and those of lines that end outside the panel stand at its edge.
    """
    if not ends:
        return
    low, high = axis.get_ylim()
    ends = [(arm, x, min(max(y, low), high)) for arm, x, y in ends]
    gap = 0.062 * (high - low) * 4.2 / axis.figure.get_figheight()
    ordered = sorted(ends, key=lambda end: end[2])
    places = spread([end[2] for end in ordered], gap, high)
    right = max(end[1] for end in ends)
    left, end_x = axis.get_xlim()
    for (arm, _, value), place in zip(ordered, places, strict=True):
        colour = colours.get(arm) or arm_colour(arm)
        axis.annotate(
            instead.get(arm, arm_label(arm)),
            (right, value),
            xytext=(end_x + 0.02 * (end_x - left), place),
            textcoords="data",
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "color": colour,
                "linewidth": 0.6,
                "alpha": 0.6,
            },
        )
    axis.set_ylim(low, high)
    axis.set_xlim(left, end_x)


def spread(places: list[float], gap: float, top: float) -> list[float]:
    """Rising places moved as little as needed to be `gap` apart, none above `top`."""
    places = list(places)
    for _ in range(200):
        for i in range(1, len(places)):
            overlap = gap - (places[i] - places[i - 1])
            if overlap > 1e-9:
                places[i - 1] -= overlap / 2
                places[i] += overlap / 2
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], top if i == len(places) - 1 else places[i + 1] - gap)
    return places


def smooth(values: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Mean over about `share` of the points around each; at both ends over those that there are."""
    reach = max(1, int(len(values) * share / 2))
    total, at = np.concatenate([[0.0], np.cumsum(values)]), np.arange(len(values))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    return (total[last] - total[first]) / (last - first)


def leave_out(axis, ends: Sequence[tuple[str, float, float]]) -> dict[str, str]:
    """End the axis below the lines that stay near the start, so that an arm that collapses does not
    flatten all others; it leaves the panel below, and its label says where it ends. Returns the
    labels of such arms.
    """
    start = max((line.get_ydata()[0] for line in axis.lines), default=0.0)
    near = [line for line in axis.lines if line.get_ydata()[-1] > start - COLLAPSED]
    if len(near) in (0, len(axis.lines)):
        return {}
    low, high = (
        pick(min(line.get_ydata()) if pick is min else max(line.get_ydata()) for line in near)
        for pick in (min, max)
    )
    axis.set_ylim(low - 0.25 * (high - low) - 1, high + 0.1 * (high - low) + 1)
    return {
        arm: f"{arm_label(arm)} ends at {value:.0f} %"
        for arm, _, value in ends
        if value <= start - COLLAPSED
    }
