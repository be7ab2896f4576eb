"""DVC sees neither Python imports nor Hydra's composition: what a stage stands on must stand in its
graph, and no more.

All graphs are held: the main one, those of plans/, and those of the laboratory.
"""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import typing
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml

from pipeline.wiring.code import OURS, ROOT, SHOWN, code_files, imported_names
from pipeline.wiring.config import register
from pipeline.wiring.marks import entry_of
from pipeline.wiring.plans import PLACES, built, plans

CELL_FREE = {"launcher", "experiment", "tracker"}  # how and where to run, never what comes out
PROFILES = sorted(plans())
FILLED = re.compile(r"\$\{([\w.]+)\}")


@cache
def expanded(profile: str) -> dict[str, dict]:
    """The dvc.yaml of the profile's plan with its variables filled in and its matrices laid out:
    {address: stage}.
    """
    plan = {**built(profile), "profile": profile}
    raw = yaml.safe_load((ROOT / plan["pipeline"]).read_text(encoding="utf-8"))
    found = {}
    for name, stage in raw["stages"].items():
        for label, values in items_of(stage, plan):
            body = stage.get("do", {k: v for k, v in stage.items() if k != "matrix"})
            found[f"{name}@{label}" if label else name] = fill(body, {**values, **plan})
    return found


def items_of(stage: dict, plan: dict) -> list[tuple[str, dict]]:
    """(label, variables) of each stage that a `matrix` or `foreach` stands for."""
    if "foreach" in stage:
        return [(str(key), {"key": key, "item": item}) for key, item in stage["foreach"].items()]
    if "matrix" not in stage:
        return [("", {})]
    axes = {key: plan[FILLED.fullmatch(text)[1]] for key, text in stage["matrix"].items()}
    return [
        (
            "-".join(map(str, values)),
            {f"item.{key}": v for key, v in zip(axes, values, strict=True)},
        )
        for values in product(*axes.values())
    ]


