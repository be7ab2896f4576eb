"""The figure of lab/corpora/report.py: a row per corpus, base models on the left, fine-tuned ones
on the right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lab.corpora.labels import BASE, LABELS
from pipeline.report.data import Results
from pipeline.report.figures.style import STYLE, save
from pipeline.report.stats import Interval, combined, level

# name in the legend, colour, marker; English and Chinese have the same colours in both panels
SERIES = {
    "mini_gsm8k": ("English word problems", "#0072b2", "o"),
    "mini_cmath": ("Chinese word problems", "#d55e00", "s"),
    "mini_math": ("symbolic", "#999999", "^"),
}
BITS = "bits_per_byte"
NEVER = "none"  # its base model is noise, at 10 bits per byte: left out of that panel


def draw(results: Results, path: Path) -> None:
    """Write the figure as a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    arms = [arm for arm in LABELS if results.models_of(arm)]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(10.4, 0.52 * len(arms) + 1.7), sharey=True, layout="constrained"
        )
        for name, place in (("mini_gsm8k", -0.13), ("mini_cmath", 0.13)):
            row(left, results, arms, f"{name}{BASE}", BITS, place)
        for name, place in (("mini_gsm8k", -0.2), ("mini_cmath", 0.0), ("mini_math", 0.2)):
            row(right, results, arms, name, "sampled", place)
        mark_never(left, right, results, arms)

        left.set(
            title="Base model, before fine-tuning",
            xlabel="bits per byte of held-out solutions (fewer is better)",
            xscale="log",
            xticks=(3, 4, 6, 8, 12, 16),
            xticklabels=(3, 4, 6, 8, 12, 16),
        )
        left.minorticks_off()
        sampled = "right answers, % (sampled, temperature 0.7)"
        right.set(title="After equal fine-tuning", xlabel=sampled)
        left.set_yticks(range(len(arms)), [LABELS[arm] for arm in arms])
        left.set_ylim(len(arms) - 0.5, -0.5)
        for axis in (left, right):
            axis.tick_params(axis="y", length=0)
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        save(figure, path)


def row(axis, results: Results, order: list[str], name: str, metric: str, place: float) -> None:
    """One series: the mean of each arm with its 95 % interval, and its seeds as small open points."""
    label, colour, marker = SERIES[name.removesuffix(BASE)]
    scale = 100 if metric == "sampled" else 1
    arms = [arm for arm in order if metric == "sampled" or arm != NEVER]
    at = [order.index(arm) + place for arm in arms]
    tables = [results.table(arm, name, metric).values_UN for arm in arms]

    found = [interval(table, metric) for table in tables]
    mean = np.array([scale * one.mean for one in found])
    ends = np.array([[scale * one.low, scale * one.high] for one in found]).T
    reach = np.abs(ends - mean)
    axis.errorbar(
        mean, at, xerr=reach, fmt=marker, color=colour, markersize=5, elinewidth=1.3, label=label
    )
    for table, height in zip(tables, at, strict=True):
        seeds_S = scale * table.mean(1)
        place_S = np.full(len(seeds_S), height)
        small = {"markersize": 3.5, "markerfacecolor": "white", "zorder": 3}
        axis.plot(seeds_S, place_S, marker, color=colour, **small)


def interval(values_SN: np.ndarray, metric: str) -> Interval:
    """Bits have no bounds of an accuracy."""
    return level(values_SN) if metric == "sampled" else combined([values_SN])


def mark_never(left, right, results: Results, arms: list[str]) -> None:
    """What fine-tuning alone is worth, and what random weights cost."""
    if NEVER not in arms:
        return
    for name in ("mini_gsm8k", "mini_cmath"):
        mean = 100 * results.table(NEVER, name, "sampled").values_UN.mean()
        right.axvline(mean, color=SERIES[name][1], linewidth=1, linestyle=":", zorder=0)
    bits = [results.table(NEVER, f"{n}{BASE}", BITS) for n in ("mini_gsm8k", "mini_cmath")]
    floor = np.mean([table.values_UN.mean() for table in bits])
    left.text(
        0.02,
        arms.index(NEVER),
        f"random weights: {floor:.1f}",
        transform=left.get_yaxis_transform(),
        va="center",
        color="#777777",
        fontsize=9,
        backgroundcolor="white",
    )
