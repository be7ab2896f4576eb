"""C10: GRPO with process supervision beats GRPO with outcome supervision (Figure 5)."""

from __future__ import annotations

from pipeline.report.arms import IN_DOMAIN
from pipeline.report.claims.claim import Claim, Spec
from pipeline.report.claims.compare import by_reward
from pipeline.report.data import Results

SPEC = Spec("C10", "Process supervision beats outcome supervision", "Fig. 5", "a figure")


def claim(results: Results) -> Claim:
    learned, rule = ("grpo_ps", "grpo_os"), ("grpo_ps_rule", "grpo_os_rule")
    return by_reward(results, SPEC, learned, rule, IN_DOMAIN)
