"""Figures as PNG files: same data, same bytes. Every function returns a matplotlib figure, or None when data is missing."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pipeline.report.data import Cell, Results, arm_order, split_model
from pipeline.report.names import CONTROL, FIGURE5, arm_colour, arm_label
from pipeline.report.stats import level

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 10.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e4e4e4", "grid.linewidth": 0.8, "axes.axisbelow": True, "lines.linewidth": 1.8,
    "figure.dpi": 150, "savefig.dpi": 150, "figure.facecolor": "white", "axes.labelcolor": "#333333",
    "xtick.color": "#333333", "ytick.color": "#333333", "svg.hashsalt": "report",
}
COLLAPSED = 12.0  # points below the start at which an arm leaves the panels of Figure 5 and of the gains


def validation(results: Results, arms: Sequence[str]):
    """Figure 5: validation accuracy over RL steps, one line an arm (mean of its seeds), a band from lowest to highest seed."""
    curves = {arm for arm in arms if _over_steps(results.cells.get(arm, {}), "validation_sampled")}
    if not curves - {CONTROL}:
        return None
    figure, axes = _subplots(2, width=9.6, height=4.4)
    for axis, metric, title in zip(axes, ("sampled", "greedy"), ("Mean sampled accuracy, T 0.7", "Greedy accuracy"), strict=True):
        ends = []
        for arm in sorted(curves, key=arm_order):
            line = _over_steps(results.cells[arm], f"validation_{metric}")
            if line:
                ends.append(_band(axis, arm, *line))
        axis.set(title=title, xlabel="RL step", ylabel="validation accuracy (%)")
        _label_ends(axis, ends, _leave_out(axis, ends))
    return figure


def _leave_out(axis, ends: Sequence[tuple[str, float, float]]) -> dict[str, str]:
    """End the axis below the lines that stay near the start, so that an arm that collapses does not flatten all others; it
    leaves the panel below, and its label says where it ends. Returns the labels of such arms."""
    start = max((line.get_ydata()[0] for line in axis.lines), default=0.0)
    near = [line for line in axis.lines if line.get_ydata()[-1] > start - COLLAPSED]
    if len(near) in (0, len(axis.lines)):
        return {}
    low, high = (pick(min(line.get_ydata()) if pick is min else max(line.get_ydata()) for line in near) for pick in (min, max))
    axis.set_ylim(low - 0.25 * (high - low) - 1, high + 0.1 * (high - low) + 1)
    return {arm: f"{arm_label(arm)} ends at {value:.0f} %" for arm, _, value in ends if value <= start - COLLAPSED}


def iterations(results: Results):
    """Figure 6: iterative GRPO over its steps, the boundaries of its iterations, and one iteration of as many steps."""
    cells = results.cells.get("grpo_iter", {})
    line = _over_steps(cells, "validation_sampled")
    if not line:
        return None
    figure, (axis,) = _subplots(1, width=6.0, height=4.2)
    ends = [_band(axis, "grpo_iter", *line)]
    beside = _over_steps(results.cells.get("grpo_os", {}), "validation_sampled")
    if beside:
        ends.append(_band(axis, "grpo_os", *beside))
    last = {row["iteration"]: row["step"] for cell in cells.values() for row in cell.metrics if "iteration" in row}
    for step in sorted(last.values())[:-1]:
        axis.axvline(step, color="#777777", linewidth=1, linestyle="--")
    seeds = f"{len(cells)} seed{'s' if len(cells) > 1 else ''}"
    axis.set(title=f"Mean sampled accuracy, T 0.7 ({seeds})", xlabel="RL step", ylabel="validation accuracy (%)")
    _label_ends(axis, ends)
    return figure


def rl_training(results: Results):
    """Share of right outputs in training, KL to the reference and output length over RL steps, mean of the seeds."""
    panels = [("accuracy", "Right among training outputs", "share"), ("kl", "KL to the reference", "nats a token"),
              ("length", "Output length", "tokens")]
    arms = [arm for arm in FIGURE5 if arm in results.cells]
    panels = [p for p in panels if any(_over_steps(results.cells[arm], p[0]) for arm in arms)]
    if not panels:
        return None
    figure, axes = _subplots(len(panels), width=3.9 * len(panels), height=3.9)
    for axis, (key, title, unit) in zip(axes, panels, strict=True):
        ends = []
        for arm in sorted(arms, key=arm_order):
            line = _over_steps(results.cells[arm], key)
            if line:
                steps, values_ST = line
                ends.append(_line(axis, arm, steps, _smooth(values_ST.mean(0)), scale=1))
        axis.set(title=title, xlabel="RL step", ylabel=unit)
        _label_ends(axis, ends)
    return figure


def maj_pass(results: Results, names: Sequence[str], benchmark: str):
    """Figure 7: Maj@K and Pass@K over K on one benchmark, with 95 % bands over questions, and seeds where there are several.

    `names`: models, or arms, whose deepest cells are taken together.
    """
    models = {name: [name] if name in results.scores else results.deepest_models(name, benchmark) for name in names}
    models = {name: found for name, found in models.items() if found and all(benchmark in results.scores[m] for m in found)}
    deep = min((results.scores[m][benchmark].deep_samples for found in models.values() for m in found), default=0)
    ks = [2**i for i in range(deep.bit_length()) if 2**i <= deep]
    if len(ks) < 3:
        return None
    figure, axes = _subplots(2, width=9.6, height=4.2)
    for axis, kind, title in zip(axes, ("maj", "pass"), ("Maj@K", "Pass@K"), strict=True):
        ends = []
        for name, found in models.items():
            values_SNK = np.stack([results.curve_values(m, benchmark, kind, ks) for m in found])
            points, arm = [level(values_SNK[:, :, i]) for i in range(len(ks))], split_model(name)[0]
            low, high = ([100 * getattr(p, side) for p in points] for side in ("low", "high"))
            axis.fill_between(range(len(ks)), low, high, color=arm_colour(arm), alpha=0.13, linewidth=0)
            ends.append(_line(axis, arm, np.arange(len(ks)), np.array([p.mean for p in points]), marker="o"))
        seeds = max(len(found) for found in models.values())
        axis.set(title=f"{title} (n {values_SNK.shape[1]}, {seeds} seed{'s' if seeds > 1 else ''})",
                 xlabel="K (samples a question)", ylabel=f"{benchmark} accuracy (%)")
        axis.set_xticks(range(len(ks)), [str(k) for k in ks])
        _label_ends(axis, ends)
    return figure


def gains(rows: Sequence[tuple[str, str, Any]], title: str):
    """Gains with intervals: `rows` are (arm, benchmark, Interval in accuracy); one panel a benchmark. An arm that collapsed
    stands at the left edge as an arrow with its loss, so that the others keep a scale on which they can be told apart."""
    if not rows:
        return None
    benchmarks = list(dict.fromkeys(b for _, b, _ in rows))
    arms = sorted({a for a, _, _ in rows}, key=arm_order, reverse=True)
    figure, axes = _subplots(len(benchmarks), width=3.3 * len(benchmarks) + 1, height=0.42 * len(arms) + 1.5, sharex=True)
    edge = 100 * min((i.low for _, _, i in rows if 100 * i.mean > -COLLAPSED), default=0.0) - 1
    for axis, benchmark in zip(axes, benchmarks, strict=True):
        for y, arm in enumerate(arms):
            for _, _, i in (row for row in rows if row[:2] == (arm, benchmark)):
                if 100 * i.mean <= -COLLAPSED:
                    axis.plot(edge, y, "<", color=arm_colour(arm), markersize=6)
                    axis.annotate(f"{100 * i.mean:.0f}", (edge, y), xytext=(6, 0), textcoords="offset points", va="center",
                                  color=arm_colour(arm))
                    continue
                axis.plot([100 * i.low, 100 * i.high], [y, y], color=arm_colour(arm), linewidth=2.2, solid_capstyle="butt")
                axis.plot(100 * i.mean, y, "o", color=arm_colour(arm), markersize=6)
        axis.axvline(0, color="#333333", linewidth=1)
        axis.set_yticks(range(len(arms)), [arm_label(a) for a in arms] if axis is axes[0] else [""] * len(arms))
        axis.set(title=benchmark, xlabel="points", ylim=(-0.6, len(arms) - 0.4))
        axis.grid(axis="y", visible=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)
    return figure


def training_loss(results: Results):
    """Loss over steps of pretraining and fine-tuning."""
    runs = [(stage, results.files[stage]["metrics"]) for stage in ("pretrain", "sft") if results.files[stage].get("metrics")]
    if not runs:
        return None
    figure, axes = _subplots(len(runs), width=4.6 * len(runs), height=3.5)
    for axis, (stage, rows), colour in zip(axes, runs, ("#0072b2", "#d55e00"), strict=False):
        steps, losses = [r["step"] for r in rows], np.array([r["loss"] for r in rows])
        axis.plot(steps, losses, color=colour, alpha=0.3, linewidth=1)
        axis.plot(steps, _smooth(losses), color=colour)
        title = {"pretrain": "Pretraining", "sft": "Instruction tuning"}[stage]
        axis.set(title=title, xlabel="step", ylabel="loss (nats a token)")
        axis.annotate(f"{losses[-1]:.2f}", (steps[-1], _smooth(losses)[-1]), xytext=(4, 0), textcoords="offset points",
                      color=colour, va="center", annotation_clip=False)
    return figure


def funnel(results: Results):
    """How many pages are left after each step of mining."""
    steps = (results.files["corpus"].get("funnel") or {}).get("steps")
    if not steps:
        return None
    names = {"records": "records in the WARC files", "text": "readable text", "distinct URLs": "one page a URL",
             "distinct pages": "no near-duplicates", "collected": "collected by the classifier",
             "decontaminated": "after decontamination"}
    figure, (axis,) = _subplots(1, width=8.2, height=0.5 * len(steps) + 1.1)
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
    figure, (axis,) = _subplots(1, width=6.6, height=3.5)
    for key, colour, label in (("other", "#999999", "other pages"), ("math", "#0072b2", "mathematical pages"),
                               ("all", "#0072b2", "all pages")):
        if key in found:
            axis.stairs(found[key], edges, color=colour, fill=True, alpha=0.55, label=f"{label} (n {sum(found[key]):,})")
    axis.set(xlabel="classifier score", ylabel="pages", xlim=(edges[0], edges[-1]))
    axis.legend(frameon=False, loc="upper center")
    return figure


def reliability(results: Results):
    """Reward models: share of right outputs in each bin of the score, against the score; one panel a kind."""
    kinds = {kind: bins for kind, found in judges(results).items() if (bins := [b for b in found.get("bins", []) if b["count"]])}
    if not kinds:
        return None
    figure, axes = _subplots(len(kinds), width=4.6 * len(kinds), height=4.5)
    for axis, (kind, bins) in zip(axes, kinds.items(), strict=True):
        predicted, right = [b["predicted"] for b in bins], [b["right"] for b in bins]
        most = max(b["count"] for b in bins)
        axis.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        axis.plot(predicted, right, color="#0072b2", linewidth=1.2)
        axis.scatter(predicted, right, s=[18 + 130 * b["count"] / most for b in bins], color="#0072b2", alpha=0.8, linewidth=0)
        axis.set(title=f"{kind} (n {sum(b['count'] for b in bins):,})", xlabel="mean predicted probability",
                 ylabel="share that is right", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axis.set_aspect("equal")
    return figure


def judges(results: Results) -> dict[str, dict[str, Any]]:
    """What the reward stage measured of each kind of reward model: outcome, process."""
    summary = results.files["reward"].get("summary") or {}
    return {kind: summary[kind] for kind in ("outcome", "process") if isinstance(summary.get(kind), dict)}


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


def _subplots(count: int, width: float, height: float, **options: Any):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, count, figsize=(width, height), layout="constrained", squeeze=False, **options)
    return figure, axes[0]


def _over_steps(cells: dict[int, Cell], key: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps that every seed has, and values_ST of `key`; None when a seed has none."""
    tables = [cell.over_steps(key) for cell in cells.values()]
    steps = sorted(set.intersection(*map(set, tables))) if tables else []
    return (np.array(steps), np.array([[t[s] for s in steps] for t in tables], dtype=float)) if steps else None


