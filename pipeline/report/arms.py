"""The arms as the report shows them, read from the key `report:` of conf/rl/<arm>.yaml.

That key belongs to the report alone: no stage that trains reads it, so a new colour or label
re-runs nothing. An arm is one file; whoever adds one adds nothing else for it to stand in the
tables, in the figures and in the README.

    report:
      label: GRPO+OS (rule)            the name in tables and figures
      order: 90                        arms are listed by rising order
      colour: "#0072b2"
      figure5: true                    whether it stands in the analogue of Figure 5 (default: false)
      ablation: true                   whether it changes one point of GRPO+OS with the rule (default: false)
      note: two updates per batch      what the README's table says beyond the arm's settings (default: nothing)
      against: {online_rft: ...}       what the arm is compared with, and in which point the two differ; the first counts most
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT

FOLDER = ROOT / "conf/rl"
CONTROL = "sft"  # the arm that continues supervised fine-tuning, at the FLOPs of RULE
RULE = "grpo_os_rule"  # what the ablations change in one point
LEARNED = ("outcome", "process")  # reward functions that are trained models
MODELS = {"base": ("base", "#999999"), "instruct": ("instruct", "#333333")}  # label, colour
SPARE = ("#4d4d4d", "#2f7f7f", "#7f2f5f", "#5f7f2f")  # of arms whose file is gone
KEYS = {
    "label": str,
    "order": int,
    "colour": str,
    "figure5": bool,
    "ablation": bool,
    "note": str,
    "against": dict,
}
NEEDED = ("label", "order", "colour")

# Benchmarks in the language of the RL questions, and the others (Table 5).
IN_DOMAIN = ("mini_gsm8k", "mini_math", "gsm8k", "math", "math500")
OUT_OF_DOMAIN = ("mini_cmath", "cmath", "mgsm_zh")


@dataclass(frozen=True)
class Arm:
    """One arm: how it is shown, and the settings that its row of Table 10 consists of."""

    name: str
    label: str
    order: int
    colour: str
    figure5: bool = False
    ablation: bool = False
    note: str = ""
    against: Mapping[str, str] | None = None
    settings: Mapping[str, Any] | None = None  # every other key of the file: what is trained


@cache
def all_arms(folder: Path = FOLDER) -> dict[str, Arm]:
    """{name: arm} by rising order. Raises UserError that names the file for a key that is missing,
    unknown or wrong.
    """
    found = [read_arm(path) for path in sorted(folder.glob("*.yaml"))]
    arms = {arm.name: arm for arm in sorted(found, key=lambda arm: (arm.order, arm.name))}

    for arm in found:
        for other in arm.against or ():
            if other not in arms:
                raise UserError(
                    f"{folder / arm.name}.yaml: report.against names {other}, which is no arm; "
                    f"there are {', '.join(arms)}"
                )
    return arms


def read_arm(path: Path) -> Arm:
    """The arm of one YAML file."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    shown: Mapping[str, Any] = content.get("report") or {}

    for key, value in shown.items():
        if key not in KEYS:
            raise UserError(f"{path}: report.{key}: unknown key; known here: {', '.join(KEYS)}")
        if not isinstance(value, KEYS[key]):
            raise UserError(f"{path}: report.{key}: {value!r} is not of type {KEYS[key].__name__}")
    for key in NEEDED:
        if key not in shown:
            raise UserError(f"{path}: report.{key}: missing; the report shows every arm by it")

    trained = {key: value for key, value in content.items() if key != "report"}
    return Arm(path.stem, **shown, settings=trained)


def arm_label(name: str) -> str:
    """What an arm, or base or instruct, is called."""
    if name in MODELS:
        return MODELS[name][0]
    arms = all_arms()
    return arms[name].label if name in arms else name.replace("_", " ")


def arm_colour(name: str) -> str:
    if name in MODELS:
        return MODELS[name][1]
    arms = all_arms()
    return arms[name].colour if name in arms else SPARE[sum(map(ord, name)) % len(SPARE)]


def arm_order(name: str) -> tuple[int, str]:
    """Sort key: base, instruct, then the arms by their order, then what has no file."""
    arms = all_arms()
    known = [*MODELS, *arms]
    return (known.index(name) if name in known else len(known), name)


def figure5() -> list[str]:
    return [arm.name for arm in all_arms().values() if arm.figure5]


def ablations() -> list[str]:
    return [arm.name for arm in all_arms().values() if arm.ablation]


def counterparts() -> list[tuple[str, str, str]]:
    """(arm, other, the point in which they differ) of every comparison that an arm's file names."""
    return [
        (arm.name, other, differs)
        for arm in all_arms().values()
        for other, differs in (arm.against or {}).items()
    ]


def first_counterparts() -> list[tuple[str, str]]:
    """Every arm that is no ablation, with the arm that its file compares it with first."""
    return [
        (arm.name, next(iter(arm.against)))
        for arm in all_arms().values()
        if arm.against and not arm.ablation
    ]


def reward_model(name: str) -> str | None:
    """The kind of reward model that an arm is rewarded by: outcome or process; None for rules."""
    arm = all_arms().get(name)
    kind = (arm.settings or {}).get("reward_function") if arm else None
    return kind if kind in LEARNED else None
