"""Where this reproduction differs from the paper, in words."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.data import Results
from pipeline.report.names import CONTROL, JUDGED_BY, arm_label


def deviations(results: Results) -> list[str]:
    """Known differences of this run from the paper's set-up; those that depend on the run are read from its files."""
    found = [*of_base(results), *of_fine_tuning(results), *of_judges(results), *of_rl(results)]
    ruled = [arm_label(arm) for arm in results.arms if arm.endswith("_rule")]
    if ruled:
        found.append(
            f"{', '.join(ruled)}: rewards come from exact checks (the answer; for PS each step), not from a learned "
            "reward model as in the paper."
        )
    if CONTROL in results.arms:
        found.append("The continued-SFT control is not in the paper.")
    found += [room] if (room := room_of_rl(results)) else []
    return [
        *found,
        "Maj@K and Pass@K: the paper defines neither the vote's ties nor the estimator; here both are exact expectations over "
        "K-subsets, ties are broken by a fair draw, an output without an answer has no vote.",
        "The paper gives no intervals and one run a method. Here intervals are over questions and training seeds "
        "(two-way random effects, Satterthwaite's degrees of freedom). Training seeds are seeds of RL: all of them "
        "share one base, "
        "one instruct and one reward model, so no interval says what another chain before RL would give.",
    ]


def of_base(results: Results) -> list[str]:
    found = []
    parameters = (results.files["pretrain"].get("summary") or {}).get("parameters")
    if parameters:
        found.append(
            f"The base model has {parameters:,} parameters (the paper: 7B, initialised from a code model)."
        )
    if any(name.startswith("mini_") for name in results.benchmarks):
        found.append(
            "Questions, pages and benchmarks come from the built-in miniature world: short word problems and symbolic "
            "problems with small numbers, in English and Chinese. Its scores are no scores on GSM8K, MATH or CMATH."
        )
    return found


def of_fine_tuning(results: Results) -> list[str]:
    """Optimiser of pretraining and fine-tuning, and packing, where they are not the paper's."""
    settings = {
        stage: (results.files[stage].get("config") or {}).get(stage) or {}
        for stage in ("pretrain", "sft")
    }
    names = {"pretrain": "Pretraining", "sft": "fine-tuning"}
    other = {
        stage: found["optimizer"]
        for stage, found in settings.items()
        if found.get("optimizer", "adamw") != "adamw"
    }
    listed = " and ".join(names[stage] for stage in other)
    said = (
        [
            f"{listed[:1].upper()}{listed[1:]}: matrices are trained with {'/'.join(sorted(set(other.values()))).capitalize()} "
            "(the paper: AdamW throughout)."
        ]
        if other
        else []
    )
    if settings["sft"].get("packing") is False:
        said.append("Fine-tuning has one example in a row (the paper packs several).")
    return said


def of_judges(results: Results) -> list[str]:
    """Start, head and rate of the reward models, where an arm is rewarded by one."""
    reward = (results.files["reward"].get("config") or {}).get("reward") or {}
    judged = [arm_label(arm) for arm in results.arms if arm in JUDGED_BY]
    parts = []
    if reward.get("start", "base") != "base":
        parts.append(f"start from the {reward['start']} model (the paper: base)")
    if reward.get("head", "linear") != "linear":
        parts.append(
            "score by a linear map of the last state plus the text's own log-likelihood (the paper: a linear head)"
        )
    if reward.get("lr", 2e-5) != 2e-5:
        parts.append(f"learn at {rate(reward['lr'])} (the paper: 2e-5)")
    return [f"Reward models ({', '.join(judged)}) {', '.join(parts)}."] if judged and parts else []


def of_rl(results: Results) -> list[str]:
    """Rate, group size and lengths of RL, rates of single arms, and iterations, against section 4.2."""
    cells = {
        arm: next(iter(cells.values()))
        for arm, cells in sorted(results.cells.items())
        if arm in results.arms
    }
    scales = [cell.scale for cell in cells.values() if cell.scale]
    if not scales:
        return []
    scale, parts, said = scales[0], [], []
    falls = {"linear": ", falling to 0", "constant": ""}.get(scale.get("lr_schedule", ""), "")
    if (scale["lr"], scale.get("lr_schedule")) != (1e-6, "constant"):
        parts.append(f"a learning rate of {rate(scale['lr'])}{falls} (the paper: 1e-6)")
    if scale["group_size"] != 64:
        parts.append(
            f"{scale['group_size']} outputs a question, {scale['group_size'] * scale['questions_per_step']:,} "
            "a step (the "
            "paper: 64 and 1,024)"
        )
    if scale["max_new_tokens"] != 1024:
        parts.append(f"outputs of at most {scale['max_new_tokens']} tokens (the paper: 1,024)")
    said += [f"RL has {', '.join(parts)}, over {scale['steps']} steps."] if parts else []
    own = [
        f"{arm_label(arm)} at {factor:g} times it"
        for arm, cell in cells.items()
        if (factor := cell.settings.get("lr_factor", 1.0)) != 1.0
    ]
    said += [f"Arms share one learning rate but {', '.join(own)}."] if own else []
    turns = [
        cell.settings["iterations"]
        for cell in cells.values()
        if cell.settings.get("iterations", 1) > 1
    ]
    if turns and falls:
        said.append(
            f"Iterative GRPO has {max(turns)} iterations, and the learning rate falls through all of them."
        )
    return said


def rate(value: float) -> str:
    """`3e-4`."""
    mantissa, _, power = f"{value:e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}"


def room_of_rl(results: Results) -> str:
    """What the comparison with continued fine-tuning is worth where questions are longer than all solutions; "" where they
    are not, or where the world was read and not built."""
    world = (results.files["world"].get("config") or {}).get("world") or {}
    asked, taught = (
        world.get("word_levels") or [],
        world.get("instruct_word_levels") or world.get("word_levels") or [],
    )
    if world.get("data") != "mini" or not asked or max(asked) <= max(taught):
        return ""
    control = (
        f" {arm_label(CONTROL)} has"
        if CONTROL in results.arms
        else " continued fine-tuning would have"
    )
    return (
        f"Word problems: the solutions to learn from have {spelled(taught)} steps, the questions of RL, which come with "
        f"answers alone, and the benchmarks {spelled(asked)}. So{control} no solution of {max(taught) + 1} steps or more to "
        "learn from: part of what RL gains over it is that room, and not the method's."
    )


def spelled(levels: Sequence[int]) -> str:
    """`3 to 6`, or `2, 4 and 5`, or `3`."""
    levels = sorted(levels)
    if len(levels) > 2 and levels == list(range(levels[0], levels[-1] + 1)):
        return f"{levels[0]} to {levels[-1]}"
    return " and ".join(filter(None, (", ".join(map(str, levels[:-1])), str(levels[-1]))))
