"""What the run took: seconds and memory per stage, the commits, and what each stage counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.report.data import Results
from pipeline.report.page.blocks import Table


def costs_table(costs: dict[str, dict[str, Any]]) -> Table:
    """Measured seconds and memory a stage, cells of a stage added up, and the commits that they
    were built at.
    """
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
        "CPU seconds per run (runs known)",
        "wall seconds",
        "wall seconds per run",
        "peak memory (MiB)",
    )
    return Table(
        columns,
        tuple(rows),
        "Measured on the machine that ran it. Wall time: runs may have gone side by side and "
        "beside other programs, and one that was stopped counts from its resume where no CPU "
        "seconds are known. No "
        "stage depends on these.",
    )


def commits_table(costs: dict[str, dict[str, Any]]) -> Table:
    """Which commits the runs of each stage were built at, and under which rules; the report itself
    may stand at others.
    """

    def counted(found: list[dict[str, Any]], key: str, length: int) -> str:
        values = Counter(str(cost.get(key) or "not recorded")[:length] for cost in found)
        ordered = sorted(values.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"`{value}` ({count})" for value, count in ordered)

    return Table(
        ("stage", "built at commit (runs)", "under the rules (runs)"),
        tuple(
            (stage, counted(found, "commit", 12), counted(found, "rules", 16))
            for stage, found in by_stage(costs).items()
        ),
        "From the stages' cost files. DVC keeps a run across commits as long "
        "as nothing it depends on has changed.",
        labels=3,
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
