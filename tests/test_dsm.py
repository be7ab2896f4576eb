"""One console command: every subcommand exists, loads nothing it does not need, and a mistake is
one line.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import dsm, why

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", sorted(dsm.COMMANDS))
def test_a_command_has_a_main_and_a_line_of_help(name: str) -> None:
    command = dsm.COMMANDS[name]
    assert callable(importlib.import_module(command.module).main)
    assert command.help and f"  {name} " in dsm.usage()


def test_the_list_of_commands_loads_nothing_heavy() -> None:
    code = "import sys; from pipeline.cli import dsm; dsm.main(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {"torch", "transformers", "numpy", "dvc", "hydra", "mlflow", "argparse"}


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as left:
        dsm.main(["evalute"])
    assert left.value.code == 1
    assert capsys.readouterr().err == (
        "dsm: no command 'evalute'; did you mean 'evaluate'? (dsm --help lists them)\n"
    )


def test_a_command_gets_its_words(capsys: pytest.CaptureFixture) -> None:
    assert dsm.main(["explain", r"so \boxed{1/2}", "0.5"]) == 0
    assert "verdict    right" in capsys.readouterr().out


def test_why_puts_stages_with_the_same_reasons_together() -> None:
    stale = {
        "sft": ["code: a.py changed"],
        **{
            f"rl@{chain}-x-1": [
                "input data/code/arms/x.yaml: modified",
                f"result data/chains/{chain}/rl/x-1: not built",
            ]
            for chain in (1, 2)
        },
        **{f"evaluate@y-{seed}": [f"result data/cells/y-{seed}: not built"] for seed in range(4)},
    }
    assert list(why.grouped(stale)) == [
        (["sft"], ["code: a.py changed"]),
        (
            ["rl@1-x-1", "rl@2-x-1"],
            [
                "input data/code/arms/<arm>.yaml: modified",
                "result data/chains/<chain>/rl/<cell>: not built",
            ],
        ),
        (["evaluate (4 cells)"], ["result data/cells/<cell>: not built"]),
    ]


def test_why_names_the_files_that_changed(tmp_path: Path) -> None:
    plan = {"data": str(tmp_path)}
    (tmp_path / ".cost").mkdir()
    (tmp_path / "code").mkdir()
    before = {"a.py": "1", "b.py": "1", "c.py": "1"}
    (tmp_path / ".cost/rl-x-0.json").write_text(json.dumps({"code": before}))
    (tmp_path / "code/rl").write_text("1  a.py\n2  b.py\n1  d.py\n")
    assert list(why.code_reasons("rl@x-0", "rl", plan, "modified")) == [
        "code: b.py changed",
        "code: c.py is no longer used",
        "code: d.py is used now",
    ]


def test_why_names_the_arm_whose_settings_changed(tmp_path: Path) -> None:
    plan = {"data": str(tmp_path)}
    files = {"code/arms/rft.yaml": "modified", "code/arms.yaml": "modified", "world/x": "new"}
    entries = [{"changed deps": {f"{tmp_path}/{path}": state for path, state in files.items()}}]
    assert list(why.reasons_of("rl@0-rft-0", entries, plan)) == [
        "settings of arm rft: modified",
        "settings of the arms: modified",
        f"input {tmp_path}/world/x: new",
    ]


@pytest.mark.parametrize("state", ["deleted", "not in cache"])
def test_why_says_not_built_in_a_fresh_clone(tmp_path: Path, state: str) -> None:
    entries = [{"changed deps": {"a": "deleted"}}, {"changed outs": {"b": state}}]
    assert list(why.reasons_of("sft@0", entries, {"data": str(tmp_path)})) == ["not built yet"]
