"""C5: text like arXiv's alone does not help (Table 8).

Primary: fine-tuned accuracy after papers against general text of as many tokens: the gain stays
below d. Against no pre-training at all any degenerate text would "not help", so without the placebo
the claim is not testable.
"""

from __future__ import annotations

from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import compare, present, versus
from pipeline.report.claims.rules import NO_GAIN
from pipeline.report.data import Results

SPEC = Spec(
    "C5",
    "arXiv text alone does not help",
    "Table 8",
    "-4.4 points against no mathematics, mean of 8 benchmarks (1.3B)",
    -0.044,
)
BENCHMARKS = ("mini_gsm8k", "mini_math", "mini_cmath")
PAPERS, PLACEBO = "arxiv", "general"


def claim(results: Results) -> Claim:
    none = compare(results, PAPERS, "none", present(results, BENCHMARKS))
    if none and not results.models_of(PLACEBO):
        numbers = [Number("papers - no pre-training, sampled", none)]
        reason = "No placebo arm (general text alone) was built: any degenerate text would do."
        return untestable(SPEC, reason, numbers)
    return versus(results, SPEC, (PAPERS, PLACEBO), BENCHMARKS, NO_GAIN)
