"""C12: RL lifts Maj@K but not Pass@K (Figure 7, T 0.7).

Primary, both have to hold, at the largest K that RL and instruct model were sampled to, on the same
questions: Maj@K rises, and Pass@K rises by less than d.
"""

from __future__ import annotations

from pipeline.report.arms import arm_label
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import floor_sentence
from pipeline.report.claims.rules import GAIN, NO_GAIN, Test, margin
from pipeline.report.curves import deepest, gain_at
from pipeline.report.data import Results

SPEC = Spec("C12", "RL lifts Maj@K but not Pass@K", "Fig. 7", "a figure")


def claim(results: Results) -> Claim:
    found = deepest(results)
    if found is None:
        return untestable(
            SPEC, "No GRPO arm and instruct model with sampled answers were evaluated."
        )
    arm, benchmarks, k = found
    names = f"{arm_label(arm)} - instruct"
    place, d = " and ".join(benchmarks), margin(SPEC.effect)
    tests = []
    for kind, claimed in (("maj", GAIN), ("pass", NO_GAIN)):
        parts = {b: gain_at(results, arm, [b], kind, k) for b in benchmarks}
        value = gain_at(results, arm, benchmarks, kind, k)
        name = f"{names}, {kind.capitalize()}@{k}, {place}"
        tests.append(Test(name, value, d, claimed, parts=parts if len(parts) > 1 else {}))
    if low := floor_sentence(results, (arm, "instruct"), benchmarks):
        return untestable(SPEC, low, [Number(test.name, test.value) for test in tests])
    more = Number(
        f"{names}, Maj@{k} over Pass@{k}", gain_at(results, arm, benchmarks, "maj", k, "pass")
    )
    return Claim(SPEC, tuple(tests), str(k), numbers=(more,))
