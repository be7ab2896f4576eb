"""The built-in web: same bytes from one seed, a true truth, held-out formats and splits."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from dataclasses import replace
from random import Random

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.world.build import BENCHMARKS, benchmark
from pipeline.world.config import WorldConfig
from pipeline.world.problems import split_of
from pipeline.world.web.build import build_web
from pipeline.world.web.config import WebConfig
from pipeline.world.web.markup import SOURCES
from pipeline.world.web.other_pages import FORMS
from pipeline.world.web.plan import BROKEN, ODD, plan
from pipeline.world.web.problems import explain, web_problems
from pipeline.world.web.prose import LANGUAGES, PROSE
from pipeline.world.web.riddles import riddle
from pipeline.world.web.sites import SITES, sites
from pipeline.world.wording import read_data

SMALL = WebConfig(
    pages=900,
    domains=24,
    records_per_shard=400,
    contaminated=30,
    broken=0.03,
    odd=0.06,
    oversized_bytes=300_000,
)


ASKED = WorldConfig(benchmark=300, word_operand=25)


@pytest.fixture(scope="module")
def benchmarks():
    return {name: benchmark(ASKED, name) for name in BENCHMARKS}


@pytest.fixture(scope="module")
def web(tmp_path_factory, benchmarks):
    out = tmp_path_factory.mktemp("web")
    summary = build_web(out, SMALL, 0, benchmark_items=benchmarks)
    rows = [json.loads(line) for line in (out / "web" / "truth.jsonl").open(encoding="utf-8")]
    return out, rows, summary


def member(out, row) -> bytes:
    with (out / "web" / row["file"]).open("rb") as file:
        file.seek(row["offset"])
        return file.read(row["length"])


def http(out, row) -> tuple[str, dict, bytes]:
    """(WARC target, HTTP headers, body), with transfer and content encodings undone."""
    head, rest = gzip.decompress(member(out, row)).split(b"\r\n\r\n", 1)
    target = re.search(rb"WARC-Target-URI: (.*)\r\n", head)[1].decode()
    lines, body = rest.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n", 1)
    headers = dict(line.split(": ", 1) for line in lines.decode().split("\r\n")[1:])
    if headers.get("Transfer-Encoding") == "chunked" and row["odd"] != "not_chunked":
        stream, body = io.BytesIO(body), b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return target, headers, body


def text_of(out, row) -> str:
    _, headers, body = http(out, row)
    charset = re.search(rb'charset="?([\w-]+)', headers["Content-Type"].encode() + body)[1].decode()
    return html.unescape(body.decode(charset, "replace"))


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path, benchmarks):
    cfg = WebConfig(
        pages=200, domains=12, records_per_shard=90, contaminated=6, oversized_bytes=50_000
    )
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        build_web(tmp_path / name, cfg, seed, benchmark_items=benchmarks)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 5  # three shards, truth, seed
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        assert (tmp_path / "a" / file).read_bytes() != (tmp_path / "c" / file).read_bytes()


def test_every_readable_record_says_what_truth_says(web):
    out, rows, _ = web
    for row in rows:
        if not row["readable"]:
            continue
        page, (target, _, _) = text_of(out, row).replace("</td><td>", " "), http(out, row)
        assert target.strip("<>") == row["url"]
        for line in row["text"].split("\n"):
            if "$" not in line:
                assert line in page, (row["url"], line)


def test_formulas_of_truth_stand_in_the_page(web):
    out, rows, _ = web
    sources = Counter()
    for row in rows:
        if row["readable"] and row["formulas"]:
            assert all(f"${f['latex']}$" in row["text"] for f in row["formulas"])
            page = text_of(out, row)
            sources[row["formula_source"]] += 1
            if row["formula_source"] != "mathml":  # there, the LaTeX is only implied
                assert all(f["latex"] in page for f in row["formulas"]), row["url"]
            else:
                assert page.count("<math") == len(row["formulas"])
                assert "<annotation" not in page and "alttext" not in page
    assert set(sources) == set(SOURCES)


def test_fastwarc_reads_an_undamaged_web(tmp_path):
    fastwarc = pytest.importorskip("fastwarc.warc", reason="fastwarc is not installed")
    build_web(
        tmp_path, WebConfig(pages=160, domains=12, broken=0.0, odd=0.0, records_per_shard=100), 1
    )
    rows = [json.loads(line) for line in (tmp_path / "web" / "truth.jsonl").open(encoding="utf-8")]
    read = []
    for path in sorted((tmp_path / "web").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in fastwarc.ArchiveIterator(
                file, record_types=fastwarc.WarcRecordType.response, verify_digests=True
            ):
                assert record.http_content_type == "text/html"
                read.append((record.headers["WARC-Target-URI"], path.name))
    assert read == [(row["url"], row["file"]) for row in rows]


def test_every_kind_of_damage_is_planted_and_does_not_spread(web):
    out, rows, _ = web
    kinds = Counter(row["broken"] for row in rows)
    assert set(kinds) == {"", "clipped", *BROKEN}
    assert {row["odd"] for row in rows} == {"", *ODD}
    for row in rows:
        data = member(out, row)
        if row["broken"] in ("torn_gzip", "clipped"):
            unpacker = zlib.decompressobj(31)
            unpacker.decompress(data)
            assert not unpacker.eof  # ends in the middle of the member
        else:
            assert gzip.decompress(data).startswith(
                b"WARC/1.0\r\n"
            )  # each begins where truth says, torn neighbours or not
    for row in rows:
        if row["broken"] == "bad_chunk":
            assert b"\r\nzz-no-length\r\n" in gzip.decompress(member(out, row))
    last = {row["file"]: row["broken"] for row in rows}
    assert set(last.values()) <= {"clipped", *BROKEN}
    assert max(row["length"] for row in rows) < 40_000
    assert any(len(http(out, row)[2]) >= 300_000 for row in rows if row["broken"] == "oversized")


def test_shares_of_domains_are_those_of_the_table(web):
    _, rows, _ = web
    wanted = {site.host: site.share for site in SITES}
    pages, math = Counter(), Counter()
    for row in rows:
        if not (row["near_dup_of"] or row["mirror_of"] or row["group"]) and row["broken"] in (
            "",
            "clipped",
        ):
            pages[row["domain"]] += 1
            math[row["domain"]] += row["is_math"]
    assert len(pages) == 24
    for host, count in pages.items():
        assert abs(math[host] - wanted[host] * count) <= 0.5, host
    assert len({site.host for site in sites(200)}) == 200
    assert {0.02, 0.06, 0.09, 0.12, 0.2, 0.6, 0.95} <= set(wanted.values())


def test_copies_are_copies(web):
    out, rows, summary = web
    by_url = {row["url"]: row for row in rows}
    assert len(by_url) == len(rows)
    mirrors = [
        row
        for row in rows
        if row["mirror_of"] and row["readable"] and by_url[row["mirror_of"]]["readable"]
    ]
    near = [
        row
        for row in rows
        if row["near_dup_of"] and row["readable"] and by_url[row["near_dup_of"]]["readable"]
    ]
    assert summary["mirror"] == summary["near_dup"] == 36
    for row in mirrors:
        assert http(out, row)[2] == http(out, by_url[row["mirror_of"]])[2]
    for row in near:
        original = by_url[row["near_dup_of"]]
        assert row["text"] != original["text"] and http(out, row)[2] != http(out, original)[2]
        mine, its = set(row["text"].split("\n")), set(original["text"].split("\n"))
        assert len(mine & its) >= len(mine | its) - 1


def test_worksheets_differ_in_their_numbers_only(web):
    _, rows, _ = web
    sheets = [row["text"] for row in rows if row["group"] and row["readable"]]
    assert len(sheets) >= 39  # one may end a shard and be clipped
    assert len(set(sheets)) == len(sheets)
    assert len({re.sub(r"\d+", "0", text) for text in sheets}) == 1


def test_problems_are_of_split_web(web):
    draw_web = web_problems()
    for kind in ("word_en", "word_zh", "symbolic"):
        problems = draw_web(kind, 200, 5)
        assert len(problems) == 200
        assert {split_of(p.structure) for p in problems} == {"web"}
        assert all(p.answer == str(p.steps[-1].value) for p in problems if kind != "symbolic")


BARE = re.compile(r"-?\d+[+\-*/×÷]-?\d+=-?\d+")


def test_the_format_of_evaluation_is_held_out(web):
    _, rows, _ = web
    for row in rows:
        assert "boxed" not in row["text"] and "```" not in row["text"]
        assert not BARE.search(row["text"]), row["url"]
        for line in row["text"].split("\n"):
            assert not re.fullmatch(r"\W*[\d\s+\-*/×÷=.]+\W*", line) or "=" not in line, line
    problem = web_problems()("word_en", 1, 0)[0]
    told = explain(problem, "en", Random(0), formulas=True)
    assert "\n" not in told and not any(step.equation in told for step in problem.steps)
    assert BARE.search("3+4=7")  # the pattern can fail


def grams(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+|[\u3400-\u9fff]", unicodedata.normalize("NFKC", text).casefold())


def test_only_planted_pages_leak(web, benchmarks):
    _, rows, _ = web
    texts = {(name, item.id): item.question for name, items in benchmarks.items() for item in items}
    index = defaultdict(set)
    for question in texts.values():
        words = grams(question)
        size = min(10, len(words))
        index[size].update(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
    planted = 0
    for row in rows:
        words = grams(row["text"])
        hit = any(
            tuple(words[i : i + size]) in found
            for size, found in index.items()
            for i in range(len(words) - size + 1)
        )
        assert hit == bool(row["contaminated"] and row["readable"]), row["url"]
        if row["readable"]:
            planted += bool(row["contaminated"])
            assert all(
                texts[leak["benchmark"], leak["id"]] in row["text"] for leak in row["contaminated"]
            )
    assert planted >= 28
    assert {leak["benchmark"] for row in rows for leak in row["contaminated"]} == set(benchmarks)


def test_riddles_are_no_mathematics_and_of_split_web(web, benchmarks):
    _, rows, _ = web
    pages = [row for row in rows if row["kind"] == "riddle" and row["readable"]]
    assert len(pages) > 10 and not any(row["is_math"] for row in pages)
    assert {row["lang"] for row in pages} == {"en", "zh"}
    asked = [q for name, items in benchmarks.items() if "bbh" in name for q in items]
    answers = {q.answer for q in asked} & {"Yes", "No", "red", "Monday", "cat", "是", "否", "猫"}
    assert answers and all(any(a in row["text"] for row in pages) for a in answers)
    for lang in ("en", "zh"):
        rng = Random(0)
        told = [riddle(lang, rng) for _ in range(200)]
        assert not {question for question, _ in told} & {q.question for q in asked}


def test_seed_is_small_and_biased(web):
    out, rows, _ = web
    seed = [json.loads(line) for line in (out / "seed.jsonl").open(encoding="utf-8")]
    truth = {row["url"]: row for row in rows}
    math = [row for row in rows if row["is_math"] and row["readable"]]
    assert 20 <= len(seed) <= 0.5 * len(math)
    assert all(
        truth[row["url"]]["is_math"] and truth[row["url"]]["text"] == row["text"] for row in seed
    )
    assert not any(
        truth[row["url"]]["contaminated"] or truth[row["url"]]["mirror_of"] for row in seed
    )
    assert (
        len({truth[row["url"]]["domain"] for row in seed})
        < len({row["domain"] for row in math}) / 2
    )


def test_other_pages_are_full_of_numbers_too(web):
    _, rows, _ = web
    numbers = [
        bool(re.search(r"\d", r["text"])) for r in rows if r["readable"] and not r["is_math"]
    ]
    assert sum(numbers) > 0.85 * len(numbers)
    assert any(re.search(r"\d [-+x] ", r["text"]) for r in rows if not r["is_math"])
    prose = [
        re.sub(r"\$[^$\n]+\$", "", r["text"]) for r in rows if r["kind"] not in ("code", "typeset")
    ]
    assert not [
        text for text in prose if re.search(r"<[a-z_A-Z]+>|\{\w*\}|%\(", text)
    ]  # no slot left open


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_rule_hides_another(lang):
    prose = PROSE[lang]
    names = [name for section in prose.values() for name in section]
    assert len(names) == len(set(names))
    assert set(prose["topics"]) == set(FORMS)
    assert set(prose["titles"]) == {f"{topic}_title" for topic in FORMS}


def test_a_key_that_stands_twice_is_refused(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "good.yaml").write_text("a: [x, y]\nb: {c: [z]}\n")
    (folder / "bad.yaml").write_text("a: [x]\nb: [y]\na: [z]\n")
    assert read_data(str(tmp_path / "m.py"), "good") == {"a": ("x", "y"), "b": {"c": ("z",)}}
    with pytest.raises(yaml.YAMLError, match="'a' stands twice"):
        read_data(str(tmp_path / "m.py"), "bad")


def test_results_multiply_calculations_and_leave_other_pages_alone(tmp_path):
    numbers, news = [], []
    for results in (1.0, 4.0):
        cfg = replace(SMALL, pages=250, contaminated=0, results=results)
        build_web(tmp_path / str(results), cfg, 0)
        truth = (tmp_path / str(results) / "web/truth.jsonl").open(encoding="utf-8")
        rows = [row for row in map(json.loads, truth) if row["readable"]]
        drills = [row["text"] for row in rows if row["kind"] in ("drill", "exam", "forum")]
        numbers.append(sum(len(re.findall(r"\d+", text)) for text in drills) / len(drills))
        news.append({row["text"] for row in rows if row["kind"] == "news"})
    assert numbers[1] > 2 * numbers[0]
    assert news[0] == news[1]


def test_lab_size_and_bad_sizes():
    entries = plan(WebConfig(pages=20_000, domains=66), 0, {})
    assert len(entries) > 20_000 and len({e.site.host for e in entries}) >= 66
    assert len({e.url for e in entries}) == len(entries)
    with pytest.raises(UserError, match="world.web.pages"):
        WebConfig(pages=10, domains=24)
    with pytest.raises(UserError, match="world.web.near_dup"):
        WebConfig(near_dup=2.0)
    with pytest.raises(UserError, match="world.web.results"):
        WebConfig(results=0.5)
