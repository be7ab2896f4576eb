"""C14: self-consistency over 64 samples lifts MATH from 51.7 to 60.9 (abstract).

Primary: the majority of the largest K against the greedy answer of the same RL model, on the same
questions.
"""

from __future__ import annotations

import numpy as np

from pipeline.report.arms import arm_label
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import floor_sentence
from pipeline.report.claims.rules import Test, margin
from pipeline.report.curves import deepest
from pipeline.report.data import Results, unit_of
from pipeline.report.stats import Interval, combined

SPEC = Spec("C14", "Self-consistency over 64 samples lifts MATH", "abstract", "51.7 to 60.9", 0.092)
FULL = 64


def claim(results: Results) -> Claim:
    found = deepest(results)
    if found is None:
        return untestable(SPEC, "No GRPO arm with sampled answers was evaluated.")
    arm, benchmarks, k = found
    value = vote_gain(results, arm, benchmarks, k)
    name = f"{arm_label(arm)}, Maj@{k} - greedy, {' and '.join(benchmarks)}"
    if low := floor_sentence(results, [arm], benchmarks):
        return untestable(SPEC, low, [Number(name, value)])
    parts = {b: vote_gain(results, arm, [b], k) for b in benchmarks}
    shown = parts if len(parts) > 1 else {}
    test = Test(name, value, margin(SPEC.effect), parts=shown, trained=False)
    notes = [f"Only {k} samples were drawn, not {FULL}."] if k < FULL else []
    return Claim(SPEC, (test,), str(k), notes=tuple(notes))


def vote_gain(results: Results, arm: str, benchmarks: list[str], k: int) -> Interval:
    """Majority of k minus greedy over benchmarks of equal weight, of the arm's deepest models."""
    models = results.deepest_models(arm, benchmarks[0])
    models = [m for m in models if all(b in results.scores[m] for b in benchmarks)]
    tables = []
    for benchmark in benchmarks:
        scores = [results.scores[m][benchmark] for m in models]
        tables.append(np.stack([s.curve("maj", [k])[:, 0] - s.deep_greedy() for s in scores]))
    return combined(tables, [unit_of(m).chain for m in models])
