"""Two processes compute what one computes: losses, gradients, files; and a lost one ends the job."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace

import pytest
import torch
from processes import assert_same, results, run_arm, start, tokens_of, watched
from rl_tiny import SCALE, exact, half_taught, inputs, instructions, policy, tokenizer

from benchmarks.kills import status_of
from pipeline.errors import UserError
from pipeline.lm import parallel
from pipeline.lm.examples import instruction_examples
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import training_labels
from pipeline.reward.model import with_scalar_head
from pipeline.reward.train import train_reward_model
from pipeline.rl import loop
from pipeline.wiring.lines import one_line_errors

# ---- supervised


def test_share_is_whole_units_in_order():
    class Place:
        def __init__(self, rank, world):
            self.get_rank, self.get_world_size = (lambda: rank), (lambda: world)
            self.is_initialized = lambda: True

    real = parallel.dist
    try:
        for world, count, unit in ((2, 5, 1), (3, 2, 1), (3, 8, 2), (4, 0, 1)):
            parts = []
            for rank in range(world):
                parallel.dist = Place(rank, world)
                parts.append(parallel.share(range(count), unit))
            assert [i for part in parts for i in part] == list(range(count))
            assert all(len(part) % unit == 0 for part in parts)
            assert max(map(len, parts)) - min(map(len, parts)) <= unit
    finally:
        parallel.dist = real


@pytest.mark.parametrize(
    "changes", [{"packing": True}, {"packing": False, "micro_batch_tokens": 48}, {"sequences": 1}]
)
def test_next_token_training(changes, tmp_path):
    cfg = TrainConfig(
        **({"steps": 3, "sequences": 5, "sequence_length": 24, "log_every": 1} | changes)
    )
    examples = instruction_examples(tokenizer(), instructions(), "mini")

    def work():
        model = exact(policy())
        return watched(train_lm(model, make_stream(examples, cfg), cfg), [model])

    one, (first, second) = work(), results(work, 2, tmp_path)
    padded = ("tokens", "flops")  # shares are padded by themselves
    assert_same(one, first, 1e-9, () if cfg.packing else padded)
    assert_same(first, second, 0)


def labelled_rows() -> list[dict]:
    return [{**row, "weight": 1.0 + i % 3} for i, row in enumerate(inputs().label_history)]


@pytest.mark.parametrize("head", ["linear", "likelihood"])
def test_reward_model_training(head, tmp_path):
    cfg = RewardConfig(epochs=1, questions_per_step=3, micro_batch_tokens=16, head=head)
    data = training_labels(labelled_rows(), "every")

    def work():
        model = with_scalar_head(exact(half_taught()), cfg)
        (tmp_path / "state").mkdir(exist_ok=True)
        state = tmp_path / "state" / str(parallel.world())
        state.mkdir(exist_ok=True)
        return watched(train_reward_model(model, data, cfg, 0, state), [model])

    one, (first, second) = work(), results(work, 2, tmp_path)
    assert_same(one, first, 1e-5)  # its logits are float32
    assert_same(first, second, 0)


# ---- RL


WITHIN = {"ppo_mu2": 1e-5, "grpo_ps": 1e-5, "grpo_iter": 1e-5}  # float32 heads


@pytest.mark.parametrize("arm", ["sft", "rft", "dpo", "mu2", "ppo_mu2", "grpo_ps", "grpo_iter"])
def test_rl(arm, tmp_path):
    one = run_arm(arm, tmp_path / "one")
    first, second = results(lambda: run_arm(arm, tmp_path / "two"), 2, tmp_path / "two")
    assert_same(one, first, WITHIN.get(arm, 1e-9))
    assert_same(first, second, 0)
    assert tokens_of(tmp_path / "one") == tokens_of(tmp_path / "two")
    rows = [
        [path.read_bytes() for path in sorted((tmp_path / of / "out/validation").iterdir())]
        for of in ("one", "two")
    ]
    assert rows[0] == rows[1] and len(rows[0]) > 1


@pytest.mark.parametrize("before, after", [(2, 1), (1, 2)])
def test_saved_by_one_number_and_resumed_by_another(before, after, tmp_path):
    whole = run_arm("ppo_mu2", tmp_path / "whole")
    folder = tmp_path / "parts"
    results(lambda: run_arm("ppo_mu2", folder, stop_after=4), before, folder)
    resumed = results(lambda: run_arm("ppo_mu2", folder), after, folder)[0]
    assert 0 < len(resumed["gradients"]) < len(whole["gradients"])
    whole["gradients"] = whole["gradients"][-len(resumed["gradients"]) :]
    assert_same(whole, resumed, 1e-5)


def test_process_0_alone_writes(tmp_path):
    def work() -> list[str]:
        touched: list[str] = []

        def hook(event: str, given: tuple) -> None:
            writes = event == "open" and (given[2] or 0) & (os.O_WRONLY | os.O_RDWR)
            if writes or event in ("os.rename", "os.remove"):
                touched.append(str(given[0]))

        sys.addaudithook(hook)
        run_arm("grpo_iter", tmp_path / "run", cfg=replace(SCALE, models_every=1, keep=2))
        return [path for path in touched if path.startswith(str(tmp_path))]

    first, second = results(work, 2, tmp_path)
    assert len(first) > 10 and second == []


def test_lost_process_ends_the_job_in_one_line(tmp_path, capfd):
    def dies():
        real, calls = loop.clip_and_step, []

        def step(*given):
            calls.append(1)
            if len(calls) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given)

        loop.clip_and_step = step
        run_arm("grpo_os_rule", tmp_path / "run")

    def survives():
        with one_line_errors("rl"):
            run_arm("grpo_os_rule", tmp_path / "run")

    begun = time.monotonic()
    first, second = start([survives, dies], tmp_path)
    assert status_of(second) == -signal.SIGKILL and status_of(first) != 0
    assert time.monotonic() - begun < 60
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("rl: ")]
    assert len(told) == 1 and "another process of this job ended" in told[0]

    resumed = results(lambda: run_arm("grpo_os_rule", tmp_path / "run"), 2, tmp_path)[0]
    whole = run_arm("grpo_os_rule", tmp_path / "whole")
    assert len(resumed["gradients"]) == 2  # of four: two were saved
    whole["gradients"] = whole["gradients"][2:]
    assert_same(whole, resumed, 1e-9)


def test_stopped_by_the_launcher_in_one_line(tmp_path, capfd):
    def waits():
        with one_line_errors("rl"):
            (tmp_path / f"ready-{os.getpid()}").touch()
            time.sleep(60)

    pids = start([waits, waits], tmp_path)
    while not all((tmp_path / f"ready-{pid}").exists() for pid in pids):
        time.sleep(0.05)
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    assert [status_of(pid) for pid in pids] == [1, 1]
    assert capfd.readouterr().err.count("rl: the launcher stopped this process") == 2


def test_weights_that_differ_are_not_saved(tmp_path):
    def work() -> str:
        model = torch.nn.Linear(2, 2)
        torch.nn.init.constant_(model.weight, float(parallel.first()))
        torch.nn.init.zeros_(model.bias)
        with pytest.raises(UserError) as told:
            parallel.check_same({"policy": model})
        return str(told.value)

    assert all("weights of policy differ" in text for text in results(work, 2, tmp_path))


def test_vllm_is_refused(tmp_path):
    def work() -> str:
        with pytest.raises(UserError) as told:
            run_arm("grpo_os_rule", tmp_path, cfg=replace(SCALE, engine="vllm"))
        return str(told.value)

    assert all("one process" in text for text in results(work, 2, tmp_path))
