"""Plans: what is built, and where the results go.

    python -m pipeline.wiring.plans smoke     prints where the graph of a profile is

A plan is a file conf/plan.yaml next to a dvc.yaml: at the root (the main plan, which `dvc repro`
builds), in lab/, in a folder of lab/, or in a folder of plans/. Each has a profile of its own, by
which a stage knows its plan.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT
from pipeline.wiring.lines import nearest

MAIN = "conf/plan.yaml"
FILES = (MAIN, "lab/conf/plan.yaml", "lab/*/conf/plan.yaml", "plans/*/conf/plan.yaml")
PLACES = {"data": "data", "reports": "reports"}  # where a plan's stages read and write
SHOWN_KEY = "report"  # of conf/rl/<arm>.yaml: how the report shows the arm; no setting of a stage
# The values that a plan builds, for each axis of a stage's matrix.
AXES = {
    "chain": "chains",
    "rl": "every_arm",
    "arm": "every_arm",
    "seed": "seeds",
    "turn": "turns",
    "model": "models",
}
CHAIN = "{data}/chains/{chain}"  # the models of one chain: pretrain, sft, reward, rl, evaluate


@functools.cache
def plans(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Every plan by its profile, the main one first. Raises UserError when two have the same
    profile or folder.
    """
    found: dict[str, dict[str, Any]] = {}
    for pattern in FILES:
        for path in sorted(root.glob(pattern)):
            plan = read(path, root)
            for other in found.values():
                for key in ("profile", "data"):
                    if other[key] == plan[key]:
                        raise UserError(
                            f"{plan['plan']}: {key} {plan[key]!r} is that of {other['plan']} too; "
                            "a plan needs its own"
                        )
            found[plan["profile"]] = plan
    return found


def read(path: Path, root: Path) -> dict[str, Any]:
    """One plan, with what follows from it: its dvc.yaml (`pipeline`), all its arms, and the models
    that it makes in a chain that has them all.

    `arms` are built on all `chains`; `reward_arms` on `reward_chains`, which have reward models.
    """
    plan = {
        "arms": [],
        "chains": [0],
        "seeds": [],
        "reward_arms": [],
        "reward_chains": [],
        **PLACES,
    }
    plan |= yaml.safe_load(path.read_text(encoding="utf-8"))
    plan["plan"] = path.relative_to(root).as_posix()
    plan["pipeline"] = (path.parents[1] / "dvc.yaml").relative_to(root).as_posix()
    plan["every_arm"] = [*plan["arms"], *plan["reward_arms"]]
    cells = [f"{arm}-{seed}" for arm in plan["every_arm"] for seed in plan["seeds"]]
    return {**plan, "models": ["base", "instruct", *cells]}


def chains_of(plan: dict[str, Any], arm: str) -> list[int]:
    """The chains on which a plan builds an arm."""
    return plan["reward_chains" if arm in plan["reward_arms"] else "chains"]


def leaves_out(plan: dict[str, Any], stage: str, cell: dict[str, str]) -> bool:
    """Whether a plan builds no such cell of a stage in this chain, though it does in others."""
    arm = cell.get("rl") or cell.get("model", "").rpartition("-")[0]
    chains = plan["reward_chains"] if stage == "reward" else chains_of(plan, arm)
    return "chain" in cell and cell["chain"] not in map(str, chains)


def built(profile: str = "", root: Path = ROOT) -> dict[str, Any]:
    """The plan of this profile, else the main one (for scratch runs at a profile that no plan
    builds).
    """
    found = plans(root)
    return found.get(profile) or next(iter(found.values()))


def main() -> None:
    """Print the dvc.yaml, the profile and the reports folder of a profile's plan."""
    found = plans()
    wanted = sys.argv[1] if len(sys.argv) > 1 else next(iter(found))
    if wanted not in found:
        known = ", ".join(sorted(found))
        sys.exit(f"no plan has the profile {wanted!r}{nearest(wanted, found)} (there are {known})")
    plan = found[wanted]
    print(plan["pipeline"], wanted, plan["reports"])


if __name__ == "__main__":
    main()
