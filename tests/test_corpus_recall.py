"""Near-duplicates, domain discovery and the recall loop."""

import random
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.corpus.annotations import from_yaml
from pipeline.corpus.config import ClassifierConfig, CorpusConfig, DedupConfig, RecallConfig
from pipeline.corpus.dedup import bands, clusters
from pipeline.corpus.dedup import minhash as dedup
from pipeline.corpus.domains import (
    Proposal,
    by_samples,
    by_share,
    domain_shares,
    is_mathematical,
    prefixes,
    propose,
    registered_domain,
)
from pipeline.corpus.mine import mine
from pipeline.corpus.read.pack import write_warc
from pipeline.corpus.read.pages import rows_of
from pipeline.corpus.urls import normal_url
from pipeline.errors import UserError

CFG = DedupConfig()
WORDS = [f"word{i}" for i in range(2000)]


def test_urls_of_one_page():
    same = [
        "http://www.a.org/x/index.html",
        "https://a.org/x/",
        "https://A.org:443//x?utm_source=b#top",
        "http://a.org/x?phpsessid=3",
    ]
    assert len({normal_url(url) for url in same}) == 1
    assert (
        normal_url("http://a.org/x?b=1&a=2")
        == normal_url("http://a.org/x?a=2&b=1")
        != normal_url("http://a.org/x")
    )
    assert normal_url("http://a.org/Case") != normal_url("http://a.org/case")
    assert normal_url("http://[bad/") and normal_url("http://a.org:99999/")


def test_minhash_estimates_jaccard():
    rng, errors = random.Random(0), []
    for _ in range(40):
        text = rng.choices(WORDS, k=600)
        other = text[: rng.randrange(600)] + rng.choices(WORDS, k=300)
        a, b = (set(dedup.shingles(" ".join(t), CFG.shingle).tolist()) for t in (text, other))
        estimate = (
            dedup.signature(" ".join(text), CFG) == dedup.signature(" ".join(other), CFG)
        ).mean()
        errors.append(estimate - len(a & b) / len(a | b))
    assert abs(np.mean(errors)) < 0.02 and np.std(errors) < 0.06


def worksheet(number: int) -> str:
    rng = random.Random(number)
    return "Solve these equations. " + " ".join(
        f"Problem {i}: ${rng.randint(2, 99)}x^2+{rng.randint(2, 99)}x={rng.randint(2, 99)}$."
        for i in range(20)
    )


def group(folder: Path, texts: list[str], order: list[int]) -> list[set[int]]:
    """Clusters of more than one page, by place in `texts`, computed in another order of pages."""
    signatures = np.stack([dedup.signature(texts[i], CFG) for i in order])
    hashes = np.array([1000 + 7919 * i % 997 for i in order], dtype=np.int64)
    bands.save(bands.band_rows(signatures, hashes, CFG), folder / "bands.npy")
    bands.save(signatures, folder / "signatures.npy")
    bands.save(np.ones(len(order), dtype=bool), folder / "unique.npy")
    files = [folder / "bands.npy"], [folder / "signatures.npy"], folder / "unique.npy"
    bands.pairs_of_part(*files, 0, 1, CFG.threshold, folder / "pairs.npy")
    found = bands.clusters([np.load(folder / "pairs.npy")], hashes)
    groups = [{order[j] for j in np.flatnonzero(found == label)} for label in set(found.tolist())]
    return sorted((g for g in groups if len(g) > 1), key=min)


def test_forty_worksheets_stay_and_copies_are_found_in_any_order(tmp_path):
    rng = random.Random(3)
    original = " ".join(rng.choices(WORDS, k=500))
    texts = [worksheet(i) for i in range(40)] + [
        original,
        original + " one more line here",
        "Menu " + original,
    ]
    orders = [list(range(len(texts))) for _ in range(3)]
    rng.shuffle(orders[1])
    orders[2].reverse()
    assert all(group(tmp_path, texts, order) == [{40, 41, 42}] for order in orders)


def test_survivor_is_the_best_then_the_longest_then_the_smallest_hash():
    cluster = np.array([0, 0, 0, 3, 4, 4])
    eligible = np.array([True, True, True, True, False, True])
    scores, tokens = np.array([0.5, 0.9, 0.9, 0.1, 1.0, 0.2]), np.array([9, 5, 7, 1, 1, 1])
    kept = dedup.survivors(cluster, eligible, scores, tokens, np.arange(6))
    assert kept.tolist() == [False, False, True, True, False, True]
    assert not dedup.survivors(cluster, np.zeros(6, dtype=bool), scores, tokens, np.arange(6)).any()


