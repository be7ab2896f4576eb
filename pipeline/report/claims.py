"""The paper's claims C1..C14 (FACTS section 6), each with what this run says about it.

Status, by the 95 % interval of the difference that the claim is about:
  reproduced              the interval lies wholly on the claimed side of 0, over questions and several training seeds
  direction only          the mean lies on the claimed side; the interval holds 0, or one seed was trained
  not reproduced          the mean lies on the other side
  not testable here       everything that is compared is at the floor (claim.py, FLOOR)
  not tested at this profile   nothing was run for it

The interval (stats.py) is two-way random effects over questions and seeds, with Student's t: a bootstrap over three or
five seeds covers too little. Arms with the same seeds are paired by question and seed. What concerns one model that is
trained once for all (C6) or answers of the same model (C14) needs no seeds. Differences between arms are decided on mean
sampled accuracy (temperature 0.7), which resolves more than one greedy answer a question does; the greedy difference
stands beside it. In-domain benchmarks are taken together.

C7, C9 and C10 are about GRPO with learned rewards; with the rule in their place they are C7r, C9r and C10r, and where the
rule alone was trained it decides C7, C9 and C10 (the arm's name says so). A learned reward's AUC inside a question stands
beside: from a judge at chance nothing follows about the method. C11 is decided on the run's own validation questions, at
the ends of iterations; C12 on the questions with the most samples, where a rise of Pass@K of under 2 points counts as none
(curves.py); C13 seed by seed on operations a run and a trained token, and peak memory (effort.py).
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.report.claim import (
    DIRECTION,
    FLOORED,
    NOT,
    REPRODUCED,
    UNTESTED,
    Claim,
    Number,
    at_floor,
    compare,
    floor_sentence,
    judge_note,
    points,
    present,
    seeds_note,
    verdict,
)
from pipeline.report.curves import maj_not_pass, majority
from pipeline.report.data import Results
from pipeline.report.effort import cheaper_than_ppo
from pipeline.report.iterations import iterative
from pipeline.report.names import CONTROL, GRPO, IN_DOMAIN, OUT_OF_DOMAIN, arm_label
from pipeline.report.stats import Interval, difference, level
from pipeline.report.validation import gap_at, sides

RIVALS = "; rival corpora are compared by lab/corpora, in reports/lab/corpora/report.md."


def all_claims(results: Results) -> list[Claim]:
    """Every claim in the paper's order."""
    untested = lambda id, text, where, why: Claim(id, text, where, UNTESTED, why)  # noqa: E731
    return [
        untested("C1", "the mined corpus beats other corpora of equal token count as pre-training data", "Table 1, Fig. 3",
                 f"One corpus was mined and one base model trained; there is no rival corpus in this run{RIVALS}"),
        untested("C2", "a corpus in two languages lifts Chinese benchmarks; English-only corpora do not", "Table 1",
                 f"No model was trained on the English half of the corpus alone{RIVALS}"),
        convergence(results),
        untested("C4", "code before mathematics helps with and without tools", "Table 6",
                 f"No model was trained on code first{RIVALS}"),
        untested("C5", "arXiv-like text alone does not help", "Table 8", f"No model was trained on arXiv-like text{RIVALS}"),
        tool_use(results),
        *lift(results, "C7", "GRPO lifts in-domain benchmarks (GSM8K 82.9 to 88.2, MATH 46.8 to 51.7)", IN_DOMAIN, "in-domain"),
        *lift(results, "C7b", "GRPO lifts out-of-domain benchmarks (CMATH 84.6 to 88.8, MGSM-zh 73.2 to 79.6)", OUT_OF_DOMAIN,
              "out-of-domain"),
        *versus(results, "C8", "Online RFT beats RFT: alike early, ahead late", "Fig. 5", [("online_rft", "rft")]),
        *versus(results, "C9", "GRPO beats Online RFT", "Fig. 5", [("grpo_os", "online_rft"), ("grpo_os_rule", "online_rft")]),
        *versus(results, "C10", "process supervision beats outcome supervision", "Fig. 5",
                [("grpo_ps", "grpo_os"), ("grpo_ps_rule", "grpo_os_rule")]),
        iterative(results),
        maj_not_pass(results),
        cheaper_than_ppo(results),
        majority(results),
    ]


def lift(results: Results, id: str, text: str, domain: Sequence[str], words: str) -> list[Claim]:
    """GRPO against instruct, with the continued-SFT control beside it: a claim a reward (learned, rule) that was trained."""
    benchmarks, found = present(results, domain), []
    for arm in GRPO:
        gap = compare(results, arm, "instruct", benchmarks)
        if gap is None:
            continue
        numbers, parts = [], []
        for other in ("instruct", CONTROL):
            gaps = {metric: compare(results, arm, other, benchmarks, metric) for metric in ("sampled", "greedy")}
            if gaps["sampled"]:
                numbers += [Number(f"{arm} - {other}, {metric}", value) for metric, value in gaps.items()]
                parts.append(f"over {arm_label(other)} " + ", ".join(f"{points(v)} {m}" for m, v in gaps.items()))
        numbers += [Number(f"{arm} - instruct, sampled, {b}", compare(results, arm, "instruct", [b])) for b in benchmarks]
        floor = at_floor(results, (arm, "instruct"), benchmarks)
        sentence = f"{arm_label(arm)} on {', '.join(benchmarks)}: {'; '.join(parts)}.{notes(results, gap, arm)}"
        found.append(Claim(id, text, "Table 5", FLOORED if floor else verdict(gap), floor or sentence, tuple(numbers)))
    return by_reward(found) or [
        Claim(id, text, "Table 5", UNTESTED, f"No GRPO arm, or no instruct model, was evaluated on {words} benchmarks.")]


