"""Formulas in the text of this tool beside those of its peers:   python -m benchmarks.formula_peers [PAGES ...]

PAGES are folders of HTML with sub-folders (the default is ../shared/web), or a JSONL file of small pages with `html` and
`formulas`. Peers are used where they are installed: resiliparse, trafilatura, and datatrove's extractor around
trafilatura (in an environment of their own: pip install trafilatura==2.3.1 datatrove==0.10.1). Prints a table: recall and
precision of formulas (white space does not count), fidelity, and pages per second of processor time, each tool on the
same pages in the same run.

Fidelity is the measure of WebMainBench for formulas: of each page, the formulas in order, one per
line, against the truth's; 1 - edit distance / length of the longer; the mean over pages that have
formulas. Figures published for it are those of other pages. Formulas of a tool are what stands in
its text between $, $$, \\( \\), \\[ \\] or in an environment.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import formula_truth as truth
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.html import extract

ROUNDS = 3
LONGEST = 20_000  # characters of a page's formulas that are compared
Tool = Callable[[str], str]


def tools() -> dict[str, Tool]:
    """Text of a page by each tool that is installed."""
    from resiliparse.extract.html2text import extract_plain_text

    found: dict[str, Tool] = {
        "this project": lambda page: extract(page).text,
        "resiliparse, main content": lambda page: extract_plain_text(
            page, main_content=True, alt_texts=True
        ),
    }
    try:
        import trafilatura
    except ImportError:
        return found
    found[f"trafilatura {trafilatura.__version__}"] = lambda page: trafilatura.extract(page) or ""
    found["trafilatura, Markdown"] = lambda page: (
        trafilatura.extract(page, output_format="markdown", include_formatting=True) or ""
    )
    try:
        from datatrove.pipeline.extractors import Trafilatura
    except ImportError:
        return found
    step = Trafilatura(timeout=60)
    found["datatrove's extractor (trafilatura)"] = lambda page: step.extract(page) or ""
    return found


def formulas_in(text: str) -> list[str]:
    """What stands between delimiters in a text."""
    groups = (match.groups() for match in truth.RAW.finditer(text))
    found = [a or b or c or d or e for a, b, c, d, _, e in groups]
    return [latex for latex in found if latex and latex.strip()]


def distance(a: str, b: str) -> int:
    """Levenshtein's distance, a row of numpy at a time."""
    codes = np.array([ord(character) for character in b], dtype=np.int32)
    places = np.arange(len(b) + 1)
    row = places.copy()
    for number, character in enumerate(a, 1):
        new = row + 1
        new[1:] = np.minimum(new[1:], row[:-1] + (codes != ord(character)))
        new[0] = number
        row = np.minimum.accumulate(new - places) + places
    return int(row[-1])


def fidelity(expected: list[str], found: list[str]) -> float:
    a, b = ("\n".join(map(truth.spelled, side))[:LONGEST] for side in (expected, found))
    return 1 - distance(a, b) / max(len(a), len(b), 1)


def pages_of(paths: list[Path]) -> list[tuple[str, list[str]]]:
    """(markup, formulas that are on it) of each page."""
    found = []
    for path in paths:
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            found += [(row["html"], row["formulas"]) for row in rows]
            continue
        for file in sorted(path.glob("*_*/*html")):
            body = file.read_bytes()
            found.append((decode(body) or "", truth.read(body)))
    return found


def main() -> None:
    given = [Path(argument) for argument in sys.argv[1:]]
    pages = pages_of(given or [Path(__file__).parents[1].parent / "shared/web"])
    with_formulas = [(markup, expected) for markup, expected in pages if expected]
    print(
        f"{len(pages)} pages, {len(with_formulas)} with {sum(len(e) for _, e in pages)} formulas\n"
    )
    print(
        "| tool | recall | precision | fidelity | pages/s/core |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name, tool in tools().items():
        both = wanted = got = 0
        scores, best = [], [float("inf")] * len(pages)
        texts = []
        for _ in range(ROUNDS):
            texts = []
            for place, (markup, _) in enumerate(pages):
                start = time.process_time()
                texts.append(tool(markup))
                best[place] = min(best[place], time.process_time() - start)
        for (_, expected), text in zip(pages, texts, strict=True):
            found = formulas_in(text)
            counts = truth.overlap([*map(truth.spelled, expected)], [*map(truth.spelled, found)])
            both, wanted, got = (
                both + counts[0],
                wanted + counts[1],
                got + counts[2] * bool(expected),
            )
            if expected:
                scores.append(fidelity(expected, found))
        precision = f"{both / got:.3f}" if got else "-"
        print(
            f"| {name} | {both / wanted:.3f} | {precision} | {np.mean(scores):.3f} | {len(pages) / sum(best):.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
