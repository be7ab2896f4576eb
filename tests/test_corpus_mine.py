"""Ranking, decontamination and the whole of `mine` on small WARCs made here."""

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from pipeline.corpus.config import ClassifierConfig, CorpusConfig, DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.mine import mine
from pipeline.corpus.rank import find_cut
from pipeline.corpus.read.pack import write_warc
from pipeline.corpus.read.pages import rows_of
from pipeline.corpus.tokens import classed, gram_spans, grams, language, tokens
from pipeline.errors import UserError

LEAK = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
)
LEAK_ZH = "某工厂原来每天生产零件四百个，改进技术后每天比原来多生产五十个。"


def test_token_classes():
    assert tokens("若 $x^2\\leq 9.5$") == ["若", "$", "x", "^", "2", "\\leq", "9.5", "$"]
    assert [kind for kind, _ in classed("若 x+\\frac 3")] == [
        "cjk",
        "word",
        "operator",
        "command",
        "number",
    ]
    assert grams("Compute $\\frac{1}{2}+x$ 若１２") == ["compute", "1", "2", "x", "若", "12"]
    text = "İ Über 若１２ \\alpha b_c"
    assert [text[a:b].lower() for a, b in gram_spans(text)][1:] == ["über", "若", "１２", "b", "c"]
    assert len(grams(text)) == len(gram_spans(text))
    assert language("若干个数字 abc") == "zh" and language("plain words here 若") == "en"


@pytest.mark.parametrize("budget", [0, 1, 49, 50, 777, 5_000, 10**9])
def test_cut_is_exact_and_free_of_sharding(budget):
    rng = np.random.default_rng(0)
    scores = np.round(rng.random(400), 2)  # many ties
    hashes, counts = rng.permutation(400).astype(np.int64), rng.integers(10, 60, 400)
    order = np.lexsort((hashes, -scores))
    best = order[: int(np.searchsorted(np.cumsum(counts[order]), budget, side="right"))]
    for shards in (1, 3, 8):
        parts = [(scores[i::shards], hashes[i::shards], counts[i::shards]) for i in range(shards)]
        kept = find_cut(lambda parts=parts: parts, budget).keeps(scores, hashes)
        assert set(np.flatnonzero(kept)) == set(best)


def test_decontamination_by_segment_and_page():
    text = f"A page.\nWe copied: {LEAK.lower()} Nice.\nThe rest stays."
    cleaned = clean(text, Index({"gsm8k": [LEAK]}, DecontaminateConfig()))
    assert cleaned.text == "A page.\nThe rest stays." and cleaned.removed_segments == 1
    hit = cleaned.hits[0]
    assert (hit.benchmark, hit.item) == ("gsm8k", 0) and text[hit.start : hit.end].startswith(
        "natalia sold"
    )
    assert clean(text, Index({"gsm8k": [LEAK]}, DecontaminateConfig(mode="page"))).text is None
    assert clean(f"一、{LEAK_ZH}", Index({"cmath": [LEAK_ZH]}, DecontaminateConfig())).text is None


def test_nine_grams_pass_and_short_texts_match_whole():
    words = " ".join(LEAK.split()[:9])
    assert not clean(words, Index({"gsm8k": [LEAK]}, DecontaminateConfig())).hits
    short = Index({"math": ["Compute $\\gcd(12, 18)$ now"]}, DecontaminateConfig())
    assert clean("Exercise: compute \\gcd(12,18) now!", short).hits
    assert not clean("Exercise: compute \\gcd(12,19) now!", short).hits
    three = Index({"math": ["Evaluate 7 12"], "x": ["one two"]}, DecontaminateConfig())
    assert clean("evaluate 7, 12", three).hits and not clean("one two", three).hits


def test_information_rule_excuses_counting_runs_only():
    index = Index(
        {"b": ["1 2 3 4 5 6 7 8 9 10 11", LEAK]}, DecontaminateConfig(information_rule=True)
    )
    run = clean("count: 1 2 3 4 5 6 7 8 9 10", index)
    assert run.text and run.hits[0].counting_run
    columns, brief = (
        Index({"b": [text]}, index.cfg)
        for text in (r"\begin{array} array c c c c c c c c c", "Compute $3^3$")
    )
    assert clean(r"\begin{array}{c c c c c c c c c}", columns).hits[0].counting_run, (
        "two distinct tokens, again and again"
    )
    assert clean("Compute 3^3", brief).text is None, "a short question is none"
    assert clean(LEAK, index).text is None