def _band(axis, arm: str, steps: np.ndarray, values_ST: np.ndarray):
    if len(values_ST) > 1:
        axis.fill_between(steps, 100 * values_ST.min(0), 100 * values_ST.max(0), color=arm_colour(arm), alpha=0.13, linewidth=0)
    return _line(axis, arm, steps, values_ST.mean(0), marker="o" if len(steps) < 30 else None)


def _line(axis, arm: str, x: np.ndarray, y: np.ndarray, marker: str | None = None, scale: float = 100):
    axis.plot(x, scale * y, color=arm_colour(arm), marker=marker, markersize=3.2)
    return arm, float(x[-1]), float(scale * y[-1])


def _label_ends(axis, ends: Sequence[tuple[str, float, float]], instead: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write each arm's name, or what is to stand `instead`, beside the end of its line; names that would touch are moved
    apart, and those of lines that end outside the panel stand at its edge."""
    if not ends:
        return
    low, high = axis.get_ylim()
    ends = [(arm, x, min(max(y, low), high)) for arm, x, y in ends]
    gap = 0.062 * (high - low) * 4.2 / axis.figure.get_figheight()
    ordered = sorted(ends, key=lambda end: end[2])
    places = _apart([end[2] for end in ordered], gap, high)
    right = max(end[1] for end in ends)
    left, end_x = axis.get_xlim()
    for (arm, _, value), place in zip(ordered, places, strict=True):
        axis.annotate(instead.get(arm, arm_label(arm)), (right, value),
                      xytext=(end_x + 0.02 * (end_x - left), place), textcoords="data",
                      color=arm_colour(arm), fontsize=9, va="center", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "relpos": (0, 0.5), "shrinkA": 1, "color": arm_colour(arm),
                                  "linewidth": 0.6, "alpha": 0.6})
    axis.set_ylim(low, high)
    axis.set_xlim(left, end_x)


def _apart(places: list[float], gap: float, top: float) -> list[float]:
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


def _smooth(values: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Mean over about `share` of the points around each; at both ends over those that there are."""
    reach = max(1, int(len(values) * share / 2))
    total, at = np.concatenate([[0.0], np.cumsum(values)]), np.arange(len(values))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    return (total[last] - total[first]) / (last - first)
