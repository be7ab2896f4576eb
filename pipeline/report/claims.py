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

The sentence of a claim holds the numbers that decide it, each benchmark's beside the mean over them, and says of the mean:
ahead; the opposite, and told from 0; or not told apart. Where a single benchmark says the opposite, told from 0, no claim over
all of them is more than "direction only". All other numbers follow in a table of their own.

C7, C9 and C10 are about GRPO with learned rewards; with the rule in their place they are C7r, C9r and C10r, and where the
rule alone was trained it decides C7, C9 and C10 (the arm's name says so). A learned reward's AUC inside a question stands
beside, and that of plain likelihood: from a judge at chance nothing follows about the method. C8 is about the end, on the
benchmarks; its other half, alike early, is C8e, on validation after a third of the steps: reproduced where the interval lies
within 2 points of 0 on both sides, not reproduced where it leaves out 0. C11 is decided on the run's own validation questions,
at the ends of iterations; C12 on the questions with the most samples, where a rise of Pass@K of under 2 points counts as none
(curves.py); C13 seed by seed on operations a run and a trained token, and peak memory (effort.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.report.arms import CONTROL, IN_DOMAIN, OUT_OF_DOMAIN, arm_label
from pipeline.report.claim import (
    DIRECTION,
    FLOORED,
    LIFTED,
    NOT,
    REPRODUCED,
    SAME,
    TOGETHER,
    UNTESTED,
    Claim,
    Number,
    at_floor,
    compare,
    floor_sentence,
    judge_note,
    on_every,
    parts_text,
    points,
    present,
    seeds_note,
    told,
    verdict,
)
from pipeline.report.curves import maj_not_pass, majority
from pipeline.report.data import Results
from pipeline.report.iterations import iterative
from pipeline.report.stats import Interval, difference, level
from pipeline.report.tables.effort import cheaper_than_ppo
from pipeline.report.validation import gap_at, sides

RIVALS = "; rival corpora are compared by lab/corpora, in reports/lab/corpora/report.md."


def all_claims(results: Results) -> list[Claim]:
    """Every claim in the paper's order."""
    untested = lambda id, text, where, why: Claim(id, text, where, UNTESTED, why)  # noqa: E731
    return [
        untested(
            "C1",
            "the mined corpus beats other corpora of equal token count as pre-training data",
            "Table 1, Fig. 3",
            f"One corpus was mined and one base model trained; there is no rival corpus in this run{RIVALS}",
        ),
        untested(
            "C2",
            "a corpus in two languages lifts Chinese benchmarks; English-only corpora do not",
            "Table 1",
            f"No model was trained on the English half of the corpus alone{RIVALS}",
        ),
        convergence(results),
        untested(
            "C4",
            "code before mathematics helps with and without tools",
            "Table 6",
            f"No model was trained on code first{RIVALS}",
        ),
        untested(
            "C5",
            "arXiv-like text alone does not help",
            "Table 8",
            f"No model was trained on arXiv-like text{RIVALS}",
        ),
        tool_use(results),
        *lift(
            results,
            "C7",
            "GRPO lifts in-domain benchmarks (GSM8K 82.9 to 88.2, MATH 46.8 to 51.7)",
            IN_DOMAIN,
            "in-domain",
        ),
        *lift(
            results,
            "C7b",
            "GRPO lifts out-of-domain benchmarks (CMATH 84.6 to 88.8, MGSM-zh 73.2 to 79.6)",
            OUT_OF_DOMAIN,
            "out-of-domain",
        ),
        *versus(
            results, "C8", "Online RFT beats RFT in the end", "Fig. 5", [("online_rft", "rft")]
        ),
        early(results, "online_rft", "rft"),
        *versus(
            results,
            "C9",
            "GRPO beats Online RFT",
            "Fig. 5",
            [("grpo_os", "online_rft"), ("grpo_os_rule", "online_rft")],
        ),
        *versus(
            results,
            "C10",
            "process supervision beats outcome supervision",
            "Fig. 5",
            [("grpo_ps", "grpo_os"), ("grpo_ps_rule", "grpo_os_rule")],
        ),
        iterative(results),
        maj_not_pass(results),
        cheaper_than_ppo(results),
        majority(results),
    ]


def lift(results: Results, id: str, text: str, domain: Sequence[str], words: str) -> list[Claim]:
    """GRPO against instruct, with the continued-SFT control beside it: a claim a reward (learned, rule) that was trained."""
    benchmarks, found = present(results, domain), []
    for arm in LIFTED:
        gap = compare(results, arm, "instruct", benchmarks)
        if gap is None:
            continue
        over = {
            other: some
            for other in ("instruct", CONTROL)
            if (some := gaps(results, arm, other, benchmarks))
        }
        said = [f"over {arm_label(other)} {in_words(some)}" for other, some in over.items()]
        numbers = tuple(number for some in over.values() for number in some)
        status = on_every(verdict(gap), sampled(over["instruct"]).values())
        floor = at_floor(results, (arm, "instruct"), benchmarks)
        sentence = f"{arm_label(arm)}, sampled: {'; '.join(said)}.{notes(results, gap, arm)}"
        found.append(
            Claim(id, text, "Table 5", FLOORED if floor else status, floor or sentence, numbers)
        )
    return by_reward(found) or [
        Claim(
            id,
            text,
            "Table 5",
            UNTESTED,
            f"No GRPO arm, or no instruct model, was evaluated on {words} benchmarks.",
        )
    ]


def versus(
    results: Results, id: str, text: str, where: str, pairs: Sequence[tuple[str, str]]
) -> list[Claim]:
    """One arm against another on the in-domain benchmarks: a claim a pair that was trained."""
    benchmarks, found = present(results, IN_DOMAIN), []
    for arm, other in pairs:
        gap = compare(results, arm, other, benchmarks)
        if gap is None:
            continue
        some = gaps(results, arm, other, benchmarks)
        numbers = (
            *some,
            *(
                Number(f"{arm} - {other}, validation at step {step}", value, "sampled")
                for step, value in over_steps(results, arm, other)
            ),
        )
        sentence = (
            f"{arm_label(arm)} against {arm_label(other)}, sampled: {in_words(some)}."
            f"{like_for_like(results, arm, other)}{notes(results, gap, arm, other)}"
        )
        floor, status = (
            at_floor(results, (arm, other), benchmarks),
            on_every(verdict(gap), sampled(some).values()),
        )
        found.append(
            Claim(id, text, where, FLOORED if floor else status, floor or sentence, numbers)
        )
    return by_reward(found) or [
        Claim(
            id,
            text,
            where,
            UNTESTED,
            f"Not both of {' and '.join(map(arm_label, pairs[-1]))} were evaluated.",
        )
    ]


def gaps(results: Results, arm: str, other: str, benchmarks: Sequence[str]) -> list[Number]:
    """Paired differences over the benchmarks together, then on each: sampled, greedy; [] where a side has no results."""
    places = [(TOGETHER, benchmarks)] * (len(benchmarks) > 1) + [(b, [b]) for b in benchmarks]
    return [
        Number(f"{arm} - {other}, {place}", gap, metric)
        for place, some in places
        for metric in ("sampled", "greedy")
        if (gap := compare(results, arm, other, some, metric))
    ]


def in_words(numbers: Sequence[Number]) -> str:
    """What `gaps` found of sampled accuracy: `+1.3 points [0.2, 2.3] (mini_gsm8k ..., mini_math ...), ahead`."""
    found = sampled(numbers)
    (first, gap), *_ = found.items()
    place = "" if first == TOGETHER else f" on {first}"
    return f"{points(gap)}{place}{parts_text({b: v for b, v in found.items() if b != TOGETHER})}, {told(gap)}"


def sampled(numbers: Sequence[Number]) -> dict[str, Interval]:
    """{together or a benchmark: difference in mean sampled accuracy}, of what `gaps` found."""
    return {
        number.name.rpartition(", ")[2]: number.value
        for number in numbers
        if number.metric == "sampled"
    }


def like_for_like(results: Results, arm: str, other: str) -> str:
    """Said where one arm learned from more than twice the tokens of the other, as far as the seeds of both tell; else ""."""
    seeds = sorted(set(results.cells.get(arm, {})) & set(results.cells.get(other, {})))
    sides = [[results.cells[name][seed].summary for seed in seeds] for name in (arm, other)]
    tokens = [[s["tokens"] for s in side if s.get("tokens")] for side in sides]
    if not seeds or not all(tokens) or 0.5 <= np.mean(tokens[0]) / np.mean(tokens[1]) <= 2:
        return ""
    outputs = [[s["outputs"] for s in side if s.get("outputs")] for side in sides]
    last = [f", {np.mean(some):.0f} outputs in the last step" if some else "" for some in outputs]
    parts = [
        f"{arm_label(name)} {np.mean(some) / 1000:,.0f}k tokens{note}"
        for name, some, note in zip((arm, other), tokens, last, strict=True)
    ]
    return f" Not like for like in what they learn from: {'; '.join(parts)}."


def early(results: Results, arm: str, other: str) -> Claim:
    """C8e: alike on the validation questions after about a third of the steps."""
    id, text, where = "C8e", f"{arm_label(arm)} and {arm_label(other)} are alike early", "Fig. 5"
    found = over_steps(results, arm, other)[:1]
    if not found:
        return Claim(
            id,
            text,
            where,
            UNTESTED,
            "Not both were trained and validated at the same steps and seeds.",
        )
    ((step, gap),) = found
    if gap.excludes_zero:
        status, said = NOT, "apart: the interval leaves out 0"
    elif max(-gap.low, gap.high) < SAME:
        status, said = (
            REPRODUCED if gap.seeds > 1 else DIRECTION,
            f"alike within {100 * SAME:.0f} points",
        )
    else:
        status, said = (
            DIRECTION,
            f"not told apart, but the interval is too wide to say alike within {100 * SAME:.0f} points",
        )
    sentence = f"{arm_label(arm)} against {arm_label(other)}, validation at step {step}: {points(gap)}, {said}.{seeds_note(gap)}"
    return Claim(
        id,
        text,
        where,
        status,
        sentence,
        (Number(f"{arm} - {other}, validation at step {step}", gap, "sampled"),),
    )


def by_reward(found: list[Claim]) -> list[Claim]:
    """Where the paper's learned reward and the rule were both trained, the rule's claim has a letter and a word more."""
    return found[:1] + [
        replace(claim, id=f"{claim.id}r", text=f"{claim.text}; rewards by the rule")
        for claim in found[1:]
    ]


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
    id, text, where = (
        "C3",
        "mining converges: about 98 % of iteration 4 had been collected in iteration 3",
        "2.1",
    )
    turns = (results.files["corpus"].get("funnel") or {}).get("iterations") or []
    shares = [
        turn["pages_collected_before"]
        for turn in turns
        if turn.get("pages_collected_before") is not None
    ]
    if not shares:
        return Claim(
            id,
            text,
            where,
            UNTESTED,
            "One recall iteration was run, so there is nothing to converge; the loop of "
            "four on a larger web is measured in reports/lab/corpus/report.md.",
        )
    listed = ", ".join(f"{100 * s:.1f} %" for s in shares)
    rising = all(b >= a for a, b in zip(shares, shares[1:], strict=False))
    status = (
        REPRODUCED
        if shares[-1] >= 0.95 and rising
        else DIRECTION
        if rising and len(shares) > 1
        else NOT
    )
    return Claim(
        id,
        text,
        where,
        status,
        f"Share of each iteration that the one before had collected: {listed}.",
    )


def tool_use(results: Results) -> Claim:
    """C6: the instruct model with tools against its plain chain of thought, on the same questions."""
    id, text, where = (
        "C6",
        "tool use beats plain chain of thought (MATH 57.4 against 46.8)",
        "Table 5",
    )
    scores, found = results.scores.get("instruct", {}), []
    for name in scores:
        plain, _, protocol = name.partition("@")
        if protocol == "tir" and plain in scores:
            one, two = scores[name], scores[plain]
            if one.ids == two.ids:
                number = Number(
                    f"{name} - {plain}", difference(one.greedy_N, two.greedy_N), "greedy"
                )
                found.append((number, floor_sentence([level(one.greedy_N), level(two.greedy_N)])))
    if not found:
        return Claim(
            id, text, where, UNTESTED, "The tool-integrated protocol was not evaluated in this run."
        )
    by_name = {number.name.partition("@")[0]: (number, floor) for number, floor in found}
    chosen, floor = next(
        (by_name[name] for name in ("math", "math500", "mini_gsm8k") if name in by_name), found[0]
    )
    unfair = (
        ""
        if {"mini_gsm8k", "mini_math"} - by_name.keys()
        else (
            " Decided on mini_gsm8k: of mini_math only the problems with numeric answers have training solutions with tools."
        )
    )
    numbers = tuple(number for number, _ in found)
    sentence = f"Instruct model, greedy, {chosen.name}: {points(chosen.value)}, {told(chosen.value)}.{unfair}"
    status = FLOORED if floor else verdict(chosen.value, trained=False)
    return Claim(
        id,
        text,
        where,
        status,
        floor or sentence,
        (chosen, *(n for n in numbers if n is not chosen)),
    )
