"""C15: mathematical pre-training lifts general reasoning (Table 4, 2.3: BBH 55.2 to 59.5, MMLU 49.1
to 54.9).

Primary: few-shot accuracy on mini_bbh of a base model that read general text and then the mined
corpus, against one that read general text of as many tokens (the placebo). The answer is the
likeliest of those that the question leaves open, and what guessing has right is subtracted. Where
neither model is significantly better than guessing, the claim is not testable.
"""

from __future__ import annotations

from pipeline.report.arms import arm_label
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import compare, parts_of, present
from pipeline.report.claims.rules import Test, margin
from pipeline.report.data import Results
from pipeline.report.stats import combined

SPEC = Spec(
    "C15",
    "Mathematical pre-training lifts general reasoning",
    "Table 4, 2.3",
    "MMLU 49.1 to 54.9, BBH 55.2 to 59.5",
    0.0505,
)
MATHEMATICS, PLACEBO = "general_then_final", "general"
RIDDLES = ("mini_bbh@base", "mini_bbh_zh@base")  # the base models
ABOVE_CHANCE = "above_chance"  # a measure that the corpora's cells write


def claim(results: Results) -> Claim:
    benchmarks = present(results, RIDDLES)
    value = compare(results, MATHEMATICS, PLACEBO, benchmarks, ABOVE_CHANCE) if benchmarks else None
    if value is None:
        return untestable(SPEC, "No base models with and without mathematics were asked riddles.")
    name = f"{arm_label(MATHEMATICS)} - {arm_label(PLACEBO)}, {' and '.join(benchmarks)}"
    if not any(beats_guessing(results, arm, benchmarks) for arm in (MATHEMATICS, PLACEBO)):
        reason = "No base model is significantly better than guessing."
        return untestable(SPEC, reason, [Number(name, value)])
    parts = parts_of(results, MATHEMATICS, PLACEBO, benchmarks, ABOVE_CHANCE)
    return Claim(SPEC, (Test(name, value, margin(SPEC.effect), parts=parts),))


def beats_guessing(results: Results, arm: str, benchmarks: list[str]) -> bool:
    tables = [results.table(arm, benchmark, ABOVE_CHANCE) for benchmark in benchmarks]
    found = [table for table in tables if table]
    return bool(found) and combined([t.values_UN for t in found], found[0].chains_U).low > 0
