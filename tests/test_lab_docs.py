"""The README names every arm, and links to symbols lead to the files that define them, there and in
docs/.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKS = sorted(
    {
        (page.name, *link)
        for page in PAGES
        for link in re.findall(
            r"\[`?(\w+)`?\]\((?:\.\./)?([\w/]+\.py)\)", page.read_text(encoding="utf-8")
        )
    }
)


@pytest.mark.parametrize(("page", "name", "path"), LINKS)
def test_link_leads_to_the_file_that_defines_the_symbol(page: str, name: str, path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^\s*(def|class) {name}\b|^{name}\b.* = ", text, re.MULTILINE)


def test_every_arm_has_a_row() -> None:
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*)(?: \(\w+\))? \|",
        PAGES[0].read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    arms = {path.stem for path in (ROOT / "conf/rl").glob("*.yaml")}
    assert arms <= set(re.findall(r"`(\w+)`", " ".join(rows)))
    plan = yaml.safe_load((ROOT / "lab/conf/plan.yaml").read_text(encoding="utf-8"))
    assert {*plan["arms"], *plan["reward_arms"]} <= arms


def test_lab_yaml_is_the_link_that_the_page_says() -> None:
    assert (ROOT / "lab/dvc.yaml").is_symlink() and (
        ROOT / "lab/dvc.yaml"
    ).resolve() == ROOT / "dvc.yaml"
