"""Arms and settings that make no sense are refused in one line."""

from dataclasses import replace

import pytest
from rl_tiny import ARMS

from pipeline.errors import UserError
from pipeline.rl.config import RLConfig, check_pair


@pytest.mark.parametrize(
    "changes",
    [
        {"data_source": "offline"},
        {"reward_function": "none"},
        {"gradient_coefficient": "grpo"},
        {"clip_eps": 0.0},
        {"reward_function": "rule_steps"},
        {"kl_coef": -1.0},
        {"iterations": 2},
        {"advantage_std": "robust"},
    ],
)
def test_impossible_arms_are_refused_in_one_line(changes):
    with pytest.raises(UserError) as caught:
        replace(ARMS["grpo_os_rule"], **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"top_p": 0.9}, {"top_k": 5}, {"temperature": 0.0}, {"steps": 0}]
)
def test_sampling_filters_and_empty_runs_are_refused(changes):
    with pytest.raises(UserError):
        RLConfig(**changes)


def test_a_group_of_one_is_refused_for_grpo_only():
    check_pair(ARMS["online_rft"], RLConfig(group_size=1))
    with pytest.raises(UserError):
        check_pair(ARMS["grpo_os_rule"], RLConfig(group_size=1))
