"""A file of the code is edited in a copy and DVC is asked what would run: the stages that import
it, and no other.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from pipeline.wiring.code import ROOT, code_files
from pipeline.wiring.marks import entry_of
from pipeline.wiring.plans import built

PLANS = ("smoke", "recall", "corpora")
SEED, FILES = 20240205, 8
# Stands in for a stage: makes what it should write, empty, at once.
FAKE = """
import json, sys
from pathlib import Path
for path in json.loads(Path("made.json").read_text())[" ".join(sys.argv[1:])]:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{path}")
"""


def dvc(folder: Path, *words: str) -> str:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        env={**kept, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graphs with the real stage `code` and with stand-ins for all others, built."""
    folder = tmp_path_factory.mktemp("touch")
    for name in ("conf", "stages", "pipeline", "lab", "plans"):
        ignore = shutil.ignore_patterns("__pycache__", "dvc.lock")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    dvc(folder, "init", "--no-scm", "-q")
    made = {}
    for profile in PLANS:
        file = folder / built(profile)["pipeline"]
        file.write_text(
            re.sub(r"cmd: python -m (stages|lab)\.", r"cmd: python fake.py \1.", file.read_text())
        )
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        stages = [s for p in PLANS for s in repo.stage.collect(str(folder / built(p)["pipeline"]))]
        needed = {str(d.fs_path) for s in stages for d in s.deps if "/data/" in str(d.fs_path)}
        for stage in stages:
            outs = {str(out.fs_path) for out in stage.outs}
            inside = {path for path in needed for out in outs if path.startswith(out + "/")}
            whole = {f"{out}/file" if not Path(out).suffix else out for out in outs - needed}
            files = {
                f"{path}/file" if not Path(path).suffix else path for path in inside | outs & needed
            }
            words = stage.cmd.split("fake.py ")[-1]
            made[words] = sorted(os.path.relpath(path, folder) for path in whole | files)
    (folder / "made.json").write_text(json.dumps(made))
    (folder / "fake.py").write_text(FAKE)
    dvc(folder, "repro", *(built(profile)["pipeline"] for profile in PLANS))
    return folder


def changed(project: Path) -> set[str]:
    """Addresses of the stages that depend on a fingerprint which is not the one they were built
    with.
    """
    graphs = [built(profile)["pipeline"] for profile in PLANS]
    dvc(project, "repro", "-s", *(f"{graph}:code" for graph in graphs))
    found = json.loads(dvc(project, "status", "--json", *graphs))
    return {name for name, entries in found.items() if not name.endswith(":code") and entries}


def by_import(path: str) -> set[str]:
    """Addresses of the stages whose import closure has the file."""
    found = set()
    for profile in PLANS:
        plan = built(profile)
        graph = yaml.safe_load((ROOT / plan["pipeline"]).read_text(encoding="utf-8"))
        for name, stage in graph["stages"].items():
            module = re.search(r"python -m (\S+)", stage.get("do", stage)["cmd"])[1]
            if name != "code" and path in code_files(entry_of(module)):
                found |= {f"{plan['pipeline']}:{cell}" for cell in cells(name, stage, plan)}
    return found


def cells(name: str, stage: dict, plan: dict) -> list[str]:
    if "matrix" not in stage:
        return [name]
    axes = [plan[text[2:-1]] for text in stage["matrix"].values()]
    return [f"{name}@{'-'.join(map(str, values))}" for values in product(*axes)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_edit_reruns_the_stages_that_import_the_file(project: Path) -> None:
    assert changed(project) == set()
    every = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "pipeline").rglob("*"))]
    every = [p for p in every if Path(p).is_file() and "__pycache__" not in p]
    for path in random.Random(SEED).sample(every, FILES):
        file = project / path
        before = file.read_bytes()
        if path.endswith(".py"):
            file.write_bytes(before + b"\n# a comment\n")
            assert changed(project) == set(), f"{path}: a comment"
        file.write_bytes(before + b"\nEDITED = 1\n")
        assert changed(project) == by_import(path), path
        file.write_bytes(before)
