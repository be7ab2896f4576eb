"""Tokens as arrays are the tokens of the regular expressions: places, number, hashes; and so is
what is found by them.
"""

import random
import zlib

import pytest

from pipeline.corpus import spans
from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.decontaminate import Index, rolled
from pipeline.corpus.tokens import gram_spans, grams, tokens

HARD = [
    *"\\\\aBzβé12..²¼⁺_ \n・若が１Ａ①Ⅷ${´ﬁ\u0301𠀀𝑥İ\x1c\u3000ﷺ߁-", "\ud800", "\\alpha", "3.14", "x" * 40, "И" * 3,
]  # fmt: skip
FIXED = (
    "", ".", "\\", "a", "1.2.3.4", "\\\\alpha", "\\\\\\alpha", "\\alphaβγ b\\betaαb", "\\1.5\\.5", "x_{12}\\_y",
    "若 $x^2=9$，則ｘ＝３", "1.２.3", "\\・か", "\\⁺\\²", "aβ\\", "Ｄ.Ｅ",
)  # fmt: skip


def crc(words: list[str]) -> list[int]:
    return [zlib.crc32(word.encode("utf-8", "replace")) for word in words]


def random_texts(count: int) -> list[str]:
    rng = random.Random(5)
    pick = [rng.sample(HARD, rng.randrange(1, len(HARD))) for _ in range(count)]
    return ["".join(rng.choices(signs, k=rng.choice([1, 3, 8, 30]))) for signs in pick]


def test_arrays_are_the_tokens_of_the_regular_expressions(monkeypatch):
    monkeypatch.setattr(spans, "BRIEF", 0)  # no text is left to the regular expressions
    for text in [
        *FIXED,
        *random_texts(2_000),
        "".join(map(chr, range(0x250))),
        "".join(f"\\{chr(c)}" for c in range(0x250)),
    ]:
        assert spans.token_ids(text).tolist() == crc(tokens(text)), repr(text)
        assert spans.token_count(text) == len(tokens(text)), repr(text)
        ids, starts, ends = spans.gram_ids(text)
        assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == gram_spans(text), repr(
            text
        )
        assert ids.tolist() == crc(grams(text)), repr(text)


def test_a_long_text_and_its_parts_have_the_same_tokens():
    """Above and below the length from which arrays are used."""
    lines = [text.replace("\n", " ") for text in random_texts(400)]
    whole = "\n".join(lines)
    assert len(whole) > spans.BRIEF
    assert spans.token_ids(whole).tolist() == [
        i for line in lines for i in spans.token_ids(line).tolist()
    ]


def test_rolled_hashes_know_words_and_order():
    once, twice = spans.token_ids("a b c a b c"), spans.token_ids("a c b")
    three = dict(rolled(once, 3))[3].tolist()
    assert three[0] == three[3] and len(set(three)) == 3
    assert dict(rolled(twice, 3))[3][0] not in three
    assert list(rolled(once[:2], 3))[-1][0] == 2  # no gram of three in a text of two


@pytest.mark.parametrize("shortest", [3, 5])
def test_hits_are_those_of_a_plain_search(shortest):
    """Every match of the index's grams, found by comparing all runs of words, and no other."""
    rng = random.Random(2)
    words = ["one", "two", "若", "3", "x", "7.5", "Ｂ"]
    texts = [
        " ".join(rng.choices(words, k=rng.choice([1, 2, 3, 4, 6, 9, 10, 14]))) for _ in range(60)
    ]
    index = Index({"b": texts}, DecontaminateConfig(shortest=shortest))
    for _ in range(60):
        page = " ".join(
            rng.choices([*words, "\\frac", "="], k=60)
            + rng.choice(texts).split()
            + rng.choices(words, k=20)
        )
        said, where = grams(page), gram_spans(page)
        expected = {
            (where[at][0], where[at + size - 1][1], gram)
            for size in range(1, 11) for at in range(len(said) - size + 1)
            if (gram := " ".join(said[at : at + size])) in index.where
        }  # fmt: skip
        found = [(hit.start, hit.end, hit.gram) for hit in index.hits(page)]
        assert len(found) == len(set(found)) and set(found) == expected
        assert found == sorted(found, key=lambda hit: hit[0])
