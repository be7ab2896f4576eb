"""Measure the corpus tools beside peers that install:   python -m benchmarks.corpus [WEB_FOLDER] [DATASETS_FOLDER]

Prints Markdown tables: formulas found on real pages against the truth in those pages, pages a
second a core (CPU time, each tool on the same pages in the same run), near-duplicate signatures,
classifier and decontamination in CPU time. Peers read the same texts as we do: MANY of them for
signatures, copies of the pages' texts with words of their own, so that nobody's cache of words sees
a text twice. Rows of datatrove need `pip install datatrove==0.10.1 spacy` in an environment of your
own. Nothing is written. Other work on the machine slows all rows alike; ratios hold, absolute rates
are this machine's.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import formula_truth as truth
from pipeline.corpus.classifier import Classifier, train
from pipeline.corpus.config import ClassifierConfig, DecontaminateConfig, DedupConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.dedup.minhash import signature
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.spans import token_ids
from pipeline.corpus.text.html import extract
from pipeline.corpus.tokens import tokens
from pipeline.records import read_jsonl

ROUNDS = 8
MANY = 2_000  # texts for signatures
SOME = 360  # texts for decontamination and the classifier


def rate(function: Callable[[Any], Any], items: Iterable[Any], rounds: int = ROUNDS) -> float:
    """Items a CPU second. Of several rounds each item's best counts: what other work on the machine
    takes is left out.
    """
    items = list(items)
    best = [float("inf")] * len(items)
    for _ in range(rounds):
        for place, item in enumerate(items):
            start = time.process_time()
            function(item)
            best[place] = min(best[place], time.process_time() - start)
    return len(items) / sum(best)


def table(head: str, rows: Iterable[tuple]) -> None:
    print(f"\n| {head.replace(', ', ' | ')} |\n|{' --- |' * (head.count(', ') + 1)}")
    for row in rows:
        print(
            "| "
            + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row)
            + " |"
        )


def formulas(
    pages: dict[str, bytes], extractor: Callable[[str], list[str]]
) -> tuple[int, int, int, int, int]:
    """(both, in the truth, found) with annotations; (both, in the truth) with the annotations
    stripped.
    """
    total = [0, 0, 0, 0, 0]
    for page in pages.values():
        expected, markup = truth.read(page), decode(page)
        if not expected:
            continue
        counts = truth.overlap(
            [truth.spelled(f) for f in expected], [truth.spelled(f) for f in extractor(markup)]
        )
        if b"</annotation>" in page or b"mjx-assistive" in page:
            bare = extractor(truth.without_annotations(markup))
            counts += truth.overlap(
                [truth.normal(f) for f in expected], [truth.normal(f) for f in bare]
            )[:2]
        total = [a + b for a, b in zip(total, (*counts, 0, 0), strict=False)]
    return tuple(total)


def peers() -> dict[str, Callable[[str], Any]]:
    """Tools that give the main text of a page; only resiliparse is among this project's
    dependencies.
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    found = {
        "resiliparse, main content (no formulas of its own)": lambda p: extract_plain_text(
            p, main_content=True, alt_texts=True
        ),
        "resiliparse, parse only": HTMLTree.parse,
    }
    try:
        import trafilatura
    except ImportError:
        return found
    return found | {"trafilatura": trafilatura.extract}


def extraction(pages: dict[str, bytes]) -> None:
    both, wanted, found, bare, bare_wanted = formulas(
        pages, lambda p: [f.latex for f in extract(p).formulas]
    )
    size = sum(map(len, pages.values())) / len(pages)
    print(f"\n{len(pages)} pages, {size / 1000:.0f} kB each")
    rows = [
        ("recall", both / wanted, f"{both} of {wanted}"),
        ("precision", both / found, f"{both} of {found}"),
    ]
    rows += [
        ("converter exact, annotations stripped", bare / bare_wanted, f"{bare} of {bare_wanted}")
    ]
    table("formulas, share, count", rows)
    markup = [decode(page) for page in pages.values()]
    tools = {"pipeline.corpus.text.html": extract, **peers()}
    table("extraction, pages/s/core", [(name, rate(tool, markup)) for name, tool in tools.items()])


def texts(pages: dict[str, bytes]) -> list[str]:
    return [extract(decode(page)).text for page in pages.values()]


