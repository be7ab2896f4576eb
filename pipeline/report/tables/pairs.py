"""Every arm against every one that it is to be read beside: paired differences on the in-domain benchmarks."""

from __future__ import annotations

from pipeline.report.arms import CONTROL, IN_DOMAIN, RULE, arm_label, counterparts
from pipeline.report.claim import compare, present
from pipeline.report.data import Results, rate_beside
from pipeline.report.page.blocks import Table
from pipeline.report.stats import Interval
from pipeline.report.tables.scores import shown
from pipeline.report.validation import last_gap


def against_table(results: Results) -> Table:
    """All arms against the control and against GRPO+OS with the rule."""
    benchmarks, rows = present(results, IN_DOMAIN), []
    for arm in results.arms:
        gaps = [
            compare(results, arm, other, benchmarks, metric) if arm != other else None
            for other in (CONTROL, RULE)
            for metric in ("sampled", "greedy")
        ]
        if any(gaps):
            rows.append(
                (
                    arm_label(arm),
                    counted(next(gap for gap in gaps if gap)),
                    *(shown(gap, signed=True) for gap in gaps),
                )
            )
    over = [
        f"{metric}, over {arm_label(other)}"
        for other in (CONTROL, RULE)
        for metric in ("sampled", "greedy")
    ]
    return Table(("arm", "n", *over), tuple(rows), caption(benchmarks))


def counterparts_table(results: Results) -> Table:
    """Two arms that differ in one point, as far as both were evaluated."""
    benchmarks, rows = present(results, IN_DOMAIN), []
    for arm, other, what in counterparts():
        gaps = [
            compare(results, arm, other, benchmarks, metric) for metric in ("sampled", "greedy")
        ]
        if gaps[0]:
            ends = last_gap(results, arm, other)
            rate = rate_beside(results, arm, other)
            what += f"; at {rate:.2g} times its learning rate" if rate != 1 else ""
            rows.append(
                (
                    f"{arm_label(arm)} - {arm_label(other)}",
                    what,
                    counted(gaps[0]),
                    *(shown(gap, signed=True) for gap in (*gaps, ends)),
                )
            )
    return Table(
        ("arms", "what differs", "n", "sampled", "greedy", "validation, sampled, last step"),
        tuple(rows),
        caption(benchmarks),
        labels=2,
    )


def counted(gap: Interval) -> str:
    return f"{gap.questions} x {gap.seeds}"


def caption(benchmarks: list[str]) -> str:
    return (
        f"Points on {', '.join(benchmarks)} taken together, paired by question and by seed; 95 % interval. n: questions, and "
        "seeds that both have; with one seed the interval is over questions alone. Of many intervals one in twenty leaves "
        "out 0 by chance."
    )
