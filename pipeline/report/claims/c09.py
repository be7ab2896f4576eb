"""C9: GRPO beats Online RFT, so graded and negative coefficients matter (Figure 5)."""

from __future__ import annotations

from pipeline.report.arms import IN_DOMAIN
from pipeline.report.claims.claim import Claim, Spec
from pipeline.report.claims.compare import by_reward
from pipeline.report.data import Results

SPEC = Spec(
    "C9",
    "GRPO beats Online RFT: graded and negative coefficients matter",
    "Fig. 5",
    "a figure",
)


def claim(results: Results) -> Claim:
    learned, rule = ("grpo_os", "online_rft"), ("grpo_os_rule", "online_rft")
    return by_reward(results, SPEC, learned, rule, IN_DOMAIN)
