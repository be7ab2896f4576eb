"""The tokens of `tokens.py` as arrays: where each begins and ends, and a hash of each.

MinHash and decontamination read texts of many kilobytes and need no token as a string. Classes of
characters are looked up in a table and tokens cut by comparing neighbours, so a text costs some
thirty array operations and no loop in Python. Shape suffixes: C characters of the text, T its
tokens. tests/test_corpus_spans.py holds that the tokens are those of the regular expressions, and
the hashes those of the strings.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

import numpy as np

from pipeline.corpus.tokens import ASCII_UPPER, CJK, NUMBER, WORD, normal, tokens

SPACE, LETTER, DIGIT, LONE, LONE_SIGN, BACKSLASH, SIGN, MARK, UNKNOWN = range(9)
# In the order in which they are asked. LONE: a token of one character that is a gram, as CJK
# characters and superscript digits are; LONE_SIGN: one that a backslash takes to itself, as it does
# any SIGN; MARK: the underscore, which it leaves.
KINDS = (
    (SPACE, r"\s"), (BACKSLASH, r"\\"), (LONE_SIGN, rf"(?=[^\w\s])(?:[{CJK}]|{NUMBER})"), (DIGIT, r"\d"),
    (LONE, rf"[{CJK}]|{NUMBER}"), (LETTER, WORD[:-1]), (MARK, "_"), (SIGN, r"[^\w\s]"),
)  # fmt: skip
GRAM_KINDS = np.array([kind in (LETTER, DIGIT, LONE, LONE_SIGN) for kind in range(UNKNOWN)])
BRIEF = 1_500  # characters; the regular expressions are faster on shorter texts
LONGEST = 24  # bytes; longer tokens are hashed one by one
CRC_FIRST = np.uint32(0xFFFFFFFF)


def _kind(code: int) -> int:
    return next((kind for kind, pattern in KINDS if re.fullmatch(pattern, chr(code))), SIGN)


@lru_cache(maxsize=1)
def _kinds() -> np.ndarray:
    """The kind of each code point (uint8); `kinds_of` fills in blocks of 256 as texts need them."""
    table = np.full(0x110000, UNKNOWN, dtype=np.uint8)
    table[:256] = [_kind(code) for code in range(256)]
    return table


def kinds_of(codes_C: np.ndarray) -> np.ndarray:
    table = _kinds()
    kinds_C = table[codes_C]
    if codes_C.dtype != np.uint8 and kinds_C.max(initial=0) == UNKNOWN:
        for block in np.unique(codes_C[kinds_C == UNKNOWN] >> 8).tolist():
            table[block << 8 : (block + 1) << 8] = [
                _kind(code) for code in range(block << 8, (block + 1) << 8)
            ]
        kinds_C = table[codes_C]
    return kinds_C


def codes_of(text: str) -> np.ndarray:
    """Code points: uint8 for ASCII, uint32 else."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def cut(codes_C: np.ndarray, kinds_C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(start, end) of each token."""
    if not len(codes_C):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    begins_C = kinds_C != SPACE
    same_C = kinds_C[1:] == kinds_C[:-1]
    begins_C[1:] &= ~(same_C & ((kinds_C[1:] == LETTER) | (kinds_C[1:] == DIGIT)))
    _decimals(codes_C, kinds_C, begins_C)
    _commands(codes_C, kinds_C, begins_C)
    edges = np.flatnonzero(begins_C | (kinds_C == SPACE))
    ends = np.append(edges[1:], len(codes_C))
    is_token = begins_C[edges]
    return edges[is_token], ends[is_token]


def _decimals(codes_C: np.ndarray, kinds_C: np.ndarray, begins_C: np.ndarray) -> None:
    """3.14 is one token, 1.2.3 is 1.2 and . and 3: of dots in a chain every other one is a decimal
    point.
    """
    is_digit_C = kinds_C == DIGIT
    dots = np.flatnonzero((codes_C[1:-1] == ord(".")) & is_digit_C[:-2] & is_digit_C[2:]) + 1
    if not len(dots):
        return
    runs = np.flatnonzero(is_digit_C & begins_C)
    follows = np.zeros(
        len(dots), dtype=bool
    )  # a dot right after the digits that follow the dot before it
    follows[1:] = runs[np.searchsorted(runs, dots[1:]) - 1] == dots[:-1] + 1
    points = dots[_place_in_chain(follows) % 2 == 0]
    begins_C[points] = begins_C[points + 1] = False


def _place_in_chain(follows: np.ndarray) -> np.ndarray:
    places = np.arange(len(follows))
    return places - np.maximum.accumulate(np.where(follows, 0, places))