def test_domains():
    assert registered_domain("pages.maths.example.co.uk") == "example.co.uk"
    assert (
        registered_domain("me.github.io") == "me.github.io"
        and registered_domain("me.wordpress.com") == "me.wordpress.com"
    )
    assert registered_domain("www.made-up.example") == "made-up.example"
    assert list(prefixes("http://www.a.org/q/2/3.html")) == ["a.org/", "a.org/q/", "a.org/q/2/"]
    assert domain_shares([("a", True), ("a", False), ("b", False)]) == {"a": (2, 1), "b": (1, 0)}
    cfg = RecallConfig(domain_share=0.1, min_pages=10)
    assert (
        is_mathematical(10, 2, cfg)
        and not is_mathematical(10, 1, cfg)
        and not is_mathematical(9, 9, cfg)
    )


def test_files_without_a_host_are_no_domain():
    class Files:
        def __len__(self):
            return 40

        def rows(self, mask, columns):
            return (
                (number, {"url": f"file:///notes/{number}.html", "text": "a sum"})
                for number in range(len(mask))
            )

    everything = np.ones(40, dtype=bool)
    shares, proposals = propose(Files(), everything, everything, RecallConfig(min_pages=2))
    assert proposals == [] and shares["mathematical"] == [] and shares["hosts"] == {"": (40, 40)}


