"""Mining measured against the truth about a built web, and the loop run one iteration at a time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.corpus import loop
from pipeline.corpus.audit import NEAR
from pipeline.corpus.config import ClassifierConfig, CorpusConfig, RecallConfig
from pipeline.corpus.crawl import open_crawl
from pipeline.corpus.domains import by_samples
from pipeline.corpus.mine import extract_tasks, mine
from pipeline.corpus.shards import run
from pipeline.corpus.truth import Measure, Truth
from pipeline.records import read_jsonl
from pipeline.world.web.build import build_web
from pipeline.world.web.config import WebConfig

CFG = CorpusConfig(
    keep_fraction=0.35, max_page_bytes=2_000_000, classifier=ClassifierConfig(dim=16, bucket=5000, least=600),
    recall=RecallConfig(iterations=2, stop_share=1.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Truth, list[dict], dict, Path]:
    folder = tmp_path_factory.mktemp("web")
    build_web(folder, WebConfig(pages=700, domains=24, records_per_shard=400, seed_pages=40), 0)
    truth, seed = (
        Truth(read_jsonl(folder / "web/truth.jsonl")),
        list(read_jsonl(folder / "seed.jsonl")),
    )
    annotate = by_samples(truth.by_url)
    summary = mine(
        [folder / "web"], seed, {}, CFG, folder / "out", folder / "work", 1, annotate, truth=truth
    )  # fmt: skip
    return folder, truth, seed, summary, folder / "out"


def test_steps_are_measured(built):
    _, _, _, summary, out = built
    found = summary["truth"]
    assert found["text"]["recall"] >= 0.99 and found["text"]["precision"] == 1.0
    assert found["distinct URLs"]["recall"] >= 0.95 and found["distinct URLs"]["lost"] == 0
    assert found["distinct pages"]["recall"] >= 0.9 and found["distinct pages"]["precision"] >= 0.9
    assert found["worksheets"] == {"pages": 40, "kept": 40}
    for row in summary["iterations"]:
        assert 0.5 < row["precision"] <= 1 and 0.5 < row["recall"] <= 1
    histogram = summary["score_histogram"]
    assert len(histogram["edges"]) == len(histogram["math"]) + 1 == len(histogram["other"]) + 1
    assert json.loads((out / "funnel.json").read_text())["truth"] == found


def test_audit_sample_stands_on_both_sides_of_the_cut(built):
    rows = list(read_jsonl(built[4] / "audit.jsonl"))
    near = [row for row in rows if row["side"] != "rejected"]
    assert [row["rank"] for row in near] == sorted(row["rank"] for row in near)
    assert (
        sum(row["side"] == "above" for row in near)
        == NEAR
        == sum(row["side"] == "below" for row in near)
    )
    assert min(row["score"] for row in near[:NEAR]) >= max(row["score"] for row in near[NEAR:])
    assert {row["reason"] for row in rows if row["side"] == "rejected"} >= {
        "below_cut",
        "duplicate_url",
        "near_duplicate",
    }


def test_iterations_one_at_a_time_make_the_same_collection(built, tmp_path):
    folder, truth, seed, summary, _ = built
    tasks, annotate = (
        extract_tasks([folder / "web"], CFG, folder / "work"),
        by_samples(truth.by_url),
    )
    list(run(tasks, 1))
    crawl, rows = open_crawl([task.results[0] for task in tasks]), []
    measure = Measure(truth, crawl)
    for number in (1, 2):
        ground, state = loop.prepare(
            crawl, [t.proof for t in tasks], seed, CFG, folder / "work", 1, lambda *_: None
        )
        if number > 1:
            state = loop.State.load(tmp_path / "state.npz")
        state = loop.iterate(
            ground, state, CFG, annotate, tmp_path / "work", tmp_path, 1, lambda *_: None
        )
        state.save(tmp_path / "state.npz")
        rows.append(state.row | measure.collection(state.kept))
    assert rows == summary["iterations"]
    assert state.is_last(CFG) and not replace(state, number=1, row={}).is_last(CFG)


def test_measures_of_decisions():
    class Pages:
        tokens = np.array([10, 10, 10, 10])

        def rows(self, mask, columns):
            return enumerate(
                {"source": "web/0.warc.gz", "offset": offset} for offset in (0, 1, 2, 9)
            )

        def __len__(self):
            return 4

    base = {"readable": True, "lang": "en", "formula_source": "", "formulas": [], "group": "", "contaminated": [],
            "file": "0.warc.gz", "mirror_of": "", "near_dup_of": ""}  # fmt: skip
    rows = [
        base | {"url": "a", "offset": 0, "is_math": True},
        base | {"url": "b", "offset": 1, "is_math": True, "near_dup_of": "a"},
        base | {"url": "c", "offset": 2, "is_math": False},
        base | {"url": "d", "offset": 3, "is_math": True, "lang": "zh"},
        base | {"url": "e", "offset": 9, "is_math": True, "readable": False},
    ]
    measure = Measure(Truth(rows), Pages())
    assert measure.reading() == {"recall": 0.75, "precision": 0.75}
    every, one = np.ones(4, dtype=bool), np.array([True, False, True, False])
    assert measure.copies(every, one, measure.truth.content) == {
        "recall": 1.0,
        "precision": 0.5,
        "lost": 1,
    }
    found = measure.collection(one)
    assert found["precision"] == 0.5 and found["recall"] == 0.5 and found["recall_zh"] == 0.0
    assert (
        measure.collection(np.array([False, True, False, True]))["recall"] == 0.5
    )  # a copy stands for its original
