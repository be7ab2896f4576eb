"""What the commands of `python -m pipeline.corpus` do."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.corpus.benchmark_files import benchmark_texts
from pipeline.corpus.config import CorpusConfig, DecontaminateConfig, RecallConfig, check
from pipeline.corpus.inputs import Shard, find_shards
from pipeline.corpus.read.tables import count_rows, rows_of_file, write_table
from pipeline.errors import UserError
from pipeline.records import read_jsonl, write_jsonl
from pipeline.wiring.progress import Steps

SUFFIX = re.compile(r"(?:\.\w+)?(?:\.gz)?$")


def rows_with_text(path: Path, step: str) -> Iterator[dict[str, Any]]:
    """Rows of `extract`, with progress; rejected ones pass through without a text.

    Raises UserError for a row that has neither text nor rejection.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; give the output of `extract`")
    total, show = count_rows(path), Steps(unit="row")
    for number, row in enumerate(rows_of_file(path), 1):
        row = {key: value for key, value in row.items() if value is not None}
        if not isinstance(row.get("text"), str):
            if "rejected" not in row:
                raise UserError(
                    f"{path}:{number}: no text; give the output of `extract`, or rows with a text"
                )
            row.pop("text", None)
        yield row
        show(step, number, total)


def say(line: str) -> None:
    print(f"corpus: {line}", file=sys.stderr)


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


def extract_file(shard: Shard, max_bytes: int, seconds: float, out: Path) -> None:
    """One shard to JSONL."""
    from pipeline.corpus.read.pages import read_pages
    from pipeline.corpus.read.record import Reject

    def rows() -> Iterator[dict[str, Any]]:
        for page in read_pages(shard, max_bytes, 1, seconds):
            row = {"url": page.url, "source": page.source, "offset": page.offset}
            if isinstance(page, Reject):
                yield row | {"rejected": page.reason, "detail": page.detail}
                continue
            yield row | {
                "date": page.date,
                "record": page.record,
                "lang": page.lang,
                "text": page.text,
                "formulas": [formula._asdict() for formula in page.formulas],
                "formulas_unread": page.unread,
            }

    if not write_jsonl(out, rows()):
        raise UserError(f"{shard.path}: holds no record of a page; is it a crawl?")


def extract(args: argparse.Namespace) -> None:
    from pipeline.corpus.shards import Task, code_hash, run, stamps_of
    from pipeline.files import fingerprint

    check_out(args.out)
    work, tasks, show = args.out.with_name(args.out.name + ".work"), [], Steps()
    shards = find_shards(args.inputs, args.base, say)
    stamps = stamps_of(
        shards, work / "stamps", lambda done, total: show("see what changed", done, total)
    )
    limits = (args.max_page_bytes, args.max_page_seconds)
    for shard, stamp in zip(shards, stamps, strict=True):
        out = work / f"{shard.key}.jsonl"
        proof = fingerprint(stamp, shard.name, limits, code_hash())
        tasks.append(
            Task(extract_file, (shard, *limits, out), (out,), out.with_suffix(".receipt"), proof)
        )
    for done, total in run(tasks, args.workers):
        show("extract", done, total)
    counts: Counter[str] = Counter()

    def rows() -> Iterator[dict[str, Any]]:
        for task, shard in zip(tasks, shards, strict=True):
            pages = 0
            for row in read_jsonl(task.results[0]):
                counts[row.get("rejected", "")] += 1
                pages += "rejected" not in row
                yield row
            if not pages:
                print(f"corpus: {shard.path}: no page in it could be read", file=sys.stderr)

    write_table(args.out, rows())
    shutil.rmtree(work)
    pages = counts.pop("", 0)
    why = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    print(
        f"{args.out}: {pages} pages, {sum(counts.values())} rejected" + (f" ({why})" if why else "")
    )


def score(args: argparse.Namespace) -> None:
    from pipeline.corpus.classifier import Classifier

    check_out(args.out)
    classifier = Classifier(args.model, CorpusConfig().classifier.max_tokens)
    rows = (
        row | ({"score": classifier.score(row["text"])} if "text" in row else {})
        for row in rows_with_text(args.rows, "score")
    )
    print(f"{args.out}: {write_table(args.out, rows)} rows")


def mine(args: argparse.Namespace) -> None:
    from pipeline.corpus.mine import mine as mine_pages

    base = CorpusConfig()
    cfg = replace(
        base, token_budget=args.token_budget, keep_fraction=args.keep_fraction, max_page_bytes=args.max_page_bytes,
        max_page_seconds=args.max_page_seconds,
        classifier=replace(base.classifier, bucket=args.bucket, epoch=args.epoch, least=args.least),
        recall=replace(base.recall, iterations=args.iterations, annotations=args.annotations),
        decontaminate=replace(
            base.decontaminate, information_rule=args.information_rule, normalise=args.normalise
        ),
    )  # fmt: skip
    check(cfg)
    check_out(args.out, folder=True)
    check_annotations(cfg.recall, args.out)
    check_seed(args.seed_rows)
    benchmarks = benchmark_texts(args.benchmarks)
    if not benchmarks:
        print("corpus: no --benchmarks: nothing will be decontaminated", file=sys.stderr)
    summary = mine_pages(
        find_shards(args.inputs, args.base, say), seed_rows(args.seed_rows), benchmarks, cfg, args.out, args.out / ".work",
        args.workers, progress=Steps(), explain=True,
    )  # fmt: skip
    for line in warnings_of(summary):
        print(f"corpus: {line}", file=sys.stderr)
    print(
        f"{args.out}: {summary['pages']} pages, {summary['tokens']} tokens of {summary['records']} records"
        + ("" if benchmarks else "; not decontaminated")
    )


def check_seed(path: Path) -> None:
    """Raises UserError at once for a seed that training would refuse after hours."""
    if not sum(1 for _ in seed_rows(path)):
        raise UserError(f"{path}: no seed page in it; a seed row needs url and text")


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
    if not path.is_file():
        raise UserError(f"{path}: no such file; --seed-rows needs rows with url and text")
    for number, row in enumerate(rows_of_file(path), 1):
        if row.get("rejected"):  # rows of `extract` may hold rejects
            continue
        if not isinstance(row.get("text"), str):
            raise UserError(f"{path}:{number}: a seed row needs url and text")
        yield row


def decontaminate(args: argparse.Namespace) -> None:
    from pipeline.corpus.decontaminate import Index, clean, formulas_left, hit_row

    check_out(args.out)
    cfg = DecontaminateConfig(
        mode=args.mode, information_rule=args.information_rule, normalise=args.normalise
    )
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
            counts["normal"] += bool(cleaned.hits) and all(hit.normalised for hit in cleaned.hits)
            counts["strict"] -= bool(cleaned.hits) and all(hit.normalised for hit in cleaned.hits)
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

    count = write_table(args.out, rows())
    audit = args.out.with_name(SUFFIX.sub("", args.out.name) + ".contamination.jsonl")
    write_jsonl(audit, hits)
    normal = f", {counts['normal']} more by their normal form alone" if args.normalise else ""
    print(
        f"{args.out}: {count} rows, {counts['strict']} of them with a benchmark's words by the paper's rule{normal}, "
        f"{counts['ruled']} by the information rule; each of {len(hits)} grams in {audit}"
    )


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
