"""Input that a person gives: nothing is left out or read twice without a word."""

import json
from pathlib import Path

import pytest

from pipeline.cli.corpus import main
from pipeline.corpus.inputs import find_shards
from pipeline.corpus.read.pack import write_warc
from pipeline.corpus.shards import file_hash
from pipeline.errors import UserError

PAGE = b"<html><body><p>A page with some words about sums.</p></body></html>"


def put(path: Path, data: bytes = PAGE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def extract(out: Path, *inputs: Path | str, options: tuple[str, ...] = ()) -> list[dict]:
    assert main(["extract", *map(str, inputs), "--out", str(out), *options]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_folder_of_both_kinds_is_read_whole(tmp_path):
    write_warc(tmp_path / "in/a.WARC.GZ", [("http://a.org/", PAGE)])
    put(tmp_path / "in/deep/p.HTML")
    rows = extract(tmp_path / "o.jsonl", tmp_path / "in")
    assert {row["url"] for row in rows} == {"http://a.org/", "file:///in/deep/p.HTML"} and all(
        "text" in row for row in rows
    )
    before = file_hash(tmp_path / "in")
    put(tmp_path / "in/notes.txt")
    assert before != file_hash(tmp_path / "in") != file_hash(put(tmp_path / "in/q.html").parent)


def test_files_of_one_name_in_two_folders_are_two_pages(tmp_path):
    folders = [put(tmp_path / name / "p1.html").parent for name in ("one", "two")]
    rows = extract(tmp_path / "o.jsonl", *folders)
    assert [row["url"] for row in rows] == ["file:///one/p1.html", "file:///two/p1.html"]


def test_what_is_named_twice_is_read_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_warc(tmp_path / "in/a.warc.gz", [("http://a.org/", PAGE)])
    put(tmp_path / "in/sub/p.html")
    given = ["in/a.warc.gz", tmp_path / "in/a.warc.gz", "in", "in/sub", "in/../in/sub/p.html"]
    assert len(extract(tmp_path / "o.jsonl", *given)) == 2
    assert [shard.name for shard in find_shards([Path("in/a.warc.gz")])] == ["a.warc.gz"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.warc.zst", "a.warc.zst: .zst is not read"), ("a.txt", "no WARC, WET")],
)
@pytest.mark.parametrize("whole", [True, False])
def test_what_cannot_be_read_is_one_line(tmp_path, name, message, whole):
    path = put(tmp_path / "in" / name, b"neither pages nor records")
    if name == "a.warc.zst":
        put(tmp_path / "in/b.html")  # what is readable beside it hides nothing
    with pytest.raises(UserError, match=message):
        find_shards([path.parent if whole or name == "a.txt" else path])


def test_an_empty_file_is_a_reject(tmp_path):
    assert [
        row["rejected"] for row in extract(tmp_path / "o.jsonl", put(tmp_path / "a.warc.gz", b""))
    ] == ["empty"]


def test_a_large_html_file_is_a_reject(tmp_path):
    path = put(tmp_path / "a b.html", PAGE * 10)
    row = extract(tmp_path / "o.jsonl", path, options=("--max-page-bytes", "100"))[0]
    assert (
        row["rejected"] == "too_large" and row["url"] == "file:///a%20b.html" and "text" not in row
    )
