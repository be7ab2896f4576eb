"""Where a run differs from the paper: its settings next to those of conf/profile/paper.yaml, and
written notes.

Nothing of the paper is typed here: its values stand in paper.yaml (tests/test_configs.py pins each
to its section), the notes in conf/deviations.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pipeline.report.arms import CONTROL, arm_label
from pipeline.report.data import Results
from pipeline.report.page.blocks import Block, Items, Table
from pipeline.wiring.code import ROOT

PAPER = ROOT / "conf/profile/paper.yaml"
NOTES = ROOT / "conf/deviations.yaml"

# The stage whose config.json holds each section of a profile.
SECTIONS = {
    "corpus": "corpus",
    "model": "pretrain",
    "pretrain": "pretrain",
    "mixture": "pretrain",
    "sft": "sft",
    "reward": "reward",
    "rl_scale": "rl",
    "evaluate": "evaluate",
}

# Where things lie and how they are computed; none of it is a choice of method.
PLACES = {"engine", "style", "folder", "source", "dtype", "compute_dtype", "bucket", "benchmarks"}


def deviations(results: Results) -> list[Block]:
    """A table of the settings that differ, and notes on what is no setting."""
    notes = yaml.safe_load(NOTES.read_text(encoding="utf-8"))
    rows = [*differing(results, notes["settings"]), *of_single_arms(results, notes["arms"])]
    table = Table(
        ("setting", "paper", "this run", "note"),
        tuple(rows),
        "Every setting of conf/profile/paper.yaml that this run has another value of.",
        labels=4,
    )
    return [*([table] if rows else []), Items(tuple(written(results, notes["notes"])))]


def differing(results: Results, notes: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """(setting, the paper's value, ours, note) of every setting that the stages recorded with
    another value.
    """
    paper = dict(leaves(yaml.safe_load(PAPER.read_text(encoding="utf-8"))))
    paper |= {key: note["paper"] for key, note in notes.items() if "paper" in note}
    ours = dict(leaves(recorded(results)))
    for key in sorted(paper.keys() & ours.keys(), key=order):
        if ours[key] != paper[key] and key.rpartition(".")[2] not in PLACES:
            note = notes.get(key, {}).get("note", "")
            yield key, shown(paper[key]), shown(ours[key]), note


def recorded(results: Results) -> dict[str, Any]:
    """The sections of the composed configuration that the stages of this run wrote down."""
    configs = {stage: files.get("config") or {} for stage, files in results.files.items()}
    cell = next((c for cells in results.cells.values() for c in cells.values() if c.scale), None)
    configs["rl"] = {"rl_scale": cell.scale} if cell else {}
    return {
        section: configs[stage][section]
        for section, stage in SECTIONS.items()
        if section in configs.get(stage, {})
    }


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as (dotted key, value)."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, tuple(value) if isinstance(value, list) else value


def order(key: str) -> tuple[int, str]:
    return (list(SECTIONS).index(key.partition(".")[0]), key)


def of_single_arms(results: Results, paper: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Settings of an arm that all other arms, and the paper, leave alone."""
    for arm in results.arms:
        for cell in list(results.cells.get(arm, {}).values())[:1]:
            for key, value in paper.items():
                if cell.settings.get(key, value) != value:
                    yield f"{key} of {arm_label(arm)}", shown(value), shown(cell.settings[key]), ""


def written(results: Results, notes: list[Mapping[str, str]]) -> Iterator[str]:
    """The notes that apply to this run."""
    ruled = [arm_label(arm) for arm in results.arms if arm.endswith("_rule")]
    applies = {
        "always": True,
        "miniature": any(name.startswith("mini_") for name in results.benchmarks),
        "rules": bool(ruled),
        "control": CONTROL in results.arms,
        "one_chain": len(results.chains) == 1,
    }
    parameters = results.file("pretrain", "summary").get("parameters")
    if parameters:
        yield f"The base model has {parameters:,} parameters (the paper: 7B, initialised from a code model)."
    for note in notes:
        if applies[note["of"]]:
            arms = f": {', '.join(ruled)}." if note["of"] == "rules" else ""
            yield note["text"] + arms


def shown(value: Any) -> str:
    """A setting's value, short: `3e-4`, `16,384`, `a, b`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value and abs(value) < 0.01:
        mantissa, _, power = f"{value:e}".partition("e")
        return f"{float(mantissa):g}e{int(power)}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple):
        return ", ".join(map(shown, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"
