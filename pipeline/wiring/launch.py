"""Hand one job of a multirun to a process of its own: its memory, threads and failure stay apart
from the others'.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT
from pipeline.wiring.lines import SHOW_TRACE
from pipeline.wiring.marks import write_marks


def dvc_target(name: str, cell: str, plan: dict[str, Any]) -> str:
    """The name of a stage in dvc.yaml. Base and instruct are evaluated by stages of their own,
    before any arm; arms that wait for the reward models are cells of stages of their own too.
    """
    chain, _, model = cell.partition("-")
    if model in ("base", "instruct"):
        return f"{name}_{model}@{chain}"
    if model.rpartition("-")[0] in plan["reward_arms"]:
        name += "_reward"
    return f"{name}@{cell}" if cell else name


def delegate(
    entry: Path,
    overrides: list[str],
    cell: tuple[str, ...],
    plan: dict[str, Any] | None,
    folder: Path,
    begun: Path,
) -> None:
    """Run one job: through DVC when it belongs to `plan`; with None as the plan, as a scratch run
    into `folder`. `begun`: where the multirun was started, which on another node is elsewhere.

    `dvc repro -s` looks at this one stage only, so its file of fingerprints is written first.
    """
    given = dict(text.partition("=")[::2] for text in overrides)
    module = ".".join(entry.relative_to(ROOT).with_suffix("").parts)
    name = entry.stem
    if plan:
        write_marks(
            begun / plan["data"] / "code", [name if module.startswith("stages.") else module]
        )
        label = "-".join(given[axis] for axis in cell)
        target = f"{plan['pipeline']}:{dvc_target(name, label, plan)}"
        command = ["-m", "dvc", "--wait-for-lock", "repro", "-s", target]
    else:
        target = " ".join(overrides)
        command = ["-m", module, *overrides, f"hydra.run.dir={folder}", "hydra.mode=RUN"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if not SHOW_TRACE:
        os.environ.pop(
            "HYDRA_FULL_ERROR", None
        )  # set by the stage for itself; the job's one line is enough
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "DSM_PROGRESS": "lines"}
    done = subprocess.run([sys.executable, *command], cwd=begun, env=environment, check=False)
    if done.returncode:
        raise UserError(f"{target}: failed; its own message stands above")
