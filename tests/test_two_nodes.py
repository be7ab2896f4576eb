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
from two_nodes import ENVIRONMENT, Cluster

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
