"""The whole graph at profile smoke: builds, is then up to date, survives a kill to the byte, leaves
a scratch run apart.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = (
    "conf",
    "pipeline",
    "stages",
    "requirements",
    "Makefile",
    "dvc.yaml",
    "pyproject.toml",
    ".dvcignore",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    plan = (ROOT / "conf/pipeline.yaml").read_text()
    for key, value in {"profile": "smoke", "arms": "[sft, grpo_os_rule]", "seeds": "[0]"}.items():
        plan = re.sub(f"^{key}:.*", f"{key}: {value}", plan, flags=re.MULTILINE)
    (folder / "conf/pipeline.yaml").write_text(plan)
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


@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_graph(project: Path) -> None:
    dvc(project, "repro", "reward")
    python(project, "-m", "stages.rl", "experiment=fig5", "launcher=parallel")
    python(project, "-m", "stages.evaluate", "experiment=evaluate", "launcher=parallel")
    dvc(project, "repro")
    report = (project / "reports/report.md").read_text(encoding="utf-8")
    assert "grpo_os_rule" in report and (project / "reports/index.html").is_file()

    begin = time.monotonic()
    assert "Running stage" not in dvc(project, "repro")
    assert time.monotonic() - begin < 60  # 10 s on an idle machine
    assert "Running stage" not in python(
        project, "-m", "stages.rl", "experiment=fig5", "launcher=parallel"
    )
    comment = project / "conf/rl/grpo_os_rule.yaml"
    comment.write_text("# a comment re-runs nothing\n" + comment.read_text())
    assert "Running stage" not in dvc(project, "repro")

    before = state(project / "data")
    python(project, "-m", "stages.rl", "rl=grpo_os_rule", "seed=0", "rl_scale.steps=2")
    assert (
        state(project / "data") == before
        and len(list(project.glob("outputs/*/*/rl/model/config.json"))) == 1
    )

    killed_and_resumed(project, "sft", [])
    killed_and_resumed(project, "rl/grpo_os_rule-0", ["rl=grpo_os_rule", "seed=0"])


def killed_and_resumed(project: Path, name: str, axes: list[str]) -> None:
    """SIGKILL once a checkpoint exists; run again; every byte as of the undisturbed run."""
    before, stage = state(project / "data" / name), name.split("/")[0]
    command = [sys.executable, "-m", f"stages.{stage}", "profile=smoke", *axes]
    running = subprocess.Popen(
        command,
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while running.poll() is None and not list((project / "data/.ckpt" / stage).glob("*/*/state/*")):
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "ended before it could be killed"
    shutil.rmtree(project / "data" / name)
    assert "resumed" in python(project, *command[1:])
    assert state(project / "data" / name) == before
