"""The power calculation: known variances are found again, and a design has the power that it is
said to have.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from report_tree import make_tree

from lab.power import of_shares
from lab.variance import Components, components, detectable, power, smallest
from pipeline.report.stats import paired

TRUE = Components(question=0.06**2, seed=0.012**2, both=0.08**2, sample=0.5**2)


def gap(rng, S, N, K, mean=0.0, of=TRUE):
    """A table of paired differences with these variances."""
    question_N, seed_S = rng.normal(0, of.question**0.5, N), rng.normal(0, of.seed**0.5, S)
    cell_SN = mean + question_N + seed_S[:, None] + rng.normal(0, of.both**0.5, (S, N))
    return cell_SN[..., None] + rng.normal(0, of.sample**0.5, (S, N, K))


def test_known_variances_are_found():
    rng = np.random.default_rng(0)
    tables = [components(gap(rng, 5, 600, 8)) for _ in range(60)]
    for name, slack in (("question", 0.1), ("seed", 0.25), ("both", 0.1), ("sample", 0.02)):
        mean = np.mean([getattr(t, name) for t in tables])
        assert mean == pytest.approx(getattr(TRUE, name), rel=slack), name


def test_without_seed_or_question_effect_none_is_made_up():
    rng = np.random.default_rng(1)
    noise = Components(question=0.0, seed=0.0, both=0.0, sample=0.25)
    found = [components(gap(rng, 5, 400, 8, of=noise)) for _ in range(30)]
    assert (
        np.mean([f.seed for f in found]) < 0.007**2
        and np.mean([f.question for f in found]) < 0.03**2
    )


def test_one_seed_says_nothing_about_seeds():
    found = components(gap(np.random.default_rng(2), 1, 20000, 8))
    assert found.seed is None
    assert found.question == pytest.approx(TRUE.question + TRUE.both, rel=0.15)


def test_counts_of_right_samples_tell_what_the_samples_tell():
    """On the validation split only the number of right samples is kept: from samples drawn apart
    the same variances come out.
    """
    rng, S, N, K = np.random.default_rng(4), 4, 3000, 4
    p_N = np.clip(rng.normal(0.5, 0.2, N), 0.02, 0.98)
    right = [
        rng.random((S, N, K)) < np.clip(p + rng.normal(0, 0.1, (S, N)), 0, 1)[..., None]
        for p in (p_N, p_N + 0.05)
    ]
    known = components(right[1].astype(float) - right[0])
    size, found = of_shares([right[1].mean(2), right[0].mean(2)], (1, -1), K)
    assert size == f"{S} x {N} x {K}" and found.sample == pytest.approx(known.sample, rel=0.05)
    assert found.both == pytest.approx(known.both, abs=0.1**2) and found.seed == pytest.approx(
        known.seed, abs=0.01**2
    )
    assert of_shares([right[0].mean(2)] * 2, (1, -1), 1) is None


@pytest.mark.parametrize(("S", "N", "K"), [(5, 400, 8), (3, 1500, 4), (8, 300, 2)])
def test_simulated_experiments_show_a_difference_as_often_as_calculated(S, N, K):
    rng = np.random.default_rng(3)
    true = detectable(TRUE, S, N, K)
    assert power(TRUE, true, S, N, K) == pytest.approx(0.8, abs=0.001)
    tables = [gap(rng, S, N, K, mean=true).mean(2) for _ in range(500)]
    shown = np.mean([paired(t, np.zeros_like(t)).low > 0 for t in tables])
    assert shown == pytest.approx(0.8, abs=0.06)
    false = np.mean([paired(t - true, np.zeros_like(t)).excludes_zero for t in tables])
    assert false <= 0.075


def test_more_of_anything_shows_more_and_seeds_bound_what_questions_can_do():
    least = smallest(TRUE, 0.03, 5, 8)
    assert power(TRUE, 0.03, 5, least, 8) >= 0.8 > power(TRUE, 0.03, 5, least - 1, 8)
    assert smallest(TRUE, 0.03, 5, 16) < least and smallest(TRUE, 0.03, 8, 8) < least
    assert (
        smallest(TRUE, 0.015, 3, 8) is None
    )  # 1.2 points between seeds: no number of questions repairs that


def run(data: Path, *more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "lab.power", "--data", str(data), *more]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )


def test_command_prints_a_table_and_asks_for_what_one_seed_cannot_tell(tmp_path):
    data = make_tree(tmp_path, questions=60, deep=(8, 60), seeds=(0, 1, 2))
    done = run(data, "--seeds", "3", "5")
    assert (
        "| `online_rft` - `rft` | 3 x 100 x 4 |" in done.stdout
        and "the validation split" in done.stdout
    ), done.stderr
    assert (
        done.stdout.count("\n| 5 |") == 1 and "mean" not in done.stdout and "C11" not in done.stdout
    )
    by_pair = done.stdout.partition("pair by pair")[2]
    assert "| `online_rft` - `rft` | " in by_pair and "| pair | 3 seeds | 5 seeds |" in by_pair
    done = run(data, "--seeds", "3", "5", "--of", "benchmarks")
    assert "| `online_rft` - `rft` | 3 x 120 x 8 |" in done.stdout and "mini_math" in done.stdout, (
        done.stderr
    )
    one = make_tree(tmp_path / "one", questions=20, deep=(8, 20), seeds=(0,))
    done = run(one)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "--seed-sd" in done.stderr
    assert "Questions needed" in run(one, "--seed-sd", "0.01").stdout


def test_iterations_have_a_line_of_their_own(tmp_path):
    data = make_tree(
        tmp_path, questions=20, deep=(8, 20), seeds=(0, 1, 2), arms=("grpo_iter", "grpo_os")
    )
    done = run(data, "--seeds", "5")
    assert "| `grpo_iter`: first iteration - later (C11) | 3 x 100 x 4 |" in done.stdout, (
        done.stderr
    )
    assert (
        "Claim C11, 100 questions x 4 samples: " in done.stdout
        and " points with 5 seeds" in done.stdout
    )
