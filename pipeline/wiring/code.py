"""Which code a stage stands on, and its fingerprint.

DVC does not see Python imports. One walk over them serves four purposes: the file of fingerprints
that a DVC stage depends on (pipeline/wiring/marks.py), the check that code did not change while a
stage ran, the key of checkpoints, and the contract test. A fingerprint counts what a file does, not
how it is written: comments, docstrings, blank lines and formatting change nothing. It does not
cover installed packages; requirements/lock.txt pins those.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import UserError
from pipeline.files import sha256

ROOT = Path(__file__).resolve().parents[2]
OURS = ("pipeline", "stages", "lab")  # packages whose imports are followed
# Modules that only show, launch or decide whether to run. None of them shapes what a stage writes,
# so a change re-runs nothing; what they import is not followed either. A path that ends in "/"
# stands for everything below it.
SHOWN = (
    "pipeline/cli/",
    "pipeline/wiring/code.py",
    "pipeline/wiring/help.py",
    "pipeline/wiring/launch.py",
    "pipeline/wiring/lines.py",
    "pipeline/wiring/marks.py",
    "pipeline/wiring/progress.py",
    "pipeline/wiring/tracking.py",
)
SMALL = 64 << 20  # bytes; a larger input is known by its size and modification time
NOT_DATA = (".py", ".pyc", ".tmp", ".swp", "~")
GRAPH = ("conf", "dvc.lock", "dvc.yaml", "__pycache__")  # a plan lies next to the code of lab/
NOT_MEANING = ("ctx", "kind", "type_comment")  # fields of a syntax tree that follow from the rest


class Parsed(NamedTuple):
    """What is read off one Python file."""

    imports: tuple[tuple[int, str, tuple[str, ...]], ...]  # (level, module, names)
    digest: str  # of its statements


def is_shown(path: str) -> bool:
    """Whether a path (relative to the root) is one of `SHOWN`."""
    return any(path == entry or (entry[-1] == "/" and path.startswith(entry)) for entry in SHOWN)


def module_files(name: str, root: Path) -> list[Path]:
    """Files that `import name` executes: the module's own and the `__init__.py` of each package
    above it.
    """
    found, folder = [], root
    for part in name.split("."):
        init, module = folder / part / "__init__.py", folder / f"{part}.py"
        found += [path for path in (init, module) if path.is_file()]
        folder = folder / part
    return found


def imported_names(path: Path, root: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere in it; relative imports are made absolute."""
    package = list(path.relative_to(root).parent.parts)
    for level, module, names in parsed(path).imports:
        above = package[: len(package) - level + 1] if level else []
        base = ".".join([*above, *([module] if module else [])])
        if base:
            yield base
        yield from (f"{base}.{name}" if base else name for name in names)


def code_files(entry: Path, root: Path = ROOT) -> list[str]:
    """Paths (relative to `root`, sorted) of every file of ours that `entry` stands on, and `entry`
    itself.

    Python files are those it imports, however deep; imports inside functions count too, as they run
    when the stage does. Data files are all others in a package that it imports. `SHOWN` is left
    out.
    """
    seen: set[Path] = set()
    waiting = module_files(".".join(entry.resolve().relative_to(root).with_suffix("").parts), root)
    while waiting:
        path = waiting.pop()
        if path in seen or is_shown(path.relative_to(root).as_posix()):
            continue
        seen.add(path)
        for name in imported_names(path, root):
            if name.split(".")[0] in OURS:
                waiting += module_files(name, root)

    packages = [path.parent for path in seen if path.name == "__init__.py"]
    data = {path for folder in packages for path in data_files(folder)}
    return sorted(path.relative_to(root).as_posix() for path in seen | data)


def data_files(package: Path) -> Iterator[Path]:
    """The files in a package that are not Python, in folders below it too unless they are packages
    themselves.
    """
    for path in package.iterdir():
        name = path.name
        if name.startswith(".") or name.endswith(NOT_DATA) or name in GRAPH:
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not (path / "__init__.py").is_file():
            yield from data_files(path)


def code_hashes(entry: Path, root: Path = ROOT) -> dict[str, str]:
    """The hash of each of `code_files`: of what a Python file does, of any other file's bytes."""
    return {name: code_hash(root / name) for name in code_files(entry, root)}


def code_hash(path: Path) -> str:
    """Hash of one file; two Python files with the same statements have the same one."""
    return parsed(path).digest if path.suffix == ".py" else sha256(path)[:32]


def parsed(path: Path) -> Parsed:
    """`parse` of a file. Raises UserError naming the line of a syntax error."""
    try:
        return parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: {error.msg}; fix it, then run it again") from None


@functools.cache
def parse(source: bytes) -> Parsed:
    """The imports of a Python file and the hash of its statements, docstrings aside."""
    tree = ast.parse(source)
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.append((0, "", tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            imports.append((node.level, node.module or "", names))
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    words: list[str] = []
    spell(tree, words)
    return Parsed(tuple(imports), hashlib.sha256("".join(words).encode()).hexdigest()[:32])


def spell(node: Any, words: list[str]) -> None:
    """Append a syntax tree as text, alike in every version of Python (`ast.dump` shows fields that
    newer ones add).
    """
    if isinstance(node, ast.AST):
        words.append(f"({type(node).__name__}")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in NOT_MEANING:
                words.append(f" {name}=")
                spell(value, words)
        words.append(")")
    elif isinstance(node, list):
        words.append("[")
        for item in node:
            spell(item, words)
        words.append("]")
    else:
        words.append(repr(node))


def rules_hash(root: Path = ROOT) -> str:
    """A hash of the rules by which claims are decided: the code of every claim, of the intervals, and
    the preregistration. Each run's cost file and each report's provenance hold it.
    """
    files = sorted((root / "pipeline/report/claims").glob("*.py"))
    files += [root / "pipeline/report/stats.py", root / "docs/preregistration.md"]
    found = hashlib.sha256()
    for path in files:
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def commit(root: Path = ROOT) -> str:
    """The commit that is checked out; "" outside of git."""
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # no git on this machine
        return ""


def input_hashes(paths: Iterable[Path]) -> dict[str, str]:
    """Content hash of every file under `paths`; size and modification time of those above `SMALL`."""
    found = {}
    for top in paths:
        for path in sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]:
            state = path.stat()
            large = state.st_size > SMALL
            found[str(path)] = f"{state.st_size}@{state.st_mtime_ns}" if large else sha256(path)
    return found
