"""Committed outcomes: every interval and verdict comes out of them again, no build needed, and they
stay small.
"""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path

import numpy as np
import pytest
from report_tree import LAB, make_tree

from pipeline.cli.claims import main
from pipeline.errors import UserError
from pipeline.evaluate.metrics import maj_at_k
from pipeline.records import write_json
from pipeline.report import readme
from pipeline.report.claims import all_claims
from pipeline.report.claims.claim import Claim, sentence
from pipeline.report.claims.rules import VERDICTS
from pipeline.report.claims.table import claim_files, merged, read_claims
from pipeline.report.load import load
from pipeline.report.outcomes import pattern_of, read_outcomes, votes_of, write_outcomes
from pipeline.report.outputs import read_outputs, write_outputs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_tree(
        tmp_path_factory.mktemp("outcomes"),
        arms=tuple(LAB),
        seeds=(0, 1),
        questions=30,
        samples=4,
        deep=(16, 10),
        profile="lab",
        deepest=("grpo_os_rule-0", "grpo_os_rule-1"),
    )


@pytest.fixture(scope="module")
def packed(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "outcomes.json.xz"
    write_outcomes(load(data), path)
    return path


def test_claims_from_the_outcomes_are_those_of_the_build(data, packed):
    built, again = (all_claims(r) for r in (load(data), read_outcomes(packed)))
    assert [c.plain() for c in again] == [c.plain() for c in built]
    assert sum(bool(c.tests) for c in built) >= 9


def test_the_command_prints_them(data, packed, capsys):
    assert main(["--from", str(packed), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["claims"]
    assert rows == [c.plain() for c in all_claims(load(data))]
    assert {row["build"] for row in rows} == {"laboratory"}
    assert main(["--from", str(packed)]) == 0
    assert "| C7: GRPO lifts in-domain" in capsys.readouterr().out


COMMITTED = sorted(path.parent for path in (ROOT / "reports").rglob("outcomes.json.xz"))


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda path: path.name)
def test_committed_claims_come_out_of_the_committed_outcomes(folder):
    """Every verdict, p-value and interval; words may have changed since that build."""
    again = {c.id: c for c in all_claims(read_outcomes(folder / "outcomes.json.xz"))}
    for claim in read_claims(folder / "claims.json"):
        found = again[claim.id]
        assert (found.verdict, found.build) == (claim.verdict, claim.build), claim.id
        assert (found.p, found.adjusted) == pytest.approx((claim.p, claim.adjusted), rel=1e-3)
        values = intervals(found)
        for name, value in intervals(claim).items():
            assert values[name] == pytest.approx(value, abs=1e-5), (claim.id, name)


def intervals(claim: Claim) -> dict[str, tuple[float, float, float]]:
    """Mean and ends of every test and number, and of each benchmark of a test."""
    values = {n.name: n.value for n in claim.numbers}
    for test in claim.tests:
        values |= {test.name: test.value, **{f"{test.name}, {b}": v for b, v in test.parts.items()}}
    return {name: (value.mean, value.low, value.high) for name, value in values.items()}


def test_every_metric_survives(data, packed):
    built, again = load(data), read_outcomes(packed)
    for model, benchmark, metric in (
        ("instruct", "mini_gsm8k", "greedy"),
        ("rft-1", "mini_math", "sampled"),
        ("grpo_os_rule-0", "mini_gsm8k", "maj@4"),
        ("base", "mini_cmath", "pass@2"),
    ):
        ours, theirs = (r.scores[model][benchmark] for r in (built, again))
        order = [ours.ids.index(i) for i in theirs.ids]
        assert theirs.values(metric) == pytest.approx(ours.values(metric)[order])
    deep = [r.scores["grpo_os_rule-0"]["mini_math"] for r in (built, again)]
    assert set(deep[0].deep) == set(deep[1].deep) and len(deep[0].deep) == 10
    for kind in ("maj", "pass"):
        assert deep[1].curve(kind, [1, 8, 16]) == pytest.approx(deep[0].curve(kind, [1, 8, 16]))


def test_same_build_same_bytes(data, packed, tmp_path):
    write_outcomes(load(data), tmp_path / "again.xz")
    assert (tmp_path / "again.xz").read_bytes() == packed.read_bytes()


def test_votes_keep_their_counts_and_their_prefix():
    rng = np.random.default_rng(0)
    for _ in range(200):
        votes = rng.integers(-1, 4, rng.integers(1, 20)).tolist()
        samples = int(rng.integers(1, len(votes) + 1))
        again = votes_of(pattern_of(votes, samples))
        assert len(again) == len(votes)
        for some in (slice(samples), slice(None)):
            ks = list(range(1, len(votes[some]) + 1))
            assert maj_at_k(again[some], ks) == pytest.approx(maj_at_k(votes[some], ks))


def test_a_laboratory_of_chains_stays_under_two_megabytes(tmp_path):
    """As many models as eight chains have, on fewer questions: the bytes per answer times all
    answers.
    """
    rng = np.random.default_rng(1)
    results = load(make_tree(tmp_path, questions=400, samples=4, deep=(8, 10), seeds=(0, 1, 2, 3)))
    size = write_outcomes(results, tmp_path / "o.xz")
    answers = sum(len(s.ids) for found in results.scores.values() for s in found.values())
    assert size / answers * 100 * 2500 < 2 * 2**20, rng
    assert lzma.open(tmp_path / "o.xz").read(1) == b"{"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not packed", "not a file of outcomes"),
        (lzma.compress(b"{oops"), "not a file of outcomes"),
        (lzma.compress(b'{"format": 7}'), "of format 1"),
        (lzma.compress(b'{"format": 1, "patterns": []}'), "damaged; KeyError"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, capsys, content, message):
    path = tmp_path / "outcomes.json.xz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_outcomes(path)
    assert main(["--from", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["--from", str(tmp_path / "none.xz")]) == 1
    assert "missing" in capsys.readouterr().err


def test_chains_are_read_from_their_folders(tmp_path):
    """Two chains with one seed each: paired inside a chain, and the chain is the source of the
    interval.
    """
    for chain in (0, 1):
        tree = make_tree(
            tmp_path / f"made-{chain}", arms=("sft", "grpo_os_rule"), seeds=(0,), questions=20
        )
        (tmp_path / "data/chains").mkdir(exist_ok=True, parents=True)
        (tree / "chains/0").rename(tmp_path / f"data/chains/{chain}")
    results = load(tmp_path / "data")
    assert results.chains == [0, 1] and "1/grpo_os_rule-0" in results.scores
    claim = next(c for c in all_claims(results) if c.id == "C7")
    assert (claim.primary.value.chains, claim.primary.value.seeds) == (2, 2)
    gaps = results.gaps("grpo_os_rule", "instruct", ["mini_math"], "sampled")
    second = results.scores["1/grpo_os_rule-0"]["mini_math"].values("sampled")
    second = second - results.scores["1/instruct"]["mini_math"].values("sampled")
    assert gaps.tables[0][1] == pytest.approx(second)

    write_outcomes(results, tmp_path / "o.xz")
    again = all_claims(read_outcomes(tmp_path / "o.xz"))
    assert [c.plain() for c in again] == [c.plain() for c in all_claims(results)]


def test_texts_and_step_rewards_for_a_reader(tmp_path):
    tree = make_tree(tmp_path, arms=("rft",), seeds=(0, 1), questions=12, deep=(8, 5))
    questions = [
        {"id": f"mini_math-{i:05d}", "trace": ["7"], "answer": "7", "question": "?"}
        for i in range(12)
    ]
    (tree / "world/benchmarks").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in questions)
    (tree / "world/benchmarks/mini_math.jsonl").write_text(lines)
    folder = tree / "chains/0/rl/rft-0/rollouts"
    folder.mkdir()
    rollout = {"question": "q1", "text": "3+4=7", "right": True, "rewards": [1.0, 0.5]}
    for name in ("step-00001.jsonl", "step-00010.jsonl"):
        (folder / name).write_text(json.dumps(rollout) + "\n" + json.dumps(rollout) + "\n")

    write_outputs(tree, tmp_path / "outputs.jsonl.xz", count=5)
    rows = read_outputs(tmp_path / "outputs.jsonl.xz")
    assert {row["model"] for row in rows} == {"base", "instruct", "rft-0"}
    per = [row for row in rows if (row["model"], row["benchmark"]) == ("rft-0", "mini_math")]
    assert len(per) == 5 and per[0]["greedy"]["steps"] == [0] and per[0]["greedy"]["text"] == "t"
    assert "steps" not in next(r for r in rows if r["benchmark"] == "mini_cmath")["greedy"]
    trained = [row for row in rows if row["benchmark"] == "rl"]
    assert [(row["step"], row["rewards"]) for row in trained] == [(10, [1.0, 0.5])]


# What README says.


def test_verdicts_in_the_readme_are_those_of_the_committed_builds():
    text = readme.README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (C\d+\w?): .*", text, re.MULTILINE)
    found = {c.id: c for c in merged([read_claims(p) for p in claim_files(ROOT / "reports")])}
    assert rows == list(found)
    for line in re.findall(r"^\| C\d+\w?: .*", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        claim = found[cells[0].strip().partition(":")[0]]
        assert cells[2] == claim.verdict in VERDICTS


def test_numbers_in_the_readmes_sentences_stand_in_the_committed_builds():
    """An interval that README's prose gives next to a claim is one of that claim in some committed
    build, or among the numbers beside the claims in the report of mini.
    """
    text = readme.README.read_text(encoding="utf-8").partition("<!-- end -->")[2]
    text = text.partition("## The chain")[0]
    builds = [read_claims(path) for path in claim_files(ROOT / "reports")]
    said = " ".join(sentence(claim) for claims in builds for claim in claims)
    said += (ROOT / "reports/report.md").read_text(encoding="utf-8")
    intervals = re.findall(r"[+-]\d+\.\d \[-?\d+\.\d, -?\d+\.\d\]", " ".join(text.split()))
    assert len(intervals) >= 3
    for interval in intervals:
        assert interval in said, interval


def test_without_a_report_the_table_says_so(tmp_path, capsys):
    assert main(["--reports", str(tmp_path)]) == 1
    assert "no claims.json" in capsys.readouterr().err
    write_json(tmp_path / "claims.json", {"claims": []})
    assert main(["--reports", str(tmp_path)]) == 0
    assert "| C15: " in capsys.readouterr().out
