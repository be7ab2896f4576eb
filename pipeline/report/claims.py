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
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    points,
    present,
    seeds_note,
    verdict,
    weaker,
)
from pipeline.report.data import CONTROL, Results
from pipeline.report.figures import curve_values
from pipeline.report.iterations import iterative
from pipeline.report.names import IN_DOMAIN, OUT_OF_DOMAIN, arm_label
from pipeline.report.stats import Interval, difference, level

SAME = 0.02  # a rise of Pass@K whose interval stays below this counts as none (C12)


def all_claims(results: Results) -> list[Claim]:
    """Every claim in the paper's order."""
    untested = lambda id, text, where, why: Claim(id, text, where, UNTESTED, why)  # noqa: E731
    return [
        untested("C1", "the mined corpus beats other corpora of equal token count as pre-training data", "Table 1, Fig. 3",
                 "One corpus was mined and one base model trained; there is no rival corpus in this run."),
        untested("C2", "a corpus in two languages lifts Chinese benchmarks; English-only corpora do not", "Table 1",
                 "No model was trained on the English half of the corpus alone."),
        convergence(results),
        untested("C4", "code before mathematics helps with and without tools", "Table 6", "No model was trained on code first."),
        untested("C5", "arXiv-like text alone does not help", "Table 8", "No model was trained on arXiv-like text."),
        tool_use(results),
        lift(results, "C7", "GRPO lifts in-domain benchmarks (GSM8K 82.9 to 88.2, MATH 46.8 to 51.7)", IN_DOMAIN, "in-domain"),
        lift(results, "C7b", "GRPO lifts out-of-domain benchmarks (CMATH 84.6 to 88.8, MGSM-zh 73.2 to 79.6)", OUT_OF_DOMAIN,
             "out-of-domain"),
        versus(results, "C8", "Online RFT beats RFT: alike early, ahead late", "Fig. 5", [("online_rft", "rft")]),
        versus(results, "C9", "GRPO beats Online RFT", "Fig. 5", [("grpo_os", "online_rft"), ("grpo_os_rule", "online_rft")]),
        versus(results, "C10", "process supervision beats outcome supervision", "Fig. 5",
               [("grpo_ps", "grpo_os"), ("grpo_ps_rule", "grpo_os_rule")]),
        iterative(results),
        maj_not_pass(results),
        cheaper_than_ppo(results),
        majority(results),
    ]


def lift(results: Results, id: str, text: str, domain: Sequence[str], words: str) -> Claim:
    """A GRPO arm against instruct, with the continued-SFT control beside it."""
    benchmarks = present(results, domain)
    for arm in ("grpo_os", "grpo_os_rule"):
        gap = compare(results, arm, "instruct", benchmarks)
        if gap is None:
            continue
        numbers, parts = [], []
        for other in ("instruct", CONTROL):
            gaps = {metric: compare(results, arm, other, benchmarks, metric) for metric in ("sampled", "greedy")}
            if gaps["sampled"]:
                numbers += [Number(f"{arm} - {other}, {metric}", value) for metric, value in gaps.items()]
                parts.append(f"over {arm_label(other)} " + ", ".join(f"{points(v)} {m}" for m, v in gaps.items()))
        sentence = f"{arm_label(arm)} on {', '.join(benchmarks)}: {'; '.join(parts)}"
        numbers += [Number(f"{arm} - instruct, sampled, {b}", compare(results, arm, "instruct", [b])) for b in benchmarks]
        floor = at_floor(results, (arm, "instruct"), benchmarks)
        sentence = floor or f"{sentence}.{seeds_note(gap)}"
        return Claim(id, text, "Table 5", FLOORED if floor else verdict(gap), sentence, tuple(numbers))
    return Claim(id, text, "Table 5", UNTESTED, f"No GRPO arm, or no instruct model, was evaluated on {words} benchmarks.")


