"""What the commands of `python -m pipeline.corpus` do."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.corpus.benchmark_files import benchmark_texts
from pipeline.corpus.config import CorpusConfig, DecontaminateConfig, RecallConfig, check
from pipeline.errors import UserError
from pipeline.records import read_jsonl, write_jsonl


class Show:
    """Progress of a step's shards: one line that is redrawn on a terminal; elsewhere a line every ten seconds."""

    def __init__(self, unit: str = "shards") -> None:
        self.unit, self.step, self.terminal = unit, "", sys.stderr.isatty()

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step != self.step:  # what an earlier run had done already is in the first count
            self.step, self.start, self.first, self.shown = step, now, done, 0.0
        if done != total and now - self.shown < (0.2 if self.terminal else 10):
            return
        self.shown, pace = now, ""
        if done > self.first:
            each = (now - self.start) / (done - self.first)
            pace = f", {each:.2g} s each" + (
                f", {each * (total - done):.0f} s left" if done < total else ""
            )
        line = f"{step}: {done} of {total} {self.unit}{pace}"
        print(
            f"\r\x1b[K{line}" if self.terminal else line,
            file=sys.stderr,
            flush=True,
            end="" if self.terminal and done != total else "\n",
        )


def rows_with_text(path: Path, step: str) -> Iterator[dict[str, Any]]:
    """Rows of `extract`, with progress; rejected ones pass through without a text. Raises UserError for a row that has
    neither text nor rejection."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; give the output of `extract`")
    with path.open("rb") as lines:
        total = sum(bool(line.strip()) for line in lines)
    show = Show("rows")
    for number, row in enumerate(read_jsonl(path), 1):
        if not isinstance(row.get("text"), str):
            if "rejected" not in row:
                raise UserError(
                    f"{path}:{number}: no text; give the output of `extract`, or rows with a text"
                )
            row.pop("text", None)
        yield row
        show(step, number, total)


def check_out(path: Path, folder: bool = False) -> None:
    """Raises UserError at once for a place that nothing can be written to at the end."""
    if path.exists() and path.is_dir() != folder:
        raise UserError(
            f"{path}: is a {'file' if folder else 'folder'}; --out needs a {'folder' if folder else 'file'}"
        )


def pack(args: argparse.Namespace) -> None:
    from pipeline.corpus.read.pack import pack as pack_folder

    check_out(args.out)
    print(f"{args.out}: {pack_folder(args.folder, args.out, args.urls)} pages")


def extract_file(path: Path, name: str, max_bytes: int, out: Path) -> None:
    """One shard to JSONL."""
    from pipeline.corpus.read.pages import read_pages
    from pipeline.corpus.read.record import Reject

    def rows() -> Iterator[dict[str, Any]]:
        for page in read_pages(path, name, max_bytes, 1):
            row = {"url": page.url, "source": page.source, "offset": page.offset}
            if isinstance(page, Reject):
                yield row | {"rejected": page.reason, "detail": page.detail}
            else:
                yield row | {
                    "lang": page.lang,
                    "text": page.text,
                    "formulas": [asdict(f) for f in page.formulas],
                }

    write_jsonl(out, rows())


def extract(args: argparse.Namespace) -> None:
    from pipeline.corpus.shards import Task, code_hash, file_hash, find_shards, fingerprint, run

    check_out(args.out)
    work, tasks = args.out.with_name(args.out.name + ".work"), []
    for shard in find_shards(args.inputs):
        out = work / f"{shard.key}.jsonl"
        proof = fingerprint(file_hash(shard.path), shard.name, args.max_page_bytes, code_hash())
        call = (shard.path, shard.name, args.max_page_bytes, out)
        tasks.append(Task(extract_file, call, (out,), out.with_suffix(".receipt"), proof))
    show = Show()
    for done, total in run(tasks, args.workers):
        show("extract", done, total)
    temporary = args.out.with_name(args.out.name + ".tmp")
    pages = rejects = 0
    with temporary.open("wb") as joined:
        for task in tasks:
            for line in task.results[0].open("rb"):
                joined.write(line)
                rejected = b'"rejected": ' in line and "rejected" in json.loads(line)
                pages, rejects = pages + (not rejected), rejects + rejected
    os.replace(temporary, args.out)
    shutil.rmtree(work)
    print(f"{args.out}: {pages} pages, {rejects} rejected")


def score(args: argparse.Namespace) -> None:
    from pipeline.corpus.classifier import Classifier

    check_out(args.out)
    judge = Classifier(args.model, CorpusConfig().classifier.max_tokens)
    rows = (
        row | ({"score": judge.score(row["text"])} if "text" in row else {})
        for row in rows_with_text(args.rows, "score")
    )
    print(f"{args.out}: {write_jsonl(args.out, rows)} rows")


def mine(args: argparse.Namespace) -> None:
    from pipeline.corpus.mine import mine as mine_pages

    base = CorpusConfig()
    cfg = replace(
        base, token_budget=args.token_budget, keep_fraction=args.keep_fraction, max_page_bytes=args.max_page_bytes,
        classifier=replace(base.classifier, bucket=args.bucket, epoch=args.epoch, least=args.least),
        recall=replace(base.recall, iterations=args.iterations, annotations=args.annotations),
        decontaminate=replace(base.decontaminate, information_rule=args.information_rule),
    )  # fmt: skip
    check(cfg)
    check_out(args.out, folder=True)
    check_annotations(cfg.recall, args.out)
    benchmarks = benchmark_texts(args.benchmarks)
    summary = mine_pages(
        args.inputs, seed_rows(args.seed_rows), benchmarks, cfg, args.out, args.out / ".work", args.workers,
        progress=Show(), explain=True,
    )  # fmt: skip
    for line in warnings_of(summary):
        print(f"dsm-corpus: {line}", file=sys.stderr)
    print(
        f"{args.out}: {summary['pages']} pages, {summary['tokens']} tokens of {summary['records']} records"
    )


def check_annotations(cfg: RecallConfig, out: Path) -> None:
    """Raises UserError when a person's marks would be read for nothing, or written over."""
    from pipeline.corpus.annotations import from_yaml, lost_mark

    if cfg.annotations and cfg.iterations < 2:
        raise UserError("--annotations: one iteration reads none; give --iterations 2 or more")
    lost = lost_mark(
        out, cfg.accept_share, from_yaml(Path(cfg.annotations)) if cfg.annotations else None
    )
    if lost:
        raise UserError(
            f"{lost} was marked by hand; give that file with --annotations, or move it away"
        )