def versus(results: Results, id: str, text: str, where: str, pairs: Sequence[tuple[str, str]]) -> list[Claim]:
    """One arm against another on the in-domain benchmarks: a claim a pair that was trained."""
    benchmarks, found = present(results, IN_DOMAIN), []
    for arm, other in pairs:
        gap = compare(results, arm, other, benchmarks)
        if gap is None:
            continue
        greedy, ends = compare(results, arm, other, benchmarks, "greedy"), over_steps(results, arm, other)
        numbers = (Number(f"{arm} - {other}, sampled", gap), Number(f"{arm} - {other}, greedy", greedy),
                   *(Number(f"{arm} - {other}, validation at step {step}", value) for step, value in ends))
        late = "".join(f"{' and' if i else '; on the validation split'} {points(value)} at step {step}"
                       for i, (step, value) in enumerate(ends))
        sentence = (f"{arm_label(arm)} against {arm_label(other)} on {', '.join(benchmarks)}: {points(gap)} sampled, "
                    f"{points(greedy)} greedy{late}.{notes(results, gap, arm, other)}")
        floor = at_floor(results, (arm, other), benchmarks)
        found.append(Claim(id, text, where, FLOORED if floor else verdict(gap), floor or sentence, numbers))
    return by_reward(found) or [
        Claim(id, text, where, UNTESTED, f"Not both of {' and '.join(map(arm_label, pairs[-1]))} were evaluated.")]


def by_reward(found: list[Claim]) -> list[Claim]:
    """Where the paper's learned reward and the rule were both trained, the rule's claim has a letter and a word more."""
    return found[:1] + [replace(claim, id=f"{claim.id}r", text=f"{claim.text}; rewards by the rule") for claim in found[1:]]


def notes(results: Results, gap: Interval, *arms: str) -> str:
    """What a reader has to know of these arms: their reward models, and how many seeds."""
    judged = judge_note(results, *arms)
    return f"{' ' * bool(judged)}{judged}{seeds_note(gap)}"


def over_steps(results: Results, arm: str, other: str) -> list[tuple[int, Interval]]:
    """(step, difference on the validation questions) after about a third of the steps and at the end."""
    cells, steps = sides(results, arm, other)
    if len(steps) < 3:
        return []
    early = min(steps, key=lambda step: abs(step - steps[-1] / 3))
    return [(step, gap) for step in (early, steps[-1]) if (gap := gap_at(cells, step))]


def convergence(results: Results) -> Claim:
    """C3 from the corpus stage's recall iterations."""
    id, text, where = "C3", "mining converges: about 98 % of iteration 4 had been collected in iteration 3", "2.1"
    turns = (results.files["corpus"].get("funnel") or {}).get("iterations") or []
    shares = [turn["pages_collected_before"] for turn in turns if turn.get("pages_collected_before") is not None]
    if not shares:
        return Claim(id, text, where, UNTESTED, "One recall iteration was run, so there is nothing to converge; the loop of "
                     "four on a larger web is measured in reports/lab/corpus/report.md.")
    listed = ", ".join(f"{100 * s:.1f} %" for s in shares)
    rising = all(b >= a for a, b in zip(shares, shares[1:], strict=False))
    status = REPRODUCED if shares[-1] >= 0.95 and rising else DIRECTION if rising and len(shares) > 1 else NOT
    return Claim(id, text, where, status, f"Share of each iteration that the one before had collected: {listed}.")


def tool_use(results: Results) -> Claim:
    """C6: the instruct model with tools against its plain chain of thought, on the same questions."""
    id, text, where = "C6", "tool use beats plain chain of thought (MATH 57.4 against 46.8)", "Table 5"
    scores, found = results.scores.get("instruct", {}), []
    for name in scores:
        plain, _, protocol = name.partition("@")
        if protocol == "tir" and plain in scores:
            one, two = scores[name], scores[plain]
            if one.ids == two.ids:
                number = Number(f"{name} - {plain}, greedy", difference(one.greedy_N, two.greedy_N))
                found.append((number, floor_sentence([level(one.greedy_N), level(two.greedy_N)])))
    if not found:
        return Claim(id, text, where, UNTESTED, "The tool-integrated protocol was not evaluated in this run.")
    by_name = {number.name.partition("@")[0]: (number, floor) for number, floor in found}
    chosen, floor = next((by_name[name] for name in ("math", "math500", "mini_gsm8k") if name in by_name), found[0])
    unfair = "" if {"mini_gsm8k", "mini_math"} - by_name.keys() else (
        " Decided on mini_gsm8k: of mini_math only the problems with numeric answers have training solutions with tools.")
    numbers = tuple(number for number, _ in found)
    listed = "; ".join(f"{n.name}: {points(n.value)}" for n in numbers)
    status = FLOORED if floor else verdict(chosen.value, trained=False)
    return Claim(id, text, where, status, floor or f"Instruct model, {listed}.{unfair}", numbers)
