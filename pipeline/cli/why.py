"""What would run again, and why: changed code by file, changed settings by key, inputs and results
that are missing.

    dsm why                 the main plan (`dvc repro` builds it)
    dsm why smoke           the plan of a profile; also lab, recall, corpora, real, gpu, paper

Exit status 0 when everything is built, 1 when something would run.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT
from pipeline.wiring.config import flat
from pipeline.wiring.lines import nearest
from pipeline.wiring.marks import write_marks
from pipeline.wiring.plans import plans

CODE = "code"  # the stage that writes fingerprints; it always runs


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plan", nargs="?", default="", help="a profile; default: the main plan's")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the exit status")
    args = parser.parse_args()
    plan = chosen(args.plan)
    refresh(plan)
    stale, after = changes(plan)
    if args.quiet:
        return 1 if stale else 0
    if not stale:
        print(f"{plan['pipeline']}: everything is built")
        return 0
    for names, reasons in grouped(stale):
        print(f"{', '.join(names)}")
        for reason in reasons:
            print(f"    {reason}")
    if after:
        print(f"and then what reads their results, if it changes: {', '.join(shortened(after))}")
    return 1


def chosen(profile: str) -> dict[str, Any]:
    """The plan of a profile, the main one for "". Raises UserError when there is none."""
    found = plans()
    if profile and profile not in found:
        known = ", ".join(sorted(found))
        raise UserError(f"no plan has the profile {profile!r}{nearest(profile, found)}; {known}")
    return found[profile] if profile else next(iter(found.values()))


def refresh(plan: dict[str, Any]) -> None:
    """Bring the plan's files of fingerprints up to date, as its stage `code` does."""
    graph = yaml.safe_load((ROOT / plan["pipeline"]).read_text(encoding="utf-8"))
    words = shlex.split(graph["stages"][CODE]["cmd"])
    write_marks(Path(plan["data"]) / "code", words[4:])


def changes(plan: dict[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """({stage: reasons} of what would run now, the stages further down that might follow)."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    with Repo() as repo:
        target = plan["pipeline"]
        status = repo.status(targets=[target])
        found = {
            name.rpartition(":")[2]: list(reasons_of(name.rpartition(":")[2], entries, plan))
            for name, entries in status.items()
        }
        found.pop(CODE, None)
        graph = repo.index.graph
        stages = {stage.name: stage for stage in repo.stage.collect(target)}
        below = {
            reader.name
            for name in found
            for reader in ancestors(graph, stages[name])
            if reader.name in stages
        }
    return found, sorted(below - set(found))


def ancestors(graph: Any, stage: Any) -> set[Any]:
    """Stages that stand on this one: an edge of DVC's graph leads from a stage to what it reads."""
    import networkx

    return networkx.ancestors(graph, stage)


def reasons_of(name: str, entries: list[Any], plan: dict[str, Any]) -> Iterator[str]:
    """Plain sentences for DVC's status of one stage."""
    states = [entry.get("changed outs", {}) for entry in entries if isinstance(entry, dict)]
    gone = {"deleted", "not in cache"}  # the latter in a fresh clone, whose lock knows the result
    if any(gone & set(outs.values()) for outs in states) and not cost_file(name, plan).is_file():
        yield "not built yet"
        return
    for entry in entries:
        if isinstance(entry, str):
            yield {"changed command": "its command changed"}.get(entry, entry)
            continue
        for path, state in entry.get("changed deps", {}).items():
            if isinstance(state, dict):  # settings: {key: state}
                yield from setting_reasons(name, path, list(state), plan)
            elif path.endswith(".yaml") and Path(plan["data"]) / "code" in Path(path).parents:
                which = "of the arms" if Path(path).stem == "arms" else f"of arm {Path(path).stem}"
                yield f"settings {which}: {state}"
            elif Path(path).parent == Path(plan["data"]) / "code":
                yield from code_reasons(name, Path(path).name, plan, state)
            else:
                yield f"input {path}: {state}"
        for path, state in entry.get("changed outs", {}).items():
            yield f"result {path}: {'not built' if state == 'deleted' else state}"


def setting_reasons(name: str, path: str, keys: list[str], plan: dict[str, Any]) -> Iterator[str]:
    """The settings of a file that are not those in DVC's lock, with the values before and now."""
    lock = (ROOT / plan["pipeline"]).with_name("dvc.lock")
    noted = yaml.safe_load(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    before = noted.get("stages", {}).get(name, {}).get("params", {}).get(path, {})
    now = yaml.safe_load((ROOT / path).read_text(encoding="utf-8")) if Path(path).is_file() else {}
    old, new = ({key: side[key] for key in keys if key in side} for side in (before, now))
    old, new = flat(old), flat(new)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{path}: {key}: {old.get(key, 'not set')} -> {new.get(key, 'not set')}"


def code_reasons(name: str, stage: str, plan: dict[str, Any], state: str) -> Iterator[str]:
    """Which files of the code changed since the run whose cost file is there."""
    cost = cost_file(name, plan)
    before = json.loads(cost.read_text(encoding="utf-8")).get("code") if cost.is_file() else None
    if before is None:
        yield f"code: {state}"
        return
    mark = (Path(plan["data"]) / "code" / stage).read_text(encoding="utf-8")
    now = {path: digest for digest, path in (line.split("  ", 1) for line in mark.splitlines())}
    for path in sorted(before.keys() | now.keys()):
        if path not in now:
            yield f"code: {path} is no longer used"
        elif path not in before:
            yield f"code: {path} is used now"
        elif before[path] != now[path]:
            yield f"code: {path} changed"


def cost_file(name: str, plan: dict[str, Any]) -> Path:
    """Where the last run of a stage, named as in dvc.yaml, noted its cost and its code."""
    stage, _, cell = name.partition("@")
    stage = stage.removesuffix("_reward")  # rl_reward, evaluate_reward
    stage, _, model = stage.partition("_")  # evaluate_base, evaluate_instruct
    label = "-".join(filter(None, (stage, cell, model)))
    return Path(plan["data"]) / ".cost" / f"{label}.json"


def grouped(stale: dict[str, list[str]]) -> Iterator[tuple[list[str], list[str]]]:
    """Stages with the same reasons together; `<cell>` stands for the cell in a path."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, reasons in stale.items():
        same = (general(reason, name.partition("@")[2]) for reason in reasons)
        groups.setdefault(tuple(dict.fromkeys(same)), []).append(name)
    return ((shortened(names), list(reasons)) for reasons, names in groups.items())


def general(reason: str, cell: str) -> str:
    """A reason without what is of one cell alone: its chain, its arm and its seed."""
    chain, _, model = cell.partition("-") if cell[:1].isdigit() else ("", "", cell)
    if chain:
        reason = reason.replace(f"chains/{chain}/", "chains/<chain>/")
    if not model:
        return reason
    arm = re.sub(r"-\d+$", "", model)
    return reason.replace(model, "<cell>").replace(f"/{arm}.", "/<arm>.")


def shortened(names: list[str]) -> list[str]:
    """`rl@a-0, rl@a-1, ...` as `rl (15 cells)` where a stage has more than three cells."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition("@")[0], []).append(name)
    found = []
    for kind, cells in kinds.items():
        found += cells if len(cells) <= 3 else [f"{kind} ({len(cells)} cells)"]
    return found