def warnings_of(summary: dict[str, Any]) -> Iterator[str]:
    """What a run found wrong with its input, but went on."""
    for prefix in sorted(
        {prefix for row in summary["iterations"] for prefix in row.get("prefixes_unmatched", ())}
    ):
        yield f"--annotations: no page lies under {prefix}"
    edges, pages = summary["score_histogram"]["edges"], summary["score_histogram"]["all"]
    if (
        sum(count for low, count in zip(edges, pages, strict=False) if 0.45 <= low < 0.55)
        == sum(pages)
        > 0
    ):
        yield "the classifier learnt nothing (all scores are near 0.5); give more seed pages, or --least 6000"


def seed_rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(read_jsonl(path), 1):
        if not isinstance(row.get("text"), str):
            raise UserError(f"{path}:{number}: a seed row needs url and text")
        yield row


def decontaminate(args: argparse.Namespace) -> None:
    from pipeline.corpus.decontaminate import Index, clean, formulas_left, hit_row

    check_out(args.out)
    cfg = DecontaminateConfig(mode=args.mode, information_rule=args.information_rule)
    index = Index(benchmark_texts(args.benchmarks), cfg)
    hits: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()

    def rows() -> Iterator[dict[str, Any]]:
        for number, row in enumerate(rows_with_text(args.rows, "decontaminate"), 1):
            if "text" not in row:
                yield row
                continue
            cleaned = clean(row["text"], index)
            counts["strict"] += bool(cleaned.hits)
            counts["ruled"] += any(not hit.uninformative for hit in cleaned.hits)
            place = {
                "row": number,
                **{key: row.get(key, "") for key in ("url", "source", "offset")},
            }
            hits.extend(place | hit_row(hit, index) for hit in cleaned.hits)
            if cleaned.text is None:
                yield {key: row[key] for key in row if key not in ("text", "formulas")} | {
                    "rejected": "contaminated"
                }
                continue
            if cleaned.removed and row.get("formulas"):
                row["formulas"] = formulas_left(row["text"], row["formulas"], cleaned.removed)
            yield row | {"text": cleaned.text}

    count = write_jsonl(args.out, rows())
    audit = args.out.with_name(args.out.stem + ".contamination.jsonl")
    write_jsonl(audit, hits)
    print(f"{args.out}: {count} rows, {counts['strict']} of them with a benchmark's words by the paper's rule, "
          f"{counts['ruled']} by the information rule; each of {len(hits)} grams in {audit}")  # fmt: skip


def inspect(args: argparse.Namespace) -> None:
    from pipeline.corpus.explain import contamination_of, decisions, in_seed

    found = decisions(args.corpus, args.url)
    for row in found:
        seed = {"in_seed_rows": in_seed(args.seed_rows, args.url)} if args.seed_rows else {}
        print(json.dumps(row | seed, ensure_ascii=False, indent=2))
    for row in contamination_of(args.corpus, args.url):
        print(json.dumps({"contamination": row}, ensure_ascii=False))
    if not found:
        raise UserError(f"{args.url}: not in {args.corpus}, neither kept nor dropped")
