"""Every arm against every one that it is to be read beside: paired differences on the in-domain benchmarks."""

from __future__ import annotations

from pipeline.report.blocks import Table
from pipeline.report.claim import compare, present
from pipeline.report.data import Results, rate_beside
from pipeline.report.names import CONTROL, IN_DOMAIN, RULE, arm_label
from pipeline.report.stats import Interval
from pipeline.report.tables import shown
from pipeline.report.validation import last_gap

COUNTERPARTS = (  # (arm, other, what differs)
    ("token_mean", RULE, "every token of the batch weighs the same, in the place of every output"),
    ("dr_grpo", RULE, "no division by the standard deviation, a constant for the length"),
    ("sample_std", RULE, "standard deviation over G - 1, in the place of G"),
    ("mu2", RULE, "two updates a batch, with ratio and clip, in the place of one"),
    ("grpo_ps_rule", RULE, "exact step rewards, in the place of the answer's"),
    ("grpo_os", RULE, "learned outcome reward, in the place of the rule"),
    ("grpo_ps", "grpo_os", "learned step rewards, in the place of the learned outcome's"),
    ("grpo_ps", "grpo_ps_rule", "learned step rewards, in the place of the exact ones"),
    ("grpo_iter", "grpo_os", "iterations: the reference reset, the reward model trained on"),
    ("ppo", "grpo_os", "PPO with a value model, in the place of the group's mean; learned reward"),
    ("ppo_rule", RULE, "PPO with a value model, in the place of the group's mean; rule"),
    ("dpo", "dpo_sum", "the mean over an output's tokens (Eq. 12), in the place of the sum"),
    ("dpo", "rft", "wrong outputs pushed down, not only right ones up"),
    ("dpo_sum", "rft", "the same with sums"),
    ("online_rft", "rft", "outputs of the policy, in the place of the instruct model's"),
    (RULE, "online_rft", "graded and negative coefficients, in the place of 0 and 1"),
    ("grpo_os", "online_rft", "the same, and a learned reward"),
)


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
    for arm, other, what in COUNTERPARTS:
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
