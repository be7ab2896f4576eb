"""Input as Common Crawl and other tools keep it: remote files, lists of paths, indexes, tables;
nothing is left out.
"""

import functools
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.cli.corpus import main
from pipeline.corpus.inputs import find_shards
from pipeline.corpus.read import source
from pipeline.corpus.read.http import BadHttp, html_of_response
from pipeline.corpus.read.pack import write_warc
from pipeline.corpus.read.record import RawPage
from pipeline.corpus.read.source import Ranged, read_range, stamp_of
from pipeline.corpus.read.warc import read_warc
from pipeline.corpus.shards import stamps_of
from pipeline.errors import UserError

PAGE = "<html><body><p>Page {} with some words about sums and $$x^2$$ and more.</p></body></html>"


class Files(BaseHTTPRequestHandler):
    """A file server that sends parts of files, and fails as often as it is told to."""

    def __init__(self, folder: Path, failures: list[str], *args):
        self.folder, self.failures = folder, failures
        super().__init__(*args)

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, send: bool) -> None:
        path = self.folder / self.path.lstrip("/").split("?")[0]
        if send and self.failures:
            self.failures.pop()
            self.send_error(503)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data, asked = path.read_bytes(), self.headers.get("Range")
        start, end = 0, len(data)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(len(data), int(last) + 1 if last else len(data))
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", f'"{hash(data)}"')
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        if send:
            self.wfile.write(data[start:end])

    def log_message(self, *_args) -> None:
        pass


class Quiet(SimpleHTTPRequestHandler):
    """The server of `python -m http.server`, which knows no ranges."""

    def log_message(self, *_args) -> None:
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """(folder, its URL, a list whose entries are failures to come)."""
    monkeypatch.setattr(source, "FIRST_WAIT", 0.01)
    folder, failures = tmp_path / "served", []
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, folder, failures))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", failures
    server.shutdown()
    server.server_close()


def warc(path: Path, name: str, count: int = 20) -> Path:
    write_warc(path, ((f"http://{name}.org/{k}", PAGE.format(k).encode()) for k in range(count)))
    return path


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def extract(out: Path, *given: str) -> list[dict]:
    assert main(["extract", *map(str, given), "--out", str(out)]) == 0
    return rows(out)


def test_a_remote_file_gives_the_rows_of_the_file(served, tmp_path):
    folder, url, _ = served
    warc(folder / "a.warc.gz", "a")
    here = extract(tmp_path / "here.jsonl", folder / "a.warc.gz")
    there = extract(tmp_path / "there.jsonl", f"{url}/a.warc.gz")
    assert [{**row, "source": ""} for row in here] == [{**row, "source": ""} for row in there]
    assert {row["source"] for row in there} == {f"{url}/a.warc.gz"}
    assert source.sends_parts(f"{url}/a.warc.gz")


def test_a_server_that_sends_whole_files_only(tmp_path):
    warc(tmp_path / "served/a.warc.gz", "a")
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = extract(tmp_path / "o.jsonl", f"http://127.0.0.1:{server.server_port}/a.warc.gz")
    finally:
        server.shutdown()
        server.server_close()
    assert len(found) == 20


def test_a_list_of_paths_names_files_below_a_server(served, tmp_path):
    folder, url, _ = served
    for name in "ab":
        warc(folder / f"crawl/{name}.warc.gz", name)
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl/a.warc.gz\ncrawl/b.warc.gz\n"))
    found = extract(tmp_path / "o.jsonl", tmp_path / "warc.paths.gz", "--base", url)
    assert len(found) == 40 and {row["source"][-9:] for row in found} == {"a.warc.gz", "b.warc.gz"}
    (tmp_path / "local.paths").write_text("crawl/a.warc.gz\n")
    assert len(extract(tmp_path / "l.jsonl", tmp_path / "local.paths", "--base", folder)) == 20


