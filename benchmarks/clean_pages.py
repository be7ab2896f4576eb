"""How many clean real pages decontamination flags, with and without the information rule.

    python -m benchmarks.clean_pages ../shared/web ../shared/datasets

Real pages are few and long, so their texts are also cut, between lines, into pages of a given
length: a page counts as flagged when a gram of any benchmark is found in it. The interval is the
exact binomial one, as if pieces were independent; pieces of one page are not, so the number of
whole pages stands beside. No page here quotes a benchmark on purpose. Prints a Markdown table and
what was found with the rule on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from scipy.stats import beta

from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.html import extract
from pipeline.records import read_jsonl

FILES = {
    "gsm8k": ("gsm8k/test.jsonl", ("question", "answer")),
    "math": ("math/test.jsonl", ("problem", "solution")),
    "cmath": ("cmath/test.jsonl", ("question", "golden")),
    "mgsm_zh": ("mgsm_zh/mgsm_zh.jsonl", ("messages",)),
    "gaokao": ("gaokao/gaokao-mathcloze.jsonl", ("question", "answer")),
}


def benchmarks(folder: Path) -> dict[str, list[str]]:
    """Questions and answers of every item."""
    found = {}
    for name, (path, keys) in FILES.items():
        values = [row[key] for row in read_jsonl(folder / path) for key in keys if row[key]]
        found[name] = [value if isinstance(value, str) else value[0]["content"] for value in values]
    return found


def pages(folder: Path) -> Iterator[str]:
    """Texts of the folder's HTML pages, near-duplicates left out."""
    for path in sorted(folder.glob("*_*/*html")):
        if path.parent.name != "near_dup":
            yield extract(decode(path.read_bytes()) or "").text


def pieces(text: str, size: int) -> Iterator[str]:
    """The text in pieces of whole lines, each ended by the line that brings it to `size`
    characters; a short rest is left out, so that all are of one kind.
    """
    held: list[str] = []
    for line in text.split("\n"):
        held.append(line)
        if sum(map(len, held)) >= size:
            yield "\n".join(held)
            held = []


def exact(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Clopper and Pearson)."""
    return (
        float(beta.ppf(0.025, hits, count - hits + 1)) if hits else 0.0,
        float(beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0,
    )


def one_in(share: float) -> str:
    return f"1 in {1 / share:,.0f}" if share else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("web", type=Path)
    parser.add_argument("datasets", type=Path)
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[1000, 3000, 12000], help="characters a page"
    )
    args = parser.parse_args()
    index, texts = (
        Index(benchmarks(args.datasets), DecontaminateConfig(information_rule=True)),
        list(pages(args.web)),
    )
    print(
        f"{len(texts)} real pages, {sum(map(len, texts)):,} characters; benchmarks {', '.join(FILES)}\n"
    )
    print(
        "| characters a page | pages | flagged by the paper's rule | with the information rule | that is | 95 % interval |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | --- |")
    grams: dict[str, set[int]] = {}
    for size in [*args.sizes, 0]:
        cut = [piece for text in texts for piece in (pieces(text, size) if size else [text])]
        hits = [clean(piece, index).hits for piece in cut]
        kept = [[hit for hit in found if not hit.uninformative] for found in hits]
        for found in kept:
            for hit in found:
                grams.setdefault(f"{hit.benchmark}: {hit.gram}", set()).add(size)
        flagged = sum(map(bool, kept))
        low, high = exact(flagged, len(cut))
        print(
            f"| {size or 'whole'} | {len(cut):,} | {sum(map(bool, hits)):,} | {flagged} | {one_in(flagged / len(cut))} | "
            f"{one_in(high)} to {one_in(low)} |"
        )
    print(
        "\nFound with the rule: "
        + "; ".join(
            f"{gram!r} ({len(sizes)} of {len(args.sizes) + 1} rows)"
            for gram, sizes in sorted(grams.items())
        )
    )


if __name__ == "__main__":
    main()
