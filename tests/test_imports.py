"""One direction of imports, and nothing heavy where a command line only wants its help
(docs/contracts.md).
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.wiring.code import imported_names

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "pipeline").rglob("*.py"))
STAGES = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")
# Rooms from the ground up. A room imports those of earlier lines and itself; two rooms of a line do
# not know each other.
ORDER = (
    {"__init__", "errors", "records", "files"},
    {"wiring"},
    {"grading"},
    {"lm"},
    {"evaluate", "corpus"},
    {"reward"},
    {"rl"},
    {"report", "world"},
    {"cli"},
)
FLOOR = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
GROUND = ORDER[0]
HEAVY = {
    "torch",
    "mlflow",
    "transformers",
    "numpy",
    "pyarrow",
    "matplotlib",
    "sympy",
    "dvc",
    "fasttext",
}
CORE = (*GROUND, "lm", "rl", "reward", "grading", "evaluate")
CORE_NEEDS = {
    "torch",
    "transformers",
    "huggingface_hub",
    "tokenizers",
    "safetensors",
    "numpy",
    "sympy",
    "vllm",
    "datasets",
}
# pretraining alone reads the corpus, which is Parquet; adapters are peft's
ALSO = {"mixture.py": {"pyarrow"}, "adapters.py": {"peft"}}


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_names(path, ROOT)}


def room(path: Path) -> str:
    return path.relative_to(ROOT / "pipeline").with_suffix("").parts[0]


def rooms_of(path: Path) -> set[str]:
    """Rooms of pipeline/ that a file imports."""
    parts = [name.split(".") for name in imported_names(path, ROOT)]
    found = {name[1] for name in parts if name[0] == "pipeline" and len(name) > 1}
    return found & set(FLOOR)


def test_every_file_stands_in_a_room() -> None:
    assert {room(path) for path in LIBRARY} == set(FLOOR)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    assert not roots(path) & {"stages", "lab", "benchmarks", "tests"}
    if room(path) not in ("wiring", "cli"):
        assert not roots(path) & {"hydra", "omegaconf", "dvc", "mlflow"}
    if path.name != "__main__.py":  # `python -m pipeline.corpus` opens the door of cli
        here = room(path)
        above = {r for r in rooms_of(path) if r != here and FLOOR[r] >= FLOOR[here] > 0}
        assert not above, f"{here} imports {sorted(above)}"


@pytest.mark.parametrize(
    "path", [p for p in LIBRARY if room(p) in CORE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_core_needs_few_packages(path: Path) -> None:
    known = set(sys.stdlib_module_names) | CORE_NEEDS | {"pipeline"} | ALSO.get(path.name, set())
    assert roots(path) <= known, f"{path.name} imports {sorted(roots(path) - known)}"


@pytest.mark.parametrize("name", STAGES)
def test_stage_module_loads_nothing_heavy(name: str) -> None:
    code = (
        f"import sys, stages.{name}; print(*({{m.split('.')[0] for m in sys.modules}} & {HEAVY!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", STAGES)
def test_help_answers_at_once(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    bytecode = str(tmp_path_factory.getbasetemp() / "bytecode")
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }
    command = [sys.executable, "-m", f"stages.{name}", "--help"]
    took = []
    for _ in range(
        4
    ):  # the first fills the bytecode cache; the best of the rest, as other work may share the machine
        begin = time.process_time(), os.times().children_user + os.times().children_system
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**environment, "PYTHONPYCACHEPREFIX": bytecode},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 and "profile" in done.stdout, done.stderr
        took.append(os.times().children_user + os.times().children_system - begin[1])
    assert min(took[1:]) < 1.0, f"{min(took[1:]):.2f} CPU seconds"


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.name)
def test_stage_modules_are_thin(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80
    tree = ast.parse("\n".join(lines))
    top = {
        name
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in names_of(node)
    }
    assert not top & HEAVY


def names_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    return (
        [a.name.split(".")[0] for a in node.names]
        if isinstance(node, ast.Import)
        else [(node.module or "").split(".")[0]]
    )


def defined(path: Path) -> set[str]:
    """The names that stand at the top of a module; conditional ones too."""
    found: set[str] = set()
    todo = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        else:
            parts = ("body", "orelse", "handlers", "finalbody")
            todo += [inner for part in parts for inner in getattr(node, part, [])]
            found |= {
                name.id
                for name in ast.walk(node)
                if isinstance(getattr(name, "ctx", 0), ast.Store) and isinstance(name, ast.Name)
            }
    return found


def test_every_name_that_is_imported_is_there() -> None:
    """Stages import inside functions, where nothing notices a name that has moved until it runs."""
    names: dict[Path, set[str]] = {}
    for folder in ("pipeline", "stages", "lab", "benchmarks", "examples", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                place = ROOT / (getattr(node, "module", None) or "").replace(".", "/")
                module = place.with_suffix(".py")
                if not isinstance(node, ast.ImportFrom) or node.level or not module.is_file():
                    continue
                if module not in names:
                    names[module] = defined(module)
                missing = {alias.name for alias in node.names} - names[module] - {"*"}
                assert not missing, f"{path.relative_to(ROOT)}: {module.name} has no {missing}"
