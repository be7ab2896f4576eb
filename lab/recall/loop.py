"""What the stages of the recall loop share: where its results lie, and the crawl that every turn
starts from.

The loop of section 2.1 at laboratory size is measured against truth (claim C3). `stages.world`
generates the built-in web that conf/profile/recall.yaml describes, lab/recall/pages.py extracts it,
lab/recall/turn.py goes one turn from the state that the turn before left, and lab/recall/report.py
decontaminates the last collection and writes reports/lab/corpus/. Precision and recall are taken
from the truth about that web. Nothing that decides reads it, except for the scripted annotator, who
looks at ten pages of each proposed prefix instead of a person.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.corpus import loop
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import open_crawl
from pipeline.corpus.mine import extract_tasks
from pipeline.corpus.shards import Task
from pipeline.corpus.truth import Truth
from pipeline.records import Question, read_jsonl, read_rows
from pipeline.wiring.config import build


def tasks_of(world: Path, pages: Path, cfg: CorpusConfig) -> list[Task]:
    """The extraction of each shard of the web into the folder `pages`."""
    return extract_tasks([world / "web"], cfg, pages)


def ground(
    world: Path, pages: Path, cfg: CorpusConfig, workers: int, show: loop.Progress
) -> tuple[loop.Ground, loop.State]:
    """What every turn starts from, and the state before the first; `pages` holds the extracted
    shards.
    """
    tasks = tasks_of(world, pages, cfg)
    crawl = open_crawl([task.results[0] for task in tasks])
    seed = read_jsonl(world / "seed.jsonl")
    return loop.prepare(crawl, [task.proof for task in tasks], seed, cfg, pages, workers, show)


def load_turn(folder: Path) -> tuple[loop.State, list[dict[str, Any]]]:
    """The state that a turn left, and a row of counts for each turn so far."""
    rows = json.loads((folder / "iterations.json").read_text(encoding="utf-8"))
    return loop.State.load(folder / "state.npz"), rows


def truth_of(world: Path) -> Truth:
    """What is known about each page of the built-in web."""
    return Truth(read_jsonl(world / "web/truth.jsonl"))


def settings_of(folder: Path) -> CorpusConfig:
    """The settings of the corpus with which a stage made its folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return build(CorpusConfig, config["corpus"])


def benchmark_texts(world: Path) -> dict[str, list[str]]:
    """The questions and answers of each benchmark, which decontamination looks for."""
    return {
        path.stem: [t for row in read_rows(path, Question) for t in (row.question, row.answer)]
        for path in sorted((world / "benchmarks").glob("*.jsonl"))
    }
