"""Which code and settings the numbers came from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipeline.report.load import chain_folders, evaluated, json_of
from pipeline.wiring import code

CODE = ("pipeline", "stages", "conf")


def origin(root: Path, data: Path) -> dict[str, str]:
    """Commit of the checkout and the settings that every evaluation shares (several are listed with
    a slash).
    """
    folders = [path for chain in chain_folders(data).values() for path in evaluated(chain)]
    summaries = [json_of(folder / "summary.json") for folder in folders]
    shared = {
        key: "/".join(sorted({str(s.get(key, "?")) for s in summaries}))
        for key in ("grading_mode", "protocol", "temperature")
    }
    return {"commit": commit(root), **shared}


def commit(root: Path) -> str:
    """`<hash>`, with a note when the code differs from it."""
    head = code.commit(root)
    if not head:
        return "not a git checkout"
    command = ["git", "-C", str(root), "status", "--porcelain", "--", *CODE]
    changed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"`{head}`" + (" with uncommitted changes" if changed else "")
