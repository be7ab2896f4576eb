"""Maj@K and Pass@K at the largest K, on the questions that were asked most often (Figure 7, claims
C12 and C14).

Legend: U units, N questions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.report.arms import IN_DOMAIN
from pipeline.report.data import Results, unit_of
from pipeline.report.stats import Interval, combined

ARMS = ("grpo_os", "grpo_os_rule")  # the paper's arm of Figure 7, and ours with the rule


def deepest(results: Results) -> tuple[str, list[str], int] | None:
    """(arm, benchmarks, K): the GRPO arm and in-domain benchmarks where arm and instruct have the
    most samples.
    """
    best = None
    for arm in ARMS:
        depth: dict[int, list[str]] = {}
        for benchmark in (b for b in IN_DOMAIN if b in results.benchmarks):
            models = [*results.models_of("instruct"), *results.deepest_models(arm, benchmark)]
            scores = [
                results.scores[m][benchmark] for m in models if benchmark in results.scores[m]
            ]
            counts = [s.deep_samples for s in scores]
            alike = len({s.deep or s.ids for s in scores}) == 1
            if results.deepest_models(arm, benchmark) and min(counts, default=0) > 1 and alike:
                depth.setdefault(1 << (min(counts).bit_length() - 1), []).append(benchmark)
        if depth and (best is None or max(depth) > best[2]):
            best = (arm, depth[max(depth)], max(depth))
    return best


def gain_at(
    results: Results, arm: str, benchmarks: Sequence[str], kind: str, k: int, less: str = ""
) -> Interval:
    """Paired difference in maj@k or pass@k of an arm's deepest models from the instruct model of
    their chain, over benchmarks of equal weight; `less`: minus the same difference in this other
    one.
    """
    models = results.deepest_models(arm, benchmarks[0])
    models = [m for m in models if all(b in results.scores[m] for b in benchmarks)]
    starts = {unit_of(m).chain: m for m in results.models_of("instruct")}

    def values(model: str, benchmark: str) -> np.ndarray:
        curve_N = results.scores[model][benchmark].curve(kind, [k])[:, 0]
        return (
            curve_N - results.scores[model][benchmark].curve(less, [k])[:, 0] if less else curve_N
        )

    tables = [
        np.stack([values(m, b) - values(starts[unit_of(m).chain], b) for m in models])
        for b in benchmarks
    ]
    return combined(tables, [unit_of(m).chain for m in models])
