"""C2: a corpus in two languages lifts Chinese benchmarks; English-only corpora do not (Table 1).

Primary: fine-tuned accuracy on mini_cmath, the mined corpus against its English half at equal
tokens.
"""

from __future__ import annotations

from pipeline.report.claims.claim import Claim, Spec
from pipeline.report.claims.compare import versus
from pipeline.report.data import Results

SPEC = Spec(
    "C2",
    "A corpus in two languages lifts Chinese benchmarks; English-only corpora do not",
    "Table 1",
    "CMATH 41.5 against 19.9 (Proof-Pile-2)",
    0.216,
)


def claim(results: Results) -> Claim:
    return versus(results, SPEC, ("final", "final_en"), ("mini_cmath",))
