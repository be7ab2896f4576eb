"""The reader loses nothing but what is broken, and says what that was."""

import gzip
import os
import random
from pathlib import Path

import pytest

from pipeline.corpus.read.pack import pack, urls_of, write_warc
from pipeline.corpus.read.pages import page_of
from pipeline.corpus.read.record import RawPage, Reject, clean_url
from pipeline.corpus.read.warc import read_warc

SHARED = Path(os.environ.get("DSM_SHARED") or Path(__file__).parents[1].parent / "shared")
WEB = SHARED / "web"
needs_web = pytest.mark.skipif(not WEB.is_dir(), reason="needs the web samples in ../shared/web")


def page(number: int) -> bytes:
    filler = (
        random.Random(number).randbytes(2000).hex()
    )  # hard to compress: a member is over 2,000 bytes long
    return f"<html><body><p>Page {number}: {filler}</p></body></html>".encode()


def write(folder: Path, count: int = 40) -> tuple[Path, list[int]]:
    """A WARC of `count` pages, and where its members start."""
    path = folder / "x.warc.gz"
    write_warc(path, ((f"http://example.org/{i}", page(i)) for i in range(count)))
    data, starts, at = path.read_bytes(), [], 0
    while (at := data.find(b"\x1f\x8b\x08", at)) >= 0:
        starts.append(at)
        at += 3
    assert len(starts) == count
    return path, starts


def read(path: Path, **options) -> tuple[list[RawPage], list[Reject]]:
    rows = list(read_warc(path, **options))
    return [r for r in rows if isinstance(r, RawPage)], [r for r in rows if isinstance(r, Reject)]


def test_whole_file(tmp_path):
    path, starts = write(tmp_path)
    pages, rejects = read(path)
    assert not rejects
    assert [p.body for p in pages] == [page(i) for i in range(40)]
    assert [p.offset for p in pages] == starts


@pytest.mark.parametrize("inside", [0, 12, 200, 900])
def test_broken_member_costs_one_record(tmp_path, inside):
    path, starts = write(tmp_path)
    data = bytearray(path.read_bytes())
    for i in range(30):
        data[starts[10] + inside + i] ^= 0x5A
    path.write_bytes(data)
    pages, rejects = read(path)
    assert [p.url for p in pages] == [f"http://example.org/{i}" for i in range(40) if i != 10]
    assert [(r.reason, r.offset) for r in rejects] == [("torn_gzip", starts[10])]


def test_cut_off_file(tmp_path):
    path, starts = write(tmp_path)
    path.write_bytes(path.read_bytes()[: starts[39] + 300])
    pages, rejects = read(path)
    assert len(pages) == 39 and [(r.reason, r.offset) for r in rejects] == [
        ("truncated", starts[39])
    ]


def test_one_member_for_the_whole_file_and_no_gzip_at_all(tmp_path):
    path, _ = write(tmp_path, 5)
    plain = gzip.decompress(path.read_bytes())
    (tmp_path / "one.warc.gz").write_bytes(gzip.compress(plain))
    (tmp_path / "plain.warc").write_bytes(plain)
    for name in ("one.warc.gz", "plain.warc"):
        pages, rejects = read(tmp_path / name)
        assert len(pages) == 5 and not rejects


def test_large_record_is_not_held(tmp_path):
    path = tmp_path / "x.warc.gz"
    write_warc(
        path,
        [
            ("http://a.org/1", page(1)),
            ("http://a.org/2", b"<html>" + b"a" * 9_000_000),
            ("http://a.org/3", page(3)),
        ],
    )
    pages, rejects = read(path, max_bytes=1_000_000)
    assert [p.url for p in pages] == ["http://a.org/1", "http://a.org/3"]
    assert [(r.reason, r.url) for r in rejects] == [("too_large", "http://a.org/2")]


def record(http: bytes, url: bytes = b"http://a.org/") -> bytes:
    head = (
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: "
        + url
        + b"\r\nContent-Length: %d\r\n\r\n" % len(http)
    )
    return gzip.compress(head + http + b"\r\n\r\n")


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    ("http", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<html>", "http_status"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG", "not_html"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\nff\r\nshort", "mis_chunked"),
        (OK + b"Content-Encoding: gzip\r\n\r\n\xff\xff\xff\xff", "bad_content_encoding"),
        (
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"<html>" + bytes(9_000_000)),
            "too_large",
        ),
        (OK + b"<html>", "bad_http"),
    ],
)
def test_bad_responses(tmp_path, http, reason):
    path = tmp_path / "x.warc.gz"
    path.write_bytes(record(http) + record(OK + b"\r\n<html>good</html>", b"http://b.org/"))
    pages, rejects = read(path)
    assert [r.reason for r in rejects] == [reason] and [p.url for p in pages] == ["http://b.org/"]


def test_good_responses_in_odd_clothes(tmp_path):
    path = tmp_path / "x.warc.gz"
    html = b"<html><p>good</p></html>"
    path.write_bytes(
        record(OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(html), html))
        + record(
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + html
        )  # undone by the crawler, header kept
        + record(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(html))
        + record(b"HTTP/1.1 200 OK\n\n" + html, b"<http://a.org/with blank>")
    )
    pages, rejects = read(path)
    assert not rejects and [p.body for p in pages] == [html] * 4
    assert pages[3].url == "http://a.org/with%20blank"


