"""Jobs of several gloo processes on one machine, and what their runs did, for the tests."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rl_tiny import ARMS, SCALE, exact, half_taught, inputs

from benchmarks.kills import child, status_of
from pipeline.lm import parallel
from pipeline.lm.shards import whole
from pipeline.lm.whole import weights
from pipeline.records import read_jsonl
from pipeline.rl import loop

Work = Callable[[], Any]


def start(works: list[Work], folder: Path, shards: bool = False) -> list[int]:
    """Fork one process of a job for each of the works. Returns their ids; results go to files.

    `shards`: as a launcher with conf/accelerate/fsdp2_cpu.yaml starts them.
    """
    half_taught()  # read once, in the parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def begin(rank: int, work: Work) -> None:
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": len(works), "MASTER_PORT": port}
        os.environ.update({key: str(value) for key, value in place.items()})
        os.environ["MASTER_ADDR"] = "127.0.0.1"
        if shards:
            os.environ.update(ACCELERATE_USE_FSDP="true", FSDP_VERSION="2")
            os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "true"  # accelerate's default
        assert parallel.join("cpu") == "cpu" and parallel.world() == len(works)
        (folder / f"result-{rank}").write_bytes(pickle.dumps(work()))
        parallel.gathered(None)  # nobody leaves while another still reads

    folder.mkdir(exist_ok=True)
    return [child(lambda r=r, work=work: begin(r, work)) for r, work in enumerate(works)]


def results(work: Work, processes: int, folder: Path, shards: bool = False) -> list[Any]:
    """What the work returns in each process of a job."""
    pids = start([work] * processes, folder, shards)
    assert [status_of(pid) for pid in pids] == [0] * processes
    return [pickle.loads((folder / f"result-{r}").read_bytes()) for r in range(processes)]


def watched(rows, models: list) -> dict[str, Any]:
    """The rows of a run, the gradient of each update as the optimizer meets it, the last weights."""
    gradients, real = [], torch.nn.utils.clip_grad_norm_

    def clip(parameters, most):
        parameters = list(parameters)
        gradients.append(torch.cat([whole(p.grad).flatten() for p in parameters]).double())
        return real(parameters, most)

    torch.nn.utils.clip_grad_norm_ = clip
    try:
        rows = list(rows)
    finally:
        torch.nn.utils.clip_grad_norm_ = real
    found = [w.double() for model in models for _, w in weights(model)]
    return {"rows": rows, "gradients": gradients, "weights": found}


def assert_same(one: dict, other: dict, within: float, without: tuple[str, ...] = ()) -> None:
    assert len(one["rows"]) == len(other["rows"])
    for row, found in zip(one["rows"], other["rows"], strict=True):
        assert row.keys() == found.keys()
        for key in row.keys() - set(without):
            assert found[key] == pytest.approx(row[key], rel=within, abs=within), (key, row, found)
    for part in ("gradients", "weights"):
        assert len(one[part]) == len(other[part]) > 0
        for a, b in zip(one[part], other[part], strict=True):
            assert (a - b).norm() <= within * (1e-6 + a.norm()), part


def run_arm(arm: str, folder: Path, stop_after: int | None = None, cfg=SCALE) -> dict[str, Any]:
    """The run of an arm in float64; left in the middle when `stop_after` rows were made."""
    given = inputs(policy=exact(half_taught()))

    def rows():
        made = loop.train_policy(given, ARMS[arm], cfg, 5, folder / "out", folder / "state", {})
        for count, row in enumerate(made, 1):
            yield row
            if count == stop_after:
                return

    return watched(rows(), [given.policy, given.reward_model.model])


def tokens_of(folder: Path) -> dict[str, list]:
    return {
        path.relative_to(folder).as_posix(): [
            (row["question"], row["tokens"], row["right"]) for row in read_jsonl(path)
        ]
        for path in sorted((folder / "out/rollouts").glob("*.jsonl"))
    }
