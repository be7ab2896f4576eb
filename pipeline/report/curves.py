"""Claims C12 and C14: Maj@K and Pass@K at the largest K, on the questions that were asked most often (Figure 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.arms import IN_DOMAIN, arm_label
from pipeline.report.claim import (
    DIRECTION,
    FLOORED,
    LIFTED,
    NOT,
    REPRODUCED,
    SAME,
    UNTESTED,
    Claim,
    Number,
    at_floor,
    on_every,
    parts_text,
    points,
    present,
    seeds_note,
    told,
    verdict,
    weaker,
)
from pipeline.report.data import Results
from pipeline.report.stats import Interval, difference, level


def maj_not_pass(results: Results) -> Claim:
    """C12: RL against instruct in maj@K and pass@K at the largest K that both have, on the same questions."""
    id, text, where = "C12", "RL lifts Maj@K but not Pass@K", "Fig. 7"
    found = deepest(results)
    if found is None:
        return Claim(
            id,
            text,
            where,
            UNTESTED,
            "No GRPO arm and instruct model with sampled answers were evaluated.",
        )
    arm, benchmarks, k = found
    (maj, in_maj), (passed, in_pass) = (
        with_parts(results, arm, benchmarks, kind, k) for kind in ("maj", "pass")
    )
    more = compare_at(results, arm, benchmarks, "maj", k, less="pass")
    numbers = (
        Number(f"{arm} - instruct, maj@{k}", maj),
        Number(f"{arm} - instruct, pass@{k}", passed),
        Number(f"{arm} - instruct, maj@{k} over pass@{k}", more),
        *(
            Number(f"{arm} - instruct, {kind}@{k}, {b}", gap)
            for kind, found in (("maj", in_maj), ("pass", in_pass))
            for b, gap in found.items()
        ),
    )
    floor = at_floor(results, (arm, "instruct"), benchmarks)
    if floor:
        return Claim(id, text, where, FLOORED, floor, numbers)
    if passed.high < SAME:
        unmoved, reading = (
            REPRODUCED,
            f"Pass@K rose by less than {100 * SAME:.0f} points, if at all",
        )
    elif passed.low > 0:
        unmoved, reading = NOT, "Pass@K rose as well"
    else:
        unmoved, reading = (
            DIRECTION,
            f"whether Pass@K rose by {100 * SAME:.0f} points cannot be told",
        )
    place = f" on {benchmarks[0]}" if len(benchmarks) == 1 else ""
    sentence = (
        f"{arm_label(arm)} against instruct at K = {k}{place}: Maj@K {points(maj)}{parts_text(in_maj)}, {told(maj)}; "
        f"Pass@K {points(passed)}{parts_text(in_pass)}, {reading}. Maj@K rose by {points(more)} more than Pass@K."
        f"{seeds_note(maj)}"
    )
    lifted = on_every(verdict(maj), in_maj.values())
    if unmoved == REPRODUCED and any(gap.low > 0 for gap in in_pass.values()):
        unmoved = DIRECTION
    return Claim(id, text, where, weaker(lifted, unmoved), sentence, numbers)


def with_parts(
    results: Results, arm: str, benchmarks: Sequence[str], kind: str, k: int
) -> tuple[Interval, dict[str, Interval]]:
    """The difference from instruct over all these benchmarks, and each one's where there are several."""
    parts = (
        {b: compare_at(results, arm, [b], kind, k) for b in benchmarks}
        if len(benchmarks) > 1
        else {}
    )
    return compare_at(results, arm, benchmarks, kind, k), parts


