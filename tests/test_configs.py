"""Every profile composes for every stage and arm; experiments hold axes only; the paper's numbers
are the paper's.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from pipeline.errors import UserError
from pipeline.rl.config import check_pair
from pipeline.wiring.config import build, built_some, defaults_of, register
from pipeline.wiring.plans import AXES, plans
from pipeline.wiring.stage import own_sections
from stages.rl import RLStage

ROOT = Path(__file__).parents[1]
STAGES = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")
PROFILES = sorted(path.stem for path in (ROOT / "conf/profile").glob("*.yaml"))
ARMS = sorted(path.stem for path in (ROOT / "conf/rl").glob("*.yaml"))


@functools.cache
def settings(stage: str, *overrides: str) -> Any:
    module = importlib.import_module(f"stages.{stage}")
    kind = typing.get_type_hints(module.main.__wrapped__)["cfg"]
    register(
        stage,
        kind,
        next((text.partition("=")[2] for text in overrides if text.startswith("profile=")), ""),
    )
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        composed = hydra_compose(stage, overrides=list(overrides))
    return build(kind, own_sections(composed, kind, overrides))


@pytest.mark.parametrize("profile", PROFILES)
def test_engines_are_ones_that_exist(profile: str) -> None:
    """Else hours of earlier stages pass before the first that samples refuses."""
    text = (ROOT / f"conf/profile/{profile}.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"engine: *(\w+)", text)) <= {"fast", "hf", "vllm", "auto"}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("stage", STAGES)
def test_profile_composes(stage: str, profile: str) -> None:
    assert settings(stage, f"profile={profile}").profile == profile


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("profile", PROFILES)
def test_arm_runs_at_profile(arm: str, profile: str) -> None:
    found = settings("rl", f"profile={profile}", f"rl={arm}")
    assert found.rl.name == arm
    if found.rl_scale.steps < found.rl.iterations:
        with pytest.raises(UserError, match="fewer than its"):
            check_pair(found.rl, found.rl_scale)
    else:
        check_pair(found.rl, found.rl_scale)


@pytest.mark.parametrize("profile", PROFILES)
def test_sections_of_a_profile_belong_to_stages(profile: str) -> None:
    """A misspelt section would be taken for another stage's."""
    sections = set(
        yaml.safe_load((ROOT / f"conf/profile/{profile}.yaml").read_text(encoding="utf-8"))
    )
    fields = set()
    for stage in STAGES:
        module = importlib.import_module(f"stages.{stage}")
        fields |= set(typing.get_type_hints(typing.get_type_hints(module.main.__wrapped__)["cfg"]))
    assert sections <= fields


