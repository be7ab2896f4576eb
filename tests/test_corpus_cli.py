"""The commands, on files of one's own; a kill at any moment loses nothing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killing import kill, started

from pipeline.cli.corpus import main
from pipeline.corpus.read.pack import write_warc

ROOT = Path(__file__).parents[1]
MATH = "<html><body><p>The theorem of sums says that $$\\sum i$$ is even. {}</p><script src=MathJax.js></script></body></html>"
QUESTION = "How many clips did Natalia sell altogether in April and May if she sold half as many?"


def shards(folder: Path, count: int, pages: int = 60) -> None:
    for number in range(count):
        rows = (
            (f"http://s{number}.org/{i}", MATH.format(f"page {i} " * 200).encode())
            for i in range(pages)
        )
        write_warc(folder / f"{number}.warc.gz", rows)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_extract_score_mine_decontaminate_inspect(tmp_path, capsys):
    shards(tmp_path / "in", 1)
    other = [
        (
            f"http://other.org/{i}",
            f"<html><p>cakes and tea {i} {'sugar ' * 30} {QUESTION}</p></html>".encode(),
        )
        for i in range(60)
    ]
    write_warc(tmp_path / "in/other.warc.gz", [*other, ("http://bad.org/", b"<html></html>")])
    pages = tmp_path / "pages.jsonl"
    assert main(["extract", str(tmp_path / "in"), "--out", str(pages)]) == 0
    found = rows(pages)
    assert len(found) == 121 and [r["rejected"] for r in found if "rejected" in r] == ["short"]
    assert found[0]["formulas"] == [{"latex": "\\sum i", "display": True, "source": "delimiters"}]
    fields = "url source offset date record lang text formulas formulas_unread"
    assert set(found[0]) == set(fields.split())

    seed, bench = tmp_path / "seed.jsonl", tmp_path / "bench.jsonl"
    seed.write_text("\n".join(json.dumps({"url": r["url"], "text": r["text"]}) for r in found[:30]))
    bench.write_text(json.dumps({"question": QUESTION, "answer": "7"}))
    out = tmp_path / "corpus"
    common = [
        "--seed-rows",
        str(seed),
        "--benchmarks",
        str(bench),
        "--out",
        str(out),
        "--bucket",
        "1000",
    ]
    assert (
        main(["mine", str(tmp_path / "in"), *common, "--keep-fraction", "0.9", "--iterations", "1"])
        == 0
    )
    assert (
        main(
            [
                "score",
                str(pages),
                "--model",
                str(out / "classifier.bin"),
                "--out",
                str(tmp_path / "scored.jsonl"),
            ]
        )
        == 0
    )
    assert sum("score" in row for row in rows(tmp_path / "scored.jsonl")) == 120
    clean = tmp_path / "clean.jsonl"
    assert main(["decontaminate", str(pages), "--benchmarks", str(bench), "--out", str(clean)]) == 0
    assert not any(QUESTION in row.get("text", "") for row in rows(clean))
    assert len(rows(tmp_path / "clean.contamination.jsonl")) >= 60
    capsys.readouterr()
    assert main(["inspect", "https://www.s0.org/3", "--corpus", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["decision"].startswith(("kept", "dropped: "))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract", "none.warc.gz", "--out", "x"], "none.warc.gz: no such file"),
        (["score", "none.jsonl", "--model", "m.bin", "--out", "x"], "m.bin: no such classifier"),
        (["inspect", "http://a.org", "--corpus", "nowhere"], "nowhere/pages.parquet: no such file"),
        (["pack", "nowhere", "--out", "x"], "nowhere: no such folder"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize("command", [[], ["extract"], ["mine"]])
def test_help_waits_for_no_library(command):
    """Help is there before any of the libraries that take their time is loaded."""
    code = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print('loaded:', *sys.modules))\n"
        f"sys.argv = ['corpus', *{command}, '--help']\n"
        "runpy.run_module('pipeline.corpus', run_name='__main__')"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    said, loaded = found.stdout.split("loaded:")
    assert found.returncode == 0 and "usage: python -m pipeline.corpus" in said
    heavy = {"torch", "transformers", "numpy", "pyarrow", "fasttext", "sympy", "lxml"}
    assert "argparse" in loaded.split() and not heavy & {*loaded.split()}


def extract(folder: Path, out: Path, workers: int) -> list[str]:
    given = [str(folder), "--out", str(out), "--workers", str(workers)]
    return [sys.executable, "-m", "pipeline.corpus", "extract", *given]


def is_over(group: int) -> bool:
    """Whether every process of a group ends within ten seconds."""
    for _ in range(1_000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_kill_9_and_another_worker_count_give_the_same_bytes(tmp_path):
    shards(tmp_path / "in", 8)
    assert started(extract(tmp_path / "in", tmp_path / "whole.jsonl", 1), ROOT).wait() == 0
    out, work = tmp_path / "killed.jsonl", tmp_path / "killed.jsonl.work"
    for receipts in (
        1,
        4,
    ):  # once early, once late; a person kills the one process that was started
        group = kill(
            extract(tmp_path / "in", out, 2), ROOT, work / "*.receipt", receipts, alone=True
        )
        assert is_over(group), "a worker outlives the run"
        assert not out.exists()
    assert started(extract(tmp_path / "in", out, 1), ROOT).wait() == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes() and not work.exists()
    assert len(rows(out)) == 480
