"""Measure formula recall and precision on pages that the extractor was not developed on:
python -m benchmarks.kept_pages FOLDER

FOLDER holds HTML pages; the truth is what `formula_truth` reads in them. Prints a row per page and
the sum, strictly (white space apart) and after the normalisation of the converter test, which
forgives what two ways to write one formula differ in. Nothing is written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import formula_truth as truth
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.html import extract


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit("usage: python -m benchmarks.kept_pages FOLDER, a folder of .html files")
    paths = sorted(Path(sys.argv[1]).glob("*.html"))
    if not paths:
        raise SystemExit(f"{sys.argv[1]}: no .html files in it")
    total = [0] * 4
    print(
        "| page | formulas | found | of them right | the same after normalising |\n|---|---:|---:|---:|---:|"
    )
    for path in paths:
        expected = truth.read(path.read_bytes())
        found = [formula.latex for formula in extract(decode(path.read_bytes()) or "").formulas]
        strict = truth.overlap(
            [truth.spelled(f) for f in expected], [truth.spelled(f) for f in found]
        )
        loose = truth.overlap([truth.normal(f) for f in expected], [truth.normal(f) for f in found])
        row = (strict[1], strict[2], strict[0], loose[0])
        total = [a + b for a, b in zip(total, row, strict=True)]
        print(f"| {path.stem} | {' | '.join(map(str, row))} |")
    wanted, found, both, alike = total
    print(f"\n{len(paths)} pages, {wanted} formulas, {found} found")
    for name, right in (("as written", both), ("normalised", alike)):
        print(f"{name}: recall {right / wanted:.3f}, precision {right / max(1, found):.3f}")


if __name__ == "__main__":
    main()
