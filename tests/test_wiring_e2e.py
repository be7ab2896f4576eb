"""The whole graph at profile smoke: builds, is then up to date, survives a kill to the byte, leaves
a scratch run apart.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killing import kill

ROOT = Path(__file__).parents[1]
COPIED = (
    "conf",
    "docs",
    "lab",
    "pipeline",
    "plans",
    "stages",
    "dvc.yaml",
    "pyproject.toml",
    ".dvcignore",
)
GRAPH = "plans/smoke/dvc.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph with a blank")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "dvc.lock")
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    plan = folder / "plans/smoke/conf/plan.yaml"
    plan.write_text(re.sub("^arms:.*", "arms: [sft, grpo_os_rule]", plan.read_text(), flags=re.M))
    dvc(folder, "init", "--no-scm", "-q")
    return folder


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PATH": path, "DVC_NO_ANALYTICS": "1"}


def dvc(folder: Path, *words: str) -> str:
    return python(folder, "-m", "dvc", *words)


def python(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def state(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def ran(output: str) -> list[str]:
    """The stages that DVC ran, besides the one that writes fingerprints."""
    names = re.findall(r"Running stage '(?:[^']*:)?([^:']+)'", output)
    return [name for name in names if name != "code"]


@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_graph(project: Path) -> None:
    dvc(project, "repro", f"{GRAPH}:reward")
    python(project, "-m", "stages.rl", "profile=smoke", "experiment=fig5", "launcher=parallel")
    evaluate = ["-m", "stages.evaluate", "profile=smoke", "experiment=evaluate"]
    python(project, *evaluate, "launcher=parallel")
    assert ran(dvc(project, "repro", GRAPH)) == ["report"]
    report = (project / "reports/smoke/report.md").read_text(encoding="utf-8")
    assert "grpo_os_rule" in report and (project / "reports/smoke/index.html").is_file()
    assert {path.name for path in (project / "data").iterdir()} == {"smoke"}

    begin = time.monotonic()
    assert ran(dvc(project, "repro", GRAPH)) == []
    assert time.monotonic() - begin < 60  # 10 s on an idle machine
    rl = ["-m", "stages.rl", "profile=smoke", "experiment=fig5", "launcher=parallel"]
    assert ran(python(project, *rl)) == []
    assert "everything is built" in python(project, "-m", "pipeline.cli", "why", "smoke")

    edits_rerun_what_they_can_change(project)

    before = state(project / "data")
    scratch = ["rl=grpo_os_rule", "seed=0", "rl_scale.steps=2"]
    python(project, "-m", "stages.rl", "profile=smoke", *scratch)
    assert state(project / "data") == before
    assert len(list(project.glob("outputs/*/*/rl/model/config.json"))) == 1

    killed_and_resumed(project, "sft", [])
    killed_and_resumed(project, "rl/grpo_os_rule-0", ["rl=grpo_os_rule", "seed=0"])


def edits_rerun_what_they_can_change(project: Path) -> None:
    """Nothing for a comment, a docstring, a label; the arm alone for its setting, seen by `-s` of a
    multirun too.
    """
    loop, arm = project / "pipeline/rl/loop.py", project / "conf/rl/grpo_os_rule.yaml"
    code, settings = loop.read_text(), arm.read_text()
    loop.write_text(code + "\n# a comment\n")
    arm.write_text("# a comment\n" + settings)
    assert ran(dvc(project, "repro", GRAPH)) == []
    arm.write_text(re.sub("label: .*", "label: another", settings))
    assert ran(dvc(project, "repro", GRAPH)) == ["report"]

    arm.write_text(re.sub("kl_coef: .*", "kl_coef: 0.05", settings))
    rl = ["-m", "stages.rl", "profile=smoke", "experiment=fig5", "launcher=parallel"]
    assert ran(python(project, *rl)) == ["rl@0-grpo_os_rule-0"]
    loop.write_text(code + "\nEDITED = 1\n")
    told = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "why", "smoke"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1 and "code: pipeline/rl/loop.py changed" in told.stdout

    loop.write_text(code)
    arm.write_text(settings)
    assert ran(dvc(project, "repro", GRAPH)) == ["report"]  # the cells come out of DVC's cache


def killed_and_resumed(project: Path, name: str, axes: list[str]) -> None:
    """SIGKILL once a checkpoint exists; run again; every byte as of the undisturbed run."""
    folder, stage = project / "data/smoke/chains/0" / name, name.split("/")[0]
    before = state(folder)
    command = [sys.executable, "-m", f"stages.{stage}", "profile=smoke", *axes]
    checkpoint = project / "data/smoke/.ckpt" / stage / "*/*/state/*"
    kill(command, project, checkpoint, env=environment())
    shutil.rmtree(folder)
    assert "resumed" in python(project, *command[1:])
    assert state(folder) == before