def versus(results: Results, id: str, text: str, where: str, pairs: Sequence[tuple[str, str]]) -> Claim:
    """One arm against another on the in-domain benchmarks; the first pair that exists decides, the others stand beside."""
    benchmarks, found = present(results, IN_DOMAIN), []
    for arm, other in pairs:
        gap = compare(results, arm, other, benchmarks)
        if gap:
            found.append((arm, other, gap, compare(results, arm, other, benchmarks, "greedy")))
    if not found:
        return Claim(id, text, where, UNTESTED, f"Not both of {' and '.join(map(arm_label, pairs[0]))} were evaluated.")
    numbers = tuple(n for arm, other, gap, greedy in found for n in (
        Number(f"{arm} - {other}, sampled", gap), Number(f"{arm} - {other}, greedy", greedy)))
    arm, other, gap, greedy = found[0]
    floor = at_floor(results, (arm, other), benchmarks)
    if floor:
        return Claim(id, text, where, FLOORED, floor, numbers)
    early = early_gap(results, arm, other)
    sentence = (f"{arm_label(arm)} against {arm_label(other)} on {', '.join(benchmarks)}: {points(gap)} sampled, "
                f"{points(greedy)} greedy{early}.")
    beside = "".join(f" {arm_label(a)} against {arm_label(o)}: {points(g)} sampled." for a, o, g, _ in found[1:])
    return Claim(id, text, where, verdict(gap), f"{sentence}{beside}{seeds_note(gap)}", numbers)


def early_gap(results: Results, arm: str, other: str) -> str:
    """`; on validation +0.4 points after a third of the steps, +2.1 at the end`, or nothing."""
    means = []
    for name in (arm, other):
        rows = [cell.over_steps("validation_sampled") for cell in results.cells.get(name, {}).values()]
        steps = sorted(set.intersection(*map(set, rows))) if rows else []
        means.append({s: sum(r[s] for r in rows) / len(rows) for s in steps})
    steps = sorted(set(means[0]) & set(means[1]))
    if len(steps) < 3:
        return ""
    early = min(steps, key=lambda s: abs(s - steps[-1] / 3))
    gaps = [100 * (means[0][s] - means[1][s]) for s in (early, steps[-1])]
    return f"; on the validation split {gaps[0]:+.1f} points at step {early} and {gaps[1]:+.1f} at step {steps[-1]}"


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


def maj_not_pass(results: Results) -> Claim:
    """C12: RL against instruct in maj@K and pass@K at the largest K that both have, on the same questions."""
    id, text, where = "C12", "RL lifts Maj@K but not Pass@K", "Fig. 7"
    found = deepest(results)
    if found is None:
        return Claim(id, text, where, UNTESTED, "No GRPO arm and instruct model with sampled answers were evaluated.")
    arm, benchmarks, k = found
    maj, passed = (compare_at(results, arm, benchmarks, kind, k) for kind in ("maj", "pass"))
    numbers = (Number(f"{arm} - instruct, maj@{k}", maj), Number(f"{arm} - instruct, pass@{k}", passed))
    listed = ", ".join(benchmarks)
    floor = at_floor(results, (arm, "instruct"), benchmarks)
    if floor:
        return Claim(id, text, where, FLOORED, floor, numbers)
    if passed.low > 0:
        unmoved, reading = NOT, "Pass@K rose as well"
    elif passed.high < SAME:
        unmoved, reading = REPRODUCED, f"Pass@K rose by less than {100 * SAME:.0f} points, if at all"
    else:
        unmoved, reading = DIRECTION, f"whether Pass@K rose by {100 * SAME:.0f} points cannot be told"
    sentence = (f"{arm_label(arm)} against instruct at K = {k} on {listed}: Maj@K {points(maj)}, "
                f"Pass@K {points(passed)}; {reading}.{seeds_note(maj)}")
    return Claim(id, text, where, weaker(verdict(maj), unmoved), sentence, numbers)


def deepest(results: Results) -> tuple[str, list[str], int] | None:
    """(arm, benchmarks, K): the GRPO arm and in-domain benchmarks where arm and instruct have the most samples."""
    best = None
    for arm in ("grpo_os", "grpo_os_rule"):
        depth: dict[int, list[str]] = {}
        for benchmark in present(results, IN_DOMAIN):
            scores = [results.scores[m][benchmark] for m in ("instruct", *models_at(results, arm, benchmark))
                      if benchmark in results.scores.get(m, {})]
            counts = [s.deep_samples for s in scores]
            if len(counts) > 1 and min(counts) > 1 and len({s.deep or s.ids for s in scores}) == 1:
                depth.setdefault(1 << (min(counts).bit_length() - 1), []).append(benchmark)
        if depth and (best is None or max(depth) > best[2]):
            best = (arm, depth[max(depth)], max(depth))
    return best


def models_at(results: Results, arm: str, benchmark: str) -> list[str]:
    """The cells of an arm with the most samples on a benchmark (the extra samples are drawn for chosen models)."""
    found = [m for m in results.models_of(arm) if benchmark in results.scores[m]]
    most = max((results.scores[m][benchmark].deep_samples for m in found), default=0)
    return [m for m in found if results.scores[m][benchmark].deep_samples == most]


