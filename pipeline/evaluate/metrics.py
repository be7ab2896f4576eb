"""Scores of a question from its samples: accuracy, unbiased pass@K, maj@K (Figure 7, the abstract's
majority of 64).

The paper draws Maj@K and Pass@K and defines neither the vote nor the estimator; here they are:

pass@K   the chance that at least one of K samples is right, over all K-subsets of the n samples drawn:
         1 - C(n-c, K) / C(n, K), c the number of right samples. Unbiased.
maj@K    K samples vote; samples vote together when their answers are equivalent; samples without an answer have no
         vote and never win. A tie is broken by a fair draw among the leading answers. The value is the chance that
         the winner is right, over all K-subsets and all draws, computed exactly. So maj@1 is the mean accuracy, and
         a subset in which nobody answers is wrong.

A vote is an integer class: RIGHT for every answer equivalent to the reference, NO_ANSWER, or 1, 2,
... for the classes of wrong answers. Nothing here knows how answers are compared; `answer_classes`
is given that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import comb

import numpy as np

RIGHT, NO_ANSWER = 0, -1


def pass_at_k(n: int, right: int, k: int) -> float:
    """Unbiased pass@k of one question with `right` of `n` samples right. Raises ValueError unless 1
    <= k <= n."""
    _check(n, k)
    return 1.0 - comb(n - right, k) / comb(n, k)


def maj_at_k(classes: Sequence[int], ks: Sequence[int]) -> list[float]:
    """Exact expected maj@k of one question for every k of `ks`; `classes` are its samples' votes.

    With w votes for the right class, the j-th rival class r_j votes and z samples without an
    answer, the number of k-subsets in which RIGHT gets m votes, no rival more than m and t rivals
    exactly m is C(w, m) times the coefficient of x^(k-m) y^t in (1+x)^z prod_j ( sum_{v<m} C(r_j,
    v) x^v + y C(r_j, m) x^m ); RIGHT then wins with chance 1/(1+t). All terms are non-negative, so
    floats lose nothing.

    >>> [round(value, 4) for value in maj_at_k([0, 0, 1, 2], [1, 2, 4])]
    [0.5, 0.5, 1.0]
    """
    for k in ks:
        _check(len(classes), k)
    votes = Counter(classes)
    right, silent = votes.pop(RIGHT, 0), votes.pop(NO_ANSWER, 0)
    return list(_maj(right, silent, tuple(sorted(votes.values())), tuple(ks)))


@lru_cache(maxsize=1 << 16)  # questions share few patterns of votes
def _maj(
    right: int, silent: int, rivals: tuple[int, ...], ks: tuple[int, ...]
) -> tuple[float, ...]:
    samples, top, chance = right + silent + sum(rivals), max(ks), np.zeros(len(ks))
    for m in range(1, min(right, top) + 1):
        poly_YX = _rivals_at_most(m, rivals, silent, top - m)
        win_X = comb(right, m) * (poly_YX / (1.0 + np.arange(len(poly_YX)))[:, None]).sum(0)
        for i, k in enumerate(ks):
            if k >= m:
                chance[i] += win_X[k - m] / comb(samples, k)
    return tuple(map(float, chance))


def _rivals_at_most(m: int, rivals: Sequence[int], silent: int, degree: int) -> np.ndarray:
    """Subset counts with no rival above m votes -> (ties t, votes x <= degree)."""
    poly_YX = np.array([[float(comb(silent, v)) for v in range(degree + 1)]])
    for size in rivals:
        below_X = np.array([float(comb(size, v)) for v in range(min(m - 1, size, degree) + 1)])
        ties = size >= m and degree >= m
        grown_YX = np.zeros((len(poly_YX) + ties, degree + 1))
        for v, ways in enumerate(below_X):
            grown_YX[: len(poly_YX), v:] += ways * poly_YX[:, : degree + 1 - v]
        if ties:
            grown_YX[1:, m:] += comb(size, m) * poly_YX[:, : degree + 1 - m]
        poly_YX = grown_YX
    return poly_YX


def answer_classes(
    samples: Sequence[tuple[str | None, bool]], same: Callable[[str, str], bool]
) -> list[int]:
    """Class of each sample, given its (extracted answer, verdict is right) pair; `same` compares
    two answers.

    Equal texts are one class without a call of `same`; a new text joins the first class whose first
    member it equals."""
    classes: list[int] = []
    seen: dict[str, int] = {}
    firsts: list[str] = []
    for answer, right in samples:
        if right:
            classes.append(RIGHT)
        elif answer is None:
            classes.append(NO_ANSWER)
        else:
            if answer not in seen:
                match = next((i for i, first in enumerate(firsts) if same(answer, first)), None)
                if match is None:
                    match = len(firsts)
                    firsts.append(answer)
                seen[answer] = match + 1
            classes.append(seen[answer])
    return classes


def question_scores(classes: Sequence[int], ks: Sequence[int]) -> dict[str, dict[str, float]]:
    """`{"maj": {"1": .., ..}, "pass": {"1": .., ..}}` of one question, for the ks that its samples
    allow."""
    ks = [k for k in ks if k <= len(classes)]
    right = sum(c == RIGHT for c in classes)
    return {
        "maj": {str(k): value for k, value in zip(ks, maj_at_k(classes, ks), strict=True)}
        if ks
        else {},
        "pass": {str(k): pass_at_k(len(classes), right, k) for k in ks},
    }


def _check(n: int, k: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} must lie between 1 and the {n} samples drawn")
