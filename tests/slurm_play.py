"""Slurm without Slurm: what sbatch documents of its directives, and commands that run scripts here."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

# The options of sbatch that our scripts use, and the values that its manual page gives for each.
TIMES = r"\d+(:\d\d){0,2}|\d+-\d+(:\d\d){0,2}"
NAMES = r"[\w.,-]+"
DIRECTIVES = {
    "array": r"\d+-\d+(%\d+)?",
    "cpus-per-task": r"[1-9]\d*",
    "error": r"/\S+",
    "gpus-per-node": r"([a-z]\w*:)?\d+",
    "job-name": r"\S+",
    "mem": r"\d+[KMGT]?B?",  # submitit writes 64GB, which sbatch takes as 64G
    "mem-per-cpu": r"\d+[KMGT]?",
    "nodes": r"\d+(-\d+)?",
    "ntasks-per-node": r"[1-9]\d*",
    "open-mode": "append|truncate",
    "output": r"/\S+",
    "partition": NAMES,
    "qos": NAMES,
    "requeue": "",
    "signal": r"([BR]:|R?B:)?(\d+|[A-Z]+\d?)(@\d+)?",
    "time": TIMES,
    "wait": "",
    "wckey": r"\S+",
}

# Runs every rank of the array of a script on its standard input or in a file, one after the other,
# in the background unless it was told to wait: submitit writes what a job reads after submitting it.
SBATCH = """#!/bin/bash
script=$(mktemp "$SLURM_PLAY/job-XXXXXX.slurm")
cat "${@: -1}" > "$script" 2>/dev/null
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
ranks() {
  for rank in $(seq 0 "${last:-0}"); do
    SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$rank RUN_OFFSET=0 SLURM_NODELIST=here \\
    SLURM_JOB_NODELIST=here SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 \\
    SLURM_LOCALID=0 bash "$script" >> "$SLURM_PLAY/out" 2>&1 || return 1
  done
}
if grep -q -- '^#SBATCH --wait' "$script"; then
  ! grep -q launch_pickled_pipeline "$script" || ranks || exit 1
else
  ranks > /dev/null 2>&1 &  # or whoever submitted would wait for the pipe
fi
echo "Submitted batch job 7"
"""
SRUN = """#!/bin/bash
while [[ "$1" == -* ]]; do
  [[ "$1" == -n || "$1" == --output || "$1" == --error ]] && shift
  shift
done
exec "$@"
"""
SCONTROL = "#!/bin/bash\necho here\n"
SACCT = """#!/bin/bash
echo 'JobID|State|NodeList'
for rank in 0 1 2 3; do echo "7_$rank|RUNNING|here"; done
"""


def play(folder: Path) -> dict[str, str]:
    """Write stand-ins for Slurm's commands; returns the environment in which they are found."""
    folder.mkdir()
    commands = {"sbatch": SBATCH, "srun": SRUN, "scontrol": SCONTROL, "sacct": SACCT}
    for name, text in commands.items():
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    path = [str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]
    return {"SLURM_PLAY": str(folder), "PATH": os.pathsep.join(path)}


def check_script(script: str, folder: Path) -> dict[str, str]:
    """Bash reads it, and every directive is one that sbatch knows and stands where sbatch looks:
    before the first command. Returns the directives.
    """
    path = folder / "script.slurm"
    path.write_text(script)
    read = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
    assert read.returncode == 0 and not read.stderr, read.stderr
    lines = script.split("\n")
    assert lines[0] == "#!/bin/bash"
    end = next(n for n, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    assert not any("#SBATCH" in line for line in lines[end:])
    found = {}
    for line in lines[1:end]:
        if line.startswith("#SBATCH"):
            name, _, value = re.fullmatch(r"#SBATCH --([a-z-]+)(=?)(.*)", line).groups()
            assert re.fullmatch(DIRECTIVES[name], value), line
            found[name] = value
    return found
