"""The recall loop of section 2.1 at laboratory size, measured against truth (claim C3).   python -m lab.recall.loop all

Steps: `web` generates the built-in web that lab/corpus/params.yaml describes, `pages` extracts it and signs the pages,
`iteration N` goes one turn of the loop from the state that turn N - 1 left, `report` decontaminates the last collection
and writes reports/lab/corpus/. Each step is a stage of lab/corpus/dvc.yaml; each can be killed and started again.
Precision and recall are taken from the truth about that web; nothing that decides reads it, but for the scripted
annotator, who looks at ten pages of each proposed prefix in a person's place.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from pipeline.corpus import loop
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.crawl import open_crawl
from pipeline.corpus.domains import by_samples
from pipeline.corpus.mine import extract_tasks, finish
from pipeline.corpus.shards import run
from pipeline.corpus.truth import Measure, Truth
from pipeline.records import Question, read_jsonl, read_rows, write_json
from pipeline.wiring.code import ROOT
from pipeline.wiring.config import build

PARAMS, DATA, REPORT = (
    Path("lab/corpus/params.yaml"),
    Path("data/lab_corpus"),
    Path("reports/lab/corpus"),
)
WORLD, PAGES = DATA / "world", DATA / "pages"


def settings(section: str, kind: type) -> Any:
    return build(kind, yaml.safe_load((ROOT / PARAMS).read_text(encoding="utf-8"))[section])


def show(step: str, done: int, total: int) -> None:
    if done == total or done % 4 == 0:
        print(
            f"{step}: {done} of {total} shards, {time.process_time():.0f} CPU s",
            file=sys.stderr,
            flush=True,
        )


def web() -> None:
    """Build the web and its seed corpus, with benchmark questions quoted on some of its pages."""
    from pipeline.world.build import build_questions
    from pipeline.world.config import WorldConfig
    from pipeline.world.web.build import build_web

    cfg = settings("world", WorldConfig)
    build_questions(cfg, WORLD)
    benchmarks = {
        path.stem: list(read_rows(path, Question))
        for path in sorted((WORLD / "benchmarks").glob("*.jsonl"))
    }
    write_json(WORLD / "web.json", build_web(WORLD, cfg.web, cfg.seed, benchmark_items=benchmarks))


def tasks(cfg: CorpusConfig) -> list:
    return extract_tasks([WORLD / "web"], cfg, PAGES)


def pages() -> None:
    """Extract all shards and sign their pages."""
    cfg = settings("corpus", CorpusConfig)
    for done, total in run(tasks(cfg), 1):
        show("extract", done, total)
    ground(cfg)


def ground(cfg: CorpusConfig) -> tuple[loop.Ground, loop.State]:
    parts = tasks(cfg)
    crawl = open_crawl([task.results[0] for task in parts])
    seed = read_jsonl(WORLD / "seed.jsonl")
    return loop.prepare(crawl, [task.proof for task in parts], seed, cfg, PAGES, 1, show)


def iteration(number: int) -> None:
    """One turn of the loop; a turn after the stop rule was met repeats the state before it."""
    cfg, folder, earlier = (
        settings("corpus", CorpusConfig),
        DATA / f"iteration-{number}",
        DATA / f"iteration-{number - 1}",
    )
    folder.mkdir(parents=True, exist_ok=True)
    bottom, state = ground(cfg)
    rows: list[dict[str, Any]] = []
    if number > 1:
        state = loop.State.load(earlier / "state.npz")
        rows = json.loads((earlier / "iterations.json").read_text(encoding="utf-8"))
    if rows and rows[-1].get("pages_collected_before", 0.0) >= cfg.recall.stop_share:
        print(f"iteration {number}: the loop had stopped at {state.number}")
    else:
        truth = Truth(read_jsonl(WORLD / "web/truth.jsonl"))
        state = loop.iterate(bottom, state, cfg, by_samples(truth.by_url), folder, folder, 1, show)
        rows.append(state.row | Measure(truth, bottom.crawl).collection(state.kept))
        print(json.dumps(rows[-1]))
    state.save(folder / "state.npz")
    write_json(folder / "iterations.json", rows)
    shutil.rmtree(
        folder / f"iteration-{number}", ignore_errors=True
    )  # classifier and scores: 240 MB that nobody reads


def report() -> None:
    """Decontaminate what the last turn collected, and write tables, numbers and the figure."""
    from lab.recall.figure import write_report

    cfg = settings("corpus", CorpusConfig)
    bottom, _ = ground(cfg)
    last = max(
        DATA.glob("iteration-*/state.npz"), key=lambda path: int(path.parent.name.split("-")[1])
    ).parent
    state = loop.State.load(last / "state.npz")
    rows = json.loads((last / "iterations.json").read_text(encoding="utf-8"))
    mined = loop.mined_of(bottom, state, last / "classifier.bin", rows)
    benchmarks = {
        path.stem: [
            text for row in read_rows(path, Question) for text in (row.question, row.answer)
        ]
        for path in sorted((WORLD / "benchmarks").glob("*.jsonl"))
    }
    measure = Measure(Truth(read_jsonl(WORLD / "web/truth.jsonl")), bottom.crawl)
    out = DATA / "corpus"
    out.mkdir(parents=True, exist_ok=True)
    summary = finish(
        bottom.crawl, mined, [task.results[1] for task in tasks(cfg)], benchmarks, cfg, out, measure
    )
    summary["web"] = json.loads((WORLD / "web.json").read_text(encoding="utf-8"))
    write_report(REPORT, summary)


def main() -> None:
    steps = {"web": web, "pages": pages, "report": report}
    command, *rest = sys.argv[1:] or ["help"]
    if (
        command == "all"
    ):  # what an interrupted run left is taken over; remove data/lab_corpus after a change
        if not (WORLD / "web.json").is_file():
            web()
        pages()
        for number in range(1, settings("corpus", CorpusConfig).recall.iterations + 1):
            if not (DATA / f"iteration-{number}/iterations.json").is_file():
                iteration(number)
        report()
    elif command == "iteration" and len(rest) == 1 and rest[0].isdigit() and int(rest[0]) > 0:
        iteration(int(rest[0]))
    elif command in steps:
        steps[command]()
    else:
        raise SystemExit("python -m lab.recall.loop web | pages | iteration N | report | all")


if __name__ == "__main__":
    main()
