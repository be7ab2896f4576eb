"""Figures as PNG files: same data, same bytes. Every function returns a matplotlib figure, or None when data is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.report.curves import difference_at
from pipeline.report.data import Results, arm_order, split_model
from pipeline.report.drawing import (
    COLLAPSED,
    band,
    differences,
    fringe,
    gaps_from,
    label_ends,
    leave_out,
    line,
    over_steps,
    smooth,
    subplots,
)
from pipeline.report.names import CONTROL, FIGURE5, RULE, arm_colour, arm_label
from pipeline.report.stats import level

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "axes.labelcolor": "#333333",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "svg.hashsalt": "report",
}
LABELLED = {
    "outcome": "share of outputs whose answer is right",
    "process": "share of steps labelled right (by continuations)",
}  # the second is an estimate, not the truth


def validation(results: Results, arms: Sequence[str], beside: str = CONTROL):
    """Figure 5: validation accuracy over RL steps, one line an arm (mean of its seeds), a band from lowest to highest seed; and
    the difference of each from the arm `beside`, paired by question and by seed, with its 95 % interval."""
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
    """Figure 6: iterative GRPO over its steps, the boundaries of its iterations, and one iteration of as many steps; beside it
    their difference, paired."""
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
    seeds = f"{len(cells)} seed{'s' if len(cells) > 1 else ''}"
    axes[0].set(
        title=f"Mean sampled accuracy, T 0.7 ({seeds})",
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
    """Right outputs in training, KL to the reference and output length over RL steps, mean of the seeds. Arms of one seed meet
    the same questions at a step, so the share of right ones is drawn as the difference from one arm: the batch falls out."""
    arms = sorted((arm for arm in FIGURE5 if arm in results.cells), key=arm_order)
    right = {arm: found for arm in arms if arm != RULE and (found := training_gap(results, arm))}
    panels = [
        (found, title, unit)
        for found, title, unit in (
            (right, f"Right outputs, over {arm_label(RULE)}", "points"),
            (training_means(results, arms, "kl"), "KL to the reference", "nats a token"),
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
    """(steps, points by which an online arm's outputs of the step are right more often than RULE's, at the seeds of both)."""
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


def training_loss(results: Results):
    """Loss over steps of pretraining and fine-tuning."""
    runs = [
        (stage, results.files[stage]["metrics"])
        for stage in ("pretrain", "sft")
        if results.files[stage].get("metrics")
    ]
    if not runs:
        return None
    figure, axes = subplots(len(runs), width=4.6 * len(runs), height=3.5)
    for axis, (stage, rows), colour in zip(axes, runs, ("#0072b2", "#d55e00"), strict=False):
        steps, losses = [r["step"] for r in rows], np.array([r["loss"] for r in rows])
        axis.plot(steps, losses, color=colour, alpha=0.3, linewidth=1)
        axis.plot(steps, smooth(losses), color=colour)
        title = {"pretrain": "Pretraining", "sft": "Instruction tuning"}[stage]
        axis.set(title=title, xlabel="step", ylabel="loss (nats a token)")
        axis.annotate(
            f"{losses[-1]:.2f}",
            (steps[-1], smooth(losses)[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )
    return figure


def funnel(results: Results):
    """How many pages are left after each step of mining."""
    steps = (results.files["corpus"].get("funnel") or {}).get("steps")
    if not steps:
        return None
    names = {
        "records": "records in the WARC files",
        "text": "readable text",
        "distinct URLs": "one page a URL",
        "distinct pages": "no near-duplicates",
        "collected": "collected by the classifier",
        "decontaminated": "after decontamination",
    }
    figure, (axis,) = subplots(1, width=8.2, height=0.5 * len(steps) + 1.1)
    pages, y = [step["pages"] for step in steps], np.arange(len(steps))[::-1]
    axis.barh(y, pages, color="#0072b2", height=0.62)
    for at, step in zip(y, steps, strict=True):
        share = f" ({100 * step['pages'] / max(pages[0], 1):.0f} %)" if step is not steps[0] else ""
        tokens = f", {step['tokens'] / 1e6:,.2f}M tokens" if step.get("tokens") else ""
        axis.text(step["pages"], at, f" {step['pages']:,}{share}{tokens}", va="center", fontsize=9)
    axis.set_yticks(y, [names.get(step["step"], step["step"]) for step in steps])
    axis.set(xlabel="pages", xlim=(0, max(pages) * 1.42))
    axis.grid(axis="y", visible=False)
    return figure


def classifier_scores(results: Results):
    """Histogram of the classifier's scores, by ground truth where it is known."""
    found = (results.files["corpus"].get("summary") or {}).get("score_histogram")
    if not found:
        return None
    edges = np.array(found["edges"])
    figure, (axis,) = subplots(1, width=6.6, height=3.5)
    for key, colour, label in (
        ("other", "#999999", "other pages"),
        ("math", "#0072b2", "mathematical pages"),
        ("all", "#0072b2", "all pages"),
    ):
        if key in found:
            axis.stairs(
                found[key],
                edges,
                color=colour,
                fill=True,
                alpha=0.55,
                label=f"{label} (n {sum(found[key]):,})",
            )
    axis.set(xlabel="classifier score", ylabel="pages", xlim=(edges[0], edges[-1]))
    axis.legend(frameon=False, loc="upper center")
    return figure


def reliability(results: Results):
    """Reward models: share of right outputs in each bin of the score, against the score; one panel a kind."""
    kinds = {
        kind: bins
        for kind, found in judges(results).items()
        if (bins := [b for b in found.get("bins", []) if b["count"]])
    }
    if not kinds:
        return None
    figure, axes = subplots(len(kinds), width=4.6 * len(kinds), height=4.5)
    for axis, (kind, bins) in zip(axes, kinds.items(), strict=True):
        predicted, right = [b["predicted"] for b in bins], [b["right"] for b in bins]
        most = max(b["count"] for b in bins)
        axis.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        axis.plot(predicted, right, color="#0072b2", linewidth=1.2)
        axis.scatter(
            predicted,
            right,
            s=[18 + 130 * b["count"] / most for b in bins],
            color="#0072b2",
            alpha=0.8,
            linewidth=0,
        )
        axis.set(
            title=f"{kind} (n {sum(b['count'] for b in bins):,})",
            xlabel="mean predicted probability",
            ylabel=LABELLED[kind],
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
        )
        axis.set_aspect("equal")
    return figure


def judges(results: Results) -> dict[str, dict[str, Any]]:
    """What the reward stage measured of each kind of reward model: outcome, process."""
    summary = results.files["reward"].get("summary") or {}
    return {
        kind: summary[kind]
        for kind in ("outcome", "process")
        if isinstance(summary.get(kind), dict)
    }


def save(figure, path: Path) -> None:
    """Write a PNG without the writer's name or date."""
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None}, bbox_inches="tight", pad_inches=0.12)
    plt.close(figure)


def draw(make: Callable[..., Any], path: Path, *arguments: Any) -> bool:
    """Make a figure in the report's style and save it; False when its data is missing."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(STYLE):
        figure = make(*arguments)
        if figure is not None:
            save(figure, path)
    return figure is not None
