"""The corpus tool under datatrove's executors makes the bytes that processes make. Slurm is played by three small scripts
that do what sbatch, srun and scontrol would: the generated script is run for every rank of its array."""

import importlib.util
import os
import random
import stat
import sys
from pathlib import Path

import pytest

from pipeline import executors
from pipeline.corpus.__main__ import main as corpus
from pipeline.corpus.pack import write_warc

needs = {
    name: pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed: pip install -e .[{name}]")
    for name in ("datatrove", "ray")
}
SBATCH = """#!/bin/bash
# Runs every rank of the array of a script on its standard input or in a file, one after the other.
script=$(mktemp "$SLURM_PLAY/job-XXXXXX.slurm")
cat "${@: -1}" > "$script" 2>/dev/null
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
if grep -q launch_pickled_pipeline "$script"; then
  for rank in $(seq 0 "${last:-0}"); do
    SLURM_ARRAY_TASK_ID=$rank RUN_OFFSET=0 SLURM_NODELIST=here bash "$script" >> "$SLURM_PLAY/out" 2>&1 || exit 1
  done
fi
echo "Submitted batch job 7"
"""
SRUN = '#!/bin/bash\nwhile [[ "$1" == -* ]]; do [ "$1" = -n ] && shift; shift; done\nexec "$@"\n'
SCONTROL = "#!/bin/bash\necho here\n"


@pytest.fixture
def crawl(tmp_path) -> Path:
    rng, words = random.Random(0), "theorem proof integer prime sum equation recipe football travel weather".split()
    for shard in range(3):
        pages = [
            (f"http://site{shard}.org/{i}", f"<html><body><p>{' '.join(rng.choices(words, k=40))}</p></body></html>".encode())
            for i in range(8)
        ]
        write_warc(tmp_path / "in" / f"{shard}.warc.gz", pages)
    return tmp_path / "in"


def extracted(crawl: Path, name: str, *executor: str) -> bytes:
    out = crawl.parent / f"{name}.jsonl"
    command = ["extract", str(crawl), "--out", str(out)]
    status = executors.main([*executor, "--logs", str(crawl.parent / "logs"), *command]) if executor else corpus(command)
    assert status == 0
    return out.read_bytes()


@pytest.mark.slow
@needs["datatrove"]
def test_local_executor(crawl):
    assert extracted(crawl, "local", "local", "--at-once", "2") == extracted(crawl, "processes")


@pytest.mark.slow
@needs["ray"]
def test_ray_executor(crawl, monkeypatch):
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    try:
        assert extracted(crawl, "ray", "ray", "--at-once", "2", "--memory-gb", "1") == extracted(crawl, "processes")
    finally:
        ray.shutdown()


@pytest.mark.slow
@needs["datatrove"]
def test_slurm_script_runs_every_shard(crawl, monkeypatch):
    play = crawl.parent / "slurm"
    play.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("scontrol", SCONTROL)):
        (play / name).write_text(text)
        (play / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("SLURM_PLAY", str(play))
    monkeypatch.setenv("PATH", os.pathsep.join([str(play), str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    options = ["--partition", "cpu", "--time", "01:00:00", "--memory-gb", "3", "--env-command", "true"]
    assert extracted(crawl, "slurm", "slurm", *options) == extracted(crawl, "processes")
    script = next((crawl.parent / "logs").rglob("launch_script.slurm")).read_text()
    for line in ("#SBATCH --array=0-2", "#SBATCH --partition=cpu", "#SBATCH --time=01:00:00", "#SBATCH --mem-per-cpu=3G",
                 "#SBATCH --wait", "launch_pickled_pipeline"):
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
