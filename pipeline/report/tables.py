"""The tables of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.report.blocks import Table
from pipeline.report.claim import Claim, Number, compare
from pipeline.report.data import SINGLE, Results
from pipeline.report.effort import times_control
from pipeline.report.names import CONTROL, arm_label
from pipeline.report.stats import Interval, level


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
    """Main table: one row a model or arm; greedy, mean sampled, maj@K and pass@K with 95 % intervals."""
    k = vote_k(results, benchmark)
    metrics = ["greedy", *(["sampled", f"maj@{k}", f"pass@{k}"] if k else [])]
    rows = []
    for arm in [*(a for a in SINGLE if a in results.scores), *results.arms]:
        found = {metric: results.table(arm, benchmark, metric) for metric in metrics}
        if found["greedy"] is None:
            continue
        values_SN, ids = found["greedy"]
        own = [
            results.scores[m][benchmark].summary
            for m in results.models_of(arm)
            if benchmark in results.scores[m]
        ]
        lost = [percent(sum(s[key] for s in own) / len(own)) for key in ("no_answer", "truncated")]
        rows.append(
            (
                arm_label(arm),
                "-" if arm in SINGLE else str(len(values_SN)),
                str(len(ids)),
                *(shown(level(found[metric][0])) for metric in metrics),
                *lost,
            )
        )
    caption = (
        f"{benchmark}, accuracy in %, mean and 95 % interval over questions (and seeds, where there are several). "
        f"sampled: mean of {results_samples(results, benchmark)} samples at T {temperature(results)}. "
        "no answer, truncated: share of all outputs in %."
    )
    return Table(("model", "seeds", "n", *metrics, "no answer", "truncated"), tuple(rows), caption)


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
    """Each arm against instruct and against the continued-SFT control, sampled and greedy, FLOPs over the control's beside."""
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
        f"{benchmark}: difference in points, paired by question, and by seed where both have seeds; 95 % interval. "
        "With one seed the interval is over questions alone. FLOPs: one run of the arm, by formula, sampling and scoring "
        f"counted and the training of a reward model not, over those of {arm_label(CONTROL)}."
    )
    columns = (
        "arm",
        "seeds",
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


def claims_table(claims: Sequence[Claim]) -> Table:
    rows = tuple((c.id, f"{c.text} ({c.where})", c.status, c.sentence, counted(c)) for c in claims)
    return Table(
        ("claim", "the paper", "this run", "what was measured", "n"),
        rows,
        labels=4,
        caption="n: questions, and seeds of the arm, behind the first number.",
    )


def numbers_table(claims: Sequence[Claim]) -> Table:
    """Every number behind the claims: a row a comparison, sampled and greedy answers side by side."""
    rows: dict[tuple[str, str], list[Number]] = {}
    for claim in claims:
        for number in claim.numbers:
            rows.setdefault((claim.id, number.name), []).append(number)
    cells = []
    for (id, name), found in rows.items():
        by_metric = {number.metric: number.shown() for number in found}
        first = found[0].value
        count = f"{first.questions} x {first.seeds}" if first.questions else f"seeds: {first.seeds}"
        cells.append(
            (
                id,
                name,
                count,
                by_metric.get("sampled", by_metric.get("", "-")),
                by_metric.get("greedy", "-"),
            )
        )
    caption = (
        "Points and 95 % interval; ratios of FLOPs; MiB where it says so. Value: mean sampled accuracy where answers are "
        "compared, else what the row names. n: questions x seeds."
    )
    return Table(("claim", "what", "n", "value", "greedy"), tuple(cells), caption, labels=2)


def counted(claim: Claim) -> str:
    """`2000 x 3`: questions and seeds of a claim's first number; `seeds: 3` where it is about runs and not questions."""
    if not claim.numbers:
        return "-"
    first = claim.numbers[0].value
    return f"{first.questions} x {first.seeds}" if first.questions else f"seeds: {first.seeds}"


def costs_table(costs: dict[str, dict[str, Any]]) -> Table:
    """Measured seconds and memory a stage, cells of a stage added up, and the commits that they were built at."""
    rows = []
    for stage, found in by_stage(costs).items():
        busy = [c["cpu_seconds"] for c in found if c.get("cpu_seconds")]
        seconds, peak = (
            sum(c.get("seconds", 0) for c in found),
            max(c.get("peak_rss_mb", 0) for c in found),
        )
        rows.append(
            (
                stage,
                str(len(found)),
                f"{sum(busy) / len(busy):.0f} ({len(busy)})" if busy else "-",
                f"{seconds:.0f}",
                f"{seconds / len(found):.0f}",
                f"{peak:.0f}",
            )
        )
    total = sum(float(row[3]) for row in rows)
    rows.append(("all", str(sum(int(r[1]) for r in rows)), "", f"{total:.0f}", "", ""))
    columns = (
        "stage",
        "runs",
        "CPU seconds a run (runs known)",
        "wall seconds",
        "wall seconds a run",
        "peak memory (MiB)",
    )
    return Table(
        columns,
        tuple(rows),
        "Measured on the machine that ran it. Wall time: runs may have gone side by side and "
        "beside other programs, and one that was stopped counts from its resume where no CPU seconds are known. No "
        "stage depends on these.",
    )


def commits_table(costs: dict[str, dict[str, Any]]) -> Table:
    """Which commits the runs of each stage were built at; the report itself may stand at another."""
    rows = []
    for stage, found in by_stage(costs).items():
        commits: dict[str, int] = {}
        for cost in found:
            at = str(cost.get("commit") or "not recorded")
            commits[at] = commits.get(at, 0) + 1
        ordered = sorted(commits.items(), key=lambda item: (-item[1], item[0]))
        rows.append((stage, ", ".join(f"`{at[:12]}` ({count})" for at, count in ordered)))
    return Table(
        ("stage", "built at (runs)"),
        tuple(rows),
        "From the stages' cost files. DVC keeps a run across commits as long "
        "as nothing it depends on has changed.",
        labels=2,
    )


def by_stage(costs: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Cost files by stage, in the order of the chain; that of an earlier report is left out."""
    order = ("world", "corpus", "pretrain", "sft", "reward", "rl", "evaluate")
    stages: dict[str, list[dict[str, Any]]] = {}
    for name, cost in costs.items():
        if name != "report":
            stages.setdefault(name.partition("-")[0], []).append(cost)
    return {
        s: stages[s]
        for s in sorted(stages, key=lambda s: (order.index(s) if s in order else len(order), s))
    }


def summary_table(results: Results) -> Table:
    """The plain numbers that each earlier stage wrote about itself."""
    rows = []
    for stage, files in results.files.items():
        for key, value in sorted((files.get("summary") or {}).items()):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                rows.append(
                    (stage, key, f"{value:,}" if isinstance(value, int) else f"{value:.4g}")
                )
    return Table(
        ("stage", "quantity", "value"), tuple(rows), "From each stage's summary.json.", labels=2
    )