@pytest.mark.parametrize("form", ["cdxj", "jsonl", "parquet"])
def test_rows_of_an_index_are_fetched_by_their_bytes(served, tmp_path, form):
    folder, url, _ = served
    path = warc(folder / "crawl/a.warc.gz", "a")
    records = [page for page in read_warc(path) if isinstance(page, RawPage)]
    ends = [*(page.offset for page in records[1:]), path.stat().st_size]
    index = [
        {
            "url": page.url,
            "filename": "crawl/a.warc.gz",
            "offset": page.offset,
            "length": end - page.offset,
        }
        for page, end in list(zip(records, ends, strict=True))[3:9]
    ]
    given = tmp_path / f"index.{form}"
    if form == "parquet":
        columns = {
            "warc_filename": "filename",
            "warc_record_offset": "offset",
            "warc_record_length": "length",
        }
        pq.write_table(
            pa.table({name: [row[key] for row in index] for name, key in columns.items()}), given
        )
    elif form == "jsonl":
        given.write_text("".join(json.dumps(row) + "\n" for row in index))
    else:
        lines = [
            {**row, "offset": str(row["offset"]), "length": str(row["length"])} for row in index
        ]
        given.write_text("".join(f"org,a)/ 20240101 {json.dumps(row)}\n" for row in lines))
    found = extract(tmp_path / "o.jsonl", given, "--base", url)
    assert [row["url"] for row in found] == [row["url"] for row in index]
    assert [row["offset"] for row in found] == [row["offset"] for row in index]
    assert all(
        row["record"] and row["date"] and row["source"] == "crawl/a.warc.gz" for row in found
    )


def test_a_server_that_fails_is_asked_again(served, tmp_path):
    folder, url, failures = served
    warc(folder / "a.warc.gz", "a")
    failures += ["once"] * 3
    assert len(extract(tmp_path / "o.jsonl", f"{url}/a.warc.gz")) == 20
    failures += ["for ever"] * 100
    with pytest.raises(UserError, match=r"not read after \d tries .*run it again"):
        read_range(f"{url}/a.warc.gz", 0, 10)


def test_a_file_that_is_not_there_is_one_line(served, capsys):
    _, url, _ = served
    assert main(["extract", f"{url}/no.warc.gz", "--out", "o.jsonl"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("not found; check the address")


def test_a_remote_file_is_read_in_pieces(served, monkeypatch):
    folder, url, _ = served
    (folder / "a.bin").write_bytes(bytes(range(256)) * 40)
    monkeypatch.setattr(source, "PIECE", 1_000)
    file = Ranged(f"{url}/a.bin")
    file.seek(5_000)
    assert file.read(300) == (bytes(range(256)) * 40)[5_000:5_300] and len(file.piece) == 1_000
    file.seek(-3, 2)
    assert file.read(10) == bytes([253, 254, 255])


def test_what_changed_is_told_without_reading_again(served, tmp_path, monkeypatch):
    folder, url, _ = served
    path = warc(folder / "a.warc.gz", "a")
    shards = find_shards([path, f"{url}/a.warc.gz"])
    first = stamps_of(shards, tmp_path / "stamps")
    monkeypatch.setattr("pipeline.corpus.shards.file_hash", lambda path: pytest.fail("read again"))
    assert stamps_of(shards, tmp_path / "stamps") == first
    monkeypatch.undo()
    warc(path, "a", 21)
    assert all(a != b for a, b in zip(first, stamps_of(shards, tmp_path / "stamps"), strict=True))
    assert stamp_of(f"{url}/a.warc.gz").startswith("remote ")


@pytest.mark.parametrize("suffix", ["jsonl.gz", "parquet", "jsonl"])
def test_what_one_command_writes_another_reads(tmp_path, suffix):
    write_warc(
        tmp_path / "a.warc.gz",
        [("http://a.org/", PAGE.format(1).encode()), ("http://b.org/", b"<p></p>")],
    )
    first = tmp_path / f"first.{suffix}"
    assert main(["extract", str(tmp_path / "a.warc.gz"), "--out", str(first)]) == 0
    bench = tmp_path / f"bench.{suffix}"
    (tmp_path / "bench.jsonl").write_text(json.dumps({"question": "some words about sums and"}))
    if suffix == "jsonl.gz":
        bench.write_bytes(gzip.compress((tmp_path / "bench.jsonl").read_bytes()))
    elif suffix == "parquet":
        pq.write_table(pa.table({"question": ["some words about sums and"]}), bench)
    out = tmp_path / "clean.jsonl"
    assert main(["decontaminate", str(first), "--benchmarks", str(bench), "--out", str(out)]) == 0
    assert [row.get("rejected") for row in rows(out)] == ["contaminated", "short"]
    again = extract(tmp_path / "again.jsonl", first)
    assert [(row["url"], row.get("rejected")) for row in again] == [
        ("http://a.org/", None),
        ("http://b.org/", "short"),
    ]
    assert "words about sums" in again[0]["text"]


def test_every_file_of_a_mirror_is_a_row(tmp_path):
    site = tmp_path / "site"
    names = ["a.html", "b.shtml", "c.php", "d.aspx", "e.html?x=1", "noext", "sub/f.xht"]
    for name in names:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(PAGE.format(name))
    (site / "g.html.gz").write_bytes(gzip.compress(PAGE.format("g").encode()))
    (site / "style.css").write_text("p { color: red }")
    found = extract(tmp_path / "o.jsonl", site)
    assert sum("text" in row for row in found) == 8
    assert [(row["url"], row["rejected"]) for row in found if "text" not in row] == [
        ("file:///site/style.css", "not_html")
    ]


def test_tables_beside_pages_are_named(tmp_path, capsys):
    warc(tmp_path / "in/a.warc.gz", "a")
    (tmp_path / "in/log.jsonl").write_text('{"url": "u", "text": "t"}\n')
    assert len(extract(tmp_path / "o.jsonl", tmp_path / "in")) == 20
    assert "not read beside its pages: log.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.paths", b"", "a list without paths"),
        ("empty.jsonl", b"", "no rows in it"),
        ("a.bin", b"\0\1\2 nothing", "by its name or its first bytes"),
        ("b.jsonl", b'{"url": 1\n', "b.jsonl:1: not a JSON line"),
        ("torn.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 9, mtime=0)[:-9], "torn"),
        (
            "only.warc",
            b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
            "holds no record of a page",
        ),
    ],
)
def test_an_input_that_yields_nothing_is_an_error(tmp_path, capsys, name, data, message):
    (tmp_path / name).write_bytes(data)
    assert main(["extract", str(tmp_path / name), "--out", str(tmp_path / "o.jsonl")]) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def response(body: bytes, *header: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *header, "", ""]).encode() + body