def deepest(results: Results) -> tuple[str, list[str], int] | None:
    """(arm, benchmarks, K): the GRPO arm and in-domain benchmarks where arm and instruct have the most samples."""
    best = None
    for arm in LIFTED:
        depth: dict[int, list[str]] = {}
        for benchmark in present(results, IN_DOMAIN):
            scores = [
                results.scores[m][benchmark]
                for m in ("instruct", *results.deepest_models(arm, benchmark))
                if benchmark in results.scores.get(m, {})
            ]
            counts = [s.deep_samples for s in scores]
            if len(counts) > 1 and min(counts) > 1 and len({s.deep or s.ids for s in scores}) == 1:
                depth.setdefault(1 << (min(counts).bit_length() - 1), []).append(benchmark)
        if depth and (best is None or max(depth) > best[2]):
            best = (arm, depth[max(depth)], max(depth))
    return best


def compare_at(
    results: Results, arm: str, benchmarks: Sequence[str], kind: str, k: int, less: str = ""
) -> Interval:
    """Paired difference in maj@k or pass@k of an arm's deepest cells from instruct; `less`: minus that in this other one."""
    ours, theirs = [], []
    for benchmark in benchmarks:

        def values(model: str, benchmark: str = benchmark) -> np.ndarray:
            found_N = results.curve_values(model, benchmark, kind, [k])[:, 0]
            return (
                found_N - results.curve_values(model, benchmark, less, [k])[:, 0]
                if less
                else found_N
            )

        ours.append(np.stack([values(m) for m in results.deepest_models(arm, benchmark)]))
        theirs.append(values("instruct"))
    seeds = min(len(v) for v in ours)
    return difference(np.concatenate([v[:seeds] for v in ours], 1), np.concatenate(theirs))


def difference_at(
    results: Results, models: Sequence[str], benchmark: str, kind: str, k: int
) -> Interval:
    """Paired difference of models (the seeds of an arm) from instruct in maj@k or pass@k, on the questions of Figure 7."""
    ours = np.stack([results.curve_values(m, benchmark, kind, [k])[:, 0] for m in models])
    return difference(ours, results.curve_values("instruct", benchmark, kind, [k])[:, 0])


def majority(results: Results) -> Claim:
    """C14: the RL model's majority of K against its greedy answer, on the same questions."""
    id, text, where = "C14", "self-consistency over 64 samples: MATH 51.7 to 60.9", "abstract"
    found = deepest(results)
    if found is None:
        return Claim(id, text, where, UNTESTED, "No GRPO arm with sampled answers was evaluated.")
    arm, benchmarks, k = found
    numbers = []
    for benchmark in benchmarks:
        models = results.deepest_models(arm, benchmark)
        votes = np.stack([results.curve_values(m, benchmark, "maj", [k])[:, 0] for m in models])
        scores = [results.scores[m][benchmark] for m in models]
        chosen = [s.deep or s.ids for s in scores]
        greedy = np.stack(
            [
                [g for i, g in zip(s.ids, s.greedy_N, strict=True) if i in set(ids)]
                for s, ids in zip(scores, chosen, strict=True)
            ]
        )
        numbers += [
            Number(
                f"{arm_label(arm)}, {benchmark}: maj@{k} - greedy", paired_within(votes, greedy)
            ),
            Number(f"{arm_label(arm)}, {benchmark}: maj@{k}", level(votes), unit="level"),
        ]
    floor = at_floor(results, (arm,), benchmarks)
    gaps = [n for n in numbers if n.name.endswith("greedy")]
    chosen = next((n for n in gaps if "math" in n.name), gaps[0])
    listed = "; ".join(f"{n.name} {points(n.value)}, {told(n.value)}" for n in gaps)
    few = "" if k >= 64 else f" (only {k} samples were drawn, not 64)"
    status = FLOORED if floor else verdict(chosen.value, trained=False)
    return Claim(id, text, where, status, floor or f"{listed}{few}.", tuple(numbers))


def paired_within(first_SN, second_SN) -> Interval:
    """Difference of two scores of the same models on the same questions."""
    gap_SN = np.asarray(first_SN) - np.asarray(second_SN)
    return difference(gap_SN, np.zeros((1, gap_SN.shape[1])))
