"""Sentences of the report that depend on the run: its seeds, its control, what is missing, what is at the floor."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.arms import CONTROL, RULE, arm_label
from pipeline.report.claim import CLOSE, FLOOR, judges_auc
from pipeline.report.data import SINGLE, Results
from pipeline.report.stats import level
from pipeline.report.tables.effort import times_control
from pipeline.report.tables.scores import percent


def seeds_text(results: Results) -> str:
    seeds = sorted({int(m.rpartition("-")[2]) for m in results.scores if m not in SINGLE})
    return ", ".join(map(str, seeds)) or "none"


def floor_text(results: Results) -> str:
    """Said plainly when the instruct model is at the floor, or when the profile is too small for any number to mean much."""
    if results.profile == "smoke":
        return "This profile only checks that every part runs: its numbers mean nothing."
    low = []
    for benchmark in (b for b in results.benchmarks if "@" not in b):
        found = results.table("instruct", benchmark, "greedy")
        if found and (got := level(found[0])).mean < FLOOR:
            low.append(f"{percent(got.mean)} % on {benchmark} (at most {percent(got.high)} %)")
    if not low:
        return ""
    model = (results.files["pretrain"].get("config") or {}).get("model") or {}
    small = (
        ""
        if model.get("path", "?")
        else "A small model trained from scratch cannot be expected to solve these questions. "
    )
    return (
        f"The instruct model scores near zero: {', '.join(low)}. {small}The run shows that the chain works on this data, not "
        "that a method works."
    )


def control_text(results: Results) -> str:
    if "sft" not in results.arms:
        return "The continued-SFT control was not run; gains over instruct include what more training alone would give."
    return (
        "Continued SFT is the control: the instruct model trained further on its own instruction data, at the FLOPs of a "
        f"{arm_label(RULE)} run (sampling counted).{others_flops(results)} Where an arm takes no more than the control, its "
        "gain over it is not owed to more training alone."
    )


def others_flops(results: Results) -> str:
    """By how far the other arms' FLOPs are off the control's."""
    found = [
        (float(times), arm)
        for arm in results.arms
        if (times := times_control(results, arm)) != "-" and arm != CONTROL
    ]
    if not found:
        return ""
    (least, cheap), (most, dear) = min(found), max(found)
    return f" The other arms take {least:.2f} ({arm_label(cheap)}) to {most:.2f} times that ({arm_label(dear)})."


def judges_text(results: Results) -> str:
    """Said where learned rewards rank little better than the sampler's own likelihood; "" where no arm is rewarded by a model."""
    arms = [arm_label(arm) for arm in results.arms if results.reward_model(arm)]
    found, plain = judges_auc(results)
    found = {
        kind: auc
        for kind, auc in found.items()
        if kind in {results.reward_model(arm) for arm in results.arms}
    }
    if not arms or not found or plain is None or max(found.values()) > plain + CLOSE:
        return ""
    listed = ", ".join(f"{kind} model {auc:.2f}" for kind, auc in found.items())
    return (
        f"What the learned reward is ({', '.join(arms)}): it ranks the outputs of one question little better than the "
        f"sampler's own likelihood does (AUC inside a question: {listed}, likelihood {plain:.2f}; 0.50 is chance), so these "
        "arms are close to being rewarded for what the policy holds likely anyway."
    )


def validation_size(results: Results) -> str:
    sizes = {
        cell.validation_questions for cells in results.cells.values() for cell in cells.values()
    } - {0}
    return f" n = {', '.join(map(str, sorted(sizes)))} questions." if sizes else ""


def missing_text(results: Results, arms: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """Planned models that were not evaluated, by arm."""
    gone = [model for model in SINGLE if model not in results.scores]
    for arm in arms:
        lost = [seed for seed in seeds if f"{arm}-{seed}" not in results.scores]
        some = (
            f" (seed{'s' if len(lost) > 1 else ''} {', '.join(map(str, lost))})"
            if len(lost) < len(seeds)
            else ""
        )
        gone += [f"{arm}{some}"] if lost else []
    return [f"Planned and not evaluated: {', '.join(gone)}."] if gone else []


def partial_text(results: Results, arms: Sequence[str], seeds: Sequence[int]) -> str:
    """Said at the top where a plan is built in part, since every claim stands on what there is."""
    planned = [f"{arm}-{seed}" for arm in arms for seed in seeds]
    there = sum(model in results.scores for model in planned)
    if there == len(planned):
        return ""
    return (
        f"Built in part: {there} of {len(planned)} planned models of {len(arms)} arms x {len(seeds)} seeds are there. Every "
        "difference below is over the seeds that both sides have; what is missing is listed under What could not be tested."
    )


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
