"""Where the steps of an output end: as characters of its text, and as tokens (section 4.1.3)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache


def line_ends(text: str) -> list[int]:
    """Steps of a solution are its lines: the end (exclusive) of every line that is not blank.

    A text without such a line is one step.
    """
    ends, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            ends.append(start + len(line))
        start += len(line) + 1
    return ends or [len(text)]


def token_ends(tokenizer, tokens: Sequence[int], text: str, ends: Sequence[int]) -> list[int]:
    """Index of the token that completes text[:end] for each end.

    The last step runs to the output's last token. `text` is the tokens decoded without special
    tokens. The places are found by decoding prefixes of the tokens themselves, so any merges, and
    characters that are split over several tokens, are safe. Ends that fall into one token keep the
    order of the steps.
    """
    pieces = [_piece(tokenizer, token) for token in tokens]
    if "".join(pieces) == text:
        lengths, total = [], 0
        for piece in pieces:
            total += len(piece)
            lengths.append(total)
        found = [min(bisect_left(lengths, end), len(tokens) - 1) for end in ends]
    else:
        found = [_by_prefixes(tokenizer, tokens, text[:end]) for end in ends]
    found[-1] = len(tokens) - 1
    return found


def _by_prefixes(tokenizer, tokens: Sequence[int], prefix: str) -> int:
    """The first token up to which the decoded text begins with `prefix`."""

    def complete(t: int) -> bool:
        decoded = tokenizer.decode(
            tokens[: t + 1], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded.startswith(prefix)

    return bisect_left(range(len(tokens) - 1), True, key=complete)


@lru_cache(maxsize=1 << 18)
def _piece(tokenizer, token: int) -> str:
    return tokenizer.decode([token], skip_special_tokens=True, clean_up_tokenization_spaces=False)
