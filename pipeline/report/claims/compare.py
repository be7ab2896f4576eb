"""Comparisons of a build's arms as the claims need them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.arms import arm_label
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.rules import FLOOR, GAIN, GATE, GATE_QUESTIONS, Test, margin, number_of
from pipeline.report.data import Results
from pipeline.report.stats import Interval, combined, level

Pair = tuple[str, str]


def compare(
    results: Results, arm: str, other: str, benchmarks: Sequence[str], metric: str = "sampled"
) -> Interval | None:
    """Difference arm - other over all those benchmarks, which weigh the same; paired by question,
    and by seed and chain. None when a side has no results, or they have no unit in common.
    """
    gaps = results.gaps(arm, other, benchmarks, metric)
    return combined(gaps.tables, gaps.chains_U) if gaps else None


def parts_of(
    results: Results, arm: str, other: str, benchmarks: Sequence[str], metric: str = "sampled"
) -> dict[str, Interval]:
    """The same difference on each benchmark; {} for a single one."""
    if len(benchmarks) < 2:
        return {}
    found = {b: compare(results, arm, other, [b], metric) for b in benchmarks}
    return {benchmark: gap for benchmark, gap in found.items() if gap}


def present(results: Results, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in results.benchmarks]


def versus(
    results: Results,
    spec: Spec,
    pair: Pair,
    benchmarks: Sequence[str],
    kind: str = GAIN,
    metric: str = "sampled",
    trained: bool = True,
    notes: Sequence[str] = (),
) -> Claim:
    """One arm against another: a claim decided by their paired difference, with greedy answers next
    to it.
    """
    arm, other = pair
    benchmarks = present(results, benchmarks)
    value = compare(results, arm, other, benchmarks, metric)
    names = f"{arm_label(arm)} - {arm_label(other)}"
    if value is None:
        return untestable(spec, f"{names}: not both were evaluated in this build.")
    place = " and ".join(benchmarks)
    if low := floor_sentence(results, pair, benchmarks, metric):
        return untestable(spec, low, [Number(f"{names}, {place}", value)])

    parts = parts_of(results, arm, other, benchmarks, metric)
    test = Test(f"{names}, {place}", value, margin(spec.effect), kind, parts=parts, trained=trained)
    greedy = compare(results, arm, other, benchmarks, "greedy") if metric != "greedy" else None
    numbers = [Number(f"{names}, greedy, {place}", greedy)] if greedy else []
    said = (*notes, *filter(None, [like_for_like(results, arm, other)]))
    samples = samples_of(results, pair, benchmarks) if metric == "sampled" else ""
    return Claim(spec, (test,), samples, "", said, tuple(numbers))


def floor_sentence(
    results: Results, arms: Sequence[str], benchmarks: Sequence[str], metric: str = "sampled"
) -> str:
    """Said when all that is compared scores below the floor, or none of it differs from 0
    significantly; else "".
    """
    tables = [table for arm in arms for b in benchmarks if (table := results.table(arm, b, metric))]
    levels = [level(table.values_UN, table.chains_U) for table in tables]
    if metric not in ("sampled", "greedy") or not levels:
        return ""
    if any(found.mean >= FLOOR and found.low > 0 for found in levels):
        return ""
    best = max(found.mean for found in levels)
    return (
        f"Every score compared is at the floor (highest {100 * best:.1f} %, floor "
        f"{100 * FLOOR:.0f} %), where a difference says nothing about a method."
    )


def samples_of(results: Results, arms: Sequence[str], benchmarks: Sequence[str]) -> str:
    """Samples per question, as `4` or `4/8`."""
    found = {
        results.scores[model][b].samples
        for arm in arms
        for model in results.models_of(arm)
        for b in benchmarks
        if b in results.scores[model]
    }
    return "/".join(map(str, sorted(found)))


def like_for_like(results: Results, arm: str, other: str) -> str:
    """Said where one arm learned from more than twice the tokens of the other, as far as the units
    of both tell; else "".
    """
    units = sorted(set(results.cells.get(arm, {})) & set(results.cells.get(other, {})))
    sides = [[results.cells[name][unit].summary for unit in units] for name in (arm, other)]
    tokens = [[s["tokens"] for s in side if s.get("tokens")] for side in sides]
    if not units or not all(tokens):
        return ""
    means = [float(np.mean(some)) for some in tokens]
    if 0.5 <= means[0] / means[1] <= 2:
        return ""
    learned = [
        f"{arm_label(name)} from {mean / 1000:,.0f} thousand tokens"
        for name, mean in zip((arm, other), means, strict=True)
    ]
    return f"The two do not learn from equal amounts: {', '.join(learned)}."


def gate(results: Results, arm: str) -> tuple[bool, str]:
    """Whether the reward models behind an arm may stand for a learned reward, and what was measured
    of them.

    They have to rank right outputs of a question above wrong ones better than the sampler's own
    likelihood does, by GATE in AUC, mean over the chains that have them, each on at least
    GATE_QUESTIONS held-out questions of its own. Rules need no gate.
    """
    kind = results.reward_model(arm)
    if kind is None:
        return True, ""
    found = []
    for models in results.judges:
        outcome = models.get("outcome", {})
        auc = models.get(kind, {}).get("auc_within")
        plain = (outcome.get("likelihood") or {}).get("auc_within")
        if auc is None or plain is None:
            return False, f"The AUC of the {kind} reward model inside a question was not measured."
        found.append((auc, plain, (outcome.get("n") or 0) // max(outcome.get("samples") or 1, 1)))

    aucs, plains, asked = zip(*found, strict=True)
    ours, theirs = (", ".join(f"{value:.2f}" for value in values) for values in (aucs, plains))
    chains = f" (of {len(found)} chains)" if len(found) > 1 else ""
    said = (
        f"AUC inside a question: {kind} reward model {ours}, likelihood of the sampler "
        f"{theirs}{chains}, on {min(asked):,} held-out questions; the gate asks for {GATE:.2f} more on "
        f"{GATE_QUESTIONS:,}."
    )
    gain = sum(aucs) / len(found) - sum(plains) / len(found)
    return round(gain, 9) >= GATE and min(asked) >= GATE_QUESTIONS, said


def by_reward(
    results: Results, spec: Spec, learned: Pair, rule: Pair, benchmarks: Sequence[str]
) -> Claim:
    """A claim that the paper makes of learned rewards. They decide it where the reward models pass
    the gate and as many models are there as with exact rules; else rules decide, and learned
    rewards stand beside them.
    """
    checks = [gate(results, arm) for arm in learned]
    gated, said = all(passed for passed, _ in checks), [text for _, text in checks if text]
    asked = present(results, benchmarks)
    trained = compare(results, *learned, asked) is not None
    count = len(results.pairs_of(*learned, asked))
    if trained and gated and count >= len(results.pairs_of(*rule, asked)):
        return versus(results, spec, learned, benchmarks, notes=list(dict.fromkeys(said)))

    found = versus(results, spec, rule, benchmarks, notes=["The rewards are exact rules."])
    if not trained:
        return found
    why = "learned rewards, on fewer models" if gated else "reward model below the gate"
    if not found.tests:
        return untestable(spec, f"{found.reason} {said[0]}", found.numbers)
    beside = versus(results, spec, learned, benchmarks)
    more = [Number(f"{t.name} ({why})", t.value) for t in beside.tests]
    note = "With learned rewards not testable: the reward model is below its gate."
    if gated:
        counted = number_of(count, "models")
        note = f"Learned rewards stand beside, on {counted}. {said[0]}"
    return Claim(
        spec, found.tests, found.samples, "", (*found.notes, note), (*found.numbers, *more)
    )
