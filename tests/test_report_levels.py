"""Gains by level: they add up to the gain over all questions, and a gain planted at one level is
found there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from report_tree import make_tree

from pipeline.records import read_jsonl, write_jsonl
from pipeline.report.claims.compare import compare
from pipeline.report.load import load
from pipeline.report.tables.levels import by_level, levels_table


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_tree(
        tmp_path_factory.mktemp("levels"),
        arms=("sft", "grpo_os_rule"),
        questions=60,
        samples=4,
        deep=(8, 6),
    )


@pytest.mark.parametrize(("arm", "other"), [("grpo_os_rule", "instruct"), ("grpo_os_rule", "sft")])
def test_levels_add_up_to_the_whole(data, arm, other):
    results = load(data)
    gaps = by_level(results, arm, other, "mini_gsm8k")
    assert sorted(gaps) == [1, 2, 3] and sum(gap.questions for gap in gaps.values()) == 60
    whole = compare(results, arm, other, ["mini_gsm8k"])
    assert sum(gap.mean * gap.questions for gap in gaps.values()) / 60 == pytest.approx(
        whole.mean, abs=1e-12
    )
    assert {gap.seeds for gap in gaps.values()} == {whole.seeds}


def test_a_gain_planted_at_one_level_is_found_there(data):
    for seed in (0, 1, 2):
        path = data / f"chains/0/evaluate/grpo_os_rule-{seed}/mini_cmath.jsonl"
        base = {
            row["id"]: row
            for row in read_jsonl(data / "chains/0/evaluate/instruct/mini_cmath.jsonl")
        }
        rows = [
            row | {"samples": (base[row["id"]]["samples"] * 4)[: len(row["samples"])]}
            for row in read_jsonl(path)
        ]
        for row in rows:
            if row["level"] == 2:
                row["samples"] = [
                    sample | {"verdict": "right", "vote": 0} for sample in row["samples"]
                ]
        write_jsonl(path, rows)
    gaps = by_level(load(data), "grpo_os_rule", "instruct", "mini_cmath")
    assert gaps[2].low > 0.2 and abs(gaps[1].mean) < 0.05 and abs(gaps[3].mean) < 0.05
    table = levels_table(load(data), "mini_cmath")
    assert (
        table.columns[2] == "level 2 (n 20)"
        and [row[0] for row in table.rows][0] == "continued SFT - instruct"
    )
