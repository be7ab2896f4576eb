"""Two nodes on this machine, one of which dies: under torchrun, and as a Ray cluster. Nothing is lost.

A node is a rendezvous agent of torchrun with one process, or a Ray node with one processor. What
Ray needs is an extra (`pip install -e .[ray]`); without it these tests are left out.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from two_nodes import ENVIRONMENT, Cluster, free_port, kill_at_once

from pipeline.corpus.read.pack import write_warc
from tests.test_wiring_stage import project  # noqa: F401  a copy of the wiring with a toy stage

ROOT = Path(__file__).parents[1]
MISSING = [
    name
    for name in ("ray", "datatrove", "hydra_plugins.hydra_ray_launcher")
    if importlib.util.find_spec(name) is None
]
needs_ray = pytest.mark.skipif(bool(MISSING), reason=f"{MISSING}: pip install -e .[ray]")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc"),
]


def wait_until(ready, process: subprocess.Popen, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


# ---- Ray


@pytest.fixture(scope="module")
def cluster():
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def two(cluster):
    """The cluster with both of its nodes."""
    cluster.mend()
    return cluster


def started(words: list[str], folder: Path, address: str = "") -> subprocess.Popen:
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(folder)}
    environment |= {"RAY_ADDRESS": address} if address else {}
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen, seconds: float = 600) -> str:
    said, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, said
    return said


@needs_ray
def test_mine_goes_on_without_a_node(two, tmp_path):
    rng, words = random.Random(0), "theorem proof integer prime sum recipe football travel".split()
    for shard in range(6):
        pages = []
        for i in range(8):
            text = " ".join(rng.choices(words, k=40))
            page = f"<html><body><p>{text}</p></body></html>".encode()
            pages.append((f"http://site{shard}.org/{i}", page))
        write_warc(tmp_path / "in" / f"{shard}.warc.gz", pages)
    seed = [{"url": f"http://site0.org/{i}", "text": "theorem proof"} for i in range(4)]
    (tmp_path / "seed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in seed))

    def words_of(out: str) -> list[str]:
        given = ["mine", str(tmp_path / "in"), "--seed-rows", str(tmp_path / "seed.jsonl")]
        return [*given, "--out", str(tmp_path / out), "--bucket", "1000", "--iterations", "2"]

    ended(started(["-m", "pipeline.corpus", *words_of("alone")], ROOT))
    executor = ["ray", "--at-once", "2", "--memory-gb", "1", "--logs", str(tmp_path / "logs")]
    command = ["-m", "pipeline.cli.executors", *executor, *words_of("ray")]
    run = started(command, ROOT, two.address)
    receipts = lambda: len(list((tmp_path / "ray/.work/receipts").glob("*.json")))  # noqa: E731
    wait_until(lambda: receipts() >= 2, run)
    two.lose_a_node()
    ended(run)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / out).iterdir() if path.is_file()}
        for out in ("alone", "ray")
    ]
    assert files[0] == files[1] and len(files[0]) > 3


@needs_ray
def test_a_sweep_goes_on_without_a_node(two, project):  # noqa: F811
    """Four cells of a stage that takes its time; those of the node begin again where they were."""
    toy = project / "stages/toy.py"
    slow = 'yield {"step": step + 1'
    assert slow in toy.read_text()
    toy.write_text(
        toy.read_text().replace(slow, f"__import__('time').sleep(0.5)\n            {slow}")
    )
    (project / "conf/launcher/ray.yaml").write_text((ROOT / "conf/launcher/ray.yaml").read_text())

    folder = project / "multirun/here"
    words = ["-m", "stages.toy", "-m", "launcher=ray", "rl=one,two", "seed=1,2", "toy.steps=30"]
    run = started([*words, f"hydra.sweep.dir={folder}"], project, two.address)
    marks = lambda: len(list(project.rglob("*/step")))  # noqa: E731
    wait_until(lambda: marks() >= 2, run)
    time.sleep(3)  # into their steps
    two.lose_a_node()
    said = ended(run)
    found = sorted(folder.glob("*/toy/metrics.jsonl"))
    assert len(found) == 4, said
    for path in found:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert [row["step"] for row in rows] == list(range(1, 31))
        assert [row["value"] for row in rows] == [0.5 * step for step in range(30)]


# ---- torchrun


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with what pretraining and RL read: a few pages, questions, an instruct model."""
    import pyarrow
    import pyarrow.parquet

    from benchmarks.small import Small, make
    from pipeline.lm.model import ModelConfig
    from pipeline.records import Instruction, read_rows
    from pipeline.world.config import WorldConfig

    work = tmp_path_factory.mktemp("nodes")
    data = work / "data/smoke"
    world = WorldConfig(
        instruct=300, questions=48, validation=8, benchmark=1, word_levels=(1, 2), symbolic_levels=(1, 2),
        instruct_formats=("cot",),
    )  # fmt: skip
    model = ModelConfig(hidden_size=64, layers=2, heads=2, intermediate_size=128, vocab_size=512)
    make(data, Small(model=model, world=world, steps=60))
    texts = [row.solution for row in read_rows(data / "world/instruct.jsonl", Instruction)]
    (data / "corpus").mkdir()
    chain = data / "chains/0"
    (chain / "reward").mkdir(parents=True)
    (data / "sft").rename(chain / "sft")
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), data / "corpus/pages.parquet")
    return work


