"""What each arm takes: operations by formula, model states by formula, memory and seconds as
measured (claim C13).
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.arms import CONTROL, LEARNED, arm_label
from pipeline.report.data import Cell, Results
from pipeline.report.page.blocks import Table

# bytes per weight in float32: trained, with its gradient and AdamW's two moments; frozen, alone
TRAINED, FROZEN = 16, 4
CAPTION = (
    "Mean over runs (a seed in a chain). FLOPs by formula: sampling, scoring by a model, reference, value model and "
    "updates; validation and the training of reward models are not counted. Model states by "
    "formula: 16 bytes per trained weight (weight, gradient, AdamW's moments, in float32: "
    "policy, PPO's value model), 4 per frozen one (reference or instruct model, reward model), "
    "each as large as the policy. MiB: 2^20 bytes. Peak memory of the process, as measured. CPU "
    "seconds of the process over all its sittings, and in brackets the number of cells for which "
    "they are known; sampling and updating in % of the wall time."
)
COLUMNS = (
    "arm",
    "runs",
    "FLOPs per run",
    "times the control's",
    "FLOPs per trained token",
    "outputs sampled",
    "tokens trained on",
    "model states, MiB",
    "peak memory, MiB (lowest to highest)",
    "CPU seconds (cells)",
    "sampling, %",
    "updating, %",
)


def effort_table(results: Results, arms: Sequence[str] = ()) -> Table:
    """A row per arm: what a run takes, mean of its runs."""
    rows = []
    for arm in arms or results.cells:
        cells = [c for c in results.cells.get(arm, {}).values() if c.summary.get("flops")]
        if cells:
            rows.append(effort_row(results, arm, cells))
    return Table(COLUMNS, tuple(rows), CAPTION + reward_model_flops(results))


def effort_row(results: Results, arm: str, cells: Sequence[Cell]) -> tuple[str, ...]:
    summaries = [cell.summary for cell in cells]
    costs = [cell.cost for cell in cells]
    tokens = mean([s.get("tokens") for s in summaries])
    flops = mean([s["flops"] for s in summaries])

    peaks = [c["peak_rss_mb"] for c in costs if c.get("peak_rss_mb")]
    memory = f"{mean(peaks):.0f} ({min(peaks):.0f} to {max(peaks):.0f})" if peaks else "-"
    busy = [c["cpu_seconds"] for c in costs if c.get("cpu_seconds")]
    seconds = f"{mean(busy):,.0f} ({len(busy)})" if busy else "-"
    shares = [
        shown(mean([100 * c[key] / c["seconds"] for c in costs if c.get(key) and c.get("seconds")]))
        for key in ("seconds_sampling", "seconds_update")
    ]
    return (
        arm_label(arm),
        str(len(cells)),
        power(flops),
        times_control(results, arm),
        power(flops / tokens if tokens else None),
        shown(mean([s.get("samples") for s in summaries])),
        shown(tokens),
        states(cells[0]),
        memory,
        seconds,
        *shares,
    )


def flops_of(results: Results, arm: str) -> float | None:
    """Mean FLOPs of the arm's cells, by formula."""
    return mean([cell.summary.get("flops") for cell in results.cells.get(arm, {}).values()])


def times_control(results: Results, arm: str) -> str:
    """FLOPs of an arm's run over those of the control's, as `1.20`."""
    ours, control = flops_of(results, arm), flops_of(results, CONTROL)
    return f"{ours / control:.2f}" if ours and control else "-"


def reward_model_flops(results: Results) -> str:
    """What training the reward models took, which no arm's count includes; "" where no arm here is
    rewarded by one.
    """
    kinds = dict.fromkeys(kind for arm in results.cells if (kind := results.reward_model(arm)))
    control, parts = flops_of(results, CONTROL), []
    for kind in kinds:
        spent = results.reward_models.get(kind, {}).get("flops")
        if spent:
            over = f" ({spent / control:.2f} times {arm_label(CONTROL)}'s run)" if control else ""
            parts.append(f"{kind} {power(spent)}{over}")
    if not parts:
        return ""
    return f" Training the reward models, without sampling their labels: {', '.join(parts)}."


def states(cell: Cell) -> str:
    """Bytes of weights, gradients and moments that an RL run holds, by formula, in MiB."""
    weights, arm = cell.summary.get("parameters"), cell.settings
    if not weights or not arm:
        return "-"
    trained = 1 + (arm["gradient_coefficient"] == "ppo")
    reference = arm["kl_coef"] > 0 or arm["data_source"] == "offline"
    frozen = reference + (arm["reward_function"] in LEARNED)
    return f"{(trained * TRAINED + frozen * FROZEN) * weights / 2**20:.1f}"


def mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def power(value: float | None) -> str:
    """`4.1e13`."""
    return "-" if value is None else f"{value:.2e}".replace("e+0", "e").replace("e+", "e")
