"""What `python -m stages.<name> --help` prints. Hydra's own help composes every group first and
takes seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.wiring.code import ROOT
from pipeline.wiring.config import PRIMARY, flat


def help_text(
    stage: str, description: str, defaults: dict[str, Any], profile: str, root: Path = ROOT
) -> str:
    """Description, choices of each group, and every setting of the stage with its value at
    `profile`.
    """
    conf = root / "conf"
    sections = yaml.safe_load((conf / f"profile/{profile}.yaml").read_text(encoding="utf-8"))
    file = conf / f"{stage}.yaml"
    primary = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else dict(PRIMARY)
    groups = [next(iter(entry)) for entry in primary.pop("defaults") if isinstance(entry, dict)]
    lines = [description.strip(), "", "Choices (group=option):"]
    for group in groups:
        options = sorted(path.stem for path in (conf / group).glob("*.yaml"))
        lines.append(f"  {group:10} {' '.join(options)}")
    values = overlay(
        overlay(defaults, {key: sections[key] for key in defaults if key in sections}), primary
    )
    lines += [
        "",
        f"Settings (key=value), as of profile={profile}; any of them makes a scratch run:",
    ]
    lines += [
        f"  {key}={value}" for key, value in flat(values).items() if key.split(".")[0] not in groups
    ]
    lines += [
        "",
        "--multirun (-m) runs a grid: key=a,b,c.   --cfg job prints the composed configuration.",
    ]
    return "\n".join(lines)


def overlay(below: Any, above: Any) -> Any:
    """Nested mappings laid over each other."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: overlay(below.get(key), value) for key, value in above.items()}}
