"""Cheap tests that keep a rule from being tried on a text in which it cannot match.

A rule about denials looks for dozens of wordings, and nearly every output has none of them. Its
hints are pieces of text of which at least one is in each of its matches, so a text without hints is
passed over by a few substring searches. Hints decide nothing: without them every verdict is the
same (tests/test_grading_hints.py)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_LETTER = re.compile(r"[^\W\d_]")


class Hinted:
    """A pattern with its hints, divided by "|"; in small letters where the pattern ignores case.

    >>> Hinted(r"\\bnot (\\d)", "not", re.I).search("NOT 5")[1]
    '5'
    """

    def __init__(self, pattern: str, hints: str, flags: int = 0) -> None:
        self.pattern, self.hints = re.compile(pattern, flags), tuple(hints.split("|"))
        self.ascii_hints = tuple(hint for hint in self.hints if hint.isascii())
        self.any_case = bool(self.pattern.flags & re.IGNORECASE)

    def search(self, text: str, small: str | None = None) -> re.Match[str] | None:
        """As re.Pattern.search. small -- `folded(text)`, where several patterns ask for it."""
        return self.pattern.search(text) if self.may_match(text, small) else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As re.Pattern.finditer."""
        return self.pattern.finditer(text) if self.may_match(text) else iter(())

    def sub(self, by: str | Callable[[re.Match[str]], str], text: str) -> str:
        """As re.Pattern.sub."""
        return self.pattern.sub(by, text) if self.may_match(text) else text

    def may_match(self, text: str, small: str | None = None) -> bool:
        """False only where the pattern has no match in `text`."""
        searched = (small or folded(text)) if self.any_case else text
        hints = self.ascii_hints if searched.isascii() else self.hints
        for hint in hints:  # noqa: SIM110 (a generator costs more than the searches)
            if hint in searched:
                return True
        return False


def folded(text: str) -> str:
    """Small letters, so that letters that re.IGNORECASE takes for the same are the same: it matches
    i against the Turkish capital and the one without a dot, which casefold keeps apart."""
    small = text.casefold()
    return small if small.isascii() else small.replace("ı", "i").replace("i̇", "i")


def has_words(text: str, at: int = 0) -> bool:
    """Whether a letter of any script stands in `text` from `at` on, so that it may say something.

    >>> has_words("\\\\boxed{5}$.", 8), has_words("5 米")
    (False, True)
    """
    return _LETTER.search(text, at) is not None
