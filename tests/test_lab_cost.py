"""The cost table: a reader can multiply and add it, and rows follow the profile."""

import json
import re

import pytest

from lab.pilots.cost import judge_seconds, page, profile

ROW = re.compile(r"\| (.+) \| (\d+) \| ([\d,]+) \| ([\d.]+) \| .+ \|")
TOTAL = re.compile(r"\| \*\*all\*\* \| \| \| \*\*([\d.]+)\*\*")


def test_rows_multiply_and_add_up(tmp_path):
    (tmp_path / ".cost").mkdir()
    for name in ("world", "corpus", "pretrain-0", "sft-0"):
        (tmp_path / f".cost/{name}.json").write_text(json.dumps({"cpu_seconds": 47.6}))
    text = "\n".join(page(tmp_path))
    parts = text.split("## ")[1:]
    assert len(parts) == 3 and "not measured" not in text
    for part in parts:
        rows = ROW.findall(part)
        assert rows
        for _, cells, seconds, minutes in rows:
            product = int(cells) * int(seconds.replace(",", "")) / 60
            assert float(minutes) == pytest.approx(product, abs=0.0501)
        assert float(TOTAL.search(part)[1]) == pytest.approx(sum(float(row[3]) for row in rows))


def test_reward_models_cost_what_the_profile_asks():
    reward = profile("lab")["reward"]
    seconds, _ = judge_seconds(reward)
    longer = {**reward, "own": {**reward["own"], "train": {"steps": 12000}}}
    fewer = {**reward, "process_questions": 2000}
    assert judge_seconds(longer)[0] > seconds + 600
    assert judge_seconds(fewer)[0] == pytest.approx(seconds - 217.4 / 2, abs=0.1)
