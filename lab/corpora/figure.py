"""The figure of lab/corpora/report.py: one row an arm, base models on the left, fine-tuned ones on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lab.corpora.report import LABELS, mean_of
from pipeline.report.stats import level

# name in the legend, colour, marker; English and Chinese have the same colours in both panels
SERIES = {
    "mini_gsm8k": ("English word problems", "#0072b2", "o"), "mini_cmath": ("Chinese word problems", "#d55e00", "s"),
    "mini_math": ("symbolic", "#999999", "^"),
}  # fmt: skip
NEVER = "none"  # its base model is noise, at 10 bits a byte: left out of that panel


def draw(tuned: dict[str, Any], bits: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from pipeline.report.figures.style import STYLE

    arms = [arm for arm in LABELS if arm in tuned]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(10.4, 0.52 * len(arms) + 1.7), sharey=True, layout="constrained"
        )
        for name, place in (("mini_gsm8k", -0.13), ("mini_cmath", 0.13)):
            row(left, [arm for arm in arms if arm != NEVER], arms, bits, name, place, mean_of, 1)
        for name, place in (("mini_gsm8k", -0.2), ("mini_cmath", 0.0), ("mini_math", 0.2)):
            row(right, arms, arms, tuned, name, place, level, 100)
        for name in ("mini_gsm8k", "mini_cmath"):
            if NEVER in tuned:
                right.axvline(
                    100 * tuned[NEVER][name].mean(),
                    color=SERIES[name][1],
                    linewidth=1,
                    linestyle=":",
                    zorder=0,
                )
        if NEVER in arms:
            floor = np.mean([bits[NEVER][name].mean() for name in bits[NEVER]])
            left.text(0.02, arms.index(NEVER), f"random weights: {floor:.1f}", transform=left.get_yaxis_transform(), va="center",
                      color="#777777", fontsize=9, backgroundcolor="white")  # fmt: skip
        left.set(title="Base model, before fine-tuning", xlabel="bits a byte of held-out solutions (fewer is better)",
                 xscale="log", xticks=(3, 4, 6, 8, 12, 16), xticklabels=(3, 4, 6, 8, 12, 16))  # fmt: skip
        left.minorticks_off()
        right.set(
            title="After equal fine-tuning", xlabel="right answers, % (sampled, temperature 0.7)"
        )
        left.set_yticks(range(len(arms)), [LABELS[arm] for arm in arms])
        left.set_ylim(len(arms) - 0.5, -0.5)
        left.tick_params(axis="y", length=0)
        right.tick_params(axis="y", length=0)
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)


def row(
    axis,
    arms: list[str],
    order: list[str],
    values: dict[str, Any],
    name: str,
    place: float,
    interval,
    scale: float,
) -> None:
    """One series: the mean of each arm with its 95 % interval, and its seeds as small open points."""
    label, colour, marker = SERIES[name]
    at = [order.index(arm) + place for arm in arms]
    found = [interval(values[arm][name]) for arm in arms]
    mean = np.array([scale * one.mean for one in found])
    reach = np.abs(np.array([[scale * one.low, scale * one.high] for one in found]).T - mean)
    axis.errorbar(
        mean, at, xerr=reach, fmt=marker, color=colour, markersize=5, elinewidth=1.3, label=label
    )
    for arm, height in zip(arms, at, strict=True):
        seeds_S = scale * values[arm][name].mean(axis=1)
        axis.plot(
            seeds_S,
            np.full(len(seeds_S), height),
            marker,
            color=colour,
            markersize=3.5,
            markerfacecolor="white",
            zorder=3,
        )