def compare_at(results: Results, arm: str, benchmarks: Sequence[str], kind: str, k: int) -> Interval:
    """Paired difference in maj@k or pass@k of an arm's deepest cells from instruct."""
    ours, theirs = [], []
    for benchmark in benchmarks:
        models = models_at(results, arm, benchmark)
        ours.append(np.stack([curve_values(results, m, benchmark, kind, [k])[:, 0] for m in models]))
        theirs.append(curve_values(results, "instruct", benchmark, kind, [k])[:, 0])
    seeds = min(len(v) for v in ours)
    return difference(np.concatenate([v[:seeds] for v in ours], 1), np.concatenate(theirs))


def cheaper_than_ppo(results: Results) -> Claim:
    """C13 from the FLOPs and peak memory of a PPO cell and a GRPO cell."""
    id, text, where = "C13", "GRPO needs less memory and compute than PPO", "4.1.1, Fig. 4"
    for ppo, grpo in (("ppo", "grpo_os"), ("ppo_rule", "grpo_os_rule")):
        cells = results.cells.get(ppo), results.cells.get(grpo)
        if not all(cells):
            continue
        flops = [sum(c.summary.get("flops") or 0 for c in side.values()) / len(side) for side in cells]
        if min(flops) <= 0:
            continue
        ratio = flops[0] / flops[1]
        memory, words = peak_memory(results, ppo, grpo)
        sentence = f"PPO took {ratio:.2f} times the FLOPs of {arm_label(grpo)} (by formula, sampling counted); {words}."
        return Claim(id, text, where, weaker(REPRODUCED if ratio > 1 else NOT, memory), sentence)
    return Claim(id, text, where, UNTESTED, "No PPO arm was run beside its GRPO counterpart.")


def peak_memory(results: Results, ppo: str, grpo: str) -> tuple[str, str]:
    """(status, words): the largest memory of the process, cell by cell. Libraries and the sampler are in it too."""
    found = [[cost["peak_rss_mb"] for name, cost in results.costs.items()
              if name.rpartition("-")[0] == f"rl-{arm}" and cost.get("peak_rss_mb")] for arm in (ppo, grpo)]
    if not all(found):
        return DIRECTION, "peak memory was not recorded"
    means = [sum(side) / len(side) for side in found]
    apart = min(found[0]) > max(found[1]) and min(map(len, found)) > 1
    status = NOT if means[0] <= means[1] else REPRODUCED if apart else DIRECTION
    listed = " against ".join(f"{mean:.0f} MB ({min(side):.0f} to {max(side):.0f}, {len(side)} runs)"
                              for mean, side in zip(means, found, strict=True))
    return status, f"peak memory of the process {listed}"


def majority(results: Results) -> Claim:
    """C14: the RL model's majority of K against its greedy answer, on the same questions."""
    id, text, where = "C14", "self-consistency over 64 samples: MATH 51.7 to 60.9", "abstract"
    found = deepest(results)
    if found is None:
        return Claim(id, text, where, UNTESTED, "No GRPO arm with sampled answers was evaluated.")
    arm, benchmarks, k = found
    numbers = []
    for benchmark in benchmarks:
        models = models_at(results, arm, benchmark)
        votes = np.stack([curve_values(results, m, benchmark, "maj", [k])[:, 0] for m in models])
        scores = [results.scores[m][benchmark] for m in models]
        chosen = [s.deep or s.ids for s in scores]
        greedy = np.stack([[g for i, g in zip(s.ids, s.greedy_N, strict=True) if i in set(ids)]
                           for s, ids in zip(scores, chosen, strict=True)])
        numbers += [Number(f"{arm_label(arm)}, {benchmark}: maj@{k} - greedy", paired_within(votes, greedy)),
                    Number(f"{arm_label(arm)}, {benchmark}: maj@{k}", level(votes))]
    floor = at_floor(results, (arm,), benchmarks)
    gaps = [n for n in numbers if n.name.endswith("greedy")]
    chosen = next((n for n in gaps if "math" in n.name), gaps[0])
    listed = "; ".join(f"{n.name} {points(n.value)}" for n in gaps)
    few = "" if k >= 64 else f" (only {k} samples were drawn, not 64)"
    status = FLOORED if floor else verdict(chosen.value, trained=False)
    return Claim(id, text, where, status, floor or f"{listed}{few}.", tuple(numbers))


def paired_within(first_SN, second_SN) -> Interval:
    """Difference of two scores of the same models on the same questions."""
    gap_SN = np.asarray(first_SN) - np.asarray(second_SN)
    return difference(gap_SN, np.zeros((1, gap_SN.shape[1])))
