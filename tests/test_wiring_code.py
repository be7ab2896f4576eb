"""Fingerprints: what a file does counts, how it is written does not; nothing that only shows
re-runs a stage.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.wiring.code import (
    ROOT,
    SHOWN,
    code_files,
    code_hash,
    code_hashes,
    is_shown,
)
from pipeline.wiring.marks import write_marks
from pipeline.wiring.plans import plans

STAGES = ["world", "corpus", "pretrain", "sft", "reward", "rl", "evaluate", "report"]
SOURCE = '''"""What it is for."""

import os


class Pair:
    """Two."""

    a: int = 1  # the first


def total(x, y=(1, 2)):
    """Sum."""
    return f"{x!r}: {y}" if os.sep else 'n'
'''


def hash_of(folder: Path, text: str) -> str:
    path = folder / "a.py"
    path.write_text(text)
    return code_hash(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# the first", "# another"),
        ("  # the first", ""),
        ('"""Sum."""', '"""Sum of two.\n\n    At length."""'),
        ('    """Sum."""\n', ""),
        ('"""What it is for."""\n', ""),
        ("'n'", '"n"'),
        ("y=(1, 2)", "y=(\n    1,\n    2,\n)"),
        ("\n\n\n", "\n\n"),
    ],
)
def test_how_it_is_written_does_not_count(tmp_path: Path, old: str, new: str) -> None:
    assert old in SOURCE
    assert hash_of(tmp_path, SOURCE) == hash_of(tmp_path, SOURCE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("= 1", "= 2"),
        ("= 1", "= 1.0"),
        ("= 1", "= True"),
        ("'n'", "b'n'"),
        ("!r", "!s"),
        ("os.sep", "os.name"),
        ("def total", "def sum"),
        ("y=(1, 2)", "*y"),
        ("class Pair", "class Pair(object)"),
        ("import os\n", "import os\n\n1 + 1\n"),
        ("class Pair:", "@staticmethod\nclass Pair:"),
    ],
)
def test_what_it_does_counts(tmp_path: Path, old: str, new: str) -> None:
    assert old in SOURCE
    assert hash_of(tmp_path, SOURCE) != hash_of(tmp_path, SOURCE.replace(old, new))


def test_hash_is_the_same_in_every_python(tmp_path: Path) -> None:
    """A value from Python 3.11; a newer one adds fields to its trees, which must not re-run
    everything.
    """
    assert hash_of(tmp_path, SOURCE) == "798fba2b0e9a7c49b160a68bde03aa55"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project: stages/a.py -> pipeline/x -> pipeline/y; pipeline/z is not used."""
    files = {
        "stages/__init__.py": "",
        "stages/a.py": "def main():\n    from pipeline.x import f\n",
        "pipeline/__init__.py": "",
        "pipeline/x/__init__.py": "from .f import f\n",
        "pipeline/x/f.py": "from pipeline import y\nimport pipeline.cli.show\ndef f(): ...\n",
        "pipeline/x/words/en.txt": "one\n",
        "pipeline/x/sub/__init__.py": "",
        "pipeline/x/sub/zh.txt": "yi\n",
        "pipeline/y.py": "Y = 1\n",
        "pipeline/z.py": "Z = 1\n",
        "pipeline/cli/__init__.py": "",
        "pipeline/cli/show.py": "import pipeline.z\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_closure_of_a_module(tree: Path) -> None:
    """Imports at any depth, `__init__.py` on the way, data of the packages; not what only a shown
    module imports.
    """
    assert code_files(tree / "stages/a.py", tree) == [
        "pipeline/__init__.py",
        "pipeline/x/__init__.py",
        "pipeline/x/f.py",
        "pipeline/x/words/en.txt",
        "pipeline/y.py",
        "stages/__init__.py",
        "stages/a.py",
    ]


def test_data_counts_byte_for_byte(tree: Path) -> None:
    before = code_hashes(tree / "stages/a.py", tree)
    (tree / "pipeline/x/words/en.txt").write_text("# one\n")
    after = code_hashes(tree / "stages/a.py", tree)
    assert {name for name in after if after[name] != before[name]} == {"pipeline/x/words/en.txt"}
    (tree / "pipeline/x/words/zh.txt").write_text("yi\n")
    assert "pipeline/x/words/zh.txt" in code_hashes(tree / "stages/a.py", tree)


def test_syntax_error_is_one_line(tree: Path) -> None:
    (tree / "pipeline/y.py").write_text("Y = 1\nY = = 2\n")
    with pytest.raises(UserError, match=r"pipeline/y.py:2: .*; fix it"):
        code_hashes(tree / "stages/a.py", tree)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for name in ("conf", "stages", "pipeline", "lab"):
        ignore = shutil.ignore_patterns("__pycache__", "dvc.lock")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


def marks_of(root: Path, folder: Path) -> dict[str, bytes]:
    write_marks(folder, STAGES, root)
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_modules_that_only_show_change_no_hash(copy: Path, tmp_path: Path) -> None:
    before = marks_of(copy, tmp_path)
    shown = [
        p for p in (copy / "pipeline").rglob("*.py") if is_shown(p.relative_to(copy).as_posix())
    ]
    assert len(shown) >= len(SHOWN)
    for path in shown:
        path.write_text(path.read_text() + "\nimport pipeline.world\n\nEDITED = 1\n")
    assert marks_of(copy, tmp_path) == before


def test_how_an_arm_is_shown_changes_the_report_alone(copy: Path, tmp_path: Path) -> None:
    before = marks_of(copy, tmp_path)
    arm = copy / "conf/rl/grpo_os_rule.yaml"
    text = arm.read_text()
    arm.write_text("# a comment\n" + re.sub("label: .*", "label: changed", text))
    after = marks_of(copy, tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"arms.yaml"}
    arm.write_text(arm.read_text().replace("kl_coef:", "kl_coef: 0.5 #"))
    last = marks_of(copy, tmp_path)
    assert {name for name in last if last[name] != after[name]} == {
        "arms.yaml",
        "arms/grpo_os_rule.yaml",
    }
    assert "report" not in yaml.safe_load(last["arms/grpo_os_rule.yaml"])


def test_a_mark_is_not_touched_when_nothing_changed(copy: Path, tmp_path: Path) -> None:
    write_marks(tmp_path, STAGES, copy)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert write_marks(tmp_path, STAGES, copy) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_plans_differ_in_profile_and_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        plan = tmp_path / f"plans/{name}/conf/plan.yaml"
        plan.parent.mkdir(parents=True)
        plan.write_text(f"profile: same\narms: []\nseeds: []\ndata: data/{name}\n")
    with pytest.raises(
        UserError, match="plans/b/conf/plan.yaml: profile 'same' is that of plans/a"
    ):
        plans(tmp_path)
