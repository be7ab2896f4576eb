"""Every arm against the control, and against those that its file names: paired differences on
in-domain benchmarks.
"""

from __future__ import annotations

from pipeline.report.arms import CONTROL, IN_DOMAIN, RULE, arm_label, counterparts
from pipeline.report.claims.compare import compare, present
from pipeline.report.data import Results, rate_beside
from pipeline.report.page.blocks import Table
from pipeline.report.stats import Interval
from pipeline.report.tables.scores import shown
from pipeline.report.validation import last_gap

METRICS = ("sampled", "greedy")


def against_table(results: Results) -> Table:
    """All arms against the control and against GRPO+OS with the rule."""
    benchmarks, rows = present(results, IN_DOMAIN), []
    for arm in results.arms:
        gaps = [
            compare(results, arm, other, benchmarks, metric) if arm != other else None
            for other in (CONTROL, RULE)
            for metric in METRICS
        ]
        if any(gaps):
            n = counted(next(gap for gap in gaps if gap))
            rows.append((arm_label(arm), n, *(shown(gap, signed=True) for gap in gaps)))
    over = [f"{m}, over {arm_label(other)}" for other in (CONTROL, RULE) for m in METRICS]
    return Table(("arm", "n", *over), tuple(rows), caption(benchmarks))


def counterparts_table(results: Results) -> Table:
    """Two arms that differ in one point, as far as both were evaluated."""
    benchmarks, rows = present(results, IN_DOMAIN), []
    for arm, other, what in counterparts():
        gaps = [compare(results, arm, other, benchmarks, metric) for metric in METRICS]
        if gaps[0] is None:
            continue
        rate = rate_beside(results, arm, other)
        what += f"; at {rate:.2g} times its learning rate" if rate != 1 else ""
        names = f"{arm_label(arm)} - {arm_label(other)}"
        ends = (*gaps, last_gap(results, arm, other))
        rows.append((names, what, counted(gaps[0]), *(shown(gap, signed=True) for gap in ends)))
    columns = ("arms", "what differs", "n", *METRICS, "validation, sampled, last step")
    return Table(columns, tuple(rows), caption(benchmarks), labels=2)


def counted(gap: Interval) -> str:
    return f"{gap.questions} x {gap.seeds}"


def caption(benchmarks: list[str]) -> str:
    return (
        f"Points on {', '.join(benchmarks)}, which weigh the same; paired by question, seed and "
        "chain; 95 % interval. n: questions, and trained models that both have; with one the "
        "interval is over questions alone. One interval in twenty excludes 0 by chance."
    )
