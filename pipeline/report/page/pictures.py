"""Which figures a report has: each is drawn where its data are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.report.arms import CONTROL, RULE, ablations, figure5
from pipeline.report.curves import deepest
from pipeline.report.data import Results
from pipeline.report.figures import rl, scores, stages
from pipeline.report.figures.style import draw
from pipeline.report.tables.scores import gain_intervals

GAINS = "Gain over instruct in mean sampled accuracy (points, 95 % interval)"


def draw_figures(results: Results, folder: Path) -> dict[str, list[str]]:
    """Draw what the data allow -> {figure: files}."""
    made: dict[str, list[str]] = {}

    def add(name: str, make: Callable[..., Any], *arguments: Any, file: str = "") -> None:
        file = f"{file or name}.png"
        if draw(make, folder / file, *arguments):
            made.setdefault(name, []).append(file)

    shown, changed = figure5(), ablations()
    add("figure5", rl.validation, results, shown)
    if set(results.cells) & set(changed):
        add("figure5_ablations", rl.validation, results, [RULE, *changed], RULE)
    others = [arm for arm in results.cells if arm not in (*shown, *changed)]
    if others:
        add("figure5_others", rl.validation, results, [CONTROL, "rft", "grpo_os", *others])
    add("figure6", rl.iterations, results)

    found = deepest(results)
    for benchmark in found[1] if found else ():
        add("figure7", scores.maj_pass, results, found[0], benchmark, file=f"figure7_{benchmark}")

    add("rl_training", rl.rl_training, results)
    for make in (stages.training_loss, stages.funnel, stages.classifier_scores, stages.reliability):
        add(make.__name__, make, results)
    add("gains", scores.gains, gain_intervals(results, "instruct", "sampled"), GAINS)
    return made
