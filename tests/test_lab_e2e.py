"""`make arms` at profile smoke, three arms at two seeds: killed in the middle it goes on, and then
nothing is left to do.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COPIED = (
    "conf",
    "docs",
    "lab",
    "pipeline",
    "plans",
    "stages",
    "requirements",
    "Makefile",
    "dvc.yaml",
    "pyproject.toml",
    ".dvcignore",
)
PLAN = {
    "arms": ["sft", "grpo_os_rule"],
    "chains": [0],
    "seeds": [0, 1],
    "reward_arms": ["ppo"],
    "reward_chains": [0],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source,
                tmp_path / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"),
            )
        else:
            shutil.copy(source, tmp_path / name)
    plan = tmp_path / "lab/conf/plan.yaml"
    plan.write_text(yaml.safe_dump(yaml.safe_load(plan.read_text()) | PLAN))
    profile = (tmp_path / "conf/profile/smoke.yaml").read_text()
    small = profile.replace("profile: smoke", "profile: lab")
    (tmp_path / "conf/profile/lab.yaml").write_text(small)
    subprocess.run(
        [sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=tmp_path, check=True
    )
    return tmp_path


def start(project: Path, log: Path) -> subprocess.Popen:
    """`make arms` in a session of its own; the environment is taken for installed."""
    command = ["make", "-o", "setup", "arms", f"VENV={Path(sys.executable).parents[1]}", "JOBS=2"]
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    with log.open("w") as file:
        return subprocess.Popen(
            command,
            cwd=project,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(project: Path) -> str:
    log = project / "log"
    assert start(project, log).wait() == 0, log.read_text()
    return log.read_text()


def ended(project: Path) -> dict[str, float]:
    """Cells that DVC has noted as built, and when."""
    lock = project / "lab/dvc.lock"
    names = (
        re.findall(r"^  rl(?:_reward)?@(\S+):$", lock.read_text(), re.MULTILINE)
        if lock.is_file()
        else []
    )
    cells = project / "data/lab/chains/0/rl"
    return {name: (cells / name[2:] / "summary.json").stat().st_mtime for name in names}


def in_flight(project: Path) -> list[Path]:
    """Checkpoints of cells that have no result yet."""
    states = project.glob("data/lab/.ckpt/rl/*/*/state/*")
    return [
        path
        for path in states
        if not (project / "data/lab/chains/0/rl" / path.parents[2].name[2:]).exists()
    ]


@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_laboratory_is_killed_and_goes_on(project: Path) -> None:
    running = start(project, project / "killed")
    while len(ended(project)) < 2 or not in_flight(project):
        assert running.poll() is None, (project / "killed").read_text()
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    print("killed with", len(ended(project)), "of 6 cells built")
    kept = ended(project)
    assert 2 <= len(kept) < 6

    text = finish(project)
    assert kept.items() <= ended(project).items() and len(ended(project)) == 6
    assert "resumed from its checkpoint" in text
    models = {f"{arm}-{seed}" for arm in ("sft", "grpo_os_rule", "ppo") for seed in (0, 1)} | {
        "base",
        "instruct",
    }
    assert {path.name for path in (project / "data/lab/chains/0/evaluate").iterdir()} == models
    assert {path.name for path in (project / "data").iterdir()} == {
        "lab"
    }  # the main graph was left alone
    assert {path.name for path in (project / "reports").iterdir()} == {"lab"}
    assert "grpo_os_rule-1" in (project / "reports/lab/report.md").read_text(encoding="utf-8")

    begin, state = time.monotonic(), ended(project)
    text = finish(project)
    assert "everything is built" in text and "Running stage" not in text and ended(project) == state
    print(f"nothing to do: {time.monotonic() - begin:.1f} s")


SMALL = {
    "recall": {
        "world": {
            "instruct": 120,
            "questions": 8,
            "validation": 4,
            "benchmark": 12,
            "web": {"pages": 1200, "domains": 24, "seed_pages": 60},
        },
        "corpus": {"classifier": {"least": 1000}, "recall": {"iterations": 4}},
    },
    "corpora": {
        "pretrain": {"steps": 20, "sequences": 2, "sequence_length": 128},
        "sft": {"steps": 20, "sequences": 2, "sequence_length": 128},
        "evaluate": {"questions": 4, "samples": 1, "max_new_tokens": 12},
    },
}


def dvc(project: Path, *words: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project,
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_recall_loop_and_rival_corpora(project: Path) -> None:
    """Every stage of both graphs runs at a small size, and then nothing is left to do."""
    for profile, sections in SMALL.items():
        path = project / f"conf/profile/{profile}.yaml"
        head, body = path.read_text().split("\n", 1)  # the head line names the package
        path.write_text(f"{head}\n{yaml.safe_dump(yaml.safe_load(body) | sections)}")
    plan = project / "lab/corpora/conf/plan.yaml"
    few = {"arms": ["none", "final", "code_then_final"], "seeds": [0]}
    plan.write_text(yaml.safe_dump(yaml.safe_load(plan.read_text()) | few))

    dvc(project, "dvc", "repro", "lab/corpus/dvc.yaml", "lab/corpora/dvc.yaml")
    assert (project / "reports/lab/corpus/recall.png").is_file()
    assert "final" in (project / "reports/lab/corpora/report.md").read_text(encoding="utf-8")
    assert {path.name for path in (project / "data/corpora/cells").iterdir()} == {
        "none-0",
        "final-0",
        "code_then_final-0",
    }
    for profile in SMALL:
        assert "everything is built" in dvc(project, "pipeline.cli", "why", profile)
