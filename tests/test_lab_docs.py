"""The README names every arm, and links to lines of code point at what they name, there and in docs/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKS = [
    (page.name, *link)
    for page in PAGES
    for link in re.findall(
        r"\[(\w+)\]\((?:\.\./)?([\w/.]+)#L(\d+)\)", page.read_text(encoding="utf-8")
    )
]


@pytest.mark.parametrize(("page", "name", "path", "line"), LINKS)
def test_link_points_at_the_function(page: str, name: str, path: str, line: str) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    found = [
        number for number, text in enumerate(lines, 1) if re.match(rf"(def|class) {name}\b", text)
    ]
    assert found == [int(line)], f"{page}: {name} stands at {path}#L{found[0] if found else '?'}"


def test_every_arm_has_a_row() -> None:
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*)(?: \(\w+\))? \|",
        PAGES[0].read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    arms = {path.stem for path in (ROOT / "conf/rl").glob("*.yaml")}
    assert arms <= set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert (
        set(yaml.safe_load((ROOT / "lab/conf/pipeline.yaml").read_text(encoding="utf-8"))["arms"])
        <= arms
    )


def test_lab_yaml_is_the_link_that_the_page_says() -> None:
    assert (ROOT / "lab/dvc.yaml").is_symlink() and (
        ROOT / "lab/dvc.yaml"
    ).resolve() == ROOT / "dvc.yaml"
