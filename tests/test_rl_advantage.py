"""Group and step advantages (4.1.2, 4.1.3), step ends, token weights."""

import math

import pytest
import torch

from pipeline.errors import UserError
from pipeline.rl.gradient_coefficient import (
    group_advantage,
    step_advantage,
    step_of_token,
    token_weights,
    zero_variance,
)

F64 = torch.float64


def ragged(rows):
    """Lists of step rewards -> r_BK, present_BK."""
    width = max(map(len, rows))
    r = torch.tensor([row + [0.0] * (width - len(row)) for row in rows], dtype=F64)
    present = torch.tensor([[k < len(row) for k in range(width)] for row in rows])
    return r, present


def per_token(rows, ends, lengths):
    r, present = ragged(rows)
    end, _ = ragged([[float(e) for e in row] for row in ends])
    step = step_of_token(end.long(), present, max(lengths))
    a = step_advantage(r, present, len(rows)).gather(1, step)
    return [a[i, :n] for i, n in enumerate(lengths)]


def close(got, expected, tolerance=1e-12):
    torch.testing.assert_close(got, torch.tensor(expected, dtype=got.dtype), rtol=0, atol=tolerance)


def test_population_and_sample_std_of_one_right_answer():
    r = torch.tensor([[1.0, 0, 0, 0]], dtype=F64)
    close(group_advantage(r, "population"), [[math.sqrt(3)] + [-1 / math.sqrt(3)] * 3])
    close(group_advantage(r, "sample"), [[1.5, -0.5, -0.5, -0.5]])
    close(group_advantage(r, "none"), [[0.75, -0.25, -0.25, -0.25]])


@pytest.mark.parametrize("std", ["population", "sample"])
def test_group_sums_to_zero_and_ignores_shift_scale_and_order(std):
    r = torch.rand(5, 7, dtype=F64, generator=torch.Generator().manual_seed(0))
    a = group_advantage(r, std)
    assert a.sum(1).abs().max() < 1e-12
    torch.testing.assert_close(group_advantage(3 * r + 11, std), a, rtol=0, atol=1e-12)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(group_advantage(r[:, order], std), a[:, order], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.7, 0.1, 1e6 + 0.1])
@pytest.mark.parametrize("std", ["population", "sample", "none"])
def test_equal_rewards_have_advantage_exactly_zero(value, dtype, std):
    r = torch.full((2, 7), value, dtype=dtype)
    assert group_advantage(r, std).count_nonzero() == 0
    present = torch.ones(2, 7, dtype=torch.bool)
    assert step_advantage(r, present, 2, std).count_nonzero() == 0
    assert zero_variance(r, present).all()


@pytest.mark.parametrize("rewards", [torch.ones(4, 1), torch.ones(4), torch.ones(2, 2, 2)])
def test_a_group_of_one_or_no_group_is_refused(rewards):
    with pytest.raises(UserError):
        group_advantage(rewards)


def test_uneven_groups_and_outputs_without_steps_are_refused():
    with pytest.raises(UserError):
        step_advantage(torch.ones(5, 2), torch.ones(5, 2, dtype=torch.bool), 2)
    with pytest.raises(UserError):
        step_advantage(torch.ones(2, 2), torch.tensor([[True, True], [False, False]]), 2)


def test_process_advantage_two_steps_of_two_tokens():
    first, second = per_token([[1.0, 0.0], [0.0, 1.0]], [[1, 3], [1, 3]], [4, 4])
    close(first, [0.0, 0, -1, -1])
    close(second, [0.0, 0, 1, 1])


def test_process_advantage_uneven_steps():
    first, second = per_token([[1.0, 1.0, 1.0], [0.0]], [[0, 1, 2], [0]], [3, 1])
    close(first, [1.7321, 1.1547, 0.5774], 5e-5)
    close(second, [-1.7321], 5e-5)


def test_process_advantage_uneven_ends():
    # ends counted from 1 in the specification: o1 [2, 4] of a five-token output, o2 [1, 3, 5] of
    # six tokens
    first, second = per_token([[0.9, 0.1], [0.8, 0.6, 0.2]], [[2, 4], [1, 3, 5]], [5, 6])
    close(first, [-0.1255] * 3 + [-1.3177] * 2, 5e-5)
    close(second, [0.1255] * 2 + [-0.7529] * 2 + [-1.0039] * 2, 5e-5)


def test_one_step_an_output_is_outcome_supervision():
    r = torch.rand(12, 1, dtype=F64, generator=torch.Generator().manual_seed(3))
    outcome = group_advantage(r.view(3, 4)).view(12, 1)
    assert torch.equal(step_advantage(r, torch.ones(12, 1, dtype=torch.bool), 4), outcome)


def test_tokens_after_the_last_step_belong_to_it():
    present = torch.tensor([[True, True], [True, False]])
    step = step_of_token(torch.tensor([[1, 2], [0, 0]]), present, 5)
    assert step.tolist() == [[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]]


def test_padding_of_steps_changes_nothing():
    r, present = ragged([[1.0, 0.3], [0.2], [0.5, 0.1, 0.9], [0.4]])
    wide = step_advantage(
        torch.nn.functional.pad(r, (0, 3), value=math.nan),
        torch.nn.functional.pad(present, (0, 3)),
        4,
    )
    torch.testing.assert_close(wide[:, :3], step_advantage(r, present, 4), rtol=0, atol=1e-12)


def test_each_output_weighs_the_same_whatever_its_length():
    lengths = torch.tensor([1, 7, 30])
    sums = lengths * token_weights(lengths, "output_mean", 3, 38, 64)
    close(sums, [1 / 3] * 3)
    close((lengths * token_weights(lengths, "token_mean", 3, 38, 64)).sum(), 1.0)
    close(token_weights(lengths, "constant_length", 3, 38, 64), [1 / (3 * 64)] * 3)
