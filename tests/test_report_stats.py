"""Do the 95 % intervals hold the truth about 95 times in 100? Simulated arms with known seed and
question effects.
"""

import numpy as np
import pytest

from pipeline.report.stats import difference, level, over_seeds, paired

RUNS = 400


def arm(rng, difficulty_N, base, seed_sd, seeds):
    """0/1 answers: each question has its own difficulty, each seed its own shift."""
    p_SN = np.clip(base + difficulty_N + rng.normal(0, seed_sd, seeds)[:, None], 0, 1)
    return (rng.random(p_SN.shape) < p_SN).astype(float)


def coverage(make, truth):
    rng = np.random.default_rng(0)
    intervals = [make(rng, rng.normal(0, 0.15, 400)) for _ in range(RUNS)]
    return np.mean([i.low <= truth <= i.high for i in intervals])


@pytest.mark.parametrize("seed_sd", [0.0, 0.02, 0.05])
def test_level_of_three_seeds_covers(seed_sd):
    assert 0.91 <= coverage(lambda rng, d: level(arm(rng, d, 0.5, seed_sd, 3)), 0.5) <= 0.995


def test_level_of_one_model_covers():
    assert 0.92 <= coverage(lambda rng, d: level(arm(rng, d, 0.5, 0.0, 1)), 0.5) <= 0.98


@pytest.mark.parametrize("seed_sd", [0.0, 0.02, 0.05])
def test_difference_of_two_arms_on_common_questions_covers(seed_sd):
    make = lambda rng, d: difference(arm(rng, d, 0.52, seed_sd, 3), arm(rng, d, 0.48, seed_sd, 3))  # noqa: E731
    assert 0.91 <= coverage(make, 0.04) <= 0.998


@pytest.mark.parametrize("own_sd", [0.0, 0.03])
def test_difference_paired_by_seed_covers(own_sd):
    """Arms whose seeds share a shift, and have one of their own."""

    def make(rng, d):
        shared_S = rng.normal(0, 0.04, 5)
        one, two = (
            np.concatenate([arm(rng, d + s, base, own_sd, 1) for s in shared_S])
            for base in (0.52, 0.48)
        )
        return paired(one, two)

    assert 0.91 <= coverage(make, 0.04) <= 0.998


def test_pairing_by_seed_takes_off_what_the_seeds_share():
    rng = np.random.default_rng(0)
    shift_S1 = np.array([-0.2, -0.1, 0, 0.1, 0.2])[:, None]
    one, two = (
        rng.random((5, 300)) * 0.1 + 0.5 + shift_S1,
        rng.random((5, 300)) * 0.1 + 0.45 + shift_S1,
    )
    assert paired(one, two).low > 0 > difference(one, two).low


def test_difference_from_a_single_model_covers():
    make = lambda rng, d: difference(arm(rng, d, 0.52, 0.02, 3), arm(rng, d, 0.48, 0.0, 1))  # noqa: E731
    assert 0.91 <= coverage(make, 0.04) <= 0.99


def test_a_bootstrap_over_three_seeds_misses_more_often():
    """Why there is none here: where seeds differ it holds the truth clearly less often than 95
    times in 100.
    """
    rng, hits = np.random.default_rng(3), 0
    for _ in range(200):
        values_SN = arm(rng, rng.normal(0, 0.15, 400), 0.5, 0.1, 3)
        draws = [
            values_SN[rng.integers(0, 3, 3)].mean(0)[rng.integers(0, 400, 400)].mean()
            for _ in range(200)
        ]
        low, high = np.quantile(draws, [0.025, 0.975])
        hits += low <= 0.5 <= high
    assert hits / 200 < 0.88


def test_one_model_agrees_with_a_bootstrap_over_questions():
    values_N = np.random.default_rng(5).integers(0, 9, 500) / 8
    rng = np.random.default_rng(0)
    means = [values_N[rng.integers(0, 500, 500)].mean() for _ in range(4000)]
    ours, low, high = level(values_N), *np.quantile(means, [0.025, 0.975])
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.003)


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(0)
    difficulty_N = rng.random(500) - 0.5
    a, b = arm(rng, difficulty_N, 0.6, 0, 1), arm(rng, difficulty_N, 0.5, 0, 1)
    paired, unpaired = difference(a, b), difference(a, b[:, rng.permutation(500)])
    assert paired.high - paired.low < 0.9 * (unpaired.high - unpaired.low)
    assert paired.mean == pytest.approx(unpaired.mean)


def test_all_wrong_still_has_an_upper_bound():
    none = level(np.zeros((1, 100)))
    assert (none.mean, none.low) == (0, 0) and 0.03 < none.high < 0.04
    every = level(np.ones((3, 100)))
    assert every.high == 1 and 0.96 < every.low < 0.97


def test_equal_models_differ_by_nothing_and_unpaired_ones_are_refused():
    values = np.random.default_rng(1).integers(0, 2, (1, 50)).astype(float)
    same = difference(values, values)
    assert (same.mean, same.low, same.high) == (0, 0, 0) and not same.excludes_zero
    with pytest.raises(ValueError, match="pair them"):
        difference(values, values[:, :40])


def test_a_value_a_seed_has_students_interval():
    found = over_seeds(
        [1.0, 2.0, 3.0]
    )  # t with 2 degrees of freedom is 4.303, standard error 1 / sqrt 3
    assert (found.mean, found.seeds) == (2.0, 3) and found.high - 2 == pytest.approx(
        4.3027 / 3**0.5, abs=1e-4
    )
    assert over_seeds([5.0]).low == -float("inf")
