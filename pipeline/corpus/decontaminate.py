"""Decontamination as in section 2.1: text that holds a benchmark's words is removed.

A segment (line of a page) with a 10-gram that occurs exactly in a benchmark question or answer is
dropped; benchmark texts shorter than 10 grams but of at least 3 are matched whole. A gram is a
word, a number or a CJK character; operators and LaTeX commands are none, since a formula's layout
is no evidence of copying. Every hit becomes an audit row.

`normalise`, a deviation from the paper that is off by default, compares the normal forms of both
sides as well (normalise.py); what only they show is marked in the audit and counted apart.

The information rule, a deviation from the paper that is off by default, lets two kinds of hit pass:
counting runs, and lone commonplaces ("the three angles of a triangle add up to 180"), which agree
with a long benchmark text for fewer than `RUN` grams. A copied question agrees from its first gram
to its last.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.normalise import normalised
from pipeline.corpus.spans import gram_ids, plain, word_id
from pipeline.corpus.tokens import grams

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
    normalised: bool = (
        False  # found only in the normal form; start and end are then those of whole lines
    )

    @property
    def uninformative(self) -> bool:
        return self.counting_run or self.lone


def hit_row(hit: Hit, index: Index) -> dict[str, Any]:
    """The row of an audit file: the hit, whether it counts (`removed`), and `also`, the other
    benchmarks that hold the gram, each with its first text that does.
    """
    removed = not (hit.uninformative and index.cfg.information_rule)
    row = asdict(hit)
    if not index.cfg.normalise:
        del row["normalised"]
    held = index.normal if hit.normalised and index.normal else index
    return {**row, "removed": removed, "also": held.also.get(hit.gram, {})}


class Index:
    """The grams of all benchmark texts."""

    def __init__(self, benchmarks: dict[str, list[str]], cfg: DecontaminateConfig):
        self.cfg = cfg
        self.where: dict[
            str, tuple[str, int]
        ] = {}  # joined gram -> first benchmark text that holds it
        self.also: dict[
            str, dict[str, int]
        ] = {}  # joined gram -> other benchmarks that hold it, with their first text
        self.sieve = Sieve()
        self.in_brief: dict[
            str, int
        ] = {}  # grams of texts under RUN grams: matches in a row that make such a text
        self.texts = self.short = self.unmatched = 0
        for name in sorted(benchmarks):
            for item, text in enumerate(benchmarks[name]):
                self._add(name, item, grams(text))
        self.sieve.close()
        self.normal: Index | None = None  # the same of the texts' normal forms
        if cfg.normalise:
            forms = {
                name: [normalised(text) for text in texts] for name, texts in benchmarks.items()
            }
            self.normal = Index(forms, replace(cfg, normalise=False))

    def _add(self, name: str, item: int, words: list[str]) -> None:
        size = min(len(words), self.cfg.ngram)
        self.texts += 1
        if size < self.cfg.shortest:
            self.unmatched += 1
            return
        self.short += size < self.cfg.ngram
        self.sieve.add(words, size)
        for at in range(len(words) - size + 1):
            joined = " ".join(words[at : at + size])
            first, _ = self.where.setdefault(joined, (name, item))
            if first != name:
                self.also.setdefault(joined, {}).setdefault(name, item)
            if len(words) < RUN:
                row = len(words) - size + 1
                self.in_brief[joined] = min(row, self.in_brief.get(joined, row))

    def hits(self, text: str) -> list[Hit]:
        """Every benchmark gram in a page, in order."""
        ids, starts, ends = gram_ids(text)
        places = self.sieve.places(ids)
        if not places:
            return []
        spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
        runs = [(at, [plain(text[a:b]) for a, b in spans[at : at + size]]) for at, size in places]
        found = [(at, words, gram) for at, words in runs if (gram := " ".join(words)) in self.where]
        rows = matches_in_a_row([at for at, words, _ in found if len(words) == self.cfg.ngram])
        enough = max(1, RUN - self.cfg.ngram + 1)
        return [
            Hit(
                spans[at][0], spans[at + len(words) - 1][1], gram, *self.where[gram], is_counting_run(words),
                rows.get(at, 1) < min(enough, self.in_brief.get(gram, enough)),
            )
            for at, words, gram in found
        ]  # fmt: skip


class Sieve:
    """Hashes of all grams of an index, by their number of words: finds the few places of a page
    worth a comparison.
    """

    def __init__(self) -> None:
        self.parts: dict[int, list[np.ndarray]] = {}
        self.hashes: dict[int, np.ndarray] = {}  # sorted
        self.bits: dict[int, np.ndarray] = {}  # whether a hash begins with these bits

    def add(self, words: list[str], size: int) -> None:
        ids = np.array([word_id(word) for word in words], dtype=np.uint32)
        self.parts.setdefault(size, []).append(dict(rolled(ids, size))[size])

    def close(self) -> None:
        for size, parts in self.parts.items():
            self.hashes[size] = np.unique(np.concatenate(parts))
            width = max(10, len(self.hashes[size]).bit_length() + 4)
            self.bits[size] = np.zeros(1 << width, dtype=bool)
            self.bits[size][self.hashes[size] >> np.uint64(64 - width)] = True
        self.parts = {}

    def places(self, ids: np.ndarray) -> list[tuple[int, int]]:
        """(first word, number of words) of each run whose hash is in the index, in the order of a
        page.
        """
        found: list[tuple[int, int]] = []
        for size, hashes in rolled(ids, max(self.hashes, default=0)):
            if size not in self.hashes:
                continue
            bits, known = self.bits[size], self.hashes[size]
            maybe = np.flatnonzero(bits[hashes >> np.uint64(65 - len(bits).bit_length())])
            nearest = np.searchsorted(known, hashes[maybe]).clip(max=len(known) - 1)
            found += [(at, size) for at in maybe[known[nearest] == hashes[maybe]].tolist()]
        return sorted(
            found, key=lambda place: (place[0], place[1] < 4, place[1])
        )  # the order of the audit's rows


def rolled(ids: np.ndarray, most: int) -> Iterator[tuple[int, np.ndarray]]:
    """(n, hash of the n words at each place) for n from 1 to `most`, as far as there are words."""
    mixed, ids = np.zeros(len(ids), dtype=np.uint64), ids.astype(np.uint64)
    for size in range(1, min(most, len(ids)) + 1):
        count = len(ids) - size + 1
        mixed = (mixed[:count] ^ ids[size - 1 :]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
        yield size, mixed


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
    """The first half of the information rule: a gram that only counts or enumerates symbols says
    nothing about copying. True when it has no word of two letters or more and no CJK character (x 1
    y 1 x 2 y 2), repeats one or two tokens six times or more (array c c c c c), or has fewer than
    three distinct words around four numbers or more, nine in ten of which follow one another by a
    constant step.
    """
    if len(words) > 5 and len(set(words)) < 3:
        return True
    informative = {
        word for word in words if not word[0].isdigit() and (len(word) > 1 or ord(word[0]) > 0x2E80)
    }
    if not informative:
        return True
    numbers = [
        float(word) for word in words if word.isascii() and word.replace(".", "", 1).isdigit()
    ]
    steps = [round(b - a, 9) for a, b in zip(numbers, numbers[1:], strict=False)]
    most = max(map(steps.count, set(steps)), default=0)
    return len(informative) < 3 and len(numbers) >= 4 and most >= 0.9 * len(steps)


@dataclass(frozen=True)
class Cleaned:
    """`text` is None when nothing is left. `hits` are all, with those that the information rule
    lets pass; `removed` are the lines that were dropped, as (start, end) in the text before.
    """

    text: str | None
    hits: list[Hit]
    removed: tuple[tuple[int, int], ...] = ()

    @property
    def removed_segments(self) -> int:
        return len(self.removed)


def clean(text: str, index: Index) -> Cleaned:
    """Remove from a page what a benchmark holds; see the module's first lines. A match over a line
    end takes both lines.
    """
    hits = index.hits(text)
    if index.normal is not None:
        hits = sorted(
            [*hits, *hits_of_normal_form(text, index.normal, hits)], key=lambda hit: hit.start
        )
    counted = [hit for hit in hits if not (index.cfg.information_rule and hit.uninformative)]
    if not counted:
        return Cleaned(text, hits)
    if index.cfg.mode == "page":
        return Cleaned(None, hits)
    kept, removed, at = [], [], 0
    for line in text.split("\n"):
        end = at + len(line)
        if any(hit.start < end and hit.end > at for hit in counted):
            removed.append((at, end))
        else:
            kept.append(line)
        at = end + 1
    rest = "\n".join(kept)
    return Cleaned(rest if rest.strip() else None, hits, tuple(removed))


def hits_of_normal_form(text: str, index: Index, found: list[Hit]) -> list[Hit]:
    """What is found in the normal form alone, on the lines of the text that no hit of `found` takes
    already.
    """
    form = normalised(text)
    hits = index.hits(form)
    if not hits:
        return []
    ends = [at for at, character in enumerate(text + "\n") if character == "\n"]
    starts = [0, *(end + 1 for end in ends[:-1])]
    breaks = [at for at, character in enumerate(form) if character == "\n"]
    taken = [(hit.start, hit.end) for hit in found]
    own = []
    for hit in hits:
        first, last = bisect_right(breaks, hit.start), bisect_right(breaks, hit.end - 1)
        start, end = starts[first], ends[last]
        if not any(low < end and high > start for low, high in taken):
            own.append(replace(hit, start=start, end=end, normalised=True))
    return own


def formulas_left(
    text: str, formulas: list[dict[str, Any]], removed: tuple[tuple[int, int], ...]
) -> list[dict[str, Any]]:
    """Of the formulas of a row of `extract`, those that do not stand on a removed line. They are
    listed in the order of the text, each written between dollars there.
    """
    left, at, starts = [], 0, [start for start, _ in removed]
    for formula in formulas:
        dollars = "$$" if formula["display"] else "$"
        written = f"{dollars}{formula['latex']}{dollars}"
        place = text.find(written, at)
        if place >= 0:
            at = place + len(written)
            line = bisect_right(starts, place) - 1
            if line >= 0 and place < removed[line][1]:
                continue
        left.append(formula)
    return left