def fill(value, values: dict):
    if isinstance(value, dict):
        return {fill(key, values): fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    return FILLED.sub(lambda m: str(values[m[1]]), value) if isinstance(value, str) else value


def stages_of(profile: str) -> dict[str, dict]:
    """All but the one that writes fingerprints."""
    return {name: stage for name, stage in expanded(profile).items() if name != "code"}


def arguments(stage: dict) -> tuple[str, list[str]]:
    """The module that a stage runs, and what follows it."""
    words = shlex.split(stage["cmd"])
    assert words[:2] == ["python", "-m"]
    return words[2], words[3:]


def marked(profile: str) -> dict[str, Path]:
    """{name of a fingerprint file: the module whose code it stands for} of a graph."""
    _, (folder, *names) = arguments(expanded(profile)["code"])
    assert folder == f"{built(profile)['data']}/code"
    return {entry_of(name).stem: entry_of(name) for name in names}


def stage_config(module: str) -> type:
    return typing.get_type_hints(importlib.import_module(module).main.__wrapped__)["cfg"]


def compose(module: str, overrides: list[str]):
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    profile = next(text.partition("=")[2] for text in overrides if text.startswith("profile="))
    name = importlib.import_module(module).main.stage
    register(name, stage_config(module), profile)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return hydra_compose(name, overrides=overrides, return_hydra_config=True)


@cache
def reads_of_arm(module: str, profile: str, arm: str) -> tuple[str, ...]:
    """What a stage reads that says so by its settings."""
    from omegaconf import OmegaConf

    from pipeline.wiring.config import build
    from pipeline.wiring.stage import CONTRACTS, own_sections

    overrides, kind = [f"profile={profile}", f"rl={arm}"], stage_config(module)
    composed = compose(module, overrides)
    OmegaConf.set_struct(composed, False)
    composed.pop("hydra")
    return CONTRACTS[module].reads(build(kind, own_sections(composed, kind, overrides)))


def outs_of(stage: dict) -> list[str]:
    return [str(next(iter(out))) if isinstance(out, dict) else out for out in stage["outs"]]


def one_seed(found: dict[str, dict]) -> dict[str, dict]:
    """Of each arm the first chain and seed: all of them compose alike."""
    return {
        address: stage
        for address, stage in found.items()
        if not re.search(r"@.*-[1-9]\d*$|@[1-9]\d*-", address)
    }


def covered(path: str, deps: list[str]) -> bool:
    return any(path == dep or path.startswith(dep.rstrip("/") + "/") for dep in deps)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_stage_depends_on_its_own_code_and_no_other(profile: str) -> None:
    """On the fingerprint of the module that it runs; nothing of the code stands in the graph by
    hand.
    """
    entries = marked(profile)
    used = set()
    for address, stage in stages_of(profile).items():
        module, _ = arguments(stage)
        marks = [dep for dep in stage["deps"] if f"{built(profile)['data']}/code/" in dep]
        (mark,) = [dep for dep in marks if not dep.endswith(".yaml")]
        name = Path(mark).name
        assert entries[name] == ROOT.joinpath(*module.split(".")).with_suffix(".py"), address
        used.add(name)
        assert not [dep for dep in stage["deps"] if dep.split("/")[0] in OURS], address
    unused = set() if built(profile)["reward_chains"] else {"reward"} & set(entries)
    assert used | unused == set(entries)


@pytest.mark.parametrize("profile", PROFILES)
def test_composed_files_are_params(profile: str) -> None:
    """Of the profile, which all stages share, exactly the stage's own sections; every other
    composed file whole.
    """
    plan = built(profile)
    for address, stage in one_seed(stages_of(profile)).items():
        module, overrides = arguments(stage)
        cfg = compose(module, overrides)
        chosen = {
            group: choice
            for group, choice in cfg.hydra.runtime.choices.items()
            if choice and "/" not in group and group not in CELL_FREE
        }
        params = {path: keys for entry in stage["params"] for path, keys in entry.items()}
        wanted = {f"conf/{group}/{choice}.yaml" for group, choice in chosen.items()}
        arms = {path for path in wanted if path.startswith("conf/rl/")}
        for path in arms:  # by way of the file that holds the training keys alone
            assert f"{plan['data']}/code/arms/{Path(path).name}" in stage["deps"], address
        primary = f"conf/{cfg.hydra.job.config_name}.yaml"
        wanted |= {primary} if (ROOT / primary).is_file() else set()
        schemas = {path for path in wanted if path.startswith("conf/schema/")}
        assert wanted - arms - schemas <= set(params), address
        path = f"conf/profile/{chosen['profile']}.yaml"
        sections = set(yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))) - {"profile"}
        fields = {field for field in stage_config(module).__dataclass_fields__ if field in sections}
        if module == "stages.evaluate":
            fields.discard("model")  # the cell, not the section that the profile has for pretrain
        assert set(params[path]) == fields, f"{address}: {path} {sorted(fields)}"
        assert all(keys is None for p, keys in params.items() if p not in (path, plan["plan"]))


@pytest.mark.parametrize("profile", PROFILES)
def test_reads_and_writes_agree_with_the_stage(profile: str) -> None:
    from pipeline.wiring import stage as wiring

    for address, stage in stages_of(profile).items():
        module, overrides = arguments(stage)
        importlib.import_module(module)  # a stage enters its contract when it is imported
        contract = wiring.CONTRACTS[module]
        axes = dict(text.split("=") for text in overrides if text.split("=")[0] in contract.cell)
        axes |= {key: built(profile)[key] for key in PLACES}
        out = contract.out.format(**axes)
        # The files of a report stand one by one where another report lies in its folder.
        assert [out] == outs_of(stage) or (
            out == built(profile)["reports"]
            and all(path.startswith(f"{out}/") for path in outs_of(stage))
        )
        reads = contract.reads
        if callable(reads):
            reads = reads_of_arm(module, profile, axes["rl"])
        assert {path.format(**axes) for path in reads} <= set(stage["deps"]), address
        given = [f"profile={profile}", *overrides[1:]]
        assert wiring.is_canonical(given, contract.cell, contract.name), address


