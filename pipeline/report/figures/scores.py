"""Figure 7, Maj@K and Pass@K, and the gains of all arms on the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.report.arms import arm_colour, arm_label, arm_order
from pipeline.report.curves import difference_at
from pipeline.report.data import Results, split_model
from pipeline.report.figures.drawing import COLLAPSED, fringe, label_ends, subplots
from pipeline.report.stats import level


def maj_pass(results: Results, names: Sequence[str], benchmark: str):
    """Figure 7: Maj@K and Pass@K over K on one benchmark, with 95 % bands over questions, and seeds where there are several.

    `names`: models, or arms, whose deepest cells are taken together.
    """
    models = {
        name: [name] if name in results.scores else results.deepest_models(name, benchmark)
        for name in names
    }
    models = {
        name: found
        for name, found in models.items()
        if found and all(benchmark in results.scores[m] for m in found)
    }
    deep = min(
        (results.scores[m][benchmark].deep_samples for found in models.values() for m in found),
        default=0,
    )
    ks = [2**i for i in range(deep.bit_length()) if 2**i <= deep]
    if len(ks) < 3:
        return None
    others = [name for name in models if name != "instruct"]
    paired = others[0] if "instruct" in models and len(others) == 1 else ""
    figure, axes = subplots(3 if paired else 2, width=14.0 if paired else 9.6, height=4.2)
    x = np.arange(len(ks))
    for axis, kind, title in zip(axes, ("maj", "pass"), ("Maj@K", "Pass@K"), strict=False):
        ends = []
        for name, found in models.items():
            values_SNK = np.stack([results.curve_values(m, benchmark, kind, ks) for m in found])
            ends.append(
                fringe(axis, split_model(name)[0], x, [level(values_SNK[:, :, i]) for i in x])
            )
        seeds = max(len(found) for found in models.values())
        axis.set(
            title=f"{title} (n {values_SNK.shape[1]}, {seeds} seed{'s' if seeds > 1 else ''})",
            ylabel=f"{benchmark} accuracy (%)",
        )
        label_ends(axis, ends)
    if paired:
        arm, names = split_model(paired)[0], {"maj": "Maj@K", "pass": "Pass@K"}
        colours = {"maj": arm_colour(arm), "pass": "#777777"}
        ends = [
            fringe(
                axes[2],
                kind,
                x,
                [difference_at(results, models[paired], benchmark, kind, k) for k in ks],
                colours[kind],
            )
            for kind in names
        ]
        axes[2].axhline(0, color="#333333", linewidth=1)
        axes[2].set(title=f"{arm_label(arm)} - instruct, paired", ylabel="points")
        label_ends(axes[2], ends, names, colours)
    for axis in axes:
        axis.set(xlabel="K (samples a question)")
        axis.set_xticks(x, [str(k) for k in ks])
    return figure


def gains(rows: Sequence[tuple[str, str, Any]], title: str):
    """Gains with intervals: `rows` are (arm, benchmark, Interval in accuracy); one panel a benchmark. An arm that collapsed
    stands at the left edge as an arrow with its loss, so that the others keep a scale on which they can be told apart."""
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
