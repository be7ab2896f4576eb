"""The report's tables about mining."""

from types import SimpleNamespace

from pipeline.report.page.blocks import to_markdown
from pipeline.report.tables.corpus import SHOWN, corpus_tables

STEP = {"recall": 0.998, "precision": 1.0}
LEAKS = {"planted": 50, "found": 50, "clean": 900, "clean_flagged": 1}
FUNNEL = {
    "rejects": {"torn_gzip": 3, "below_cut": 4800},
    "rejected_tokens": {"below_cut": 2_200_000, "torn_gzip": 0},
    "truth": {
        "text": STEP,
        "distinct URLs": STEP,
        "distinct pages": {"recall": 0.95, "precision": None},
        "worksheets": {"pages": 40, "kept": 39},
        "decontaminated": LEAKS,
        "decontaminated by the information rule": LEAKS | {"clean_flagged": 0},
    },
    "iterations": [
        {
            "iteration": 1,
            "seed_pages": 150,
            "pages": 1900,
            "tokens": 700_000,
            "precision": 0.9,
            "recall": 0.8,
            "recall_en": 0.75,
            "recall_zh": 0.9,
        }
    ],
}


def tables(funnel, audit=()):
    return corpus_tables(
        SimpleNamespace(files={"corpus": {"funnel": funnel, "audit": list(audit)}})
    )


def test_tables_say_what_the_corpus_stage_counted():
    rejects, truth, turns = tables(FUNNEL)
    assert rejects.rows[0] == ("below_cut", "4,800", "2,200,000")
    assert {row[0]: row[1:] for row in truth.rows} == {
        "text": ("99.8", "100.0"),
        "distinct URLs": ("99.8", "100.0"),
        "distinct pages": ("95.0", "-"),
        "collected": ("80.0", "90.0"),
        "decontaminated": ("100.0", "98.0"),
        "decontaminated by the information rule": ("100.0", "100.0"),
    }
    assert "39 were kept" in truth.caption
    assert turns.rows == (("1", "150", "1,900", "700,000", "90.0", "80.0", "75.0", "90.0", "-"),)


def test_nothing_is_shown_of_a_real_crawl_but_what_is_known():
    assert tables({}) == []
    assert [table.columns[0] for table in tables({"rejects": {"short": 2}})] == ["rejected as"]


def test_pages_at_the_cut_bring_no_marks_of_their_own():
    audit = [
        {
            "side": "above" if rank < 9 else "below",
            "rank": rank,
            "score": 0.5,
            "tokens": 90,
            "opening": "a `code` | **bold** [x](http://y)\n<script>",
        }
        for rank in range(1, 30)
    ]
    (table,) = tables({}, [*audit, {"side": "rejected", "reason": "short"}])
    assert [row[2] for row in table.rows] == [str(rank) for rank in range(9 - SHOWN, 9 + SHOWN)]
    text = to_markdown([table])
    assert (
        not set("`*<[") & set("".join(row[1] for row in table.rows))
        and text.count("\n") == len(table.rows) + 4
    )
