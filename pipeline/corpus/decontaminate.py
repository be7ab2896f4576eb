"""Decontamination as in section 2.1: text that holds a benchmark's words is removed.

A segment (line of a page) with a 10-gram that occurs exactly in a benchmark question or answer is dropped; benchmark
texts shorter than 10 grams but of at least 3 are matched whole. A gram is a word, a number or a CJK character;
operators and LaTeX commands are none, since a formula's layout is no evidence of copying. Every hit becomes an audit row.

The information rule, a deviation from the paper that is off by default, lets two kinds of hit pass: counting runs, and
lone commonplaces ("the three angles of a triangle add up to 180"), which agree with a long benchmark text for fewer than
`RUN` grams. A copied question agrees from its first gram to its last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.tokens import gram_spans, grams

PREFIX = 4
RUN = 13  # grams; the length that the n-gram overlap studies of GPT-3 take as evidence of copying


@dataclass(frozen=True)
class Hit:
    """Characters `start`..`end` of a page equal `gram`, which is in text `item` of `benchmark`."""

    start: int
    end: int
    gram: str
    benchmark: str
    item: int
    counting_run: bool
    lone: bool  # the text agrees for fewer than RUN grams here, and this is not the whole benchmark text

    @property
    def uninformative(self) -> bool:
        return self.counting_run or self.lone


class Index:
    """The grams of all benchmark texts."""

    def __init__(self, benchmarks: dict[str, list[str]], cfg: DecontaminateConfig):
        self.cfg = cfg
        self.where: dict[str, tuple[str, int]] = {}  # joined gram -> first benchmark text that holds it
        self.by_prefix: dict[tuple[str, ...], set[int]] = {}  # first grams -> lengths of the grams that begin so
        self.in_brief: dict[str, int] = {}  # grams of texts under RUN grams: matches in a row that make such a text
        self.texts = self.short = self.unmatched = 0
        for name in sorted(benchmarks):
            for item, text in enumerate(benchmarks[name]):
                self._add(name, item, grams(text))

    def _add(self, name: str, item: int, words: list[str]) -> None:
        size = min(len(words), self.cfg.ngram)
        self.texts += 1
        if size < self.cfg.shortest:
            self.unmatched += 1
            return
        self.short += size < self.cfg.ngram
        for at in range(len(words) - size + 1):
            gram = words[at : at + size]
            joined = " ".join(gram)
            self.where.setdefault(joined, (name, item))
            if len(words) < RUN:
                row = len(words) - size + 1
                self.in_brief[joined] = min(row, self.in_brief.get(joined, row))
            self.by_prefix.setdefault(tuple(gram[:PREFIX]), set()).add(size)

    def hits(self, text: str) -> list[Hit]:
        """Every benchmark gram in a page, in order."""
        words = grams(text)
        found = list(self._matches(words))
        if not found:
            return []
        spans, rows = gram_spans(text), matches_in_a_row([at for at, size, _ in found if size == self.cfg.ngram])
        enough = max(1, RUN - self.cfg.ngram + 1)
        return [
            Hit(
                spans[at][0], spans[at + size - 1][1], gram, *self.where[gram], is_counting_run(words[at : at + size]),
                rows.get(at, 1) < min(enough, self.in_brief.get(gram, enough)),
            )
            for at, size, gram in found
        ]  # fmt: skip

    def _matches(self, words: list[str]) -> Iterator[tuple[int, int, str]]:
        """(first gram, number of grams, joined) of each match. A dictionary look-up of the first four grams comes
        first: it is what nearly every place of a page costs."""
        table = self.by_prefix
        starts = [words[i:] for i in range(PREFIX)]
        long_enough = [i for i, gram in enumerate(zip(*starts, strict=False)) if gram in table]
        candidates = [(i, table[tuple(words[i : i + PREFIX])]) for i in long_enough]
        if self.short:
            for width in range(self.cfg.shortest, PREFIX):
                starts = [words[i:] for i in range(width)]
                candidates += [(i, {width}) for i, gram in enumerate(zip(*starts, strict=False)) if gram in table]
        for at, sizes in sorted(candidates, key=lambda candidate: candidate[0]):
            for size in sorted(sizes):
                gram = " ".join(words[at : at + size])
                if at + size <= len(words) and gram in self.where:
                    yield at, size, gram


def matches_in_a_row(places: list[int]) -> dict[int, int]:
    """For each place of a match, how many matches at neighbouring places it stands among."""
    rows: dict[int, int] = {}
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[end - 1] + 1:
            rows |= dict.fromkeys(places[start:end], end - start)
            start = end
    return rows


def is_counting_run(words: list[str]) -> bool:
    """The first half of the information rule: a gram that only counts or enumerates symbols says nothing about
    copying. True when it has no word of two letters or more and no CJK character (x 1 y 1 x 2 y 2), or fewer than three
    distinct ones around four numbers or more, nine in ten of which follow one another by a constant step.
    """
    informative = {word for word in words if not word[0].isdigit() and (len(word) > 1 or ord(word[0]) > 0x2E80)}
    if not informative:
        return True
    numbers = [float(word) for word in words if word.isascii() and word.replace(".", "", 1).isdigit()]
    steps = [round(b - a, 9) for a, b in zip(numbers, numbers[1:], strict=False)]
    most = max(map(steps.count, set(steps)), default=0)
    return len(informative) < 3 and len(numbers) >= 4 and most >= 0.9 * len(steps)


@dataclass(frozen=True)
class Cleaned:
    """`text` is None when nothing is left. `hits` counts all, `excused` those that the information rule lets pass."""

    text: str | None
    hits: list[Hit]
    removed_segments: int


def clean(text: str, index: Index) -> Cleaned:
    """Remove from a page what a benchmark holds; see the module's first lines. A match over a line end takes both
    lines."""
    hits = index.hits(text)
    counted = [hit for hit in hits if not (index.cfg.information_rule and hit.uninformative)]
    if not counted:
        return Cleaned(text, hits, 0)
    if index.cfg.mode == "page":
        return Cleaned(None, hits, 0)
    kept, removed, at = [], 0, 0
    for line in text.split("\n"):
        end = at + len(line)
        if any(hit.start < end and hit.end > at for hit in counted):
            removed += 1
        else:
            kept.append(line)
        at = end + 1
    rest = "\n".join(kept)
    return Cleaned(rest if rest.strip() else None, hits, removed)
