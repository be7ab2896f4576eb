"""The words behind a value: a unit, which is dropped, or words that change the value."""

from __future__ import annotations

import re

from pipeline.grading.expr.tokens import Token, Unreadable


def without_unit(tokens: list[Token]) -> list[Token]:
    """Cut a trailing run of words, with their powers and slashes: 5 \\text{cm}^2, 60 km/h, 18
    (元)."""
    for k, token in enumerate(tokens):
        opens = token == ("op", "(") and k + 1 < len(tokens) and tokens[k + 1].kind == "text"
        if k and (token.kind == "text" or opens):
            if _NO_UNIT.search(" ".join(t.text for t in tokens[k:])):
                raise Unreadable("words that change the value")
            if all(_in_unit(tokens, at) for at in range(k, len(tokens))):
                return tokens[:k]
            break
    if tokens and tokens[0].kind == "text" and len(tokens) > 1:
        raise Unreadable("words before a value")
    return tokens


def is_unit(words: str) -> bool:
    """Whether words behind a letter may be its unit: x hours, but not x squared or x axis."""
    return not _NO_UNIT.search(words) and not _OF_A_LETTER.match(words)


def _in_unit(tokens: list[Token], at: int) -> bool:
    kind, text = tokens[at]
    if kind == "num":  # only as a power
        return tokens[at - 1].text in "^-" or (
            tokens[at - 1].text == "{" and tokens[at - 2].text == "^"
        )
    return (
        kind == "text"
        or (kind == "op" and text in "/^{}-()*.,'")
        or (kind == "sym" and tokens[at - 1].text in "/*.")
    )


_OF_A_LETTER = re.compile(
    r"(?:ax[ei]s|intercepts?|coordinates?|components?|directions?|planes?|values?|th|is|are|as|in|to"
    r"|of|for|if|when|times|percent|per)\b"
)
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
_NO_UNIT = re.compile(
    r"\b(?:and|or|not|more|less|least|most|over|under|above|below|plus|minus)\b"
    r"|以上|以下|以内|以外|之间|左右|多|不|或|和|半(?![径圆球])|^的|^次[方幂]"
    r"|^(?:squared|cubed|factorial|base|doubled|tripled|quadrupled|halved|fold|score|gross|tens|(?:hundred|dozen|"
    r"thousand|[mbtr]+illion)s?|halves|(?:third|f(?:our|if)th|(?:six|seven|eigh|nin|ten|hundred|thousand|"
    rf"[mbtr]+illion)th)s|(?:of )?(?:{_MONTHS}))\b"
)