@pytest.mark.parametrize("profile", PROFILES)
def test_every_dependency_is_made_by_a_stage(profile: str) -> None:
    outs = [path for stage in expanded(profile).values() for path in outs_of(stage)]
    assert len(outs) == len(set(outs))
    elsewhere = [
        path for p in PROFILES for stage in expanded(p).values() for path in outs_of(stage)
    ]
    for address, stage in stages_of(profile).items():
        for dep in stage["deps"]:
            made = covered(dep, elsewhere) or any(o.startswith(dep + "/") for o in elsewhere)
            assert made or dep.startswith("docs/"), f"{address}: {dep}"


def test_plans_share_nothing_by_name() -> None:
    outs = [path for profile in PROFILES for s in expanded(profile).values() for path in outs_of(s)]
    assert len(outs) == len(set(outs))
    assert not [(a, b) for a in outs for b in outs if b.startswith(a + "/")]
    for profile in PROFILES:
        assert all(
            out.startswith(("data/", "reports"))
            for s in expanded(profile).values()
            for out in outs_of(s)
        )


def test_nothing_persists_and_no_benchmark_is_a_stage() -> None:
    for profile in PROFILES:
        text = (ROOT / built(profile)["pipeline"]).read_text(encoding="utf-8")
        assert "persist" not in text and "benchmarks." not in text
        for entry in marked(profile).values():
            for path in code_files(entry):
                assert "conf/" not in path and Path(path).name not in ("dvc.yaml", "dvc.lock")
                if path.endswith(".py"):
                    names = {name.split(".")[0] for name in imported_names(ROOT / path, ROOT)}
                    assert not names & {"benchmarks", "tests"}, path
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 170


def test_modules_that_only_show_exist() -> None:
    for path in SHOWN:
        assert (ROOT / path).exists(), path


def test_dvc_reads_the_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real DVC expands all files as this test does, finds no output that two stages of any file write, and takes
    `dvc.yaml` for the main one alone, as `dvc repro` without a target does.
    """
    dvc_repo = pytest.importorskip("dvc.repo")
    for name in ("conf", "stages", "pipeline", "lab", "plans"):
        ignore = shutil.ignore_patterns("__pycache__", "dvc.lock")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore, symlinks=True)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    dvc_repo.Repo.init(str(tmp_path), no_scm=True)
    with dvc_repo.Repo(str(tmp_path)) as repo:
        repo.index.check_graph()
        found = {stage.addressing: stage.cmd for stage in repo.index.stages}
        main = {stage.addressing for stage in repo.stage.collect("dvc.yaml")}
    wanted = {}
    for profile in PROFILES:
        file = built(profile)["pipeline"]
        prefix = "" if file == "dvc.yaml" else f"{file}:"
        wanted |= {prefix + address: s["cmd"] for address, s in expanded(profile).items()}
    assert found == wanted
    assert main == set(expanded(built()["profile"]))


def test_arms_behind_reward_models_are_cells_of_their_chains_alone() -> None:
    from pipeline.wiring.launch import dvc_target
    from pipeline.wiring.stage import is_canonical

    plan, cell = built("lab"), ("chain", "rl", "seed")
    assert set(plan["reward_chains"]) < set(plan["chains"])
    without, having = plan["chains"][-1], plan["reward_chains"][-1]

    def asked(chain: int, arm: str) -> list[str]:
        return ["profile=lab", f"chain={chain}", f"rl={arm}", "seed=0"]

    assert is_canonical(asked(having, "ppo"), cell, "rl")
    assert not is_canonical(asked(without, "ppo"), cell, "rl")
    assert is_canonical(asked(without, "ppo"), cell)  # a sweep leaves it out; no scratch run
    assert is_canonical(asked(without, "rft"), cell, "rl")
    evaluated = ["profile=lab", f"chain={without}", "model=ppo-0"]
    assert not is_canonical(evaluated, ("chain", "model"), "evaluate")
    assert not is_canonical(["profile=lab", f"chain={without}"], ("chain",), "reward")
    assert is_canonical(["profile=lab", f"chain={without}"], ("chain",), "sft")
    assert dvc_target("rl", f"{having}-ppo-0", plan) == f"rl_reward@{having}-ppo-0"
    assert dvc_target("evaluate", "0-rft-0", plan) == "evaluate@0-rft-0"
    assert dvc_target("evaluate", "0-instruct", plan) == "evaluate_instruct@0"
