"""C1: the mined corpus is better pre-training data than other corpora of equal token count (Table
1, Figure 3).

Primary: bits per result of the base models, the mined corpus against the raw web, after the
temperature of each model is calibrated on validation problems. Papers and raw web differ in form as
well as in content, and an uncalibrated model pays for over-confidence in a foreign form; the
results of calculations are what the corpus has to teach.
"""

from __future__ import annotations

from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import compare, present
from pipeline.report.claims.rules import Test
from pipeline.report.data import Results
from pipeline.report.stats import Interval

SPEC = Spec(
    "C1",
    "The mined corpus beats other corpora of equal token count",
    "Table 1, Fig. 3",
    "+7.9 points over Proof-Pile-2, mean of 8 benchmarks",
    0.079,
)
MINED, RIVAL = "final", "web"
PROBED = ("mini_gsm8k@base", "mini_cmath@base")  # the base models
TUNED = ("mini_gsm8k", "mini_math", "mini_cmath")
BITS = "calibrated_bits"  # per result; a measure that the corpora's cells write
D_BITS = 0.1  # about 2 % of what guessing a result costs


def claim(results: Results) -> Claim:
    benchmarks = present(results, PROBED)
    tuned = compare(results, MINED, RIVAL, present(results, TUNED))
    numbers = [Number("mined - raw web, fine-tuned, sampled", tuned)] if tuned else []
    if tuned is None:
        return untestable(SPEC, "No two corpora were compared in this build.")
    if not calibrated(results):
        return untestable(
            SPEC,
            "The bits per result of these base models were not measured after calibration.",
            numbers,
        )

    bits = compare(results, MINED, RIVAL, benchmarks, BITS)
    saved = {b: fewer(compare(results, MINED, RIVAL, [b], BITS)) for b in benchmarks}
    test = Test(
        "mined - raw web, bits saved per result", fewer(bits), D_BITS, unit="bits", parts=saved
    )
    return Claim(SPEC, (test,), numbers=tuple(numbers))


def calibrated(results: Results) -> bool:
    models = [*results.models_of(MINED), *results.models_of(RIVAL)]
    return all(
        BITS in results.scores[m][b].measures
        for m in models
        for b in PROBED
        if b in results.scores[m]
    )


def fewer(value: Interval) -> Interval:
    """The same difference with its sign turned: fewer bits are better."""
    return Interval(
        -value.mean,
        -value.high,
        -value.low,
        value.questions,
        value.seeds,
        value.chains,
        value.se,
        value.freedom,
        value.question_se,
    )
