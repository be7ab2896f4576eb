"""The house rules: short files and functions, no import circle, true examples, links that lead
somewhere.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import subprocess
from pathlib import Path

import pytest

from pipeline.wiring.code import imported_names, module_files

ROOT = Path(__file__).parents[1]
LONGEST_FILE, LONGEST_FUNCTION, WIDEST_YAML = 400, 60, 120
FOLDERS = ("pipeline", "stages", "lab", "benchmarks", "tests")
CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_longer_than_a_reader_keeps_in_mind() -> None:
    lines = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert {path: n for path, n in lines.items() if n > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{name(path)}:{node.name}"] = length
    assert long == {}


def test_yaml_fits_a_screen() -> None:
    files = [*(ROOT / "conf").rglob("*.yaml"), *(ROOT / "lab").rglob("*.yaml"), ROOT / "dvc.yaml"]
    wide = {
        f"{name(path)}:{number}": len(line)
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) >= WIDEST_YAML
    }
    assert wide == {}


EXAMPLES = [
    path
    for path in CODE
    if path.is_relative_to(ROOT / "pipeline") and ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_examples_in_docstrings_are_true(path: Path) -> None:
    dotted = name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    found = doctest.testmod(importlib.import_module(dotted))
    assert found.failed == 0


def test_no_import_circle() -> None:
    """Modules of pipeline/ in an order in which each imports only earlier ones."""
    modules = [path for path in CODE if path.is_relative_to(ROOT / "pipeline")]
    left = {path: needs(path) & set(modules) - {path} for path in modules}
    while left:
        free = [path for path, needed in left.items() if not needed & set(left)]
        assert free, f"import circle among {sorted(name(path) for path in left)}"
        for path in free:
            del left[path]


def needs(path: Path) -> set[Path]:
    """Files that this one imports; a package's `__init__` counts only where it is imported itself."""
    found: set[Path] = set()
    for dotted in imported_names(path, ROOT):
        files = module_files(dotted, ROOT)
        if files and dotted.startswith("pipeline."):
            found.add(files[-1])
    return found


def markdown() -> list[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "*.md"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    paths = [ROOT / line for line in listed if line and not line.startswith("reports/")]
    return paths or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", markdown(), ids=name)
def test_links_lead_to_files(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [t.split("#")[0] for t in targets if not re.match(r"[a-z]+:", t) and t.split("#")[0]]
    assert [t for t in local if not (path.parent / t).exists()] == []
    assert not [t for t in targets if re.search(r"#L\d+$", t)], "a link to a line goes stale"
    to_sections = [t.split("#") for t in targets if re.match(r"(?![a-z]+:)[^#]*#", t)]
    pages = {page: path.parent / page if page else path for page, _ in to_sections}
    assert [s for page, s in to_sections if s not in sections(pages[page])] == []
    # a section that is named after a link has no target that could be held
    assert re.findall(r"\]\([^)#\s]+\.md\), [A-Z][\w' ]*", text) == []


def sections(path: Path) -> set[str]:
    """The targets that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", markdown(), ids=name)
def test_paths_named_in_documents_exist(path: Path) -> None:
    """`pipeline/rl/loop.py` in a sentence is a file of this repository."""
    text = path.read_text(encoding="utf-8")
    named = set(
        re.findall(r"`((?:pipeline|stages|conf|lab|benchmarks|tests)/[\w./-]+\.\w+)`", text)
    )
    if path.name == "log.md":
        return  # history names what was
    assert sorted(p for p in named if not (ROOT / p).exists()) == []


def test_pages_of_docs_are_those_that_the_readme_lists_and_others_name() -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.search(r"^docs/ +([^`]+)```", readme, re.MULTILINE)[1]
    assert set(re.findall(r"\w+", listed)) == pages
    for path in [*markdown(), *CODE, *(ROOT / "conf").rglob("*.yaml"), ROOT / "Makefile"]:
        named = re.findall(r"\bdocs/(\w+)\.md", path.read_text(encoding="utf-8"))
        assert path == Path(__file__) or set(named) <= pages, name(path)