def test_annotators(tmp_path):
    proposal = Proposal(
        "a.org/q/",
        "a.org",
        10,
        4,
        ("http://a.org/q/1 | one", "http://a.org/q/2 | two", "http://a.org/q/3 | x"),
    )
    assert by_share(0.4)(proposal) and not by_share(0.5)(proposal)
    assert by_samples({"http://a.org/q/1": True, "http://a.org/q/2": True})(proposal)
    assert not by_samples({"http://a.org/q/1": True, "http://a.org/q/2": False})(proposal)
    assert not by_samples({})(proposal)
    path = tmp_path / "prefixes.yaml"
    path.write_text("- {prefix: a.org/q/, accept: true}\n- {prefix: b.org/, accept: false}\n")
    assert from_yaml(path)(proposal)
    path.write_text("- {prefix: 'https://www.A.org/q', accept: true}\n")
    assert from_yaml(path)(proposal), "a prefix written as a URL"
    for text, message in (
        (
            "[{prefix: a.org/, accept: yes please}]",
            "a.org/: accept is 'yes please'; write true or false",
        ),
        ("[{prefix: a.org/}]", "accept is None"),
        (
            "[{prefix: a.org, accept: true}, {prefix: a.org/, accept: false}]",
            "accepted and not accepted",
        ),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            from_yaml(path)
    for text in ("- 3", "a: [", "{}x"):
        path.write_text(text)
        with pytest.raises(UserError, match="prefixes.yaml"):
            from_yaml(path)
    with pytest.raises(UserError, match="no such file"):
        from_yaml(tmp_path / "none.yaml")


MATH = "theorem proof integer prime sum equation root polynomial matrix vector".split()
HARD = "lemma group ring ideal module sheaf scheme functor category kernel".split()
OTHER = "recipe football travel weather shop music garden kitchen holiday market".split()


def web(folder: Path, shards: int) -> list[dict]:
    """A web whose mathematics is not all of the kind of the seed: the seed has no word of the HARD
    pages, which stand under math.org/forum/ beside pages that mix both kinds of words. Returns the
    seed.
    """
    rng, pages = random.Random(0), []
    for i in range(240):
        where, words = f"news{i % 4}.org/{'ab'[i % 2]}", OTHER
        if i % 3 == 0:
            where, words = "math.org/forum", MATH if i % 6 else HARD + 5 * OTHER
        elif i % 7 == 0:
            where, words = "math.org/shop", OTHER
        text = " ".join(rng.choices(words, k=60))
        pages.append((f"http://{where}/{i}", f"<html><body><p>{text}</p></body></html>".encode()))
        if i % 30 == 0:  # a near-duplicate on another domain
            pages.append(
                (f"http://copy.org/{i}", f"<html><body><p>Copied {text}</p></body></html>".encode())
            )
    for number in range(shards):
        write_warc(folder / "in" / f"{number}.warc.gz", pages[number::shards])
    return [
        {"url": f"http://seed.org/{i}", "text": " ".join(rng.choices(MATH, k=60))}
        for i in range(40)
    ]


def run(folder: Path, shards: int, iterations: int) -> tuple[dict, list[dict], Path]:
    folder.mkdir(exist_ok=True)
    seed = web(folder, shards)
    cfg = CorpusConfig(
        keep_fraction=0.34, classifier=ClassifierConfig(dim=16, bucket=1000, min_count=1, epoch=40, lr=0.5),
        recall=RecallConfig(iterations=iterations, min_pages=5),
    )  # fmt: skip
    truth = {f"http://math.org/forum/{i}": True for i in range(240)}
    truth |= {f"http://math.org/shop/{i}": False for i in range(240)}
    summary = mine(
        [folder / "in"], seed, {}, cfg, folder / "out", folder / "work", 1, by_samples(truth)
    )
    return summary, list(rows_of(folder / "out" / "pages.parquet")), folder / "out"


def test_loop_grows_the_seed_by_prefixes_and_converges(tmp_path):
    summary, pages, out = run(tmp_path / "loop", 2, 3)
    assert sum("/forum/" in row["url"] for row in pages) >= 70
    rows = summary["iterations"]
    assert (
        rows[-1]["pages_collected_before"] > rows[1]["pages_collected_before"]
        and "tokens_collected_before" in rows[-1]
    )
    assert rows[0]["seed_pages_added"] > 0 and rows[0]["prefixes_accepted"] >= 1
    proposals = {
        row["prefix"]: row for row in yaml.safe_load((out / "prefixes-1.yaml").read_text())
    }
    assert (
        proposals["math.org/forum/"]["accept"] is True
        and len(proposals["math.org/forum/"]["samples"]) == 10
    )
    assert not proposals.get("math.org/shop/", {"accept": False})["accept"]
    assert {row["iteration"] for row in pages} >= {1, 2}
    assert summary["rejects"]["near_duplicate"] == 8
    again, other, _ = run(tmp_path / "sharded", 5, 3)
    assert {row["url"] for row in other} == {row["url"] for row in pages}


def test_corpus_has_the_same_bytes_for_any_number_of_parts(tmp_path, monkeypatch):
    made, parts = [], []
    counted = clusters.pair_tasks
    monkeypatch.setattr(
        clusters, "pair_tasks", lambda *given: parts.append(counted(*given)) or parts[-1]
    )
    for rows in (bands.ROWS, 100):
        monkeypatch.setattr(bands, "ROWS", rows)
        summary, _, out = run(tmp_path / str(rows), 3, 1)
        assert summary["rejects"]["near_duplicate"] == 8
        made.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})
        assert len(parts[-1]) == -(-248 * CFG.bands // rows)
        assert not (out.parent / "work/pairs").exists()
    assert made[0] == made[1]


def trainings(work: Path) -> dict[str, int]:
    """When each iteration was trained for."""
    receipts = sorted(work.glob("iteration-*/classifier.receipt"))
    return {path.parent.name: path.stat().st_mtime_ns for path in receipts}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_resume_trains_no_classifier_again(tmp_path):
    _, _, out = run(tmp_path / "a", 2, 3)
    work = out.parent / "work"
    first, made = trainings(work), files(out)
    assert len(first) == 3
    assert [path.parent.name for path in work.glob("*/classifier.bin")] == ["iteration-3"]
    run(tmp_path / "a", 2, 3)
    assert trainings(work) == first and files(out) == made
    next(work.glob("iteration-3/scores/*.npy")).unlink()  # the classifier is there to make it
    run(tmp_path / "a", 2, 3)
    assert trainings(work) == first and files(out) == made
    next(work.glob("iteration-1/scores/*.npy")).unlink()  # its classifier is gone
    run(tmp_path / "a", 2, 3)
    again = trainings(work)
    assert {name for name in first if again[name] != first[name]} == {"iteration-1"}
    assert files(out) == made


def test_a_shorter_loop_ends_with_its_own_classifier(tmp_path):
    run(tmp_path / "a", 2, 3)
    _, _, shorter = run(tmp_path / "a", 2, 1)
    _, _, fresh = run(tmp_path / "b", 2, 1)
    for name in ("classifier.bin", "pages.parquet", "rejects.parquet", "funnel.json"):
        assert (shorter / name).read_bytes() == (fresh / name).read_bytes(), name
