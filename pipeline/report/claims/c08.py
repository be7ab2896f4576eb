"""C8: Online RFT beats RFT; alike early, ahead late (Figure 5).

Primary: the benchmarks after the last step. The difference on validation questions after a third of
the steps stands next to it and decides nothing.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.report.arms import IN_DOMAIN
from pipeline.report.claims.claim import Claim, Number, Spec
from pipeline.report.claims.compare import versus
from pipeline.report.data import Results
from pipeline.report.validation import over_training

SPEC = Spec("C8", "Online RFT beats RFT: alike early, ahead late", "Fig. 5", "a figure")
PAIR = ("online_rft", "rft")


def claim(results: Results) -> Claim:
    found = versus(results, SPEC, PAIR, IN_DOMAIN)
    steps = [
        Number(f"Online RFT - RFT, validation at step {step}", gap)
        for step, gap in over_training(results, *PAIR)
    ]
    return replace(found, numbers=(*found.numbers, *steps))
