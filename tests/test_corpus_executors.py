"""The corpus tool under datatrove's executors makes the bytes that processes make. Slurm is played
by tests/slurm_play.py: the generated script is run for every rank of its array.
"""

import importlib.util
import json
import pickle
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from slurm_play import check_script, play

from pipeline.cli import executors
from pipeline.cli.corpus import main as corpus
from pipeline.corpus.read.pack import write_warc
from pipeline.errors import UserError

needs = {
    name: pytest.mark.skipif(
        importlib.util.find_spec(name) is None,
        reason=f"{name} is not installed: pip install -e .[{name}]",
    )
    for name in ("datatrove", "ray")
}


@needs["datatrove"]
def test_slurm_directives_are_those_of_sbatch(tmp_path):
    options = executors.ExecutorConfig(
        "slurm",
        tmp_path,
        workers=4,
        partition="cpu,long",
        time="1-12:00:00",
        memory_gb=3,
        env_command='source "/a b/.venv/bin/activate"',
        qos="low",
    )
    tasks = {"pipeline": [], "tasks": 9, "logging_dir": str(tmp_path), "skip_completed": False}
    made = executors._slurm(tasks, options)
    script = made.get_launch_file_contents(
        made.get_sbatch_args(9), "srun -l -n 1 launch_pickled_pipeline x"
    )
    found = check_script(script, tmp_path)
    assert (
        found
        | {
            "array": "0-8%4",
            "mem-per-cpu": "3G",
            "time": "1-12:00:00",
            "partition": "cpu,long",
            "qos": "low",
            "wait": "",
        }
        == found
    )
    assert script.index(options.env_command) < script.index("launch_pickled_pipeline")


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": "8 hours"},
        {"time": "1:2:3:4"},
        {"partition": "cpu\n#SBATCH --nodes=99"},
        {"partition": ""},
        {"qos": "a b"},
        {"memory_gb": 0},
        {"workers": 0},
    ],
)
def test_what_sbatch_would_refuse_is_one_line(wrong):
    options = {"kind": "slurm", "partition": "cpu"} | wrong
    with pytest.raises(UserError, match="executor slurm: --") as found:
        executors.runner(executors.ExecutorConfig(**options))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("time", ["90", "90:00", "08:00:00", "2-0", "2-12:30", "2-12:30:00"])
def test_times_that_sbatch_documents_pass(time):
    executors.check_slurm(executors.ExecutorConfig("slurm", partition="cpu", time=time))


@pytest.fixture
def crawl(tmp_path) -> Path:
    rng, words = (
        random.Random(0),
        "theorem proof integer prime sum equation recipe football travel weather".split(),
    )
    for shard in range(3):
        pages = [
            (
                f"http://site{shard}.org/{i}",
                f"<html><body><p>{' '.join(rng.choices(words, k=40))}</p></body></html>".encode(),
            )
            for i in range(8)
        ]
        write_warc(tmp_path / "in" / f"{shard}.warc.gz", pages)
    return tmp_path / "in"


def extracted(crawl: Path, name: str, *executor: str) -> bytes:
    """The rows of the crawl and of a page that takes too long, which is a reject everywhere."""
    slow = b"<html><p>" + b"<b>word</b> $x$ " * 200_000
    write_warc(crawl / "slow.warc.gz", [("http://slow.org/", slow), ("http://slow.org/2", b"<p>x")])
    out = crawl.parent / f"{name}.jsonl"
    command = ["extract", str(crawl), "--out", str(out), "--max-page-seconds", "0.1"]
    status = (
        executors.main([*executor, "--logs", str(crawl.parent / "logs"), *command])
        if executor
        else corpus(command)
    )
    assert status == 0
    assert out.read_bytes().count(b'"rejected": "too_slow"') == 1
    return out.read_bytes()


