"""conf/launcher/slurm.yaml: the script that submitit makes of it, and a sweep through stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from slurm_play import check_script, play

import stages.rl
from pipeline.wiring.config import register
from tests.test_wiring_stage import project  # noqa: F401  a copy of the wiring with a toy stage

ROOT = Path(__file__).parents[1]
LAUNCHER = ROOT / "conf/launcher/slurm.yaml"


def test_its_directives_are_those_of_sbatch(tmp_path, monkeypatch):
    from submitit.slurm import slurm

    monkeypatch.setenv("PATH", play(tmp_path / "play")["PATH"])
    register("rl", typing.get_type_hints(stages.rl.main.__wrapped__)["cfg"], "smoke")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        found = compose(
            "rl", ["profile=smoke", "launcher=slurm"], return_hydra_config=True
        ).hydra.launcher
    stated = yaml.safe_load(LAUNCHER.read_text(encoding="utf-8"))["hydra"]["launcher"]
    assert {key: found[key] for key in stated} == stated

    executor = slurm.SlurmExecutor(folder=tmp_path, max_num_timeout=found.max_num_timeout)
    names = executor._equivalence_dict() | {"name": "job_name"}
    given = {names.get(key, key): value for key, value in stated.items() if key != "setup"}
    given["mem"] = f"{given['mem']}GB"
    executor.update_parameters(**given, setup=stated.get("setup"))
    told = check_script(executor._make_submission_file_text("python -m x", "1"), tmp_path)
    wanted = {
        "time": "1440", "cpus-per-task": "8", "gpus-per-node": "1", "ntasks-per-node": "1", "nodes": "1",
    }  # fmt: skip
    assert told | wanted == told and told["mem"].startswith("64G")


@pytest.mark.slow
def test_a_sweep_through_sbatch_makes_every_cell(project):  # noqa: F811
    """submitit's script, run by `sbatch` for each task of its array; the cells are those of the local
    launcher.
    """
    (project / "conf/launcher/slurm.yaml").write_text(LAUNCHER.read_text())
    environment = {**os.environ, **play(project / "slurm"), "PYTHONPATH": str(project)}
    folders = {}
    for name in ("slurm", "local"):
        folders[name] = project / "multirun" / name
        words = ["-m", f"launcher={name}", "rl=one,two", "seed=1", "toy.steps=3"]
        done = subprocess.run(
            [sys.executable, "-m", "stages.toy", *words, f"hydra.sweep.dir={folders[name]}"],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rows = {
        name: [path.read_text() for path in sorted(folder.glob("*/toy/metrics.jsonl"))]
        for name, folder in folders.items()
    }
    assert rows["slurm"] == rows["local"] and len(rows["local"]) == 2
    assert [json.loads(line)["step"] for line in rows["slurm"][0].splitlines()] == [1, 2, 3]
    script = next((project / "slurm").glob("job-*.slurm")).read_text()
    assert check_script(script, project / "slurm")["array"].startswith("0-1")
