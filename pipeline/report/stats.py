"""Means and 95 % intervals over questions and training seeds.

Two things vary: which questions the test holds, and which seed an arm was trained with. An arm's table is values_SN
(S seeds, N common questions). Its mean has variance

    (MS_question + MS_seed - MS_residual) / (S N)     two-way random effects, one value a cell

and its interval is mean +- t * standard error, with Satterthwaite's degrees of freedom. In simulations with three
seeds it holds the truth 92 to 99 times in 100 (tests/test_report_stats.py). A bootstrap over three seeds is not used:
it resamples three values, so it holds the truth far less often where seeds differ. A model that exists once (base,
instruct) has no seed part: its interval speaks of questions alone.

Two arms that were trained with the same seeds are compared by `paired`: the table of their differences, question by
question and seed by seed (equal seeds meet the same questions in the same order), gets the same treatment. So the
interval is one over questions and seeds, and with S seeds its t has no fewer than S - 1 degrees of freedom.

Legend: S and T seeds, N questions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval, over `questions` questions and `seeds` trained models (of the smaller side)."""

    mean: float
    low: float
    high: float
    questions: int
    seeds: int = 1

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def level(values_SN: np.ndarray) -> Interval:
    """Mean of one model or arm; values in [0, 1] (right or wrong, or the share of right samples)."""
    values_SN = np.atleast_2d(np.asarray(values_SN, dtype=float))
    S, N = values_SN.shape
    mean = float(values_SN.mean())
    if mean in (
        0.0,
        1.0,
    ):  # no question differs, so the spread says nothing: exact binomial bound over questions
        reach = 1 - ((1 - CONFIDENCE) / 2) ** (1 / N)
        low, high = (0.0, reach) if mean == 0.0 else (1 - reach, 1.0)
    else:
        half = _half_width([values_SN], values_SN.mean(0))
        low, high = max(0.0, mean - half), min(1.0, mean + half)
    return Interval(mean, low, high, N, S)


def difference(values_SN: np.ndarray, other_TN: np.ndarray) -> Interval:
    """Mean of the first minus mean of the second, question by question; each side may be one model or several seeds."""
    values_SN, other_TN = (np.atleast_2d(np.asarray(v, dtype=float)) for v in (values_SN, other_TN))
    if values_SN.shape[1] != other_TN.shape[1]:
        raise ValueError(f"{values_SN.shape[1]} and {other_TN.shape[1]} questions: pair them first")
    gap_N = values_SN.mean(0) - other_TN.mean(0)
    mean, half = float(gap_N.mean()), _half_width([values_SN, other_TN], gap_N)
    seeds = min((len(v) for v in (values_SN, other_TN) if len(v) > 1), default=1)
    return Interval(mean, mean - half, mean + half, len(gap_N), seeds)


def paired(values_SN: np.ndarray, other_SN: np.ndarray) -> Interval:
    """Mean of the first minus mean of the second, question by question and seed by seed: row s of both is one seed."""
    gap_SN = np.atleast_2d(np.asarray(values_SN, dtype=float)) - np.atleast_2d(
        np.asarray(other_SN, dtype=float)
    )
    S, N = gap_SN.shape
    mean, half = float(gap_SN.mean()), _half_width([gap_SN], gap_SN.mean(0))
    return Interval(mean, mean - half, mean + half, N, S)


def over_seeds(values_S: Sequence[float]) -> Interval:
    """Mean of one value a seed (such as megabytes), with Student's t; no end is known from one seed."""
    values_S = np.asarray(values_S, dtype=float)
    S, mean = len(values_S), float(np.mean(values_S))
    half = t_quantile(S - 1) * float(values_S.std(ddof=1)) / math.sqrt(S) if S > 1 else math.inf
    return Interval(mean, mean - half, mean + half, 0, S)


def _half_width(sides: list[np.ndarray], gap_N: np.ndarray) -> float:
    """t * standard error of mean(gap_N), where gap_N averages the seeds of each of `sides`.

    Variance parts: questions, var(gap_N)/N, which already holds each side's residual/(S N); and for each side with
    several seeds, var(seed means)/S, which holds that residual once more, so it is taken off once.
    """
    N = len(gap_N)
    if N < 2:
        return math.inf
    parts = [(gap_N.var(ddof=1) / N, N - 1)]
    for values_SN in sides:
        S = len(values_SN)
        if S < 2:
            continue
        seed_S = values_SN.mean(1)
        residual_SN = values_SN - values_SN.mean(0) - seed_S[:, None] + values_SN.mean()
        residual = float((residual_SN**2).sum()) / ((S - 1) * (N - 1))
        parts += [(seed_S.var(ddof=1) / S, S - 1), (-residual / (S * N), (S - 1) * (N - 1))]
    variance = max(sum(v for v, _ in parts), parts[0][0])
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(v * v / df for v, df in parts)
    return t_quantile(max(freedom, 1.0)) * math.sqrt(variance)


def t_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Two-sided quantile of Student's t for any real degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))