def nodes(made: Path, out: Path, words: list[str]) -> list[subprocess.Popen]:
    """Two rendezvous agents, as on two machines, with one process each."""
    port = free_port()
    agent = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    agent += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{port}"]
    agent += ["--rdzv-id", "nodes", "--max-restarts", "0"]
    begun = []
    for _ in range(2):
        begun.append(
            subprocess.Popen(
                [sys.executable, *agent, *words, f"hydra.run.dir={out}"],
                cwd=made,
                env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        time.sleep(2)  # the first one hosts the rendezvous
    return begun


def rows_of(out: Path, stage: str) -> list[dict]:
    return [json.loads(line) for line in (out / stage / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("stage", "lost", "words"),
    [
        ("pretrain", 1, ["pretrain.steps=40", "pretrain.checkpoint_every=5"]),
        (
            "rl",
            0,
            ["rl=grpo_os_rule", "seed=0", "rl_scale.steps=10", "rl_scale.checkpoint_every=2"],
        ),
    ],
)
def test_a_lost_node_ends_the_job_and_it_resumes(stage, lost, words, made, tmp_path):
    """The node that hosts the rendezvous dies (0), or the other one (1)."""
    run = ["-m", f"stages.{stage}", "profile=smoke", *words]
    alone = subprocess.run(
        [sys.executable, *run, f"hydra.run.dir={tmp_path / 'alone'}"],
        cwd=made,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 0, alone.stdout + alone.stderr

    out = tmp_path / "two"
    agents = nodes(made, out, run)
    wait_until(
        lambda: list(out.rglob("state/*.json*")) or list(out.rglob("state/*.safetensors")),
        agents[0],
    )
    kill_at_once(agents[lost].pid)
    begun = time.monotonic()
    said, _ = agents[1 - lost].communicate(timeout=120)
    assert time.monotonic() - begun < 60 and agents[1 - lost].returncode != 0
    lost_one = f"{stage}: another process of this job ended"
    assert [line.startswith(lost_one) for line in said.splitlines()].count(True) == 1, said
    assert not (out / stage).exists()  # no result of half a run

    again = [agent.communicate(timeout=600)[0] for agent in nodes(made, out, run)]
    assert any("resumed from its checkpoint" in text for text in again), again
    one, two = rows_of(tmp_path / "alone", stage), rows_of(out, stage)
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, rel=1e-3, abs=1e-5), (a, b)
