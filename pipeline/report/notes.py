"""Where this reproduction differs from the paper, in words."""
from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.data import Results
from pipeline.report.names import CONTROL, arm_label


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
    found += [room] if (room := room_of_rl(results)) else []
    return [
        *found,
        "Maj@K and Pass@K: the paper defines neither the vote's ties nor the estimator; here both are exact expectations over "
        "K-subsets, ties are broken by a fair draw, an output without an answer has no vote.",
        "The paper gives no intervals and one run a method. Here intervals are over questions and training seeds "
        "(two-way random effects, Satterthwaite's degrees of freedom).",
    ]


def room_of_rl(results: Results) -> str:
    """What the comparison with continued fine-tuning is worth where questions are longer than all solutions; "" where they
    are not, or where the world was read and not built."""
    world = (results.files["world"].get("config") or {}).get("world") or {}
    asked, taught = world.get("word_levels") or [], world.get("instruct_word_levels") or world.get("word_levels") or []
    if world.get("data") != "mini" or not asked or max(asked) <= max(taught):
        return ""
    control = f" {arm_label(CONTROL)} has" if CONTROL in results.arms else " continued fine-tuning would have"
    return (f"Word problems: the solutions to learn from have {spelled(taught)} steps, the questions of RL, which come with "
            f"answers alone, and the benchmarks {spelled(asked)}. So{control} no solution of {max(taught) + 1} steps or more to "
            "learn from: part of what RL gains over it is that room, and not the method's.")


def spelled(levels: Sequence[int]) -> str:
    """`3 to 6`, or `2, 4 and 5`, or `3`."""
    levels = sorted(levels)
    if len(levels) > 2 and levels == list(range(levels[0], levels[-1] + 1)):
        return f"{levels[0]} to {levels[-1]}"
    return " and ".join(filter(None, (", ".join(map(str, levels[:-1])), str(levels[-1]))))
