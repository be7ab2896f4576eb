"""Claim C13, what PPO and GRPO take: operations by formula, model states by formula, memory and seconds as measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.report.arms import CONTROL, arm_label
from pipeline.report.claim import (
    DIRECTION,
    NOT,
    REPRODUCED,
    UNTESTED,
    Claim,
    Number,
    ratio,
    seeds_note,
    weaker,
)
from pipeline.report.data import Cell, Results
from pipeline.report.page.blocks import Table
from pipeline.report.stats import Interval, over_seeds

SIDES = (
    ("ppo", "grpo_os"),
    ("ppo_rule", "grpo_os_rule"),
)  # the same reward; the first that was run decides
TRAINED, FROZEN = (
    16,
    4,
)  # bytes of a weight in float32: with its gradient and AdamW's two moments, or alone
CAPTION = (
    "Mean over seeds. FLOPs by formula: sampling, scoring by a model, reference, value model and updates; validation and the "
    "training of reward models not. Model states by formula: 16 bytes a trained weight (weight, gradient, AdamW's moments, in "
    "float32: policy, PPO's value model), 4 a frozen one (reference or instruct model, reward model), each as large as the "
    "policy. MiB: 2^20 bytes. Peak memory of the process, as measured. CPU seconds of the process, over all its sittings, and in "
    "brackets of how many cells they are known; sampling and updating in % of the wall time."
)


def cheaper_than_ppo(results: Results) -> Claim:
    """C13: operations of the run and of a trained token, and peak memory of the process, seed by seed."""
    id, text, where = "C13", "GRPO needs less memory and compute than PPO", "4.1.1, Fig. 4"
    ppo, grpo = next(((p, g) for p, g in SIDES if _seeds(results, p, g)), ("", ""))
    if not ppo:
        return Claim(
            id,
            text,
            where,
            UNTESTED,
            "No PPO arm was run beside its GRPO counterpart with the same seed.",
        )
    seeds = _seeds(results, ppo, grpo)
    both = [[results.cells[arm][seed].summary for seed in seeds] for arm in (ppo, grpo)]
    total = over_seeds([p["flops"] / g["flops"] for p, g in zip(*both, strict=True)])
    words = [f"{ratio(total)} times the FLOPs of {arm_label(grpo)} a run"]
    numbers = [Number(f"{ppo} / {grpo}, FLOPs", total, unit="times")]
    if all(s.get("tokens") for side in both for s in side):
        token = over_seeds(
            [
                p["flops"] * g["tokens"] / (p["tokens"] * g["flops"])
                for p, g in zip(*both, strict=True)
            ]
        )
        words.append(f"{ratio(token)} times a trained token")
        numbers.append(Number(f"{ppo} / {grpo}, FLOPs a trained token", token, unit="times"))
    status, said, gap = peak_memory(results, ppo, grpo, seeds)
    sentence = f"{arm_label(ppo)} took {', '.join(words)} (by formula, sampling counted); {said}.{seeds_note(total)}"
    for number in numbers:
        status = weaker(status, above(number.value, 1.0))
    return Claim(id, text, where, status, sentence, (*numbers, *gap))


def above(found: Interval, line: float) -> str:
    """The status of a value over seeds that is claimed to lie above a line."""
    return NOT if found.mean <= line else REPRODUCED if found.low > line else DIRECTION


def _seeds(results: Results, *arms: str) -> list[int]:
    """Seeds at which all these arms have counted their operations."""
    found = [
        {s for s, cell in results.cells.get(arm, {}).items() if cell.summary.get("flops")}
        for arm in arms
    ]
    return sorted(set.intersection(*found))


def peak_memory(
    results: Results, ppo: str, grpo: str, seeds: Sequence[int]
) -> tuple[str, str, list[Number]]:
    """(status, words, MiB more): the largest memory of the process, seed by seed. Libraries and the sampler are in it too, so
    where it does not tell the two apart, what a run has to hold by formula gives the direction, and no more."""
    found = [
        [cost_of(results, arm, seed).get("peak_rss_mb") for seed in seeds] for arm in (ppo, grpo)
    ]
    pairs = [(p, g) for p, g in zip(*found, strict=True) if p and g]
    if not pairs:
        return DIRECTION, "peak memory was not recorded", []
    gap = over_seeds([p - g for p, g in pairs])
    reach = f" [{gap.low:+.0f}, {gap.high:+.0f}]" if len(pairs) > 1 else ""
    means = [sum(side) / len(pairs) for side in zip(*pairs, strict=True)]
    words = (
        f"peak memory of the process, at small sizes most of it libraries, {means[0]:.0f} MiB against {means[1]:.0f} MiB, "
        f"{gap.mean:+.0f} MiB{reach}"
    )
    numbers = [Number(f"{ppo} - {grpo}, peak memory", gap, unit="MiB")]
    held = [states(results.cells[arm][seeds[0]]) for arm in (ppo, grpo)]
    if gap.low <= 0 <= gap.high and "-" not in held:
        return (
            DIRECTION,
            f"{words}, not told apart; by formula its model states are {held[0]} MiB against {held[1]}",
            numbers,
        )
    return above(gap, 0.0), words, numbers


def cost_of(results: Results, arm: str, seed: int) -> dict[str, Any]:
    return results.costs.get(f"rl-{arm}-{seed}") or {}


def effort_table(results: Results, arms: Sequence[str] = ()) -> Table:
    """A row an arm: what a run takes, mean of its seeds. For PPO, GRPO and the rest side by side."""
    rows = []
    for arm in arms or results.cells:
        cells = {
            seed: cell
            for seed, cell in results.cells.get(arm, {}).items()
            if cell.summary.get("flops")
        }
        if cells:
            rows.append(_effort(results, arm, cells))
    columns = (
        "arm",
        "seeds",
        "FLOPs a run",
        f"times {arm_label(CONTROL)}'s",
        "FLOPs a trained token",
        "outputs sampled",
        "tokens trained on",
        "model states, MiB",
        "peak memory, MiB (lowest to highest)",
        "CPU seconds (cells)",
        "sampling, %",
        "updating, %",
    )
    return Table(columns, tuple(rows), CAPTION + judges_flops(results))


def _effort(results: Results, arm: str, cells: dict[int, Cell]) -> tuple[str, ...]:
    summaries, costs = (
        [cell.summary for cell in cells.values()],
        [cost_of(results, arm, seed) for seed in cells],
    )
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
        states(next(iter(cells.values()))),
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


def judges_flops(results: Results) -> str:
    """What the reward models' own training took, which no arm's count has in it; "" where no arm here is rewarded by one."""
    summary, control = results.files["reward"].get("summary") or {}, flops_of(results, CONTROL)
    kinds = dict.fromkeys(kind for arm in results.cells if (kind := results.reward_model(arm)))
    found = [(kind, spent) for kind in kinds if (spent := (summary.get(kind) or {}).get("flops"))]
    parts = [
        f"{kind} {power(spent)}"
        + (f" ({spent / control:.2f} times {arm_label(CONTROL)}'s run)" if control else "")
        for kind, spent in found
    ]
    return (
        f" Training of the reward models, their labels' sampling apart: {', '.join(parts)}."
        if parts
        else ""
    )


def states(cell: Cell) -> str:
    """Bytes of weights, gradients and moments that an RL run holds, by formula, in MiB."""
    weights, arm = cell.summary.get("parameters"), cell.settings
    if not weights or not arm:
        return "-"
    trained = 1 + (arm["gradient_coefficient"] == "ppo")
    frozen = (arm["kl_coef"] > 0 or arm["data_source"] == "offline") + (
        arm["reward_function"] in ("outcome", "process")
    )
    return f"{(trained * TRAINED + frozen * FROZEN) * weights / 2**20:.1f}"


def mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def power(value: float | None) -> str:
    """`4.1e13`."""
    return "-" if value is None else f"{value:.2e}".replace("e+0", "e").replace("e+", "e")
