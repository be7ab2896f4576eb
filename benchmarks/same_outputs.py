"""Do two builds hold the same models, rollouts, samples and scores, byte for byte?

    python -m benchmarks.same_outputs OLD NEW [--only models rollouts ...]

OLD and NEW are folders of results, such as data/main or data/smoke of two checkouts. Files that
record how a build was made instead of what it made are left out: config.json, costs, checkpoints
and code fingerprints. For each file that differs, the first differing line or JSON key is printed.
Exit status 0 when nothing differs, else 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IGNORED_FILES = {"config.json"}  # of a stage; that of a model folder is compared
IGNORED_FOLDERS = {".cost", ".ckpt", "code"}
KINDS = ("models", "rollouts", "samples", "scores", "corpus", "world", "labels")


def kind_of(path: str) -> str:
    """Which of `KINDS` a file belongs to, by its path below the results folder."""
    parts = path.split("/")
    if parts[0] == "chains":
        parts = parts[2:]
    path = "/".join(parts)
    if "model" in parts or path.startswith(("reward/outcome/", "reward/process/")):
        return "models"
    if parts[-1] in ("summary.json", "funnel.json") or parts[-1].startswith("metrics"):
        return "scores"
    if parts[0] in ("world", "corpus"):
        return parts[0]
    if parts[0] == "evaluate" or "validation" in path:
        return "samples"
    return "rollouts" if parts[0] == "rl" else "labels"


def result_files(root: Path) -> dict[str, Path]:
    """Every file that a build made, by its path below `root`."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        of_stage = path.name in IGNORED_FILES and kind_of(name) != "models"
        if path.is_file() and not of_stage and not IGNORED_FOLDERS & set(name.split("/")):
            found[name] = path
    return found


def differences(old: Path, new: Path, kinds: tuple[str, ...] = KINDS) -> Iterator[tuple[str, str]]:
    """(path, what differs) for every file of `kinds` that is not the same in both folders."""
    before, after = result_files(old), result_files(new)
    for name in sorted(before.keys() | after.keys()):
        if kind_of(name) not in kinds:
            continue
        if name not in after:
            yield name, "only in OLD"
        elif name not in before:
            yield name, "only in NEW"
        elif before[name].read_bytes() != after[name].read_bytes():
            yield name, first_difference(before[name], after[name])


def first_difference(old: Path, new: Path) -> str:
    """The first line and key that differ in a JSON or JSONL file; the sizes of other files."""
    if old.suffix == ".jsonl":
        before, after = (path.read_text(encoding="utf-8").splitlines() for path in (old, new))
        for number, (left, right) in enumerate(zip(before, after, strict=False), 1):
            if left != right:
                return f"line {number}: {first_key(json.loads(left), json.loads(right))}"
        return f"{len(before)} lines, now {len(after)}"
    if old.suffix == ".json":
        return first_key(*(json.loads(path.read_text(encoding="utf-8")) for path in (old, new)))
    return f"{old.stat().st_size} bytes, now {new.stat().st_size}"


def first_key(old: Any, new: Any, where: str = "") -> str:
    """Where two JSON values first differ, and the two values there."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in old or key not in new:
                return f"{where}.{key}: only in {'OLD' if key in old else 'NEW'}".lstrip(".")
            if old[key] != new[key]:
                return first_key(old[key], new[key], f"{where}.{key}".lstrip("."))
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            if left != right:
                return first_key(left, right, f"{where}[{index}]")
    return f"{where or 'value'}: {str(old)[:60]} -> {str(new)[:60]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path, help="results of the earlier build")
    parser.add_argument("new", type=Path, help="results of the later build")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    args = parser.parse_args()
    for folder in (args.old, args.new):
        if not folder.is_dir():
            sys.exit(f"{folder}: no such folder; give the results folders of two builds")

    found = list(differences(args.old, args.new, tuple(args.only)))
    for name, what in found:
        print(f"{name}: {what}")
    counts = {kind: sum(kind_of(n) == kind for n in result_files(args.old)) for kind in args.only}
    changed = {kind: sum(kind_of(name) == kind for name, _ in found) for kind in args.only}
    print("  ".join(f"{kind} {changed[kind]} of {counts[kind]} differ" for kind in args.only))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
