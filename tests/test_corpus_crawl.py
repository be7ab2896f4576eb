"""`mine` on a crawl that lies on a server: from a list of paths, killed and gone on with."""

import json
import sys
from pathlib import Path

import pytest
from killing import kill, started
from test_corpus_recall import web
from test_corpus_sources import served  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[1]
SETTINGS = "--bucket 1000 --epoch 300 --keep-fraction 0.34 --iterations 2".split()


@pytest.mark.slow
def test_mine_from_a_list_of_paths_killed_and_gone_on_with(served, tmp_path):  # noqa: F811
    folder, url, _ = served
    seed = web(folder, 3)
    files = sorted((folder / "in").iterdir())
    (tmp_path / "seed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in seed))
    (tmp_path / "warc.paths").write_text("".join(f"in/{path.name}\n" for path in files))

    def command(out: str, workers: int) -> list[str]:
        return [
            sys.executable, "-m", "pipeline.corpus", "mine", str(tmp_path / "warc.paths"), "--base", url,
            "--seed-rows", str(tmp_path / "seed.jsonl"), "--out", str(tmp_path / out), "--workers", str(workers), *SETTINGS,
        ]  # fmt: skip

    def files_of(out: str) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes() for path in (tmp_path / out).iterdir() if path.is_file()
        }

    assert started(command("whole", 1), ROOT).wait() == 0
    for workers, sign in ((2, "receipts/*.json"), (1, "iteration-1/scores/*.receipt")):
        kill(command("killed", workers), ROOT, tmp_path / "killed/.work" / sign)
    assert started(command("killed", 2), ROOT).wait() == 0
    assert files_of("killed") == files_of("whole")
    work = tmp_path / "whole/.work"
    assert {path.name for path in work.iterdir() if path.is_dir()} == {
        "pages", "rejects", "receipts", "iteration-1", "iteration-2",
    }  # fmt: skip
    assert [path.parent.name for path in work.glob("*/classifier.bin")] == ["iteration-2"]
