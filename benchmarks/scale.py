"""Mine a crawl of a given size on one core: pages per second and peak memory by step.

    python -m benchmarks.scale SOURCE... --gb 1 --out build/scale      # SOURCE: folders of HTML, or WARC files

The crawl repeats the pages of SOURCE, each copy with words and Chinese characters of its own
instead of a part of the page's, so that neither the cache of tokens nor near-duplicate removal
makes the work smaller than it is; how many pages reached each step is printed. Prints a Markdown
table, and one of what Common Crawl would cost at these rates, and writes scale.json to OUT. Rates
are of CPU time; memory is the process's peak so far, so a flat column is a bound. It may be killed
and started again: what each of its processes took is in OUT/events.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.corpus.config import ClassifierConfig, CorpusConfig, DecontaminateConfig, RecallConfig
from pipeline.corpus.inputs import find_shards
from pipeline.corpus.mine import mine
from pipeline.corpus.read.pages import read_raw
from pipeline.corpus.read.record import RawPage
from pipeline.records import read_jsonl, write_json
from pipeline.world.web.warc import http_response, member, record

WORD = re.compile(
    rb"(?<=[ >])[a-z]{4,12}(?=[ .,<])|[\xe4-\xe9][\x80-\xbf]{2}"
)  # a word, or a CJK character in UTF-8
CHANGED = 0.4  # of a page's distinct words, that a copy replaces wherever they stand
SHARD_BYTES = 64_000_000  # of HTML
PAPER_PAGES, PAPER_COLLECTED = 40e9, 35.5e6  # after de-duplication, and collected (section 2.1)
LAST = "decontaminate and write"
CORE_HOUR = 0.04  # dollars, a round price of rented CPUs


def sources(paths: list[Path], most: int) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for shard in find_shards(paths):
        for raw in read_raw(shard, 2_000_000):
            if isinstance(raw, RawPage) and len(found) < most:
                found.append((raw.url, raw.body))
    return found


def copies(pages: list[tuple[str, bytes]], total: int) -> Iterator[tuple[str, bytes]]:
    """Pages in turn, each copy with words of its own instead of others, until `total` bytes."""
    rng = random.Random(0)
    words = [sorted(set(WORD.findall(body))) for _, body in pages]
    made = turn = 0
    while made < total:
        for (url, body), known in zip(pages, words, strict=True):
            new = {word: changed(word, rng) for word in known if turn and rng.random() < CHANGED}
            page = (
                WORD.sub(lambda found, new=new: new.get(found[0], found[0]), body) if new else body
            )
            made += len(page)
            yield f"{url}{'&' if '?' in url else '?'}copy={turn}", page
            if made >= total:
                return
        turn += 1


def changed(word: bytes, rng: random.Random) -> bytes:
    if word[0] < 128:
        return bytes(rng.choices(b"bcdfghklmnprst", k=3)) + word[1:]
    return chr(0x4E00 + rng.randrange(0x3000)).encode()


def write_crawl(pages: list[tuple[str, bytes]], total: int, folder: Path) -> dict[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    number = size = count = stored = 0
    file = None
    for url, body in copies(pages, total):
        if file is None or size > SHARD_BYTES * number:
            if file:
                file.close()
            file, number = (folder / f"{number:05d}.warc.gz").open("wb"), number + 1
        data = member(record(url, http_response(body, "text/html"), count), level=1)
        file.write(data)
        size, count, stored = size + len(body), count + 1, stored + len(data)
    file.close()
    return {"pages": count, "bytes": size, "stored": stored, "shards": number}


class Watch:
    """Writes to a file, as it happens, how much processor time each piece of work took and the
    process's peak memory after it: what a killed run has done is seen from there.
    """

    def __init__(self, path: Path) -> None:
        self.file, self.step = path.open("a", encoding="utf-8"), ""
        self.at = time.process_time()

    def __call__(self, step: str, done: int, total: int) -> None:
        now, first = time.process_time(), step != self.step
        # A step reports what was done before it begins: the time until then is the step's before.
        row = {
            "process": os.getpid(), "step": "between" if first else step, "seconds": now - self.at, "of": step,
            "done": done, "first": first, "peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }  # fmt: skip
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        self.at, self.step = now, step
        print(f"{step} {done}/{total}  {now:.0f} CPU s  {row['peak']:.0f} MB", flush=True)


def seen(path: Path) -> dict[str, Any]:
    """What the runs so far took: CPU seconds and peaks by step, and what each run that went on
    after a kill spent before it did something new.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    seconds, peaks, resumed, new = {}, {}, {}, set()
    for row in rows:
        seconds[row["step"]] = seconds.get(row["step"], 0.0) + row["seconds"]
        peaks.setdefault(row["of"], []).append(row["peak"])
        process = row["process"]
        if process == rows[0]["process"] or process in new:
            continue
        resumed[process] = resumed.get(process, 0.0)
        if row["first"] or row["of"] == "see what changed":
            resumed[process] += row["seconds"]
        else:
            new.add(process)
    return {
        "seconds": seconds,
        "peak_mb": peaks,
        "peak_rss_mb": max(row["peak"] for row in rows),
        "resumed": list(resumed.values()),
    }


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(args: argparse.Namespace) -> dict[str, Any]:
    pages = sources(args.sources, args.most)
    crawl = args.out / "crawl"
    if not (args.out / "crawl.json").is_file():
        write_json(args.out / "crawl.json", write_crawl(pages, int(args.gb * 1e9), crawl))
    made = json.loads((args.out / "crawl.json").read_text(encoding="utf-8"))
    benchmarks = {
        str(path): [str(v) for row in read_jsonl(path) for v in row.values()]
        for path in args.benchmarks
    }
    cfg = CorpusConfig(
        keep_fraction=0.3, max_page_bytes=4_000_000, classifier=ClassifierConfig(least=1000, negatives=2000, positives=2000),
        recall=RecallConfig(iterations=1), decontaminate=DecontaminateConfig(information_rule=True),
    )  # fmt: skip
    seed = [{"url": url, "text": text} for url, text in seed_texts(args)]
    events = args.out / "events.jsonl"
    watch, work = Watch(events), args.out / "work"
    summary = mine([crawl], seed, benchmarks, cfg, args.out / "corpus", work, 1, progress=watch)
    watch.step = LAST  # it reports nothing itself
    watch(LAST, 1, 1)
    found = seen(events)
    found["seconds"]["training, clusters, cut"] = found["seconds"].pop("between", 0.0)
    rejects = {key: value for key, value in summary["rejects"].items() if value}
    steps = json.loads((args.out / "corpus/funnel.json").read_text(encoding="utf-8"))["steps"]
    return {
        **made,
        **found,
        "rejects": rejects,
        "work_bytes": size_of(work),
        "classifier_bytes": (args.out / "corpus/classifier.bin").stat().st_size,
        "steps": {step["step"]: step["pages"] for step in steps},
    }


