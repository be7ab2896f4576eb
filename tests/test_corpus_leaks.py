"""Planted leaks of the real benchmarks are all found, and clean pages are left alone."""

import json
import os
import random
from pathlib import Path

import pytest

from benchmarks.clean_pages import FILES
from pipeline.cli.corpus import main
from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.html import extract
from pipeline.corpus.tokens import grams

SHARED = Path(os.environ.get("DSM_SHARED") or Path(__file__).parents[1].parent / "shared")
needs_data = pytest.mark.skipif(
    not (SHARED / "datasets").is_dir() or not (SHARED / "web").is_dir(),
    reason="needs ../shared/datasets and ../shared/web",
)


def texts(name: str, limit: int) -> list[list[str]]:
    """[question, answer] of the first `limit` items of a benchmark."""
    path, keys = FILES[name]
    rows = [
        json.loads(line)
        for line in (SHARED / "datasets" / path).read_text().split("\n")[:limit]
        if line
    ]
    return [
        [
            row[key] if isinstance(row[key], str) else row[key][0]["content"]
            for key in keys
            if row[key]
        ]
        for row in rows
    ]


@pytest.fixture(scope="module")
def planted() -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """(benchmarks, 300 pages that quote a question): 60 of each of five benchmarks."""
    rng, benchmarks, pages = random.Random(0), {}, []
    for name in FILES:
        items = texts(name, 1_000)
        benchmarks[name] = [text for item in items for text in item]
        questions = [item[0] for item in items if len(grams(item[0])) >= 3]
        for question in rng.sample(questions, 60):
            pages.append((name, f"Some line before it.\n{question}\nA line after it 若干文字."))
    return benchmarks, pages


@needs_data
def test_every_planted_question_is_found(planted, tmp_path):
    """By the command, with the information rule, which only ever lets more pass, and its own reader
    of benchmark files.
    """
    pages = [page for _, page in planted[1]]
    rows, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows.write_text("".join(json.dumps({"text": page}) + "\n" for page in pages))
    files = [str(SHARED / "datasets" / path) for path, _ in FILES.values()]
    assert (
        main(
            [
                "decontaminate",
                str(rows),
                "--benchmarks",
                *files,
                "--out",
                str(out),
                "--information-rule",
            ]
        )
        == 0
    )
    texts = [json.loads(line).get("text") for line in out.read_text().splitlines()]
    missed = [page for page, text in zip(pages, texts, strict=True) if text == page]
    assert len(pages) == 300 and not missed, missed[:3]


@needs_data
def test_the_rule_finds_most_half_quotations(planted):
    """What the information rule costs: of the first halves of the questions it may miss a few that
    the paper's rule has.
    """
    benchmarks, pages = planted
    index = Index(benchmarks, DecontaminateConfig(information_rule=True))
    halves = [page.split("\n")[1] for _, page in pages]
    halves = [half[: len(half) // 2] for half in halves if len(grams(half)) >= 40]
    found = [clean(half, index) for half in halves]
    by_paper, by_rule = (
        sum(bool(c.hits) for c in found),
        sum(bool(c.removed_segments or c.text is None) for c in found),
    )
    assert len(halves) > 80 and by_paper == len(halves) and by_rule >= 0.95 * by_paper, (
        by_rule,
        by_paper,
        len(halves),
    )


@needs_data
def test_clean_pages_are_left_alone(planted):
    index = Index(planted[0], DecontaminateConfig(information_rule=True))
    flagged = []
    for path in sorted((SHARED / "web").glob("*_*/*html")):
        cleaned = clean(extract(decode(path.read_bytes())).text, index)
        flagged += [hit.gram for hit in cleaned.hits if not hit.uninformative]
    assert not flagged
