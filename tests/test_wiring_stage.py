"""A toy stage in a copy of the wiring: canonical and scratch runs, resume, and one line for every
mistake.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.wiring.run import fill

ROOT = Path(__file__).parents[1]
TOY = '''
from __future__ import annotations
from dataclasses import dataclass
from pipeline.wiring.stage import Run, StageConfig, stage

@dataclass(frozen=True)
class Size:
    steps: int = 4
    die_at: int = -1
    rate: float = 0.5

@dataclass(frozen=True, kw_only=True)
class ToyStage(StageConfig):
    seed: int = 0
    toy: Size
    rl: dict

@stage("toy", cell=("rl", "seed"), out="data/toy/{rl}-{seed}", reads=("data/before",))
def main(cfg: ToyStage, run: Run) -> None:
    """A toy."""
    import os
    def rows():
        mark = run.checkpoint / "step"
        for step in range(int(mark.read_text()) if mark.exists() else 0, cfg.toy.steps):
            if step == cfg.toy.die_at and not run.resumed:
                os._exit(9)
            yield {"step": step + 1, "value": step * cfg.toy.rate}
            mark.write_text(str(step))  # one behind: the next row is written twice after a kill
    last = run.follow(rows(), cfg.toy.steps)
    (run.out / "threads").write_text(os.environ["OMP_NUM_THREADS"])
    run.summary(last=last["value"], arm=cfg.rl["name"])
    run.cost(note="measured")

if __name__ == "__main__":
    main()
'''
BOTH = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {rl: 'one,two'}}}\n"
PRIMARY = """
defaults: [schema/toy, {profile: mini}, {rl: one}, {launcher: local}, {tracker: none}, {experiment: null}, _self_]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    ground = [f"pipeline/{name}.py" for name in ("__init__", "errors", "files", "records")]
    wiring = [f"pipeline/wiring/{path.name}" for path in (ROOT / "pipeline/wiring").glob("*.py")]
    library = [*ground, *wiring]
    for name in [*library, "conf/launcher/local.yaml", "conf/tracker/none.yaml"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    files = {
        "stages/__init__.py": "",
        "stages/toy.py": TOY,
        "conf/toy.yaml": PRIMARY,
        "conf/profile/mini.yaml": "# @package _global_\nprofile: mini\ntoy: {steps: 3}\nother: {x: 1}\n",
        "conf/profile/smoke.yaml": "# @package _global_\nprofile: smoke\ntoy: {steps: 2}\n",
        "conf/rl/one.yaml": "name: one\n",
        "conf/rl/two.yaml": "name: two\n",
        "conf/experiment/both.yaml": BOTH,
        "conf/plan.yaml": "profile: mini\narms: [one]\nseeds: [0]\n",
        "data/before/x": "1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def call(project: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
    bytecode = str(project.parents[1] / "bytecode")
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "stages.toy", *arguments]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_canonical_run_writes_data_and_nothing_else(project: Path) -> None:
    before = {path.name for path in project.iterdir()}
    call(project, "profile=mini", "rl=one", "seed=0")
    out = project / "data/toy/one-0"
    assert [
        json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()
    ] == [1, 2, 3]
    summary = {"arm": "one", "last": 1.0, "rl": "one", "seed": 0, "stage": "toy"}
    assert json.loads((out / "summary.json").read_text()) == summary
    assert (out / "threads").read_text() == "1"
    assert {path.name for path in project.iterdir()} - before <= {"__pycache__"}
    cost = json.loads((project / "data/.cost/toy-one-0.json").read_text())
    assert cost["note"] == "measured" and cost["peak_rss_mb"] > 1 and cost["profile"] == "mini"
    assert str(project) not in "".join(p.read_text() for p in out.iterdir())


@pytest.mark.parametrize("extra", [["toy.rate=2"], ["profile=smoke"], ["rl=two"], ["seed=5"], []])
def test_scratch_run_leaves_data_alone(project: Path, extra: list[str]) -> None:
    base = {"rl": "one", "seed": "0"} if extra else {}
    base.update(text.split("=") for text in extra)
    call(project, *[f"{key}={value}" for key, value in base.items()])
    assert not (project / "data/toy").exists()
    assert len(list(project.glob("outputs/*/*/toy/summary.json"))) == 1


def test_killed_run_resumes_and_equals_an_undisturbed_one(project: Path) -> None:
    config = project / "conf/profile/mini.yaml"
    call(project, "rl=one", "seed=0")
    whole = (project / "data/toy/one-0/metrics.jsonl").read_bytes()
    shutil.rmtree(project / "data/toy")
    config.write_text(config.read_text().replace("{steps: 3}", "{steps: 3, die_at: 2}"))
    call(project, "rl=one", "seed=0", code=9)
    assert not (project / "data/toy").exists()
    spent = (
        next((project / "data/.ckpt/toy/one-0").glob("*/")) / "clock.json"
    )  # written every five seconds
    spent.write_text('{"seconds": 1000, "cpu_seconds": 900}')
    done = call(project, "rl=one", "seed=0")
    assert "resumed" in done.stdout
    cost = json.loads((project / "data/.cost/toy-one-0.json").read_text())
    assert cost["seconds"] > 1000 and 900 < cost["cpu_seconds"] < 960
    assert (project / "data/toy/one-0/metrics.jsonl").read_bytes() == whole
    assert [p.name for p in (project / "data/.ckpt/toy/one-0").iterdir()] == [".lock"]


def test_killed_between_publishing_and_clearing_up_makes_it_whole_again(project: Path) -> None:
    """DVC has not noted the output then: it deletes it and runs the stage again, whose checkpoint
    must not count.
    """
    call(project, "rl=one", "seed=0")
    whole = (project / "data/toy/one-0/metrics.jsonl").read_bytes()
    killed = TOY.replace(
        'run.cost(note="measured")',
        """import pipeline.wiring.run
    replace = pipeline.wiring.run.replace
    def replace_and_die(target, made):
        replace(target, made)
        if not os.path.exists("killed"):
            open("killed", "w")
            os._exit(9)
    pipeline.wiring.run.replace = replace_and_die""",
    )
    (project / "stages/toy.py").write_text(killed)
    call(project, "rl=one", "seed=0", code=9)
    shutil.rmtree(project / "data/toy")
    state = next((project / "data/.ckpt/toy/one-0").glob("*/"))
    assert not (state / "state").exists()
    assert "resumed" not in call(project, "rl=one", "seed=0").stdout
    assert (project / "data/toy/one-0/metrics.jsonl").read_bytes() == whole


def test_the_same_scratch_command_resumes(project: Path) -> None:
    """Hydra makes a new dated folder for it, so the checkpoint must not lie in the old one."""
    arguments = ["rl=one", "seed=0", "toy.steps=5"]
    call(project, *arguments, "toy.die_at=3", code=9)
    assert "resumed" not in call(project, *arguments, "toy.rate=2").stdout  # other settings
    assert "resumed" in call(project, *arguments, "toy.die_at=3").stdout
    (run,) = [p for p in project.glob("outputs/*/*/toy") if "die_at: 3" in overrides_of(p)]
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 5
    assert not list(project.glob("outputs/.ckpt/*"))


def overrides_of(result: Path) -> str:
    return (result.parent / ".hydra/config.yaml").read_text()


def test_how_an_arm_is_shown_is_no_setting(project: Path) -> None:
    call(project, "rl=one", "seed=0")
    before = (project / "data/toy/one-0/config.json").read_bytes()
    (project / "conf/rl/one.yaml").write_text("name: one\nreport: {label: One, colour: red}\n")
    call(project, "rl=one", "seed=0")
    assert (project / "data/toy/one-0/config.json").read_bytes() == before


def test_code_imported_by_name_at_run_time_is_refused(project: Path) -> None:
    (project / "stages/hidden.py").write_text("")
    load = 'import importlib; importlib.import_module("stages." + "hidden")'
    (project / "stages/toy.py").write_text(TOY.replace('run.cost(note="measured")', load))
    assert "stages/hidden.py was loaded" in call(project, "rl=one", "seed=0", code=1).stderr
    assert not (project / "data/toy").exists()


def test_changed_input_or_code_never_resumes(project: Path) -> None:
    config = project / "conf/profile/mini.yaml"
    config.write_text(config.read_text().replace("{steps: 3}", "{steps: 3, die_at: 2}"))
    call(project, "rl=one", "seed=0", code=9)
    (project / "data/before/x").write_text("2")
    call(project, "rl=one", "seed=0", code=9)
    (project / "stages/toy.py").write_text(TOY + "CHANGED = 1\n")
    call(project, "rl=one", "seed=0", code=9)
    (project / "stages/toy.py").write_text(TOY + "CHANGED = 1\n# a comment changes nothing\n")
    assert "resumed" in call(project, "rl=one", "seed=0").stdout


MISTAKES = [
    (["rl=three"], "rl/three"),
    (["rl=tow"], "did you mean 'two'?"),
    (["profile=Smoke"], "did you mean 'smoke'?"),
    (["toy.speed=1"], "toy.speed"),
    (["toy.stps=1"], "did you mean 'toy.steps'?"),
    (["+toy.stps=1"], "did you mean 'steps'?"),
    (["+toi.steps=1"], "did you mean 'toy'?"),
    (["+toy.speed=1"], "toy.speed"),
    (["other.x=2"], "other.x"),
    (["toy.steps=many"], "toy.steps"),
    (["toy.steps=1.5"], "toy.steps"),
    (["profile=huge"], "profile/huge"),
    (["toy.steps=???"], "toy.steps"),
]


@pytest.mark.parametrize(("arguments", "named"), MISTAKES)
def test_mistake_is_one_line(project: Path, arguments: list[str], named: str) -> None:
    done = call(project, *arguments, code=1)
    assert (
        done.stderr.startswith("toy: ") and done.stderr.count("\n") == 1 and named in done.stderr
    ), done.stderr


def test_missing_input_is_one_line(project: Path) -> None:
    shutil.rmtree(project / "data/before")
    done = call(project, "rl=one", "seed=0", code=1)
    assert done.stderr.count("\n") == 1 and "data/before: missing" in done.stderr


def test_file_in_the_place_of_a_folder_is_one_line(project: Path) -> None:
    (project / "data/.ckpt").write_text("in the way")
    done = call(project, "rl=one", "seed=0", code=1)
    assert done.stderr.count("\n") == 1 and "data/.ckpt" in done.stderr


def test_a_stage_for_one_process_refuses_several(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = call(project, "rl=one", "seed=0", code=1)
    assert done.stderr.count("\n") == 1 and "works in one process" in done.stderr
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert call(project, "rl=one", "seed=0", code=1).stderr == ""  # the first one has said it


@pytest.mark.parametrize("extra", [[], ["toy.rate=2", "hydra.run.dir=kept"]])
def test_second_process_of_a_job_works_and_writes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, extra: list[str]
) -> None:
    text = TOY.replace('cell=("rl", "seed"),', 'cell=("rl", "seed"), processes=True,')
    for line in TOY.splitlines():
        if "write_text" in line:
            text = text.replace(line.strip().split("  #")[0], "pass")
    said = 'print("not said", flush=True); os.write(2, f"last {last[\'step\']}".encode())'
    (project / "stages/toy.py").write_text(text.replace('run.cost(note="measured")', said))
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    before = set(project.rglob("*"))
    done = call(project, "rl=one", "seed=0", *extra)
    assert (done.stdout, done.stderr) == ("", "last 3")
    left = {p for p in set(project.rglob("*")) - before if "__pycache__" not in p.parts}
    assert left <= {project / "kept"}  # Hydra's own folder, empty


def test_bug_keeps_its_trace(project: Path) -> None:
    (project / "stages/toy.py").write_text(TOY.replace('run.cost(note="measured")', "1 / 0"))
    assert "ZeroDivisionError" in call(project, "rl=one", "seed=0", code=1).stderr
    assert not (project / "data/toy").exists()


def test_code_changed_meanwhile_is_refused(project: Path) -> None:
    touch = 'open("stages/toy.py", "a").write("EDITED = 1")'
    (project / "stages/toy.py").write_text(TOY.replace('run.cost(note="measured")', touch))
    done = call(project, "rl=one", "seed=0", code=1)
    assert "stages/toy.py: changed while the stage ran" in done.stderr
    assert not (project / "data/toy").exists()


def test_multirun_of_scratch_jobs(project: Path) -> None:
    call(project, "experiment=both", "seed=0", "toy.rate=3")
    found = sorted(
        json.loads(p.read_text())["rl"] for p in project.glob("multirun/*/*/*/toy/summary.json")
    )
    assert found == ["one", "two"]
    assert not (project / "data/toy").exists()


def test_publishing_a_report_leaves_what_else_lies_in_its_folder(tmp_path):
    target, made = tmp_path / "reports", tmp_path / "made"
    for path in (
        "report.md",
        "figures/old.png",
        "lab/corpus/summary.json",
        "pilots/world.md",
        "notes.txt",
    ):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text("before")
    (made / "figures").mkdir(parents=True)
    (made / "figures/new.png").write_text("after")
    (made / "report.md").write_text("after")
    fill(target, made)
    kept = {str(p.relative_to(target)): p.read_text() for p in target.rglob("*") if p.is_file()}
    assert kept == {
        "report.md": "after",
        "figures/new.png": "after",
        "lab/corpus/summary.json": "before",
        "pilots/world.md": "before",
        "notes.txt": "before",
    }
