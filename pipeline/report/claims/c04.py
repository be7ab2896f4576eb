"""C4: code before mathematics helps, with tools and without (Table 6).

Primary: fine-tuned accuracy after code, then mathematics, against general text, then mathematics,
over chain of thought on the three benchmarks and programs on mini_gsm8k. What code alone does
against general text alone (the placebo) stands next to it.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.report.claims.claim import Claim, Number, Spec
from pipeline.report.claims.compare import compare, present, versus
from pipeline.report.data import Results

SPEC = Spec(
    "C4",
    "Code before mathematics helps, with and without tools",
    "Table 6",
    "+2.4 points over general text first, mean of 5 benchmarks",
    0.024,
)
COT = ("mini_gsm8k", "mini_math", "mini_cmath")
BENCHMARKS = (*COT, "mini_gsm8k@pot")


def claim(results: Results) -> Claim:
    found = versus(results, SPEC, ("code_then_final", "general_then_final"), BENCHMARKS)
    alone = compare(results, "code", "general", present(results, COT))
    if alone is None:
        return found
    number = Number("code - general text, both alone, sampled", alone)
    return replace(found, numbers=(*found.numbers, number))
