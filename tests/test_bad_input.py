"""What a user gets wrong, or a machine refuses, ends as one clear line and exit status 1; earlier
outputs stay.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = [
    "world.instruct=20",
    "world.questions=8",
    "world.validation=4",
    "world.benchmark=4",
    "world.web.pages=96",
    "world.web.domains=24",
]
LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails like any other write
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
sys.argv = ["stages.{stage}", *{arguments!r}]
runpy.run_module("stages.{stage}", run_name="__main__")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder to run in; code and conf/ are the repository's."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/earlier").write_text("kept")
    return tmp_path


def call(place: Path, stage: str, *arguments: str) -> subprocess.CompletedProcess:
    return launch(place, ["-m", f"stages.{stage}", *arguments])


def launch(place: Path, words: list[str]) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(place.parents[1] / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess, *named: str) -> None:
    lines = [line for line in done.stderr.splitlines() if "it/s]" not in line and line.strip()]
    assert done.returncode == 1 and len(lines) == 1, f"{done.returncode}\n{done.stderr}"
    for text in named:
        assert text in lines[0], lines[0]


def fill(place: Path, path: str, text: str = "{}\n") -> Path:
    file = place / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("stage", "arguments", "named"),
    [
        ("sft", [], "data/main/chains/0/pretrain/model: missing"),
        ("corpus", [], "data/main/world/web: missing"),
        ("rl", ["rl=ppp", "seed=0"], "ppp"),
        ("rl", ["rl=rft", "rl.kl_coef=0.5"], "kl_coef"),
        ("rl", ["rl=grpo_os_rule", "rl_scale.group_size=1"], "data/main/world"),
        ("sft", ["sft.learning_rate=1"], "learning_rate"),
        ("rl", ["rl=grpo_os_rul", "seed=0"], "did you mean 'grpo_os_rule'?"),
        ("rl", ["rl_scale.stps=3"], "did you mean 'rl_scale.steps'?"),
        ("sft", ["sft.lr=high"], "sft.lr"),
        ("world", ["profile=tiny"], "tiny"),
        ("world", ["profile=SMOKE"], "did you mean 'smoke'?"),
        ("world", ["world.word_levels=[9]"], "word_levels"),
        ("evaluate", ["evaluate.protocol=guess"], "protocol"),
    ],
)
def test_wrong_words(place: Path, stage: str, arguments: list[str], named: str) -> None:
    one_line(call(place, stage, *arguments), named)
    assert (place / "data/earlier").read_text() == "kept"


@pytest.mark.parametrize("module", ["stages.rl", "lab.recall.turn"])
def test_python_without_the_environment_is_one_line(place: Path, module: str) -> None:
    """`-S` leaves site-packages out, as the system's Python does before `. .venv/bin/activate`."""
    done = launch(place, ["-S", "-m", module])
    one_line(done, ". .venv/bin/activate", "make setup")


def test_model_folder_without_tokenizer(place: Path) -> None:
    fill(place, "hf/config.json", json.dumps({"model_type": "llama"}))
    fill(place, "hf/model.safetensors", "")
    fill(place, "data/main/corpus/pages.parquet")
    fill(place, "data/main/world/instruct.jsonl")
    one_line(call(place, "pretrain", "model.path=hf"), "hf: no tokenizer")


def test_model_folder_that_is_not_there(place: Path) -> None:
    fill(place, "data/main/corpus/pages.parquet")
    fill(place, "data/main/world/instruct.jsonl")
    one_line(call(place, "pretrain", "model.path=nowhere"), "nowhere")


def test_malformed_instruction_line(place: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, place / "data/main/chains/0/pretrain/model")
    good = {"id": "1", "question": "1+1?", "solution": "1+1=2\n\\boxed{2}", "answer": "2"}
    file = fill(place, "data/main/world/instruct.jsonl", json.dumps(good) + '\n{"id": \n')
    one_line(call(place, "sft"), f"{file.relative_to(place)}:2")
    fill(place, "data/main/world/instruct.jsonl", json.dumps({**good, "colour": "red"}) + "\n")
    one_line(call(place, "sft"), "instruct.jsonl:1", "colour")
    assert not (place / "data/main/chains/0/sft").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_to_write(place: Path) -> None:
    (place / "data").chmod(0o555)
    one_line(call(place, "world", *SMALL, "hydra.run.dir=data/here"), "ermission denied")


def test_file_where_a_folder_is_needed(place: Path) -> None:
    fill(place, "data/main/.ckpt", "in the way")
    one_line(call(place, "world", "profile=mini"), "data/main/.ckpt")


def test_full_disk_is_one_line_and_leaves_earlier_results(place: Path) -> None:
    """A write beyond a limit on file size (above what Hydra itself writes) stands for a full disk:
    another errno.
    """
    arguments = [*SMALL, "hydra.run.dir=run"]
    assert call(place, "world", *arguments).returncode == 0
    before = state(place / "run/world")
    code = LIMITED.format(size=20_000, stage="world", arguments=[*arguments, "world.seed=1"])
    one_line(launch(place, ["-c", code]), "run/.ckpt", "ile too large")
    assert state(place / "run/world") == before and (place / "data/earlier").read_text() == "kept"
    assert call(place, "world", *arguments, "world.seed=1").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_no_space_left(place: Path) -> None:
    """The real errno, through a metrics file that leads to /dev/full."""
    code = (
        "import errno\nfrom pathlib import Path\nfrom pipeline.wiring.stage import one_line_errors\n"
        "with one_line_errors('toy'):\n"
        "    with Path('/dev/full').open('w') as file:\n        file.write('x' * 100000)\n"
    )
    done = launch(place, ["-c", code])
    one_line(done, "toy: ", "no space left on the device", "it resumes")


def state(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pipeline.lm.model import ModelConfig, new_model, save_model
    from pipeline.lm.tokenizer import train_tokenizer

    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer(["1+1=2 is a sum of one and one"] * 4, 300)
    config = ModelConfig(hidden_size=32, layers=1, heads=1, intermediate_size=32, context=64)
    save_model(
        new_model(config, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, seed=0),
        tokenizer,
        folder,
    )
    return folder
