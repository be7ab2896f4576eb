"""C15: mathematical pre-training lifts general reasoning (Table 4, 2.3: BBH 55.2 to 59.5, MMLU 49.1
to 54.9).

Primary: few-shot accuracy on mini_bbh of a base model that read general text and then the mined
corpus, against one that read general text of as many tokens (the placebo) in its place.
"""

from __future__ import annotations

from pipeline.report.claims.claim import Claim, Spec
from pipeline.report.claims.compare import versus
from pipeline.report.data import Results

SPEC = Spec(
    "C15",
    "Mathematical pre-training lifts general reasoning",
    "Table 4, 2.3",
    "MMLU 49.1 to 54.9, BBH 55.2 to 59.5",
    0.0505,
)


def claim(results: Results) -> Claim:
    return versus(
        results, SPEC, ("general_then_final", "general"), ("mini_bbh@base", "mini_bbh_zh@base")
    )
