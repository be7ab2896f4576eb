"""docs/lab.md names every arm of the laboratory, and its links to lines of code point at what they name."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/lab.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\[(\w+)\]\(\.\./([\w/.]+)#L(\d+)\)", PAGE)


@pytest.mark.parametrize(("name", "path", "line"), LINKS)
def test_link_points_at_the_function(name: str, path: str, line: str) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    found = [number for number, text in enumerate(lines, 1) if re.match(rf"(def|class) {name}\b", text)]
    assert found == [int(line)], f"docs/lab.md: {name} stands at {path}#L{found[0] if found else '?'}"


def test_every_arm_has_a_row() -> None:
    arms = yaml.safe_load((ROOT / "lab/conf/pipeline.yaml").read_text(encoding="utf-8"))["arms"]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE)
    assert sorted(arms) == sorted(re.findall(r"`(\w+)`", " ".join(rows)))


def test_lab_yaml_is_the_link_that_the_page_says() -> None:
    assert (ROOT / "lab/dvc.yaml").is_symlink() and (ROOT / "lab/dvc.yaml").resolve() == ROOT / "dvc.yaml"