def test_information_rule_lets_a_lone_commonplace_pass_but_no_copy():
    fact = "the three angles of a triangle add up to 180"
    solution = f"Since {fact} degrees, the third angle is 180 minus the sum of the two that are given here."
    brief = "Find the sum of the first ten even numbers after four."  # 11 grams
    benchmarks = {"math": [solution, brief, "x 1 y 2 z"]}
    strict, ruled = (
        Index(benchmarks, DecontaminateConfig(information_rule=rule)) for rule in (False, True)
    )
    page = f"We know that {fact}, and we use it."
    assert clean(page, strict).text is None and clean(page, strict).hits[0].lone
    assert clean(page, ruled).text == page and clean(page, ruled).hits
    copied = f"We know that {fact} degrees, the third angle is another matter."
    assert clean(copied, ruled).text is None, "thirteen grams and more in a row are a copy"
    assert clean(f"Exercise. {brief} Good luck.", ruled).text is None, (
        "the whole of a text under thirteen grams"
    )
    assert clean("the sum of the first ten even numbers after four", ruled).hits[0].lone, (
        "ten of its eleven are not"
    )
    assert clean("so x 1 y 2 z", ruled).text == "so x 1 y 2 z"  # symbols only


def pages(count: int = 60):
    """Half of the pages mathematical, one leak, one mirrored URL, one page too short."""
    rng = random.Random(0)
    math = "theorem proof integer prime sum equation root polynomial matrix vector".split()
    other = "recipe football travel weather shop music garden kitchen holiday market".split()
    for i in range(count):
        words = " ".join(rng.choices(math if i % 2 else other, k=60))
        formula = f'<span class="math-container">$x^{i}+{i}=0$</span>' if i % 2 else ""
        leak = f"<p>{LEAK}</p>" if i == 7 else ""
        yield (
            f"http://site{i % 5}.org/page{i}",
            f"<html><body><p>{words} {formula}</p>{leak}</body></html>".encode(),
        )
    yield (
        "https://www.site2.org/page7/?utm_source=x",
        b"<html><body><p>" + b"again " * 40 + b"</p></body></html>",
    )
    yield "http://site2.org/short", b"<html><body><p>short</p></body></html>"


CONFIG = CorpusConfig(
    keep_fraction=0.5,
    classifier=ClassifierConfig(dim=8, bucket=1000, min_count=1, epoch=20, lr=0.5),
)


def run(folder: Path, shards: int, workers: int, seeds: list[dict]) -> tuple[dict, Path]:
    rows = list(pages())
    for i in range(shards):
        write_warc(folder / "in" / f"{i}.warc.gz", rows[i::shards])
    out = folder / "out"
    return mine(
        [folder / "in"], seeds, {"gsm8k": [LEAK]}, CONFIG, out, folder / "work", workers
    ), out


SEEDS = [
    {"url": f"http://site{i % 5}.org/page{i}", "text": "another extractor's text"}
    for i in range(1, 21, 2)
]


def test_mine_end_to_end(tmp_path):
    summary, out = run(tmp_path, 3, 1, SEEDS)
    kept, rejects = list(rows_of(out / "pages.parquet")), list(rows_of(out / "rejects.parquet"))
    assert (
        len(kept) + len(rejects) == 62 == json.loads((out / "funnel.json").read_text())["records"]
    )
    assert (
        sum("theorem" in row["text"] or "proof" in row["text"] for row in kept)
        >= 0.9 * len(kept)
        > 20
    )
    reasons = {row["url"]: row["reason"] for row in rejects}
    assert reasons["http://site2.org/short"] == "short"
    assert list(reasons.values()).count("duplicate_url") == 1
    leaked = next(row for row in kept if row["url"] == "http://site2.org/page7")
    assert "Natalia" not in leaked["text"] and "$x^7+7=0$" in leaked["text"]
    audit = [json.loads(line) for line in (out / "contamination.jsonl").read_text().splitlines()]
    assert {row["url"] for row in audit} == {"http://site2.org/page7"} and audit[0]["removed"]
    assert summary["pages"] == len(kept) and (out / "classifier.bin").is_file()


def digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_same_bytes_again_and_with_more_workers(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
    first = digest(run(tmp_path / "a", 3, 1, SEEDS)[1])
    assert first == digest(run(tmp_path / "b", 3, 2, SEEDS)[1])
    assert first == digest(run(tmp_path / "a", 3, 1, SEEDS[::-1])[1])  # again, from finished shards


def test_sharding_does_not_change_what_is_kept(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    one, many = (
        {
            row["url"]: (row["text"], row["score"])
            for row in rows_of(run(tmp_path / name, n, 1, SEEDS)[1] / "pages.parquet")
        }
        for name, n in (("a", 1), ("b", 7))
    )
    assert one == many


def test_user_errors(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        mine([tmp_path / "none"], SEEDS, {}, CONFIG, tmp_path / "out", tmp_path / "work")
    with pytest.raises(UserError, match="seed"):
        run(tmp_path, 1, 1, [])
