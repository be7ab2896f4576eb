"""The words behind a value: a unit, which is dropped, or words that change the value."""

from __future__ import annotations

import re

from pipeline.grading.expr.tokens import Token, Unreadable


def without_unit(tokens: list[Token]) -> list[Token]:
    """Cut a trailing run of words, with their powers and slashes: 5 \\text{cm}^2, 60 km/h, 18 (元)."""
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


_NO_UNIT = re.compile(
    r"\b(?:and|or|not|more|less|least|most|over|under|above|below)\b"
    r"|以上|以下|以内|以外|之间|左右|多|不|或|和|半(?![径圆球])|^的"
    r"|^(?:squared|cubed|factorial|base|hundred|dozen|halves|(?:third|f(?:our|if)th|(?:six|seven|eigh|nin|ten|"
    r"hundred|thousand)th)s)\b"
)
