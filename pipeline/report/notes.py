"""Where this reproduction differs from the paper, in words."""
from __future__ import annotations

from pipeline.report.data import Results
from pipeline.report.names import arm_label


def deviations(results: Results) -> list[str]:
    """Known differences of this run from the paper's set-up; those that depend on the run are read from its files."""
    found = []
    parameters = (results.files["pretrain"].get("summary") or {}).get("parameters")
    if parameters:
        found.append(f"The base model has {parameters:,} parameters (the paper: 7B, initialised from a code model).")
    if any(name.startswith("mini_") for name in results.benchmarks):
        found.append("Questions, pages and benchmarks come from the built-in miniature world: short word problems and symbolic "
                     "problems with small numbers, in English and Chinese. Its scores are no scores on GSM8K, MATH or CMATH.")
    ruled = [arm_label(arm) for arm in results.arms if arm.endswith("_rule")]
    if ruled:
        found.append(f"{', '.join(ruled)}: rewards come from exact checks (the answer; for PS each step), not from a learned "
                     "reward model as in the paper.")
    if "sft" in results.arms:
        found.append("The continued-SFT control is not in the paper.")
    return [
        *found,
        "Maj@K and Pass@K: the paper defines neither the vote's ties nor the estimator; here both are exact expectations over "
        "K-subsets, ties are broken by a fair draw, an output without an answer has no vote.",
        "The paper gives no intervals and one run a method. Here intervals are over questions and training seeds "
        "(two-way random effects, Satterthwaite's degrees of freedom).",
    ]
