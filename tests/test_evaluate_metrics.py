"""INVARIANTS, "Metrics": pass@K and maj@K against brute force over every subset."""

from itertools import combinations

import numpy as np
import pytest

from pipeline.evaluate.metrics import (
    NO_ANSWER,
    RIGHT,
    answer_classes,
    maj_at_k,
    pass_at_k,
    question_scores,
)


def brute_maj(classes, k):
    total = 0.0
    subsets = list(combinations(classes, k))
    for subset in subsets:
        votes = [c for c in subset if c != NO_ANSWER]
        if votes:
            counts = {c: votes.count(c) for c in votes}
            leaders = [c for c, n in counts.items() if n == max(counts.values())]
            total += (RIGHT in leaders) / len(leaders)
    return total / len(subsets)


def test_maj_equals_brute_force_on_random_votes():
    rng = np.random.default_rng(0)
    for _ in range(60):
        classes = rng.choice([-1, 0, 1, 2, 3], size=9, p=[0.15, 0.3, 0.25, 0.2, 0.1]).tolist()
        ks = list(range(1, 10))
        assert maj_at_k(classes, ks) == pytest.approx(
            [brute_maj(classes, k) for k in ks], abs=1e-12
        )


def test_pass_equals_brute_force():
    for right in range(7):
        for k in range(1, 7):
            brute = np.mean(
                [any(i < right for i in subset) for subset in combinations(range(6), k)]
            )
            assert pass_at_k(6, right, k) == pytest.approx(brute, abs=1e-12)
    assert pass_at_k(8, 1, 8) == 1.0


def test_maj_at_one_is_the_mean_accuracy():
    classes = [0, 0, 1, -1, 2, 2, 2, 0]
    assert maj_at_k(classes, [1]) == pytest.approx([3 / 8], abs=1e-15)


def test_no_answer_never_wins_and_ties_are_shared():
    assert maj_at_k([-1] * 7 + [0], [8]) == [1.0]  # the one voter wins over seven silent samples
    assert maj_at_k([-1] * 8, [1, 8]) == [0.0, 0.0]
    assert maj_at_k([0, 1], [2]) == [0.5]
    assert maj_at_k([0, 1, 2], [3]) == pytest.approx([1 / 3])
    assert maj_at_k([0, 0, 1, 1, 2, 2], [6]) == pytest.approx([1 / 3])


def test_sixty_four_samples_stay_exact():
    rng = np.random.default_rng(1)
    classes = rng.integers(-1, 30, size=64).tolist()
    values = maj_at_k(classes, [1, 2, 4, 8, 16, 32, 64])
    assert values[0] == pytest.approx(classes.count(0) / 64, abs=1e-12)
    assert all(0.0 <= v <= 1.0 for v in values)
    draws = [rng.permutation(64)[:8] for _ in range(20000)]
    sampled = np.mean([brute_maj([classes[i] for i in draw], 8) for draw in draws])
    assert values[3] == pytest.approx(sampled, abs=0.01)


def test_impossible_k_is_refused():
    for k in (0, 5):
        with pytest.raises(ValueError, match="between 1 and the 4"):
            pass_at_k(4, 1, k)
        with pytest.raises(ValueError, match="between 1 and the 4"):
            maj_at_k([0, 0, 0, 0], [k])
    assert question_scores([0, 1], [1, 2, 4])["pass"].keys() == {
        "1",
        "2",
    }  # a k beyond the samples is left out


def test_answers_vote_together_when_they_are_equivalent():
    def same(a, b):
        return float(a) == float(b)

    samples = [
        ("7", True),
        ("7.0", True),
        ("8", False),
        ("8.0", False),
        (None, False),
        ("9", False),
    ]
    assert answer_classes(samples, same) == [0, 0, 1, 1, -1, 2]
