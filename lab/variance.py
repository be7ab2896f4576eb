"""The variance of a difference between two arms, taken apart, and the power of a design that follows.

lab/power.py says what the parts are and reads them from runs.

Legend: S seeds, N questions, K samples, Q quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.report.stats import CONFIDENCE, t_quantile

POWER = 0.8
QUANTILES = 2000


@dataclass(frozen=True)
class Components:
    """Variances of a paired difference in accuracy (0..1), of one question, one seed, one sample."""

    question: float
    seed: float | None  # None: one seed was trained
    both: float
    sample: float

    def parts(self, seeds: int, questions: int, samples: int) -> list[tuple[float, float]]:
        """(variance, degrees of freedom) of the mean's standard error, as stats.py adds them up."""
        residual = self.both + self.sample / samples
        per_question = (self.question + residual / seeds) / questions
        if seeds < 2:
            return [(per_question, questions - 1)]
        return [
            (per_question, questions - 1),
            ((self.seed + residual / questions) / seeds, seeds - 1),
            (-residual / (seeds * questions), (seeds - 1) * (questions - 1)),
        ]


def components(gap_SNK: np.ndarray) -> Components:
    """Estimates by the method of moments; a negative one counts as 0. Needs 2 questions and 2
    samples.
    """
    gap_SNK = np.asarray(gap_SNK, dtype=float)
    return moments(gap_SNK.mean(2), float(gap_SNK.var(axis=2, ddof=1).mean()), gap_SNK.shape[2])


def moments(gap_SN: np.ndarray, sample: float, K: int) -> Components:
    """The same from means over K samples and the variance of a single sample's difference."""
    S, N = gap_SN.shape
    question_N, seed_S = gap_SN.mean(0), gap_SN.mean(1)
    if S < 2:
        return Components(max(0.0, float(question_N.var(ddof=1)) - sample / K), None, 0.0, sample)
    residual_SN = gap_SN - question_N - seed_S[:, None] + gap_SN.mean()
    residual = float((residual_SN**2).sum()) / ((S - 1) * (N - 1))
    question = float(question_N.var(ddof=1)) - residual / S
    seed = float(seed_S.var(ddof=1)) - residual / N
    return Components(max(0.0, question), max(0.0, seed), max(0.0, residual - sample / K), sample)


def power(found: Components, difference: float, seeds: int, questions: int, samples: int) -> float:
    """Probability that the 95 % interval of a true difference excludes 0."""
    from scipy.special import chdtri, ndtr

    parts = found.parts(seeds, questions, samples)
    variance = max(sum(v for v, _ in parts), parts[0][0])
    if variance == 0:
        return 1.0
    freedom = max(1.0, variance**2 / sum(v * v / df for v, df in parts))
    bound, centre = t_quantile(freedom, CONFIDENCE), difference / np.sqrt(variance)
    # the noncentral t by its definition: a normal over the root of a chi-square, here at even
    # quantiles
    spread_Q = np.sqrt(chdtri(freedom, 1 - (np.arange(QUANTILES) + 0.5) / QUANTILES) / freedom)
    return float(np.mean(ndtr(centre - bound * spread_Q) + ndtr(-centre - bound * spread_Q)))


def smallest(
    found: Components,
    difference: float,
    seeds: int,
    samples: int,
    wanted: float = POWER,
    most: int = 100_000,
):
    """The fewest questions with that power, or None when even `most` do not have it."""
    if power(found, difference, seeds, most, samples) < wanted:
        return None
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        low, high = (
            (low, middle)
            if power(found, difference, seeds, middle, samples) >= wanted
            else (middle + 1, high)
        )
    return low


def detectable(
    found: Components, seeds: int, questions: int, samples: int, wanted: float = POWER
) -> float | None:
    """The smallest true difference with that power; None when there is none below 1."""
    low, high = 0.0, 1.0
    if power(found, high, seeds, questions, samples) < wanted:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (
            (low, middle)
            if power(found, middle, seeds, questions, samples) >= wanted
            else (middle, high)
        )
    return high
