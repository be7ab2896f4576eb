"""Extraction beside that of an older checkout:   python -m benchmarks.extraction_beside OLD [WEB_FOLDER] [--rounds 8]

Both sides read the same pages in turn, each in a process of its own; CPU seconds count, and of several rounds each
page's best. Prints pages per second per core of both and their ratio, and the same by folder of pages.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

SIDE = """
import gc, json, sys, time
from pathlib import Path
try:
    from pipeline.corpus.read.encoding import decode
    from pipeline.corpus.text.html import extract
except ImportError:  # the layout of before
    from pipeline.corpus.encoding import decode
    from pipeline.corpus.html import extract
pages = [decode(Path(p).read_bytes()) for p in json.loads(sys.stdin.readline())]
gc.collect(); gc.freeze()
for line in sys.stdin:
    page = pages[int(line)]
    start = time.process_time()
    extract(page)
    print(time.process_time() - start, flush=True)
"""


class Side:
    """One checkout's extractor, in a process of its own."""

    def __init__(self, checkout: Path, pages: list[Path]):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SIDE], cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        self.best = [float("inf")] * len(pages)
        self.say(json.dumps([str(page.resolve()) for page in pages]))

    def say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def measure(self, place: int) -> None:
        self.say(str(place))
        self.best[place] = min(self.best[place], float(self.process.stdout.readline()))


def compare(
    old: Path, new: Path, pages: list[Path], rounds: int
) -> tuple[list[float], list[float]]:
    """Each page's best CPU seconds of the two checkouts, which take turns page by page."""
    sides = Side(old, pages), Side(new, pages)
    for number in range(rounds):
        for place in range(len(pages)):
            for side in sides if number % 2 else sides[::-1]:
                side.measure(place)
    for side in sides:
        side.process.stdin.close()
        side.process.wait()
    return sides[0].best, sides[1].best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("old", type=Path, help="a checkout of the older code")
    parser.add_argument(
        "web", type=Path, nargs="?", default=Path(__file__).parents[1].parent / "shared" / "web"
    )
    parser.add_argument("--rounds", type=int, default=8)
    args = parser.parse_args()
    pages = sorted(args.web.glob("*_*/*html"))
    if not pages:
        raise SystemExit(f"{args.web}: no pages in its sub-folders; give the folder of web samples")
    old, new = compare(args.old, Path(__file__).parents[1], pages, args.rounds)
    print("| pages | old, pages/s/core | new | new / old |\n| --- | ---: | ---: | ---: |")
    for name in [*sorted({page.parent.name for page in pages}), "all"]:
        chosen = [n for n, page in enumerate(pages) if name in ("all", page.parent.name)]
        before, after = (sum(best[n] for n in chosen) for best in (old, new))
        count = len(chosen)
        print(
            f"| {name} ({count}) | {count / before:.0f} | {count / after:.0f} | {before / after:.3f} |"
        )


if __name__ == "__main__":
    main()