@pytest.mark.parametrize("profile", PROFILES)
def test_questions_are_asked_alike(profile: str) -> None:
    styles = {
        settings("sft", f"profile={profile}").style,
        settings("reward", f"profile={profile}").reward.style,
        settings("rl", f"profile={profile}").rl_scale.style,
        settings("evaluate", f"profile={profile}").evaluate.style,
    }
    assert len(styles) == 1


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf/experiment").glob("*.yaml")), ids=lambda path: path.stem
)
def test_experiments_hold_axes_only(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(content) == {"hydra"} and set(content["hydra"]) == {"mode", "sweeper"}
    assert set(content["hydra"]["sweeper"]["params"]) <= set(AXES)


@pytest.mark.parametrize("profile", sorted(plans()))
def test_plans_name_arms_and_profiles_that_exist(profile: str) -> None:
    plan = plans()[profile]
    assert plan["profile"] in PROFILES and (ROOT / plan["pipeline"]).is_file()
    assert plan["plan"] == yaml.safe_load((ROOT / plan["plan"]).read_text())["plan"]
    assert (ROOT / plan["pipeline"]).parent.joinpath(plan["root"]).resolve() == ROOT
    if "stages.rl" in (ROOT / plan["pipeline"]).read_text(encoding="utf-8"):
        assert set(plan["every_arm"]) <= set(ARMS) and plan["seeds"]
        assert set(plan["reward_chains"]) <= set(plan["chains"])
        assert plan["reward_chains"] or not plan["reward_arms"]
        assert len(plan["every_arm"]) == len(set(plan["every_arm"]))


PAPER = [  # (stage, setting, value, where in arXiv 2402.03300v3)
    ("corpus", "corpus.classifier.dim", 256, "2.1"),
    ("corpus", "corpus.classifier.lr", 0.1, "2.1"),
    ("corpus", "corpus.classifier.word_ngrams", 3, "2.1"),
    ("corpus", "corpus.classifier.min_count", 3, "2.1"),
    ("corpus", "corpus.classifier.epoch", 3, "2.1"),
    ("corpus", "corpus.classifier.positives", 500_000, "2.1"),
    ("corpus", "corpus.classifier.negatives", 500_000, "2.1"),
    ("corpus", "corpus.recall.iterations", 4, "2.1"),
    ("corpus", "corpus.recall.domain_share", 0.10, "2.1"),
    ("corpus", "corpus.recall.stop_share", 0.98, "2.1"),
    ("corpus", "corpus.token_budget", 120_000_000_000, "2.1"),
    ("corpus", "corpus.decontaminate.ngram", 10, "2.1"),
    ("corpus", "corpus.decontaminate.shortest", 3, "2.1"),
    ("corpus", "corpus.decontaminate.mode", "segment", "2.1"),
    ("corpus", "corpus.decontaminate.information_rule", False, "2.1"),
    ("pretrain", "pretrain.optimizer", "adamw", "2.2.1"),
    ("pretrain", "pretrain.betas", (0.9, 0.95), "2.2.1"),
    ("pretrain", "pretrain.weight_decay", 0.1, "2.2.1"),
    ("pretrain", "pretrain.schedule", "multi_step", "2.2.1"),
    ("pretrain", "pretrain.warmup_steps", 2000, "2.2.1"),
    ("pretrain", "pretrain.lr", 4.2e-4, "2.3"),
    ("pretrain", "pretrain.sequence_length", 4096, "2.2.1"),
    (
        "pretrain",
        "mixture.shares",
        {
            "corpus": 0.56,
            "algebraic_stack": 0.04,
            "arxiv": 0.10,
            "github_code": 0.20,
            "natural_language": 0.10,
        },
        "2.3",
    ),
    ("sft", "sft.steps", 500, "3.2"),
    ("sft", "sft.sequences", 256, "3.2"),
    ("sft", "sft.sequence_length", 4096, "3.2"),
    ("sft", "sft.lr", 5e-5, "3.2"),
    ("sft", "sft.schedule", "constant", "3.2"),
    ("sft", "sft.packing", True, "3.2: concatenated up to 4K tokens"),
    ("reward", "reward.lr", 2e-5, "4.2"),
    ("reward", "reward.start", "base", "4.2"),
    ("reward", "reward.process", True, "4.1.3"),
    ("rl", "rl_scale.lr", 1e-6, "4.2"),
    ("rl", "rl_scale.lr_schedule", "constant", "4.2"),
    ("rl", "rl_scale.group_size", 64, "4.2"),
    ("rl", "rl_scale.max_new_tokens", 1024, "4.2"),
    ("rl", "rl.kl_coef", 0.04, "4.2"),
    ("rl", "rl.updates_per_rollout", 1, "4.2"),
    ("rl", "rl.aggregation", "output_mean", "4.1.1, Eq. 3"),
    ("evaluate", "evaluate.temperature", 0.7, "Figure 7"),
    ("evaluate", "evaluate.ks", (1, 2, 4, 8, 16, 32, 64), "Figure 7"),
    ("evaluate", "evaluate.samples", 64, "abstract: self-consistency over 64 samples"),
    ("evaluate", "evaluate.style", "paper", "released evaluation code"),
]


@pytest.mark.parametrize(
    ("stage", "key", "value", "where"), PAPER, ids=[f"{row[1]} ({row[3]})" for row in PAPER]
)
def test_paper_profile_pins_the_paper(stage: str, key: str, value: Any, where: str) -> None:
    found: Any = settings(stage, "profile=paper", *(["rl=grpo_os"] if stage == "rl" else []))
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value, where


def test_paper_batches() -> None:
    """10M tokens a pre-training step for 500B tokens (2.3); 1024 outputs a training batch (4.2); 4
    % replay aside.
    """
    pretrain, scale = (
        settings("pretrain", "profile=paper").pretrain,
        settings("rl", "profile=paper").rl_scale,
    )
    assert abs(pretrain.sequences * pretrain.sequence_length / 10e6 - 1) < 1e-3
    assert abs(pretrain.steps * pretrain.sequences * pretrain.sequence_length / 500e9 - 1) < 1e-3
    assert scale.questions_per_step * scale.group_size == 1024
    assert settings("rl", "profile=paper", "rl=grpo_iter").rl.replay == 0.10


def shared() -> Path:
    return Path(os.environ.get("DSM_SHARED", ROOT.parent / "shared"))


@pytest.mark.skipif(
    not (shared() / "paper/tables.yaml").is_file(),
    reason="the paper's tables are not beside this clone",
)
def test_pins_agree_with_the_tables_of_the_paper() -> None:
    tables = yaml.safe_load((shared() / "paper/tables.yaml").read_text(encoding="utf-8"))
    scale, sft = settings("rl", "profile=paper").rl_scale, settings("sft", "profile=paper").sft
    grpo, mixture = tables["grpo_7b"], tables["pretrain_7b"]["mixture"]
    assert (scale.lr, scale.group_size, scale.max_new_tokens) == (
        float(grpo["lr"]),
        grpo["group_size"],
        grpo["max_length"],
    )
    assert sorted(settings("pretrain", "profile=paper").mixture.shares.values()) == sorted(
        mixture.values()
    )
    assert (sft.steps, sft.sequences, sft.lr) == tuple(
        tables["sft_7b"][key] for key in ("steps", "batch_size", "lr")
    )
    assert settings("reward", "profile=paper").reward.lr == float(tables["reward_model"]["lr"])


@dataclass(frozen=True)
class Inner:
    rate: float
    many: tuple[int, ...] = (1,)
    pair: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    inner: Inner
    kind: Literal["a", "b"] = "a"
    maybe: int | None = None
    table: dict[str, float] = field(default_factory=lambda: {"x": 1.0})

    def __post_init__(self) -> None:
        if self.kind == "b" and self.maybe is None:
            raise ValueError("kind b needs maybe")


def test_build_keeps_types() -> None:
    found = build(Outer, {"inner": {"rate": 1, "many": [2, 3]}, "table": {"y": 2}})
    assert found == Outer(Inner(1.0, (2, 3)), table={"y": 2.0}) and isinstance(
        found.inner.rate, float
    )
    assert build(Outer, {"inner": {"rate": 0.5}, "table": None}).table == {"x": 1.0}
    assert defaults_of(Outer) == {
        "inner": {"rate": "???", "many": [1], "pair": [0.0, 1.0]},
        "kind": "a",
        "maybe": None,
        "table": None,
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"inner": {}}, "inner.rate: has no value"),
        ({"inner": {"rate": "???"}}, "inner.rate: has no value"),
        ({"inner": {"rate": "fast"}}, "inner.rate: 'fast' is not of type float"),
        ({"inner": {"rate": True}}, "inner.rate"),
        ({"inner": {"rate": 1, "many": 2}}, "inner.many: a list is needed"),
        ({"inner": {"rate": 1, "many": [2.5]}}, r"inner.many\[0\]"),
        ({"inner": {"rate": 1, "pair": [1]}}, "inner.pair: 2 values are needed"),
        (
            {"inner": {"rate": 1, "speed": 2}},
            "inner.speed: unknown key; known here: many, pair, rate",
        ),
        ({"inner": {"rate": 1}, "kind": "c"}, "kind: 'c' is not one of 'a', 'b'"),
        ({"inner": {"rate": 1}, "kind": "b"}, "kind b needs maybe"),
        ({"inner": {"rate": 1}, "maybe": "x"}, "maybe: 'x' is not of type int"),
        ({"inner": {"rate": 1}, "table": {"y": "z"}}, "table.y"),
        ({"inner": 3}, "inner: a mapping is needed"),
    ],
)
def test_build_names_the_key(value: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        build(Outer, value)
    assert "\n" not in str(caught.value)


EXPERIMENTS = ("online_offline", "outcome_process", "learned_rule", "iterative", "new_questions")


@pytest.mark.parametrize("profile, builds", [("mini", EXPERIMENTS[:2]), ("lab", EXPERIMENTS)])
def test_the_experiments_of_the_claims_are_cells_of_the_plans(profile: str, builds) -> None:
    """A sweep over arms that the plan does not build would be scratch runs, outside of DVC."""
    from omegaconf import OmegaConf

    register("rl", RLStage, profile)
    for name in builds:
        content = yaml.safe_load((ROOT / f"conf/experiment/{name}.yaml").read_text())
        found = OmegaConf.create({"params": content["hydra"]["sweeper"]["params"]}).params
        arms = str(found.rl).split(",")
        assert len(arms) >= 2 and set(arms) <= set(plans()[profile]["every_arm"])
        assert str(found.chain) == ",".join(map(str, plans()[profile]["chains"]))


def test_an_experiment_without_arms_in_the_plan_ends_in_one_line() -> None:
    with pytest.raises(UserError, match="builds none of grpo_iter"):
        built_some("mini", "every_arm", "grpo_iter", "grpo_iter_3")