def seed_texts(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The pages named as seed, extracted; without any, the first fifth of the sources."""
    from pipeline.corpus.read.encoding import decode
    from pipeline.corpus.text.html import extract

    pages = (
        sources(args.seed, 10**6)
        if args.seed
        else sources(args.sources, args.most)[: max(1, args.most // 5)]
    )
    for url, body in pages:
        text = extract(decode(body) or "").text
        if text:
            yield url, text


def table(found: dict[str, Any]) -> str:
    pages, size = found["pages"], found["bytes"] / 1e6
    lines = [
        f"{pages:,} pages, {size:,.0f} MB of HTML ({found['stored'] / 1e6:,.0f} MB stored), {size / pages * 1000:.0f} kB a"
        f" page; peak memory {found['peak_rss_mb']:.0f} MB", "",
        "| step | CPU s | pages/s/core | MB/s/core | peak MB, first to last shard | core-hours for the paper's pages | dollars |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    lines[1:1] = [
        "",
        "pages after each step: "
        + ", ".join(f"{name} {count:,}" for name, count in found["steps"].items()),
    ]
    total = sum(found["seconds"].values())
    for step, seconds in [*found["seconds"].items(), ("all", total)]:
        late = step.startswith("decontaminate")  # reads what was collected
        rate, peaks = (
            (found["steps"]["collected"] if late else pages) / max(seconds, 1e-9),
            found["peak_mb"].get(step, []),
        )
        hours = (PAPER_COLLECTED if late else PAPER_PAGES) / rate / 3600
        flat = f"{peaks[min(1, len(peaks) - 1)]:.0f} to {peaks[-1]:.0f}" if peaks else "-"
        cost = (
            ("-", "-")
            if step.startswith(("train", "all", "see"))
            else (f"{hours:,.0f}", f"{hours * CORE_HOUR:,.0f}")
        )
        lines.append(
            f"| {step} | {seconds:.1f} | {rate:,.0f} | {rate * size / pages:.1f} | {flat} | {cost[0]} | {cost[1]} |"
        )
    disk = found["work_bytes"] - found["classifier_bytes"]
    lines += [
        "",
        f"The working folder holds {found['work_bytes'] / 1e6:,.0f} MB: the classifier's"
        f" {found['classifier_bytes'] / 1e6:,.0f} and {disk / 1e6:,.0f}, {disk / found['stored']:.2f} times the stored"
        " input.",
    ]
    if found["resumed"]:
        spent = ", ".join(f"{seconds:.1f}" for seconds in found["resumed"])
        lines.append(
            f"Runs that went on after a kill spent {spent} CPU s before they did new work."
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("sources", type=Path, nargs="+", metavar="SOURCE")
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument(
        "--most", type=int, default=2000, help="pages of the sources that are repeated"
    )
    parser.add_argument(
        "--seed",
        type=Path,
        nargs="*",
        default=[],
        help="folders of HTML to train the classifier on",
    )
    parser.add_argument(
        "--benchmarks",
        type=Path,
        nargs="*",
        default=[],
        help="JSONL files to decontaminate against",
    )
    parser.add_argument("--out", type=Path, default=Path("build/scale"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found = measure(args)
    write_json(args.out / "scale.json", found)
    print("\n" + table(found))


if __name__ == "__main__":
    main()