HTML = b"<html><body><p>The sum.</p></body></html>"
PACKED = {
    "br": bytes(pa.compress(HTML, "brotli", asbytes=True)),
    "zstd": bytes(pa.compress(HTML, "zstd", asbytes=True)),
    "gzip": gzip.compress(HTML),
    "gzip, gzip": gzip.compress(gzip.compress(HTML)),
    "gzip, identity": gzip.compress(HTML),
}


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("packed", [True, False])
def test_bodies_in_any_encoding_or_undone_already(encoding, packed):
    body = PACKED[encoding] if packed else HTML
    record = response(body, "Content-Type: text/html", f"Content-Encoding: {encoding}")
    assert html_of_response(record, b"", 10_000)[0] == HTML


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
def test_a_body_that_inflates_without_end_is_cut(encoding):
    body = pa.compress(
        b"<p>" + b"a" * 100_000, {"br": "brotli"}.get(encoding, encoding), asbytes=True
    )
    with pytest.raises(BadHttp, match="inflates to over 1000 bytes") as error:
        html_of_response(
            response(body, "Content-Type: text/html", f"Content-Encoding: {encoding}"), b"", 1_000
        )
    assert error.value.reason == "too_large"


@pytest.mark.parametrize(
    "kind", ["application/xml", "text/xml", "text/html, text/html", "html", "TEXT/HTML; charset=x"]
)
def test_types_of_pages(kind):
    assert html_of_response(response(HTML, f"Content-Type: {kind}"), b"", 10_000)[0] == HTML


def test_xml_that_is_no_page_is_none():
    with pytest.raises(BadHttp, match="text/xml"):
        html_of_response(response(b"<rss><item/></rss>", "Content-Type: text/xml"), b"", 10_000)


def test_an_interim_response_stands_before_the_page():
    record = b"HTTP/1.1 100 Continue\r\n\r\n" + response(
        HTML, "Content-Type: text/html", status="203 Changed"
    )
    assert html_of_response(record, b"", 10_000)[0] == HTML


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["a.arc", "a.arc.gz", "a.warc"])
def test_arc_files(tmp_path, packed, name):
    version = b"1 0 x\nURL IP-address Archive-date Content-type Archive-length\n"
    page = response(HTML, "Content-Type: text/html")
    members = [
        b"filedesc://a.arc 0.0.0.0 20080101000000 text/plain %d\n" % len(version) + version + b"\n",
        b"http://a.org/1 1.2.3.4 20080102030405 text/html %d\n" % len(page) + page + b"\n",
        b"http://a.org/2 1.2.3.4 20080102030406 text/html 99999\n" + page,
    ]
    (tmp_path / name).write_bytes(
        b"".join(map(gzip.compress, members)) if packed else b"".join(members)
    )
    first, second = read_warc(tmp_path / name)
    assert (first.url, first.body, first.date) == ("http://a.org/1", HTML, "2008-01-02T03:04:05Z")
    assert (second.url, second.reason) == ("http://a.org/2", "truncated")