def mined(crawl: Path, name: str, *executor: str) -> dict[str, bytes]:
    out, seed = crawl.parent / name, crawl.parent / "seed.jsonl"
    seed.write_text(
        "".join(
            json.dumps({"url": f"http://site0.org/{i}", "text": "theorem proof"}) + "\n"
            for i in range(4)
        )
    )
    command = [
        "mine",
        str(crawl),
        "--seed-rows",
        str(seed),
        "--out",
        str(out),
        "--bucket",
        "1000",
        "--iterations",
        "2",
    ]
    status = (
        executors.main([*executor, "--logs", str(crawl.parent / "logs"), *command])
        if executor
        else corpus(command)
    )
    assert status == 0
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


class Elsewhere:
    """An executor that, as those of datatrove do, sends its pipeline away as bytes and has every
    rank do its part, here the last one first.
    """

    def __init__(self, common: dict, cfg: executors.ExecutorConfig):
        self.sent, self.ranks = pickle.dumps(common["pipeline"]), common["tasks"]

    def run(self) -> None:
        for rank in reversed(range(self.ranks)):
            for step in pickle.loads(self.sent):
                step(None, rank, self.ranks)


def test_mine_under_an_executor_makes_the_bytes_of_processes(crawl, monkeypatch):
    monkeypatch.setattr(executors, "_local", Elsewhere)
    files = mined(crawl, "elsewhere", "local")
    assert files == mined(crawl, "processes") and {
        "pages.parquet",
        "prefixes-1.yaml",
        "classifier.bin",
    } <= set(files)


class Threads(Elsewhere):
    """One whose workers are threads, which no signal reaches."""

    def run(self) -> None:
        def rank_of(rank: int) -> None:
            for step in pickle.loads(self.sent):
                step(None, rank, self.ranks)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(rank_of, range(self.ranks)))


def test_extract_in_threads_makes_the_bytes_of_processes(crawl, monkeypatch):
    monkeypatch.setattr(executors, "_local", Threads)
    assert extracted(crawl, "threads", "local") == extracted(crawl, "processes")


@pytest.mark.slow
@needs["datatrove"]
def test_local_executor(crawl):
    assert extracted(crawl, "local", "local", "--at-once", "2") == extracted(crawl, "processes")
    assert mined(crawl, "mined", "local", "--at-once", "2") == mined(crawl, "mined by processes")


@pytest.mark.slow
@needs["ray"]
def test_ray_executor(crawl, monkeypatch):
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000
    )
    try:
        assert extracted(crawl, "ray", "ray", "--at-once", "2", "--memory-gb", "1") == extracted(
            crawl, "processes"
        )
    finally:
        ray.shutdown()


@pytest.mark.slow
@needs["datatrove"]
def test_slurm_script_runs_every_shard(crawl, monkeypatch):
    folder = crawl.parent / "slurm"
    for name, value in play(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    options = [
        "--partition",
        "cpu",
        "--time",
        "01:00:00",
        "--memory-gb",
        "3",
        "--env-command",
        "true",
    ]
    assert extracted(crawl, "slurm", "slurm", *options) == extracted(crawl, "processes")
    script = next((crawl.parent / "logs").rglob("launch_script.slurm")).read_text()
    check_script(script, folder)
    for line in (
        "#SBATCH --array=0-3",
        "#SBATCH --partition=cpu",
        "#SBATCH --time=01:00:00",
        "#SBATCH --mem-per-cpu=3G",
        "#SBATCH --wait",
        "launch_pickled_pipeline",
    ):
        assert line in script, line


def test_mistakes_are_one_line(crawl, capsys, monkeypatch):
    command = ["extract", str(crawl), "--out", str(crawl.parent / "x.jsonl")]
    assert executors.main(["slurm", *command]) == 1
    assert "--partition" in capsys.readouterr().err
    assert executors.main(["local", "score", "x", "--model", "m", "--out", "o"]) == 1
    assert "has no shards" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "datatrove.executor", None)
    assert executors.main(["local", *command]) == 1
    assert "pip install" in capsys.readouterr().err
