"""Words behind a number that multiply it: million, dozen, tenths, 万, 亿, 打, 成, 折.

`1.5万` is 15000. Where the question asks in that unit (how many million, 多少万) it is 1.5 as well.
"""

from __future__ import annotations

import re
from fractions import Fraction

from pipeline.grading.answer.hints import Hinted

_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth".split()
WORDS: dict[str, Fraction] = {
    "ten": Fraction(10),
    "dozen": Fraction(12),
    "hundred": Fraction(100),
    "thousand": Fraction(10**3),
    "million": Fraction(10**6),
    "billion": Fraction(10**9),
    "trillion": Fraction(10**12),
    "halves": Fraction(1, 2),
    **{f"{word}s": Fraction(1, k) for k, word in enumerate(_ORDINALS, 3)},
    "hundredths": Fraction(1, 100),
    "thousandths": Fraction(1, 10**3),
    "millionths": Fraction(1, 10**6),
    "billionths": Fraction(1, 10**9),
}
CHINESE: dict[str, Fraction] = {
    "万亿": Fraction(10**12),
    "百万": Fraction(10**6),
    "千万": Fraction(10**7),
    "万": Fraction(10**4),
    "亿": Fraction(10**8),
    "十": Fraction(10),
    "百": Fraction(100),
    "千": Fraction(1000),
    "打": Fraction(12),
    "成": Fraction(1, 10),
    "折": Fraction(1, 10),
}
# a tens or thousands in the singular behind a numeral is spoken; "ten" alone is no factor
_WORD = "|".join(
    f"{w}s?" if w != "ten" and w[-1] != "s" else "tens" if w == "ten" else w for w in WORDS
)
PATTERN = rf"(?:{_WORD})\b|万亿|百万|千万|[万亿百打]|千(?![克米瓦卡])|十(?![\u3400-\u9fff]*分之)|成(?!为)|折"
_SCALED = Hinted(
    rf"(\d+(?:\.\d+)?)(\s*(?:\\text\s*\{{)?\s*)({PATTERN})(?!\d)",
    "ten|dozen|hundred|thousand|illion|halves|thirds|ths|万|亿|百|千|十|打|成|折",
)
_SEVERAL = re.compile(  # 1万5千, 1万2000, 2亿3000万
    r"(?<![\d.])(?:(\d{1,8})\s*亿\s*)?(?:(\d{1,4})\s*万\s*)?(?:(\d)\s*千(?![克米瓦卡]))?(\d{1,4}(?![\d.千百十万亿]))?"
)
_ASKED = Hinted(
    r"\bin (thousand|million|billion|trillion)s?\b|\bhow many (thousand|million|billion|trillion|dozen|hundred)s?\b"
    r"|[多几]少?\s*(万|亿|成|折|打)|[(（]\s*(万|亿)",
    "thousand|illion|dozen|hundred|万|亿|成|折|打",
    re.I,
)


def scaled(text: str) -> tuple[str, bool]:
    """`1.5万` as `15000`, and whether anything changed.

    >>> scaled("1.5万元"), scaled("2亿3000万"), scaled("5 dozen eggs"), scaled("5千克")
    (('15000元', True), ('230000000', True), ('60  eggs', True), ('5千克', False))
    """

    def several(match: re.Match[str]) -> str:
        if not (match[1] or match[2]) or sum(map(bool, match.groups())) < 2:
            return match[0]
        parts = zip(match.groups(), (8, 4, 3, 0), strict=True)
        return str(sum(int(part) * 10**exponent for part, exponent in parts if part))

    def one(match: re.Match[str]) -> str:
        value = Fraction(match[1]) * _factor(match[1], match[3])
        if value.denominator == 1:
            return f"{value}{match[2]}"
        return f"{value.numerator}/{value.denominator}{match[2]}"

    joined = _SEVERAL.sub(several, text) if "万" in text or "亿" in text else text
    changed = _SCALED.sub(one, joined)
    return changed, changed != text


def asked_in(question: str) -> frozenset[str]:
    """The words of `WORDS` and `CHINESE` in whose multiples the question asks: how many million,
    多少万."""
    found = (next(filter(None, match.groups())) for match in _ASKED.finditer(question))
    return frozenset(word.lower() for word in found)


def unscaled(text: str, asked: frozenset[str]) -> str | None:
    """`1.5万` as `1.5`, the reading in which the word is part of the unit; None where the question
    does not ask for it.

    A decimal number of 万 is read so without a question too, as school answers are written.
    """
    match = _SCALED.search(text)
    if match is None:
        return None
    word = match[3].lower()
    if word in asked or word.rstrip("s") in asked or (word == "万" and "." in match[1]):
        return _SCALED.sub(r"\1\2", text)
    return None


def _factor(digits: str, word: str) -> Fraction:
    if word == "折" and len(digits) == 2:  # 85折 is 85 %
        return Fraction(1, 100)
    if word in CHINESE:
        return CHINESE[word]
    return WORDS[word] if word in WORDS else WORDS[word.rstrip("s")]
