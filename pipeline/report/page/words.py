"""Sentences of the report that depend on the run: its seeds, its control, what is missing, what is
at the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.report.arms import CONTROL, IN_DOMAIN, RULE, arm_label
from pipeline.report.claims.compare import compare, gate, present
from pipeline.report.claims.rules import FLOOR
from pipeline.report.data import SINGLE, Results, Unit, unit_of
from pipeline.report.stats import level
from pipeline.report.tables.effort import times_control
from pipeline.report.tables.scores import percent, shown

SMALL = "A small model trained from scratch cannot be expected to solve these questions. "


def seeds_text(results: Results) -> str:
    """`0, 1, 2`, and the number of chains where there are several."""
    seeds = sorted({unit_of(m).seed for m in results.scores} - {None})
    chains = len(results.chains)
    listed = ", ".join(map(str, seeds)) or "none"
    return listed + (f", in each of {chains} chains" if chains > 1 else "")


def floor_text(results: Results) -> str:
    """Said plainly when the instruct model is at the floor, or when the profile is too small for
    any number to mean much.
    """
    if results.profile == "smoke":
        return "This profile only checks that every part runs: its numbers mean nothing."
    low = []
    for benchmark in (b for b in results.benchmarks if "@" not in b):
        found = results.table("instruct", benchmark, "greedy")
        if found and (got := level(found.values_UN, found.chains_U)).mean < FLOOR:
            low.append(f"{percent(got.mean)} % on {benchmark} (at most {percent(got.high)} %)")
    if not low:
        return ""
    model = results.file("pretrain", "config").get("model") or {}
    small = "" if model.get("path", "?") else SMALL
    return (
        f"The instruct model scores near zero: {', '.join(low)}. {small}The run shows that the "
        "chain works on this data, not that a method works."
    )


def control_text(results: Results) -> str:
    if "sft" not in results.arms:
        return "The continued-SFT control was not run; gains over instruct include what more training alone would give."
    return (
        "Continued SFT is the control: the instruct model trained further on its own instruction "
        f"data, at the FLOPs of a {arm_label(RULE)} run (sampling "
        f"counted).{others_flops(results)} Where an arm takes no more than the control, its gain "
        f"over it does not come from more training alone.{plateau_text(results)}"
    )


def plateau_text(results: Results) -> str:
    """Said where more fine-tuning lifts the instruct model; "" else."""
    benchmarks = present(results, IN_DOMAIN)
    gain = compare(results, CONTROL, "instruct", benchmarks, "sampled") if benchmarks else None
    if gain is None or not gain.excludes_zero or gain.mean < 0:
        return ""
    return (
        f" The control itself gains {shown(gain, signed=True)} points in-domain: fine-tuning had not "
        "reached its plateau, so a gain over instruct shows that an arm trains, and not that it trains "
        "better than more fine-tuning would."
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


def reward_models_text(results: Results) -> str:
    """Said where an arm is rewarded by a model that does not pass the gate; "" else."""
    failed = {
        arm: said for arm in results.arms for passed, said in [gate(results, arm)] if not passed
    }
    if not failed:
        return ""
    arms = ", ".join(arm_label(arm) for arm in failed)
    said = " ".join(dict.fromkeys(failed.values()))
    return (
        f"Learned rewards ({arms}): {said} Below it these arms are close to being rewarded for "
        "what the policy holds likely anyway, so claims about learned rewards are not testable "
        "with them."
    )


def validation_size(results: Results) -> str:
    sizes = {
        cell.validation_questions for cells in results.cells.values() for cell in cells.values()
    } - {0}
    return f" n = {', '.join(map(str, sorted(sizes)))} questions." if sizes else ""


def missing_text(results: Results, planned: Mapping[str, Sequence[Unit]]) -> list[str]:
    """Planned models that were not evaluated, by arm."""
    gone = [model for model in SINGLE if not results.models_of(model)]
    for arm, units in planned.items():
        there = results.units_of(arm, [])
        lost = [f"chain {unit.chain} seed {unit.seed}" for unit in units if unit not in there]
        if lost:
            gone.append(f"{arm} ({', '.join(lost)})" if len(lost) < len(units) else arm)
    return [f"Planned and not evaluated: {', '.join(gone)}."] if gone else []


def partial_text(results: Results, planned: Mapping[str, Sequence[Unit]]) -> str:
    """Said at the top where a plan is built in part, since every claim stands on what there is."""
    wanted = sum(map(len, planned.values()))
    there = sum(unit in results.units_of(arm, []) for arm in planned for unit in planned[arm])
    if there == wanted:
        return ""
    chains = {unit.chain for units in planned.values() for unit in units}
    return (
        f"Built in part: {there} of {wanted} planned models of {len(planned)} arms in "
        f"{len(chains)} chains are there. Every difference below is over the models that both sides "
        "have; what is missing is listed under What could not be tested."
    )
