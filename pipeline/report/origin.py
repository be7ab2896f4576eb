"""Which code and settings the numbers came from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipeline.report.load import json_of

CODE = ("pipeline", "stages", "conf")


def origin(root: Path, data: Path) -> dict[str, str]:
    """Commit of the checkout and the settings that every evaluation shares (several are listed with a slash)."""
    summaries = [json_of(path) for path in sorted((data / "evaluate").glob("*/summary.json"))]
    shared = {
        key: "/".join(sorted({str(s.get(key, "?")) for s in summaries}))
        for key in ("grading_mode", "protocol", "temperature")
    }
    return {"commit": commit(root), **shared}


def commit(root: Path) -> str:
    """`<hash>`, with a note when the code differs from it."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return "not a git checkout"
    changed = _git(root, "status", "--porcelain", "--", *CODE)
    return f"`{head}`" + (" with uncommitted changes" if changed else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