def test_clean_url():
    assert clean_url(" <http://a.org/x y> ") == "http://a.org/x%20y"


@needs_web
@pytest.mark.parametrize(
    ("name", "pages", "reasons"),
    [
        ("bad_clipped", 0, ["truncated"]),
        ("bad_non_chunked_gzip", 1, []),
        ("bad_space_in_uri", 0, ["not_html"]),
        ("cc_jwarc_commoncrawl_org", 1, []),
        ("cc_whirlwind_anwiki", 1, []),
    ],
)
def test_real_files(name, pages, reasons):
    good, bad = read(WEB / "warc" / f"{name}.warc.gz")
    assert len(good) == pages and [r.reason for r in bad] == reasons


@needs_web
def test_pack_takes_urls_from_the_manifest(tmp_path):
    assert pack(WEB, tmp_path / "web.warc.gz") == 45
    pages, rejects = read(tmp_path / "web.warc.gz")
    assert not rejects and len({p.url for p in pages}) == 45
    assert "https://oi-wiki.org/math/complex/" in {p.url for p in pages}
    assert (
        urls_of(WEB)["en_math/wikipedia_variance.html"] == "https://en.wikipedia.org/wiki/Variance"
    )


def test_wet_records_are_text_already(tmp_path):
    text = "第一行 text of a page that a crawler made, formulas $x^2$ and all".encode()
    head = b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.org/\r\nContent-Type: text/plain\r\n"
    path = tmp_path / "x.warc.wet.gz"
    path.write_bytes(
        gzip.compress(head + b"Content-Length: %d\r\n\r\n" % len(text) + text + b"\r\n\r\n")
    )
    pages, rejects = read(path)
    assert not rejects and pages[0].is_text and pages[0].body == text
    page = page_of(pages[0], 5)
    assert page.text == text.decode() and page.formulas == ()


def test_offsets_of_an_uncompressed_file_are_those_of_its_records(tmp_path):
    path, _ = write(tmp_path, 5)
    plain = gzip.decompress(path.read_bytes())
    bad = record(OK + b"Content-Encoding: gzip\r\n\r\n\xff\xff\xff\xff", b"http://bad.org/")
    plain = (
        plain
        + gzip.decompress(bad)
        + b"junk\r\n\r\n"
        + gzip.decompress(record(OK + b"\r\n<html>end</html>"))
    )
    (tmp_path / "x.warc").write_bytes(plain)
    rows = list(read_warc(tmp_path / "x.warc"))
    assert [row.url for row in rows[5:]] == ["http://bad.org/", "", "http://a.org/"]
    for row in rows:
        begin = plain[row.offset :]
        assert begin.startswith(b"junk" if not row.url else b"WARC/1.0\r\n") and (
            row.url.encode() in begin[:400]
        )


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("wrong", [-80, 120])
def test_a_wrong_length_is_one_reject(tmp_path, packed, wrong):
    http = [OK + b"\r\n" + page(i) for i in range(4)]
    records = [gzip.decompress(record(body, b"http://a.org/%d" % i)) for i, body in enumerate(http)]
    records[1] = records[1].replace(
        b"Content-Length: %d" % len(http[1]), b"Content-Length: %d" % (len(http[1]) + wrong)
    )
    path = tmp_path / "x.warc.gz"
    path.write_bytes(b"".join(map(gzip.compress, records)) if packed else b"".join(records))
    if not packed:
        path = path.rename(tmp_path / "x.warc")
    pages, rejects = read(path)
    lost = (
        [1] if wrong < 0 or packed else [1, 2]
    )  # too long a length, and no member's end: it runs into the next record
    assert [p.url for p in pages] == [f"http://a.org/{i}" for i in range(4) if i not in lost]
    assert [r.url for r in rejects] == ["http://a.org/1"] and rejects[0].reason in (
        "bad_header",
        "truncated",
    )


def test_a_member_of_many_records_is_read_up_to_its_damage(tmp_path):
    records = b"".join(
        gzip.decompress(record(OK + b"\r\n" + page(i), b"http://a.org/%d" % i)) for i in range(6)
    )
    data = bytearray(gzip.compress(records))
    assert len(data) < 1 << 16
    for i in range(30):
        data[len(data) // 2 + i] ^= 0x5A
    path = tmp_path / "x.warc.gz"
    path.write_bytes(data + record(OK + b"\r\n<html>after</html>", b"http://b.org/"))
    pages, rejects = read(path)
    assert len(pages) > 2 and pages[-1].url == "http://b.org/"
    assert all(p.body == page(i) for i, p in enumerate(pages[:-1])) and [
        r.reason for r in rejects
    ] == ["torn_gzip"]


def test_a_record_that_its_crawler_cut_off_is_a_reject(tmp_path):
    whole = gzip.decompress(record(OK + b"\r\n<html><p>the first half"))
    path = tmp_path / "x.warc.gz"
    path.write_bytes(
        gzip.compress(whole.replace(b"WARC-Target", b"WARC-Truncated: length\r\nWARC-Target", 1))
    )
    pages, rejects = read(path)
    assert not pages and [(r.reason, r.detail) for r in rejects] == [
        ("truncated", "WARC-Truncated: length")
    ]
