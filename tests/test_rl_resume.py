"""kill -9 at every phase of a step, run again: every file is the file of an undisturbed run, byte
for byte.
"""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rl_tiny import ARMS, SCALE, half_taught, inputs
from safetensors.torch import save_file

from benchmarks import kills
from pipeline.lm import checkpoint, rollouts
from pipeline.rl import iterate, loop, ppo

# what a process is about to do, or has half done, when it dies: where the patched name lives, and
# its name
PHASES: dict[str, tuple[object, str]] = {
    "sampling": (rollouts, "gather"),
    "scoring": (loop, "new_batch"),
    "update": (loop, "clip_and_step"),
    "checkpoint": (
        os,
        "replace",
    ),  # the new state is written, the rename has not happened
    "after checkpoint": (checkpoint, "save"),
    "validation": (loop, "validate"),
    "rollouts": (loop, "write_jsonl"),
    "reference": (loop, "output_log_probs"),
    "value": (ppo, "output_values"),
    "reward model": (iterate, "renew_reward_model"),
}
FAST = ["rft", "mu2"]
GRPO = ARMS["grpo_os_rule"]
RUNS = ARMS | {
    "dpo_sum": replace(ARMS["dpo"], dpo_reduction="sum"),
    "token_mean": replace(GRPO, aggregation="token_mean"),
    "dr_grpo": replace(GRPO, aggregation="constant_length", advantage_std="none"),
    "sample_std": replace(GRPO, advantage_std="sample"),
    "dynamic": replace(GRPO, drop_equal_groups=True, dynamic_sampling=2),
    "ppo_outcome": replace(ARMS["ppo"], reward_function="outcome"),
    **{
        f"{name}_mu2": replace(ARMS[name], updates_per_rollout=2)
        for name in ("grpo_os", "grpo_ps", "grpo_ps_rule", "grpo_iter")
    },
}


def run_arm(arm: str, folder: Path, checkpoint_every: int = 1) -> None:
    folder.mkdir(exist_ok=True)
    given = inputs()
    rows = []
    scale = replace(SCALE, checkpoint_every=checkpoint_every)
    for row in loop.train_policy(given, RUNS[arm], scale, 5, folder / "out", folder / "state", {}):
        rows.append(row)
        (folder / "metrics.json").write_text(json.dumps(rows))
    save_file(dict(given.policy.named_parameters()), folder / "policy.safetensors")


def killed_at(
    phase: str, count: int, arm: str, folder: Path, checkpoint_every: int = 1
) -> Callable[[], None]:
    """The run of an arm, in which the `count`-th call of a phase's function ends the process before
    (or after) its work.
    """

    def work() -> None:
        owner, name = PHASES[phase]
        real, calls = getattr(owner, name), [0]

        def patched(*arguments, **named):
            calls[0] += 1
            if calls[0] == count and phase == "after checkpoint":
                real(*arguments, **named)
            if calls[0] == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        setattr(owner, name, patched)
        run_arm(arm, folder, checkpoint_every)

    return work


def ended(work: Callable[[], None]) -> int:
    return kills.status_of(kills.child(work))


def results(folder: Path) -> dict[str, bytes]:
    return kills.files(folder, without=("state",))


@pytest.mark.parametrize(
    "arm", [pytest.param(arm, marks=[] if arm in FAST else [pytest.mark.slow]) for arm in RUNS]
)
def test_a_killed_run_ends_like_an_undisturbed_one(arm, tmp_path):
    half_taught()  # taught once, in the parent
    assert ended(lambda: run_arm(arm, tmp_path / "whole")) == 0
    whole = results(tmp_path / "whole")
    assert "policy.safetensors" in whole and "out/validation/step-00004.jsonl" in whole
    assert arm == "sft" or "out/rollouts/step-00004.jsonl" in whole
    for phase in PHASES:
        for count in (
            (2,) if arm in FAST else (1, 3)
        ):  # with a checkpoint every third step, two steps are done again
            folder = tmp_path / f"{phase}-{count}"
            folder.mkdir()
            first = ended(killed_at(phase, count, arm, folder, count))
            if first == 0:
                continue  # this arm has no such call (the sft arm is not judged)
            assert first == -signal.SIGKILL
            assert ended(lambda folder=folder, count=count: run_arm(arm, folder, count)) == 0
            assert results(folder) == whole, f"killed at {phase}, call {count}"


def test_two_kills_and_a_torn_temporary_file(tmp_path):
    half_taught()
    assert ended(lambda: run_arm("mu2", tmp_path / "whole")) == 0
    folder = tmp_path / "twice"
    folder.mkdir()
    assert ended(killed_at("update", 2, "mu2", folder)) == -signal.SIGKILL
    (folder / "state" / "state.safetensors.tmp").write_bytes(b"torn")
    assert ended(killed_at("checkpoint", 2, "mu2", folder)) == -signal.SIGKILL
    assert ended(lambda: run_arm("mu2", folder)) == 0
    assert results(folder) == results(tmp_path / "whole")


def test_another_seed_gives_other_files(tmp_path):
    rows = [
        list(
            loop.train_policy(
                inputs(), ARMS["mu2"], SCALE, seed, tmp_path / str(seed), tmp_path / f"s{seed}", {}
            )
        )
        for seed in (1, 2)
    ]
    assert rows[0] != rows[1]
