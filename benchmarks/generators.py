"""Formulas found on pages of many generators:   python -m benchmarks.generators NAME=FOLDER ... [--pages 14]

Of each folder of HTML some pages on which the truth reader (benchmarks/formula_truth.py) sees LaTeX
are drawn by lot. Prints a Markdown table of recall and precision; white space does not count. Such
folders are what Debian's packages of documentation hold: apt-get download python-scipy-doc, then
dpkg-deb -x.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from lxml import etree

from benchmarks import formula_truth as truth
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.html import extract

LARGEST = 1_000_000  # bytes


def counts_of(page: bytes) -> tuple[int, int, int, int] | None:
    """(both, in the truth, found, unread) of a page; None for one without LaTeX."""
    try:
        expected = [latex for latex in truth.read(page) if truth.spelled(latex)]
    except etree.ParserError:  # an empty file
        return None
    if not expected:
        return None
    found = extract(decode(page) or "")
    latex = [truth.spelled(formula.latex) for formula in found.formulas]
    return (*truth.overlap([*map(truth.spelled, expected)], latex), found.unread)


def measure(folder: Path, many: int) -> list[tuple[int, int, int, int]]:
    """The counts of up to `many` pages below a folder."""
    files = sorted(p for p in folder.rglob("*.htm*") if p.is_file())
    random.Random(0).shuffle(files)
    rows: list[tuple[int, int, int, int]] = []
    for path in files:
        if len(rows) < many and path.stat().st_size <= LARGEST:
            row = counts_of(path.read_bytes())
            rows += [row] if row else []
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--pages", type=int, default=14)
    args = parser.parse_args()
    print("| generator | pages | formulas | recall | lowest page | precision | unread |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    total = [0, 0, 0, 0]
    pages = 0
    for given in args.folders:
        name, _, folder = given.partition("=")
        rows = measure(Path(folder), args.pages)
        if not rows:
            raise SystemExit(f"{folder}: no page with LaTeX that the truth reader sees")
        show(name, rows)
        pages += len(rows)
        total = [a + sum(column) for a, column in zip(total, zip(*rows, strict=True), strict=True)]
    show("all", [tuple(total)], pages)


def show(name: str, rows: list[tuple[int, int, int, int]], pages: int = 0) -> None:
    both, wanted, found, unread = (sum(column) for column in zip(*rows, strict=True))
    lowest = min(row[0] / row[1] for row in rows)
    shown = "-" if pages else f"{lowest:.3f}"
    precision = both / max(1, found)
    print(
        f"| {name} | {pages or len(rows)} | {wanted:,} | {both / wanted:.3f} | {shown} |"
        f" {precision:.3f} | {unread} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
