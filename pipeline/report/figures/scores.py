"""Figure 7, Maj@K and Pass@K, and the gains of all arms on the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.report.arms import arm_colour, arm_label, arm_order
from pipeline.report.curves import gain_at
from pipeline.report.data import Results, unit_of
from pipeline.report.figures.drawing import COLLAPSED, fringe, label_ends, subplots
from pipeline.report.stats import level


def maj_pass(results: Results, arm: str, benchmark: str):
    """Figure 7: Maj@K and Pass@K over K of the instruct model and of an arm's deepest models, with
    95 % bands over questions, seeds and chains, and their difference.
    """
    models = {name: results.deepest_models(name, benchmark) for name in ("instruct", arm)}
    deep = [results.scores[m][benchmark].deep_samples for found in models.values() for m in found]
    ks = [2**i for i in range(min(deep, default=0).bit_length())]
    ks = [k for k in ks if k <= min(deep)]
    if len(ks) < 3 or not all(models.values()):
        return None

    figure, axes = subplots(3, width=14.0, height=4.2)
    x = np.arange(len(ks))
    for axis, kind, title in zip(axes, ("maj", "pass"), ("Maj@K", "Pass@K"), strict=False):
        ends = []
        for name, found in models.items():
            values_UNK = np.stack([results.scores[m][benchmark].curve(kind, ks) for m in found])
            chains = [unit_of(m).chain for m in found]
            ends.append(fringe(axis, name, x, [level(values_UNK[:, :, i], chains) for i in x]))
        seeds = max(len(found) for found in models.values())
        size = f"n {values_UNK.shape[1]}, {seeds} model{'s' if seeds > 1 else ''}"
        axis.set(title=f"{title} ({size})", ylabel=f"{benchmark} accuracy (%)")
        label_ends(axis, ends)

    names = {"maj": "Maj@K", "pass": "Pass@K"}
    colours = {"maj": arm_colour(arm), "pass": "#777777"}
    ends = []
    for kind in names:
        gaps = [gain_at(results, arm, [benchmark], kind, k) for k in ks]
        ends.append(fringe(axes[2], kind, x, gaps, colours[kind]))
    axes[2].axhline(0, color="#333333", linewidth=1)
    axes[2].set(title=f"{arm_label(arm)} - instruct, paired", ylabel="points")
    label_ends(axes[2], ends, names, colours)
    for axis in axes:
        axis.set(xlabel="K (samples per question)")
        axis.set_xticks(x, [str(k) for k in ks])
    return figure


def gains(rows: Sequence[tuple[str, str, Any]], title: str):
    """Gains with intervals: `rows` are (arm, benchmark, Interval in accuracy); one panel a
    benchmark. An arm that collapsed stands at the left edge as an arrow with its loss, so that the
    others keep a scale on which they can be distinguished.
    """
    if not rows:
        return None
    benchmarks = list(dict.fromkeys(b for _, b, _ in rows))
    arms = sorted({a for a, _, _ in rows}, key=arm_order, reverse=True)
    figure, axes = subplots(
        len(benchmarks), width=3.3 * len(benchmarks) + 1, height=0.42 * len(arms) + 1.5, sharex=True
    )
    edge = 100 * min((i.low for _, _, i in rows if 100 * i.mean > -COLLAPSED), default=0.0) - 1
    for axis, benchmark in zip(axes, benchmarks, strict=True):
        for y, arm in enumerate(arms):
            for _, _, i in (row for row in rows if row[:2] == (arm, benchmark)):
                if 100 * i.mean <= -COLLAPSED:
                    axis.plot(edge, y, "<", color=arm_colour(arm), markersize=6)
                    axis.annotate(
                        f"{100 * i.mean:.0f}",
                        (edge, y),
                        xytext=(6, 0),
                        textcoords="offset points",
                        va="center",
                        color=arm_colour(arm),
                    )
                    continue
                axis.plot(
                    [100 * i.low, 100 * i.high],
                    [y, y],
                    color=arm_colour(arm),
                    linewidth=2.2,
                    solid_capstyle="butt",
                )
                axis.plot(100 * i.mean, y, "o", color=arm_colour(arm), markersize=6)
        axis.axvline(0, color="#333333", linewidth=1)
        axis.set_yticks(
            range(len(arms)), [arm_label(a) for a in arms] if axis is axes[0] else [""] * len(arms)
        )
        axis.set(title=benchmark, xlabel="points", ylim=(-0.6, len(arms) - 0.4))
        axis.grid(axis="y", visible=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)
    return figure
