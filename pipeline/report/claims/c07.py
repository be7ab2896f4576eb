"""C7: GRPO lifts in-domain and out-of-domain benchmarks (Table 5), and a question of ours.

The paper compares with the instruct model: C7 on benchmarks in the language of the RL questions,
C7o on others. Whether GRPO gains more than continued fine-tuning at equal FLOPs is ours (C7c); the
paper has no such control.
"""

from __future__ import annotations

from pipeline.report.arms import CONTROL, IN_DOMAIN, OUT_OF_DOMAIN
from pipeline.report.claims.claim import Claim, Spec
from pipeline.report.claims.compare import by_reward
from pipeline.report.data import Results

IN = Spec(
    "C7",
    "GRPO lifts in-domain benchmarks over the instruct model",
    "Table 5",
    "GSM8K 82.9 to 88.2, MATH 46.8 to 51.7",
    0.051,
)
OUT = Spec(
    "C7o",
    "GRPO lifts out-of-domain benchmarks over the instruct model",
    "Table 5",
    "CMATH 84.6 to 88.8, MGSM-zh 73.2 to 79.6",
    0.053,
)
OURS = Spec(
    "C7c",
    "Ours, not the paper's: GRPO gains more than continued fine-tuning at equal FLOPs",
    "-",
    "no such control",
)
LEARNED, RULE = "grpo_os", "grpo_os_rule"


def claims(results: Results) -> list[Claim]:
    return [
        lift(results, IN, "instruct", IN_DOMAIN),
        lift(results, OUT, "instruct", OUT_OF_DOMAIN),
        lift(results, OURS, CONTROL, IN_DOMAIN),
    ]


def lift(results: Results, spec: Spec, other: str, benchmarks: tuple[str, ...]) -> Claim:
    return by_reward(results, spec, (LEARNED, other), (RULE, other), benchmarks)
