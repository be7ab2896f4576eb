"""DVC sees neither Python imports nor Hydra's composition: what a stage imports or composes must stand in dvc.yaml."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from functools import cache
from pathlib import Path

import pytest
import yaml

from pipeline.wiring.code import ROOT, VIEW, code_files
from pipeline.wiring.config import built, register

CELL_FREE = {"launcher", "experiment", "tracker"}  # how and where to run, never what comes out


@cache
def expanded(profile: str) -> dict[str, dict]:
    """dvc.yaml with the variables of the profile's plan filled in and its matrices laid out: {address: stage}."""
    plan = {**built(profile), "profile": profile}
    raw = yaml.safe_load((ROOT / plan["pipeline"]).read_text(encoding="utf-8"))
    found = {}
    for name, stage in raw["stages"].items():
        matrix = stage.pop("matrix", None)
        items = [{}]
        if matrix:
            axes = {
                key: plan[re.fullmatch(r"\$\{(\w+)\}", text)[1]] for key, text in matrix.items()
            }
            assert list(axes) == ["arm", "seed"]
            items = [{"arm": arm, "seed": seed} for arm in axes["arm"] for seed in axes["seed"]]
        for item in items:
            values = {**{f"item.{key}": value for key, value in item.items()}, **plan}
            address = f"{name}@{item['arm']}-{item['seed']}" if item else name
            found[address] = fill(stage, values)
    return found


