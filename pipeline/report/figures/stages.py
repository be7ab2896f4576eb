"""What the stages before reinforcement learning show: losses, the funnel, the classifier, the
reward models.
"""

from __future__ import annotations

import numpy as np

from pipeline.report.data import Results
from pipeline.report.figures.drawing import smooth, subplots

LABELLED = {
    "outcome": "share of outputs whose answer is right",
    "process": "share of steps labelled right (by continuations)",
}  # the second is an estimate, not the truth


def training_loss(results: Results):
    """Loss over steps of pretraining and fine-tuning."""
    runs = [
        (stage, results.file(stage, "metrics"))
        for stage in ("pretrain", "sft")
        if results.file(stage, "metrics")
    ]
    if not runs:
        return None
    figure, axes = subplots(len(runs), width=4.6 * len(runs), height=3.5)
    for axis, (stage, rows), colour in zip(axes, runs, ("#0072b2", "#d55e00"), strict=False):
        steps, losses = [r["step"] for r in rows], np.array([r["loss"] for r in rows])
        axis.plot(steps, losses, color=colour, alpha=0.3, linewidth=1)
        axis.plot(steps, smooth(losses), color=colour)
        title = {"pretrain": "Pretraining", "sft": "Instruction tuning"}[stage]
        axis.set(title=title, xlabel="step", ylabel="loss (nats per token)")
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
    steps = results.file("corpus", "funnel").get("steps")
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
    found = results.file("corpus", "summary").get("score_histogram")
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
    """Reward models: share of right outputs in each bin of the score, against the score; one panel
    a kind.
    """
    kinds = {
        kind: bins
        for kind, found in results.reward_models.items()
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
