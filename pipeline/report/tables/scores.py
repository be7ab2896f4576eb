"""The tables of the report."""

from __future__ import annotations

from pipeline.report.arms import CONTROL, arm_label
from pipeline.report.claims.compare import compare
from pipeline.report.data import SINGLE, Results
from pipeline.report.page.blocks import Table
from pipeline.report.stats import Interval, level
from pipeline.report.tables.effort import times_control


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f}"


def shown(interval: Interval | None, signed: bool = False) -> str:
    """`54.2 [52.1, 56.3]` in percent, or points with a sign; a dash without a value."""
    if interval is None:
        return "-"
    sign = "+" if signed else ""
    mean, low, high = (
        f"{round(100 * v, 1) + 0.0:{sign}.1f}" for v in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} [{low}, {high}]"


def vote_k(results: Results, benchmark: str) -> int:
    """The largest power of two that every model's samples of a benchmark allow."""
    samples = min(
        found[benchmark].samples for found in results.scores.values() if benchmark in found
    )
    return 1 << (samples.bit_length() - 1) if samples else 0


def scores_table(results: Results, benchmark: str) -> Table:
    """The main table, a row per model or arm: greedy, mean sampled, maj@K and pass@K with 95 %
    intervals.
    """
    k = vote_k(results, benchmark)
    metrics = ["greedy", *(["sampled", f"maj@{k}", f"pass@{k}"] if k else [])]
    rows = []
    for arm in [*SINGLE, *results.arms]:
        found = {metric: results.table(arm, benchmark, metric) for metric in metrics}
        first = found["greedy"]
        if first is None:
            continue
        levels = [level(table.values_UN, table.chains_U) for table in found.values()]
        units = len(first.values_UN)
        models = "-" if arm in SINGLE and units == 1 else str(units)
        cells = (arm_label(arm), models, str(len(first.ids)), *map(shown, levels))
        rows.append((*cells, *lost(results, arm, benchmark)))
    samples = f"{results_samples(results, benchmark)} samples at T {temperature(results)}"
    caption = (
        f"{benchmark}, accuracy in %, mean and 95 % interval over questions (and over seeds and "
        f"chains, where there are several). {f'sampled: mean of {samples}. ' if k else ''}no answer, "
        "truncated: share of all outputs in %."
    )
    return Table(("model", "runs", "n", *metrics, "no answer", "truncated"), tuple(rows), caption)


def lost(results: Results, arm: str, benchmark: str) -> list[str]:
    """Shares of outputs without an answer and of truncated ones, mean over the models of an arm."""
    models = [m for m in results.models_of(arm) if benchmark in results.scores[m]]
    own = [results.scores[m][benchmark].summary for m in models]
    return [percent(sum(s[key] for s in own) / len(own)) for key in ("no_answer", "truncated")]


def results_samples(results: Results, benchmark: str) -> str:
    return "/".join(
        sorted(
            {
                str(found[benchmark].samples)
                for found in results.scores.values()
                if benchmark in found
            }
        )
    )


def temperature(results: Results) -> str:
    return results.origin.get("temperature", "0.7")


def gain_intervals(results: Results, other: str, metric: str) -> list[tuple[str, str, Interval]]:
    """(arm, benchmark, paired difference arm - other) for every arm and benchmark that have both."""
    found = []
    for arm in (a for a in results.arms if a != other):
        for benchmark in results.benchmarks:
            gap = compare(results, arm, other, [benchmark], metric)
            if gap:
                found.append((arm, benchmark, gap))
    return found


def gains_table(results: Results, benchmark: str) -> Table:
    """Each arm against instruct and against the continued-SFT control, sampled and greedy, FLOPs
    over the control's beside.
    """
    rows = []
    for arm in results.arms:
        if not any(benchmark in results.scores[m] for m in results.models_of(arm)):
            continue
        cells = [arm_label(arm), str(len(results.models_of(arm))), times_control(results, arm)]
        for metric in ("sampled", "greedy"):
            for other in ("instruct", CONTROL):
                gap = compare(results, arm, other, [benchmark], metric) if arm != other else None
                cells.append(shown(gap, signed=True))
        rows.append(tuple(cells))
    caption = (
        f"{benchmark}: difference in points, paired by question, and by run where both have "
        "several; 95 % interval. With one run the interval is over questions alone. FLOPs: one "
        "run of the arm, by formula, sampling and scoring counted and the training of a reward "
        f"model not, over those of {arm_label(CONTROL)}."
    )
    columns = (
        "arm",
        "runs",
        "FLOPs, times",
        "sampled, over instruct",
        "sampled, over continued SFT",
        "greedy, over instruct",
        "greedy, over continued SFT",
    )
    return Table(columns, tuple(rows), caption)


def seeds_table(results: Results) -> Table:
    """Every single model: greedy and sampled accuracy on each benchmark."""
    rows = []
    for arm in [*(a for a in SINGLE if a in results.scores), *results.arms]:
        for model in results.models_of(arm):
            cells = [f"`{model}`"]
            for benchmark in results.benchmarks:
                summary = (
                    results.scores[model][benchmark].summary
                    if benchmark in results.scores[model]
                    else None
                )
                cells.append(
                    "-"
                    if summary is None
                    else " / ".join(
                        "-" if summary[key] is None else percent(summary[key])
                        for key in ("greedy", "sampled")
                    )
                )
            rows.append(tuple(cells))
    return Table(("model", *results.benchmarks), tuple(rows), "greedy / sampled accuracy in %.")