def fill(value, values: dict):
    if isinstance(value, dict):
        return {fill(key, values): fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    return (
        re.sub(r"\$\{([\w.]+)\}", lambda m: str(values[m[1]]), value)
        if isinstance(value, str)
        else value
    )


def arguments(stage: dict) -> tuple[str, list[str]]:
    words = shlex.split(stage["cmd"])
    assert words[:2] == ["python", "-m"]
    return words[2].removeprefix("stages."), words[3:]


def compose(name: str, overrides: list[str]):
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    profile = next(text.partition("=")[2] for text in overrides if text.startswith("profile="))
    register(name, stage_config(name), profile)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return hydra_compose(name, overrides=overrides, return_hydra_config=True)


def stage_config(name: str) -> type:
    import typing

    module = importlib.import_module(f"stages.{name}")
    return typing.get_type_hints(module.main.__wrapped__)["cfg"]


PLANNED = ("mini", "lab")
ADDRESSES = sorted({name.split("@")[0] for name in expanded("mini")})


def cells(name: str, profile: str = "mini") -> dict[str, dict]:
    return {
        address: stage
        for address, stage in expanded(profile).items()
        if address.split("@")[0] == name
    }


def outs_of(stage: dict) -> list[str]:
    return [str(next(iter(out))) if isinstance(out, dict) else out for out in stage["outs"]]


def one_seed(found: dict[str, dict]) -> dict[str, dict]:
    """Of each arm the first seed: all of them compose alike."""
    return {
        address: stage
        for address, stage in found.items()
        if "@" not in address or address.endswith("-0")
    }


def covered(path: str, deps: list[str]) -> bool:
    return any(path == dep or path.startswith(dep.rstrip("/") + "/") for dep in deps)


@pytest.mark.parametrize("name", ADDRESSES)
def test_imported_code_is_a_dependency(name: str) -> None:
    address, stage = next(iter(cells(name).items()))
    module, _ = arguments(stage)
    files = code_files(ROOT / f"stages/{module}.py")
    missing = [path for path in files if not covered(path, stage["deps"])]
    assert not missing, f"{address}: add to deps: {missing}"
    idle = [
        dep
        for dep in stage["deps"]
        if not dep.startswith(("data/", "conf/")) and not any(covered(f, [dep]) for f in files)
    ]
    assert not idle, f"{address}: deps that it never imports: {idle}"
    assert not set(stage["deps"]) & VIEW


@pytest.mark.parametrize("plan", PLANNED)
@pytest.mark.parametrize("name", ADDRESSES)
def test_composed_files_are_params(name: str, plan: str) -> None:
    """Of the profile, which all stages share, exactly the stage's own sections; every other composed file whole."""
    for address, stage in one_seed(cells(name, plan)).items():
        module, overrides = arguments(stage)
        cfg = compose(module, overrides)
        chosen = {
            group: choice
            for group, choice in cfg.hydra.runtime.choices.items()
            if choice and "/" not in group and group not in CELL_FREE
        }
        wanted = {
            f"conf/{group}/{choice}.yaml" for group, choice in chosen.items() if group != "schema"
        }
        params = {path: keys for entry in stage["params"] for path, keys in entry.items()}
        assert wanted | {f"conf/{module}.yaml"} <= set(params), address
        profile = f"conf/profile/{chosen['profile']}.yaml"
        sections = set(yaml.safe_load((ROOT / profile).read_text(encoding="utf-8"))) - {"profile"}
        fields = {field for field in stage_config(module).__dataclass_fields__ if field in sections}
        if module == "evaluate":
            fields.discard("model")  # the cell, not the section that the profile has for pretrain
        assert set(params[profile]) == fields, f"{address}: {profile} {sorted(fields)}"
        assert all(
            keys is None
            for path, keys in params.items()
            if path not in (profile, built(plan)["plan"])
        )


@pytest.mark.parametrize("plan", PLANNED)
@pytest.mark.parametrize("name", ADDRESSES)
def test_reads_and_writes_agree_with_the_stage(name: str, plan: str) -> None:
    from pipeline.wiring import stage as wiring

    for address, stage in cells(name, plan).items():
        module, overrides = arguments(stage)
        importlib.import_module(
            f"stages.{module}"
        )  # a stage enters its contract when it is imported
        contract = wiring.CONTRACTS[f"stages.{module}"]
        axes = dict(text.split("=") for text in overrides if text.split("=")[0] in contract.cell)
        axes |= {key: built(plan)[key] for key in ("data", "reports")}
        out = contract.out.format(
            **axes
        )  # the report's files stand one by one: another report may lie in its folder
        assert (
            [out] == outs_of(stage)
            if name != "report"
            else all(path.startswith(f"{out}/") for path in outs_of(stage))
        )
        data = {dep for dep in stage["deps"] if dep.startswith("data/")}
        assert {path.format(**axes) for path in contract.reads} <= data, address
        assert wiring.is_canonical(
            [f"profile={built(plan)['profile']}", *overrides[1:]], contract.cell
        ), address


@pytest.mark.parametrize("plan", PLANNED)
def test_every_dependency_is_made_by_a_stage(plan: str) -> None:
    outs = [path for stage in expanded(plan).values() for path in outs_of(stage)]
    assert len(outs) == len(set(outs))
    for address, stage in expanded(plan).items():
        for dep in stage["deps"]:
            if dep.startswith("data/"):
                assert covered(dep, outs) or any(out.startswith(dep + "/") for out in outs), (
                    f"{address}: {dep}"
                )
            else:
                assert (ROOT / dep).exists(), f"{address}: {dep}"


def test_nothing_persists_and_pipeline_names_match() -> None:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert "persist" not in text
    assert {"evaluate_base", "evaluate_instruct"} <= set(expanded("mini"))


def test_dvc_reads_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real DVC expands both files as this test does, finds no output that two stages of any file write, and takes `dvc.yaml`
    for the main one alone, as `dvc repro` without a target does."""
    dvc_repo = pytest.importorskip("dvc.repo")
    for name in ("conf", "stages", "pipeline", "lab"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__"),
            symlinks=True,
        )
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    dvc_repo.Repo.init(str(tmp_path), no_scm=True)
    with dvc_repo.Repo(str(tmp_path)) as repo:
        repo.index.check_graph()
        found = {
            stage.addressing: stage.cmd
            for stage in repo.index.stages
            if not stage.addressing.startswith(("lab/corpus/", "lab/corpora/"))
        }  # plans of their own, with benchmarks/
        main = {stage.addressing for stage in repo.stage.collect("dvc.yaml")}
    plans = {"": built()["profile"], "lab/dvc.yaml:": "lab"}
    assert found == {
        f"{file}{address}": stage["cmd"]
        for file, profile in plans.items()
        for address, stage in expanded(profile).items()
    }
    assert main == set(expanded(built()["profile"]))
