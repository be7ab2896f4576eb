"""`mine` with a person in the loop, what `inspect` says of a page, and settings that make no sense."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from killing import kill, started
from test_corpus_recall import web

from pipeline.cli.corpus import main
from pipeline.corpus.annotations import lost_mark
from pipeline.corpus.read.pages import rows_of

ROOT = Path(__file__).parents[1]
SETTINGS = "--bucket 1000 --epoch 300 --keep-fraction 0.34".split()


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    seed = web(folder, 2)
    (folder / "seed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in seed))
    return folder


def given(crawl: Path, out: str, *more: str) -> list[str]:
    return [
        "mine",
        str(crawl / "in"),
        "--seed-rows",
        str(crawl / "seed.jsonl"),
        "--out",
        str(crawl / out),
        *SETTINGS,
        *more,
    ]


def shown(crawl: Path, capsys, url: str, *more: str) -> dict:
    capsys.readouterr()
    assert main(["inspect", url, "--corpus", str(crawl / "out"), *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_persons_marks_are_kept_and_count(crawl, capsys):
    assert main(given(crawl, "out", "--iterations", "2")) == 0
    path = crawl / "out/prefixes-1.yaml"
    assert main(given(crawl, "out", "--iterations", "2")) == 0, "nobody marked anything"
    marked = yaml.safe_load(path.read_text())
    share = {row["prefix"]: row["accept"] for row in marked}
    assert share["math.org/"] and "news1.org/b/" not in share
    for row in marked:
        row["accept"] = row["prefix"] == "math.org/forum/"
    marked += [
        {"prefix": "http://news1.org/b", "accept": True},
        {"prefix": "nowhere.org/", "accept": True},
    ]
    path.write_text(yaml.safe_dump(marked))
    capsys.readouterr()
    assert main(given(crawl, "out", "--iterations", "2")) == 1
    error = capsys.readouterr().err
    assert f"{path}: " in error and "was marked by hand" in error and error.count("\n") == 1
    assert yaml.safe_load(path.read_text()) == marked
    for _ in range(2):  # the same file may be the annotations and be written again: no mark is lost
        assert main(given(crawl, "out", "--iterations", "2", "--annotations", str(path))) == 0
        assert "no page lies under nowhere.org/" in capsys.readouterr().err
    rows = {row["prefix"]: row["accept"] for row in yaml.safe_load(path.read_text())}
    assert {prefix for prefix in rows if rows[prefix]} == {
        "math.org/forum/",
        "news1.org/b/",
        "nowhere.org/",
    }
    page = next(row["url"] for name in ("pages", "rejects") for row in rows_of(crawl / f"out/{name}.parquet")
                if "news1.org/b/" in row["url"])  # fmt: skip
    assert shown(crawl, capsys, page)["accepted_prefixes"] == ["news1.org/b/ after iteration 1"]
    assert lost_mark(crawl / "out", 0.3, None)
    assert main(given(crawl, "out", "--iterations", "1", "--annotations", str(path))) == 1


def test_inspect_says_why(crawl, capsys):
    if not (crawl / "out/pages.parquet").is_file():  # alone, without the test before
        assert main(given(crawl, "out", "--iterations", "1")) == 0
    kept = list(rows_of(crawl / "out/pages.parquet"))
    best, cut = max(kept, key=lambda row: row["score"]), min(row["score"] for row in kept)
    ranking = shown(crawl, capsys, best["url"])["ranking"]
    assert ranking.startswith("0 of 240 pages have a better score") and f"{cut:.6f}" in ranking
    rejects = {}
    for row in rows_of(crawl / "out/rejects.parquet"):
        rejects.setdefault(row["reason"], row)
    below = shown(
        crawl, capsys, rejects["below_cut"]["url"], "--seed-rows", str(crawl / "seed.jsonl")
    )
    assert int(below["ranking"].split()[0]) >= len(kept) and below["in_seed_rows"] is False
    twin = shown(crawl, capsys, rejects["near_duplicate"]["url"])
    number = twin["url"].rsplit("/", 1)[1]
    other, place = twin["detail"].split(" ", 1)
    assert (
        other != twin["url"]
        and other.endswith(f"/{number}")
        and place.startswith("(")
        and ".warc.gz, " in place
    )


@pytest.mark.parametrize(("option", "value", "message"), [
    ("--iterations", "0", "recall.iterations is 0; give 1 or more"), ("--token-budget", "-5", "token_budget is -5"),
    ("--keep-fraction", "7", "keep_fraction is 7.0; give 0 to 1"), ("--bucket", "-1", "classifier.bucket is -1"),
    ("--least", "-1", "classifier.least is -1"), ("--epoch", "0", "classifier.epoch is 0"),
    ("--out", "FILE", "is a file; --out needs a folder")])  # fmt: skip
def test_settings_that_make_no_sense_are_one_line(crawl, capsys, option, value, message):
    value = str(crawl / "seed.jsonl") if value == "FILE" else value
    assert main([*given(crawl, "never"), option, value]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not (crawl / "never").exists()


def test_a_classifier_that_learnt_nothing_is_told(crawl, capsys):
    few = crawl / "few.jsonl"
    few.write_text("".join((crawl / "seed.jsonl").read_text().splitlines(keepends=True)[:10]))
    common = [
        "mine",
        str(crawl / "in"),
        "--seed-rows",
        str(few),
        "--bucket",
        "1000",
        "--iterations",
        "1",
    ]
    assert main([*common, "--out", str(crawl / "few")]) == 0
    assert "the classifier learnt nothing" in capsys.readouterr().err
    assert main([*common, "--out", str(crawl / "more"), "--least", "2000"]) == 0
    assert "learnt nothing" not in capsys.readouterr().err


def test_kill_9_of_mine_and_another_worker_count_give_the_same_bytes(crawl):
    def command(out: str, workers: int) -> list[str]:
        settings = given(crawl, out, "--iterations", "2", "--workers", str(workers))
        return [sys.executable, "-m", "pipeline.corpus", *settings]

    def files(out: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (crawl / out).iterdir() if path.is_file()}

    assert started(command("whole", 1), ROOT).wait() == 0
    for workers, sign in (
        (2, "receipts/*.json"),
        (1, "pairs/*.receipt"),
        (2, "iteration-1/scores/*.receipt"),
    ):
        kill(command("killed", workers), ROOT, crawl / "killed/.work" / sign)
        assert not (crawl / "killed/funnel.json").exists()
    assert started(command("killed", 1), ROOT).wait() == 0
    assert files("killed") == files("whole") and "pages.parquet" in files("whole")