def copies(documents: list[str], count: int) -> list[str]:
    """`count` texts: those of the pages in turn, every eighth word replaced by one of as many
    letters.
    """
    rng, made = random.Random(0), []
    for number in range(count):
        words = documents[number % len(documents)].split(" ")
        for at in rng.sample(range(len(words)), len(words) // 8):
            words[at] = (
                "".join(rng.choices("abcdefghijklmnoprstuvw", k=len(words[at])))
                if words[at].isalpha()
                else words[at]
            )
        made.append(" ".join(words))
    return made


def has_datatrove() -> bool:
    return bool(find_spec("datatrove") and find_spec("spacy"))


def near_duplicates(documents: list[str]) -> None:
    """Signatures of 14 bands of 8 rows over shingles of 5, ours and datatrove's with its own
    tokenizer and settings.
    """
    many = copies(documents, MANY)
    print(f"\n{len(many)} texts of {sum(map(len, many)) / len(many):.0f} characters")
    rows = [
        ("tokens as strings", rate(tokens, many, 1)),
        ("hashes of tokens", rate(token_ids, many, 1)),
        ("MinHash signature", rate(lambda t: signature(t, DedupConfig()), many, 1)),
    ]
    if has_datatrove():
        from datatrove.pipeline.dedup.minhash import MinhashDedupSignature

        step = MinhashDedupSignature(tempfile.mkdtemp())
        step.get_signature(step.get_shingles("a b c d e f"))  # loads its tokenizer
        rows.append(
            (
                "datatrove, MinHash signature",
                rate(lambda t: step.get_signature(step.get_shingles(t)), many, 1),
            )
        )
        rows.append(("ratio", rows[-2][1] / rows[-1][1]))
    table("near-duplicates, documents/s/core", rows)


def datatrove_filter(benchmarks: dict[str, list[str]]) -> Callable[[str], Any]:
    """datatrove's n-gram filter at 10 grams over the same texts. Its indexer cannot be made without
    lighteval, so its function for the hashes of a text is called with the filter, which has the
    same tokenizer and settings.
    """
    import numpy as np
    from datatrove.data import Document
    from datatrove.pipeline.decont.n_grams import (
        NGramsDecontConfig,
        NGramsDecontFilter,
        NGramsDecontIndexer,
    )

    folder, cfg = tempfile.mkdtemp(), NGramsDecontConfig(n_grams=10)
    step = NGramsDecontFilter(folder, config=cfg)
    for name, texts_of in benchmarks.items():
        hashes = sorted(
            {value for text in texts_of for value in NGramsDecontIndexer.compute_hashes(step, text)}
        )
        np.array(hashes, dtype=cfg.hash_config.np_descr).tofile(
            Path(folder) / f"{name}.index.hashes"
        )
    return lambda text: step.filter(Document(text=text, id="0"))


def decontamination(documents: list[str], datasets: Path) -> None:
    files = {"gsm8k": "gsm8k/test.jsonl", "math": "math/test.jsonl", "cmath": "cmath/test.jsonl"}
    keys = ("question", "answer", "problem", "solution", "golden")
    benchmarks = {
        name: [
            row[key]
            for row in read_jsonl(datasets / path)
            for key in keys
            if isinstance(row.get(key), str)
        ]
        for name, path in files.items()
    }
    start = time.process_time()
    index = Index(benchmarks, DecontaminateConfig(information_rule=True))
    build = time.process_time() - start
    some = copies(documents, SOME)
    size = sum(len(text.encode()) for text in some) / len(some) / 1e6
    rows = [
        (
            "ours",
            index.texts,
            len(index.where),
            build,
            rate(lambda text: clean(text, index), some, 1) * size,
        )
    ]
    if has_datatrove():
        few = {
            "cmath": benchmarks["cmath"]
        }  # its index takes minutes; the filter's speed does not depend on it
        start = time.process_time()
        filtered = datatrove_filter(few)
        build = time.process_time() - start
        rows.append(("datatrove", len(few["cmath"]), "-", build, rate(filtered, some, 1) * size))
        rows.append(("ratio", "-", "-", "-", rows[0][4] / rows[1][4]))
    table("decontamination, benchmark texts, grams, build s, MB/s/core", rows)


def classifying(documents: list[str]) -> None:
    """Training and scoring with the paper's settings, on texts of the length that the classifier
    reads. fastText alone on words between blanks is the bound, and what other pipelines do: what
    keeping mathematics apart costs.
    """
    import fasttext

    folder, cfg = Path(tempfile.mkdtemp()), ClassifierConfig(least=250)
    start = time.process_time()
    documents = copies(documents, SOME)
    counts = train(documents[::2], documents[1::2], cfg, 0, folder, folder / "classifier.bin")
    seconds = time.process_time() - start
    judge = Classifier(folder / "classifier.bin", cfg.max_tokens)
    raw = fasttext.load_model(str(folder / "classifier.bin"))
    flat = [" ".join(text[: 12 * cfg.max_tokens].split()) for text in documents]
    rows = [
        (f"training, {counts['lines']} lines", counts["lines"] / seconds),
        ("score", rate(judge.score, documents, 1)),
        ("fastText alone, split at blanks", rate(lambda text: raw.predict([text]), flat, 1)),
    ]
    table("classifier, documents/s/core", rows)


def main() -> None:
    shared = Path(__file__).parents[1].parent / "shared"
    web, datasets = (
        Path(a) if a else b
        for a, b in zip(
            [*sys.argv[1:3], "", ""], (shared / "web", shared / "datasets"), strict=False
        )
    )
    pages = {path.name: path.read_bytes() for path in sorted(web.glob("*_*/*html"))}
    if not pages:
        raise SystemExit(f"{web}: no pages in its sub-folders; give the folder of web samples")
    extraction(pages)
    documents = texts(pages)
    near_duplicates(documents)
    classifying(documents)
    if (datasets / "math").is_dir():
        decontamination(documents, datasets)


if __name__ == "__main__":
    main()
