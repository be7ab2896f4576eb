"""What DVC's stages depend on and DVC cannot see: the code of each stage, and the training keys of
each arm.

    python -m pipeline.wiring.marks data/main/code world corpus ...

is the first stage of every graph and always runs. For each stage named it writes
`<folder>/<stage>`, which lists the files of its import closure with their hashes, so that the file
changes when, and only when, code changes that can shape the stage's outputs. A stage is named by
its module below stages/, or by a dotted name (`lab.recall.pages`).

For `rl` it also writes `<folder>/arms/<arm>.yaml`, which holds conf/rl/<arm>.yaml without the key
`report:`, and for `report` it writes `<folder>/arms.yaml` with all of every arm. So a label or a
colour re-runs the report alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError
from pipeline.files import write_if_changed
from pipeline.wiring.code import ROOT, code_hashes
from pipeline.wiring.plans import SHOWN_KEY


def entry_of(stage: str, root: Path = ROOT) -> Path:
    """The file of a stage's module. Raises UserError when there is none."""
    dotted = stage if "." in stage else f"stages.{stage}"
    path = root.joinpath(*dotted.split(".")).with_suffix(".py")
    if not path.is_file():
        raise UserError(f"{path.relative_to(root)}: no such stage module; see stages/ and lab/")
    return path


def mark_text(entry: Path, root: Path = ROOT) -> str:
    """The lines `<hash>  <path>` of a stage's code, sorted by path."""
    return "".join(f"{digest}  {path}\n" for path, digest in code_hashes(entry, root).items())


def write_mark(folder: Path, entry: Path, root: Path = ROOT) -> bool:
    """Bring the fingerprint file of one stage up to date. Returns whether it changed."""
    return write_if_changed(folder / entry.stem, mark_text(entry, root))


def write_marks(folder: Path, stages: list[str], root: Path = ROOT) -> list[str]:
    """Bring the files of `stages` in `folder` up to date. Returns the stages whose code changed."""
    changed = [name for name in stages if write_mark(folder, entry_of(name, root), root)]
    arms = {path.stem: read_yaml(path) for path in sorted((root / "conf/rl").glob("*.yaml"))}
    if "rl" in stages:
        for name, arm in arms.items():
            training = {key: value for key, value in arm.items() if key != SHOWN_KEY}
            write_if_changed(folder / f"arms/{name}.yaml", dump(training))
    if "report" in stages:
        write_if_changed(folder / "arms.yaml", dump(arms))
    return changed


def read_yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: a mapping of settings is needed")
    return found


def dump(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=True, allow_unicode=True)


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("python -m pipeline.wiring.marks FOLDER STAGE [STAGE ...]")
    try:
        write_marks(Path(sys.argv[1]), sys.argv[2:])
    except UserError as error:
        sys.exit(f"code: {error}")


if __name__ == "__main__":
    main()