def _commands(codes_C: np.ndarray, kinds_C: np.ndarray, begins_C: np.ndarray) -> None:
    r"""A backslash takes the ASCII letters after it, or one sign; of \\ the second is that sign."""
    slashes = np.flatnonzero(kinds_C[:-1] == BACKSLASH)
    if not len(slashes):
        return
    follows = np.zeros(len(slashes), dtype=bool)
    follows[1:] = slashes[1:] == slashes[:-1] + 1
    slashes = slashes[_place_in_chain(follows) % 2 == 0]
    after = kinds_C[slashes + 1]
    taken = (after == SIGN) | (after == LONE_SIGN) | (after == BACKSLASH)
    taken |= (after == LETTER) & (codes_C[slashes + 1] < 128)
    begins_C[slashes[taken] + 1] = False
    if codes_C.dtype != np.uint8:
        _end_commands(codes_C, kinds_C, begins_C)


def _end_commands(codes_C: np.ndarray, kinds_C: np.ndarray, begins_C: np.ndarray) -> None:
    r"""The first foreign letter ends a command: \alphaβγ is \alpha and βγ."""
    inside_C = (
        (kinds_C[1:] == LETTER)
        & (kinds_C[:-1] == LETTER)
        & (codes_C[1:] > 127)
        & (codes_C[:-1] < 128)
    )
    foreign = np.flatnonzero(inside_C) + 1
    starts = np.flatnonzero(begins_C)
    begun = starts[np.searchsorted(starts, foreign) - 1]
    first = np.diff(begun, prepend=-1) != 0
    begins_C[foreign[first & (kinds_C[begun] == BACKSLASH)]] = True


@lru_cache(maxsize=1)
def _crc_table() -> np.ndarray:
    """The table of CRC-32, so that its state after one more byte is table[(state ^ byte) & 255] ^
    state >> 8.
    """
    codes = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        codes = np.where(codes & 1, (codes >> 1) ^ np.uint32(0xEDB88320), codes >> 1)
    return codes


def plain(token: str) -> str:
    """A piece of text that is one token, as `tokens` gives it."""
    return token.lower() if token.isascii() else normal(token.translate(ASCII_UPPER))


@lru_cache(maxsize=1 << 16)
def word_id(token: str) -> int:
    """CRC-32 of a token."""
    return zlib.crc32(plain(token).encode("utf-8", "replace"))


def ids_of(text: str, codes_C: np.ndarray, starts_T: np.ndarray, ends_T: np.ndarray) -> np.ndarray:
    """`word_id` of each token (uint32). ASCII tokens together, a byte of all of them at a time, the
    longest first.
    """
    sizes_T = ends_T - starts_T
    together_T = sizes_T <= LONGEST
    if codes_C.dtype != np.uint8:
        foreign_C = np.append(0, np.cumsum(codes_C > 127))
        together_T &= foreign_C[ends_T] == foreign_C[starts_T]
    ids_T = np.empty(len(starts_T), dtype=np.uint32)
    places = np.flatnonzero(together_T)
    places = places[np.argsort(sizes_T[places].astype(np.uint8), kind="stable")[::-1]]
    starts, counts = starts_T[places], np.bincount(sizes_T[places], minlength=1)
    lower_C = (codes_C + ((codes_C - 65) < 26) * codes_C.dtype.type(32)).astype(np.uint8)
    table, state, left = _crc_table(), np.full(len(places), CRC_FIRST), len(places)
    for byte, count in enumerate(counts[1:].tolist()):
        now = state[:left]
        now[:] = table[(now ^ lower_C[starts[:left] + byte]) & 255] ^ (now >> 8)
        left -= count
    ids_T[places] = ~state
    others = np.flatnonzero(~together_T)
    if len(others):
        single = others[sizes_T[others] == 1]  # nearly all of a Chinese text
        distinct, inverse = np.unique(codes_C[starts_T[single]], return_inverse=True)
        ids_T[single] = np.array(
            [word_id(chr(code)) for code in distinct.tolist()], dtype=np.uint32
        )[inverse]
        for place in others[sizes_T[others] != 1].tolist():
            ids_T[place] = word_id(text[starts_T[place] : ends_T[place]])
    return ids_T


def token_ids(text: str) -> np.ndarray:
    """CRC-32 (uint32) of each of `tokens(text)`."""
    if len(text) < BRIEF:
        return np.array([word_id(token) for token in tokens(text)], dtype=np.uint32)
    codes_C = codes_of(text)
    return ids_of(text, codes_C, *cut(codes_C, kinds_of(codes_C)))


def token_count(text: str) -> int:
    """The number of `tokens(text)`."""
    if len(text) < BRIEF:
        return len(tokens(text))
    codes_C = codes_of(text)
    return len(cut(codes_C, kinds_of(codes_C))[0])


def gram_ids(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CRC-32, start and end of each of `grams(text)`."""
    codes_C = codes_of(text)
    kinds_C = kinds_of(codes_C)
    starts, ends = cut(codes_C, kinds_C)
    is_gram = GRAM_KINDS[kinds_C[starts]]
    starts, ends = starts[is_gram], ends[is_gram]
    return ids_of(text, codes_C, starts, ends), starts, ends
