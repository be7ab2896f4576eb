"""Which code and which inputs a stage stands on, and their fingerprint.

DVC does not see Python imports, so the same walk serves three purposes: the contract test compares it with dvc.yaml,
a stage hashes it at its start and at its end, and checkpoints are keyed by it.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VIEW = {
    "pipeline/wiring/tracking.py",
    "pipeline/wiring/help.py",
}  # for a person's eyes; they shape no output and re-run no stage
SMALL = (
    64 << 20
)  # bytes; a larger input is known by its size and time of change, not by its content


def module_files(name: str, root: Path) -> list[Path]:
    """Files that `import name` executes: the module's own and the `__init__.py` of every package above it."""
    found, folder = [], root
    for part in name.split("."):
        init, module = folder / part / "__init__.py", folder / f"{part}.py"
        found += [path for path in (init, module) if path.is_file()]
        folder = folder / part
    return found


def imported_names(path: Path, root: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere in it; relative imports are made absolute."""
    package = list(path.relative_to(root).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def code_files(entry: Path, root: Path = ROOT) -> list[str]:
    """Paths (relative to `root`, sorted) of every file of ours that `entry` imports, however deep, and `entry` itself.

    Imports inside functions count too: they run when the stage does. `VIEW` is left out.
    """
    seen: set[Path] = set()
    waiting = [entry.resolve()]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imported_names(path, root):
            if name.split(".")[0] in ("pipeline", "stages"):
                waiting += module_files(name, root)
    return sorted({str(path.relative_to(root)) for path in seen} - VIEW)


def code_hashes(entry: Path, root: Path = ROOT) -> dict[str, str]:
    """SHA-256 of each of `code_files`."""
    return {
        name: hashlib.sha256((root / name).read_bytes()).hexdigest()
        for name in code_files(entry, root)
    }


def input_hashes(paths: Iterable[Path]) -> dict[str, str]:
    """Content hash of every file under `paths` (size and time of change for those above `SMALL`)."""
    found = {}
    for top in paths:
        for path in sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]:
            state = path.stat()
            if state.st_size > SMALL:
                found[str(path)] = f"{state.st_size}@{state.st_mtime_ns}"
            else:
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def fingerprint(*parts: Any) -> str:
    """16 hexadecimal digits over JSON-able parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
