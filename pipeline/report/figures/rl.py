"""Figures 5 and 6 and what training itself shows, over the steps of reinforcement learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.arms import CONTROL, RULE, arm_colour, arm_label, arm_order, figure5
from pipeline.report.data import Results
from pipeline.report.figures.drawing import (
    band,
    differences,
    gaps_from,
    label_ends,
    leave_out,
    line,
    over_steps,
    smooth,
    subplots,
)


def validation(results: Results, arms: Sequence[str], beside: str = CONTROL):
    """Figure 5: validation accuracy over RL steps, one line per arm (mean of its runs), a band from
    lowest to highest run; and the difference of each from the arm `beside`, paired by question and
    by run, with its 95 % interval.
    """
    curves = {arm for arm in arms if over_steps(results.cells.get(arm, {}), "validation_sampled")}
    if not curves - {CONTROL}:
        return None
    drawn = sorted(curves, key=arm_order)
    compared = bool(gaps_from(results, drawn, beside))
    figure, axes = subplots(1 + compared, width=11.0 if compared else 6.0, height=4.6)
    ends = [
        band(axes[0], arm, *over_steps(results.cells[arm], "validation_sampled")) for arm in drawn
    ]
    axes[0].set(
        title="Mean sampled accuracy, T 0.7", xlabel="RL step", ylabel="validation accuracy (%)"
    )
    label_ends(axes[0], ends, leave_out(axes[0], ends))
    if compared:
        differences(axes[1], results, drawn, beside)
    return figure


def iterations(results: Results):
    """Figure 6: iterative GRPO over its steps, the boundaries of its iterations, and one iteration
    of as many steps; beside it their difference, paired.
    """
    cells = results.cells.get("grpo_iter", {})
    values = over_steps(cells, "validation_sampled")
    if not values:
        return None
    compared = bool(gaps_from(results, ["grpo_iter"], "grpo_os"))
    once = over_steps(results.cells.get("grpo_os", {}), "validation_sampled")
    figure, axes = subplots(1 + compared, width=11.0 if compared else 6.0, height=4.2)
    ends = [band(axes[0], "grpo_iter", *values)] + (
        [band(axes[0], "grpo_os", *once)] if once else []
    )
    last = {
        row["iteration"]: row["step"]
        for cell in cells.values()
        for row in cell.metrics
        if "iteration" in row
    }
    runs = f"{len(cells)} run{'s' if len(cells) > 1 else ''}"
    axes[0].set(
        title=f"Mean sampled accuracy, T 0.7 ({runs})",
        xlabel="RL step",
        ylabel="validation accuracy (%)",
    )
    label_ends(axes[0], ends)
    if compared:
        differences(axes[1], results, ["grpo_iter"], "grpo_os")
    for axis in axes:
        for step in sorted(last.values())[:-1]:
            axis.axvline(step, color="#777777", linewidth=1, linestyle="--")
    return figure


def rl_training(results: Results):
    """Right outputs in training, KL to the reference and output length over RL steps, mean of the
    seeds. Arms of one seed meet the same questions at a step, so the share of right ones is drawn
    as the difference from one arm: the batch falls out.
    """
    arms = sorted((arm for arm in figure5() if arm in results.cells), key=arm_order)
    right = {arm: found for arm in arms if arm != RULE and (found := training_gap(results, arm))}
    panels = [
        (found, title, unit)
        for found, title, unit in (
            (right, f"Right outputs, over {arm_label(RULE)}", "points"),
            (training_means(results, arms, "kl"), "KL to the reference", "nats per token"),
            (training_means(results, arms, "length"), "Output length", "tokens"),
        )
        if found
    ]
    if not panels:
        return None
    figure, axes = subplots(len(panels), width=3.9 * len(panels), height=3.9)
    for axis, (found, title, unit) in zip(axes, panels, strict=True):
        ends = [
            line(axis, arm, steps, smooth(values_T), scale=1)
            for arm, (steps, values_T) in found.items()
        ]
        if found is right:
            axis.axhline(0, color=arm_colour(RULE), linewidth=1.8)
            ends.append((RULE, max(end[1] for end in ends), 0.0))
        axis.set(title=title, xlabel="RL step", ylabel=unit)
        label_ends(axis, ends)
    return figure


def training_means(
    results: Results, arms: Sequence[str], key: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{arm: (steps, mean over its seeds)} of a metric of training."""
    found = {arm: over_steps(results.cells[arm], key) for arm in arms}
    return {arm: (values[0], values[1].mean(0)) for arm, values in found.items() if values}


def training_gap(results: Results, arm: str) -> tuple[np.ndarray, np.ndarray] | None:
    """(steps, points by which an online arm's outputs of the step are right more often than RULE's,
    at the seeds of both).
    """
    seeds = sorted(set(results.cells.get(arm, {})) & set(results.cells.get(RULE, {})))
    if any(results.cells[arm][seed].settings.get("data_source") == "offline" for seed in seeds):
        return None
    both = [
        over_steps({seed: results.cells[name][seed] for seed in seeds}, "accuracy")
        for name in (arm, RULE)
    ]
    if not all(both) or not np.array_equal(both[0][0], both[1][0]):
        return None
    return both[0][0], 100 * (both[0][1] - both[1][1]).mean(0)
