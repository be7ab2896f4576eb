"""The built-in bilingual web: WARC files of generated pages, their truth, and a seed corpus.

It stands in for the paper's Common Crawl (section 2.1). Every page's text, formulas, language,
class, copies, leaks and damage are known, so each step of mining can be measured.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from random import Random

from pipeline.records import Question, write_jsonl
from pipeline.world.problems import Problem
from pipeline.world.web import chrome, warc
from pipeline.world.web.config import WebConfig
from pipeline.world.web.markup import Doc, body_html, formulas, plain
from pipeline.world.web.math_pages import MATH_KINDS, Material
from pipeline.world.web.other_pages import FORMS, OTHER_KINDS
from pipeline.world.web.plan import Entry, plan
from pipeline.world.web.problems import Problems, web_problems


def build_web(
    out: Path,
    cfg: WebConfig,
    seed: int,
    problems_for: Problems | None = None,
    benchmark_items: Mapping[str, Sequence[Question]] | None = None,
) -> dict:
    """Write `web/*.warc.gz`, `web/truth.jsonl` and `seed.jsonl` under `out`, and return counts.

    problems_for     (kind, count, seed) -> worked problems of split "web", kind in word_en,
                     word_zh, symbolic; by default `web_problems()`
    benchmark_items  the questions to leak, by benchmark name

    The rows of truth.jsonl are in the order of the records. The same arguments give the same bytes.
    """
    entries = plan(cfg, seed, benchmark_items or {})
    pool = _ProblemPool(problems_for or web_problems(), entries, cfg, seed)
    seeds = _seed_urls(entries, cfg, seed)
    renderer = _Renderer(cfg, seed, pool, benchmark_items or {})
    writer, counts = warc.ShardWriter(out / "web"), Counter()
    seed_rows: list[dict] = []

    def rows():
        for index, entry in enumerate(entries):
            at = index % cfg.records_per_shard
            if at == 0:
                writer.next_shard()
            last = at == cfg.records_per_shard - 1 or index == len(entries) - 1
            if last and not entry.broken and cfg.broken > 0:
                entry = _clip(entry)
            doc, html = renderer.render(entry)
            data = _member(entry, html, index, cfg)
            row = _truth(entry, doc, benchmark_items or {})
            row.update(file=writer.name, record=at + 1, offset=writer.write(data), length=len(data))
            _count(counts, row)
            if entry.url in seeds and row["readable"]:
                seed_rows.append({"url": entry.url, "text": row["text"]})
            yield row
        writer.close()

    write_jsonl(out / "web" / "truth.jsonl", rows())
    write_jsonl(out / "seed.jsonl", sorted(seed_rows, key=lambda row: row["url"]))
    return {
        **dict(sorted(counts.items())),
        "seed": len(seed_rows),
        "shards": writer.shard + 1,
        "bytes": writer.bytes,
        "domains": len({entry.site.host for entry in entries}),
        "problems": pool.sizes(),
    }


class _ProblemPool:
    """Problems drawn once per kind and dealt out to pages; a small pool is dealt out repeatedly."""

    def __init__(
        self, problems_for: Problems, entries: list[Entry], cfg: WebConfig, seed: int
    ) -> None:
        wanted = Counter(
            {lang: sum(e.problems for e in entries if e.lang == lang) for lang in ("en", "zh")}
        )
        self.pools: dict[str, list[Problem]] = {}
        # About a third of the problems are symbolic, and their families have few structures.
        for kind, need in (
            ("word_en", wanted["en"]),
            ("word_zh", wanted["zh"]),
            ("symbolic", wanted.total() // 3),
        ):
            self.pools[kind] = problems_for(kind, max(8, min(need, cfg.max_problems)), seed)

    def sizes(self) -> dict[str, int]:
        return {kind: len(pool) for kind, pool in self.pools.items()}

    def deal(self, lang: str, count: int, symbolic: float, rng: Random) -> list[Problem]:
        kinds = ["symbolic" if rng.random() < symbolic else f"word_{lang}" for _ in range(count)]
        return [self.pools[kind][int(rng.random() * len(self.pools[kind]))] for kind in kinds]


class _Renderer:
    """Turns an entry into what the page says and its HTML, from the entry and the seed alone."""

    def __init__(
        self,
        cfg: WebConfig,
        seed: int,
        pool: _ProblemPool,
        benchmarks: Mapping[str, Sequence[Question]],
    ) -> None:
        self.cfg, self.seed, self.pool, self.benchmarks = cfg, seed, pool, benchmarks

    def render(self, entry: Entry) -> tuple[Doc, str]:
        rng = _random(self.seed, "content", entry.content)
        source = entry.site.source
        symbolic, written = (
            (0.9, 0.9) if entry.site.seed else (0.05, 0.1) if source == "prose" else (0.35, 0.5)
        )
        material = Material(
            lang=entry.lang,
            rng=rng,
            problems=self.pool.deal(entry.lang, entry.problems, symbolic, rng),
            quotes=tuple(self.benchmarks[name][k].question for name, k in entry.leaks),
            length=self.cfg.length,
            results=self.cfg.results,
            formulas=written,
            serial=entry.serial,
        )
        if entry.is_math:
            doc = MATH_KINDS[entry.kind](material)
        else:
            doc = OTHER_KINDS[rng.choice(FORMS[entry.kind])](material, entry.kind)
        around = _random(self.seed, "copy", entry.copy)
        if entry.near_dup_of:
            doc = _touch(doc, material, around)
        body = body_html(doc, "dollars" if source == "prose" else source)
        html = chrome.page(
            entry.site.layout, entry.site.host, entry.lang, doc.title, body, around, _charset(entry)
        )
        return doc, html


def _touch(doc: Doc, material: Material, rng: Random) -> Doc:
    """What an editor changes: one more sentence, or the last block removed."""
    if rng.random() < 0.5 and len(doc.blocks) > 8:
        return Doc(doc.title, doc.blocks[:-1])
    said = material.lead("updated") + chrome.date_line(material.lang, rng)
    return Doc(doc.title, (*doc.blocks, ("p", said)))


def _random(seed: int, what: str, number: int) -> Random:
    return Random(
        int.from_bytes(blake2b(f"{seed}/{what}/{number}".encode(), digest_size=8).digest(), "big")
    )


def _clip(entry: Entry) -> Entry:
    return replace(entry, broken="clipped")


def _charset(entry: Entry) -> str:
    return {"gb18030_header": "gb18030", "gb18030_meta": "gb18030", "gbk_meta": "gbk"}.get(
        entry.odd, "utf-8"
    )


def _member(entry: Entry, html: str, index: int, cfg: WebConfig) -> bytes:
    """The gzip member of an entry, damaged as the entry says."""
    charset = _charset(entry)
    # as editors write a character that the encoding lacks
    body = html.encode(charset, "xmlcharrefreplace")
    kind, status, headers = f"text/html; charset={charset}", "200 OK", ()
    if entry.odd in ("gb18030_meta", "gbk_meta", "latin1_bytes"):
        kind = "text/html"  # only the page itself, or nothing, names the encoding
    if entry.odd == "latin1_bytes":
        body = body.replace(b"</body>", b"<p>caf\xe9 na\xefve</p></body>", 1)
    elif entry.odd == "chunked" or entry.broken == "bad_chunk":
        body, headers = warc.chunked(body, 300), ("Transfer-Encoding: chunked",)
    elif entry.odd == "not_chunked":
        # as stored by a crawler that undoes the chunks and keeps the header
        headers = ("Transfer-Encoding: chunked",)
    elif entry.odd == "gzip_body":
        body, headers = gzip.compress(body, 5, mtime=0), ("Content-Encoding: gzip",)
    if entry.broken == "bad_chunk":
        # the length of the second chunk: nothing after it can be framed
        body = body.replace(b"\r\n12c\r\n", b"\r\nzz-no-length\r\n", 1)
    elif entry.broken == "not_html":
        kind, magic = (
            ("application/pdf", b"%PDF-1.4\n") if index % 2 else ("image/png", b"\x89PNG\r\n\x1a\n")
        )
        body = magic + body[:600]
    elif entry.broken == "garbage":
        body = _random(index, "garbage", len(body)).randbytes(1500)
    elif entry.broken == "oversized":
        body = body.replace(
            b"</body>", b"<p>" + b"filler " * (cfg.oversized_bytes // 7) + b"</p></body>", 1
        )
    elif entry.broken == "empty":
        body = b""
    elif entry.broken == "not_found":
        status = "404 Not Found"
    url = f"<{entry.url}>" if entry.odd == "angle_uri" else entry.url
    block = warc.http_response(body, kind, status, headers)
    data = warc.member(warc.record(url, block, index), level=4 if len(block) < 1_000_000 else 1)
    if entry.broken in ("torn_gzip", "clipped"):
        data = data[: max(40, len(data) * 2 // 3)]
    return data


def _truth(entry: Entry, doc: Doc, benchmarks: Mapping[str, Sequence[Question]]) -> dict:
    """The truth row of a record. An unreadable one has no text."""
    readable = not entry.broken
    return {
        "url": entry.url,
        "domain": entry.site.host,
        "prefix": entry.prefix,
        "lang": entry.lang,
        "is_math": entry.is_math,
        "kind": entry.kind,
        "text": plain(doc) if readable else "",
        "formulas": formulas(doc) if readable else [],
        "formula_source": ("dollars" if entry.site.source == "prose" else entry.site.source)
        if entry.is_math
        else "",
        "near_dup_of": entry.near_dup_of,
        "mirror_of": entry.mirror_of,
        "group": entry.group,
        "contaminated": [
            {"benchmark": name, "id": benchmarks[name][k].id} for name, k in entry.leaks
        ],
        "broken": entry.broken,
        "odd": entry.odd,
        "readable": readable,
    }


def _count(counts: Counter, row: dict) -> None:
    counts["records"] += 1
    counts["readable"] += row["readable"]
    counts["math"] += row["is_math"] and row["readable"]
    counts["chinese"] += row["lang"] == "zh" and row["readable"]
    for key in ("near_dup_of", "mirror_of", "contaminated", "broken", "odd", "group"):
        counts[key.removesuffix("_of")] += bool(row[key])


def _seed_urls(entries: list[Entry], cfg: WebConfig, seed: int) -> set[str]:
    """A small and biased choice, as OpenWebMath is.

    Few hosts, mostly English, formulas in the text, no copies.
    """
    rng = Random(f"{seed}/seed")
    fit = [
        e
        for e in entries
        if e.is_math
        and e.site.seed
        and not (e.near_dup_of or e.mirror_of or e.broken or e.odd or e.leaks)
    ]
    chinese = [e.url for e in fit if e.lang == "zh"]
    english = [e.url for e in fit if e.lang == "en"]
    few = min(len(chinese), round(cfg.seed_pages * cfg.seed_chinese))
    return set(
        rng.sample(chinese, few) + rng.sample(english, min(len(english), cfg.seed_pages - few))
    )
