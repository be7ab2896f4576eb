"""`make gpu-proof` without a GPU: every part at tiny shapes, and what becomes of one that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_device, gpu_proof, gpu_rl
from benchmarks.gpu_proof import Place, row, run_part

ROOT = Path(__file__).parents[1]


def dry(**changes) -> Place:
    return Place("cpu", True, time.monotonic() + 600, **changes)


@pytest.mark.parametrize("part", ["card", "engines", "mfu", "grpo"])
def test_dry_run_of_a_part(part, monkeypatch):
    monkeypatch.setattr(gpu_rl, "installed", lambda name: False)  # TRL takes a while
    *rows, last = run_part(gpu_proof.work_of(part), dry())
    assert last == {"end": "ok"} and len(rows) >= 3
    assert not [found for found in rows if found["ok"] is False]
    assert json.loads(json.dumps(rows)) == rows


def test_every_stage_and_kind_of_arm_is_compared():
    """A sampler that draws other tokens there, or another loss, does not hold."""
    *rows, last = run_part(gpu_device.device, dry())
    assert last == {"end": "ok"} and all(found["ok"] for found in rows)
    names = [found["check"] for found in rows]
    for stage in ("pretrain", "sft", "reward", "rl ppo", "rl grpo_os_rule", "evaluate, fast"):
        assert any(name.startswith(stage) for name in names), stage

    same = {"losses": [1.0], "gradients": [torch.ones(3)], "outputs": [[1, 2]]}
    assert gpu_device.compared("x", 1e-4, same, same)["ok"]
    for change in (
        {"losses": [1.001]},
        {"gradients": [torch.tensor([1.0, 1.0, 1.01])]},
        {"outputs": [[1, 3]]},
        {"gradients": [torch.full((3,), float("nan"))]},
    ):
        assert not gpu_device.compared("x", 1e-4, same, same | change)["ok"], change
    nothing = same | {"gradients": [torch.zeros(3)]}
    assert not gpu_device.compared("x", 1e-4, nothing, nothing)["ok"]


def test_without_base_or_vllm_a_part_says_so(monkeypatch):
    assert list(run_part(gpu_rl.gsm8k, dry())) == [
        {"end": "skipped", "said": "give --base FOLDER and --data FOLDER"}
    ]
    monkeypatch.setattr(gpu_proof, "installed", lambda name: name != "vllm")
    assert list(run_part(gpu_rl.vllm, dry())) == [
        {"end": "skipped", "said": "vllm is not installed"}
    ]


def test_nothing_but_torch():
    """Packages that torch brings, and no others: the parts begin, and say what they lack."""
    script = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("transformers", "tokenizers", "numpy", "yaml", "hydra", "tqdm"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
from benchmarks.gpu_proof import main
for part in ("card", "device", "grpo"):
    main(["--dry", "--part", part])
"""
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    ends = [found for found in rows if "end" in found]
    missing = {"end": "skipped", "said": "transformers is not installed"}
    assert ends == [{"end": "ok"}, missing, missing]
    assert [found["ok"] for found in rows if "log-prob" in found.get("check", "")] == [True]


def test_a_part_that_fails_or_hangs_leaves_the_others(monkeypatch, capsys):
    monkeypatch.setattr(gpu_proof, "BUDGETS", dict.fromkeys(gpu_proof.BUDGETS, 60) | {"engines": 3})
    good = json.dumps(row("speed", "3 tokens/s"))
    scripts = {
        "card": f"print('{good}'); print('{{\"end\": \"ok\"}}')",
        "device": f"print('{json.dumps(row('sum', '1e-1', False))}'); print('{{\"end\": \"ok\"}}')",
        "engines": f"import time; print('{good}', flush=True); time.sleep(60)",
        "mfu": "import os; os._exit(11)",
        "grpo": 'print(\'{"end": "failed", "said": "RuntimeError: out of memory"}\')',
        "vllm": 'print(\'{"end": "skipped", "said": "vllm is not installed"}\')',
    }
    found = gpu_proof.run_all(
        list(scripts),
        Namespace(seconds=1000.0),
        lambda part, seconds: [sys.executable, "-c", scripts[part]],
    )
    ends = {part["part"]: part["end"] for part in found}
    assert ends == {
        "card": "ok",
        "device": "failed",
        "engines": "failed",
        "mfu": "failed",
        "grpo": "failed",
        "vllm": "skipped",
    }
    said = {part["part"]: part.get("said", "") for part in found}
    assert said["device"] == "a check did not hold"
    assert "ended without a word, or after its" in said["engines"]
    assert all("\n" not in text for text in said.values())
    assert found[2]["rows"] == [row("speed", "3 tokens/s")]  # what it said before
    assert "DOES NOT HOLD" in capsys.readouterr().out


def test_budgets_hold_seven_minutes_and_the_result_names_card_and_commit(
    monkeypatch, tmp_path, capsys
):
    assert gpu_proof.TOTAL < 7 * 60 - 15
    if not torch.cuda.is_available():
        assert gpu_proof.main([]) == 1
        assert "no GPU" in capsys.readouterr().out
    monkeypatch.setattr(gpu_proof, "run_all", lambda parts, options, command: [])
    assert gpu_proof.main(["--dry", "--out", str(tmp_path / "a/b.json"), "--commit", "abc"]) == 0
    told = json.loads((tmp_path / "a/b.json").read_text())
    assert told["commit"] == "abc" and told["card"] and told["dry"] is True
