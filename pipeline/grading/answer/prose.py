"""The value that a piece of prose ends with, whole: 3 dollars and 25 cents, (3, 8), x = 3 and x =
8, not 25 or 8.

A number that the text bounds ("at least 12"), denies ("12 is not the answer") or gives as an end of
a range is no answer. Every pattern takes linear time, or works on a bounded window."""

from __future__ import annotations

import re

from pipeline.grading.answer import claims, scales
from pipeline.grading.answer.text import unicode_spelling

MAX_TAIL = 8000  # characters that are searched when there is neither a box nor a phrase
WINDOW = 160  # characters before a number that are read for what is said about it
MAX_DENIED = 8  # numbers that are said not to be it and passed over

_INSIDE = r"((?:[^\\]|\\(?![()\[\]]))+)"  # no formula begins inside another, so a search is linear
MATH = re.compile(rf"\$\$([^$]+)\$\$|\$([^$]+)\$(?!\d)|\\\({_INSIDE}\\\)|\\\[{_INSIDE}\\\]")
PERCENT = re.compile(r"\s{0,3}(?:\$|\\\)|\\\])?\s{0,3}(?:\\?%|percent\b|pct\b)")
_NUMERAL = r"(?:\d{1,6}|[零〇一二两三四五六七八九十百]{1,6})"
_LITERAL = re.compile(
    r"-?(?<!\d)\d{0,9} ?\\[dt]?frac *(?:\{[^{}]{1,40}\} *\{[^{}]{1,40}\}|\d *\d)|-?(?<!\d)\d{0,9}\\sqrt *\{[^{}]{1,40}\}"
    rf"|(?<!\d)\d{{1,6}}又?{_NUMERAL}?分之{_NUMERAL}"
    r"|(?<![A-Za-z0-9.^_])(?<![\^_]\{)(?:零下)?[-−]?[$€£¥]?[-−]?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+,\d\d(?![\d,])|\d+)"
    r"(?:\.\d+)?(?:e[+-]?\d+(?![A-Za-z0-9.]))?(?: ?/ ?\d+(?!\d)|(?::\d+(?![\d:]))+)?"
    r"(?: ?(?:\\?%|percent\b|[万亿](?:\d{1,4}(?:万|千(?![克米瓦卡]))?(?!\d))*|次方"
    rf"|{scales.PATTERN})|!(?![!=]))?"
    r"|(?<![A-Za-z0-9.])[-−]?\.\d+"
)
_NUMBER = r"[-−]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?"
_TUPLE = re.compile(rf"[(\[]\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{1,5}}\s*[)\]]")
_SEPARATOR = r"\s*(?:,? and|,? or|,(?!\d{3})|、|和|或者?)\s*"
_CHAIN = re.compile(
    rf"(?:\b(?:is|are|be)\b:?|[:：]|[是为])\s*((?:[A-Za-z] ?= ?)?{_NUMBER}"
    rf"(?:{_SEPARATOR}(?:[A-Za-z] ?= ?)?{_NUMBER})+)"
    rf"|((?<![A-Za-z])[A-Za-z] ?= ?{_NUMBER}(?:{_SEPARATOR}[A-Za-z] ?= ?{_NUMBER})+)"
)
_COMPOUND = re.compile(
    r"\$?\d+(?:\.\d+)?\s*(?:(?:dollars?|hours?|hrs?|feet|foot|ft|yards?|pounds?|lbs?|minutes?|mins?|days?|weeks?|years?|"
    r"months?|met(?:er|re)s?|kilograms?|kilomet(?:er|re)s?|gallons?|quarts?|tons?)\b|小时|时|元|块|角|分钟?|天|米|千克|公斤|"
    r"年|个月|千米|公里|吨|度)\s*(?:,? ?and\b|,|又|零|余)?\s*"
    r"\d+(?:\.\d+)?\s*(?:(?:cents?|minutes?|mins?|inch(?:es)?|ounces?|oz|seconds?|secs?|hours?|days?|weeks?|months?|"
    r"feet|centimet(?:er|re)s?|cm|met(?:er|re)s?|grams?|g|quarts?|pints?|cups?|pounds?)\b|分钟?|秒|角|分|厘米|克|天|小时|"
    r"个?月|米|千克)"
)
_POWER = re.compile(r"(\d+(?:\.\d+)?) (?:raised )?to the (?:power (?:of )?)(\d+)$")
BOUNDS = (
    r"at (?:least|most)|(?:no |not )?(?:more|less|greater|fewer|larger|smaller|higher|lower) than"
    r"|(?<!round )(?<!rounds )(?<!rounded )(?<!add )(?<!adds )(?<!adding )(?<!comes )up to|as (?:many|much) as"
    r"|(?:somewhere|anywhere|something) (?:around|between|near|from)|between|within|over|under|above|below|nearly|almost"
)
_BOUND = re.compile(
    rf"(?:\b(?:{BOUNDS})\s+(?:or equal to )?|至少|至多|最多不?超?过?|不超过|不到|超过|不少于|不多于|小于|大于|少于|多于"
    rf"|\b(?:between|from|around)\s+{_NUMBER}[^.\d]{{0,20}}(?:and|to)\s+"
    rf"|{_NUMBER}\s*(?:-|–|—|~|～|to\b|至|到)\s*)[$\\( ]*$",
    re.I,
)
_SUBTRACTED = re.compile(r"=[^=.\n]{0,80}$")  # 3 - 5 = ... and = 3 - 5 are arithmetic, not a range
_GUESSES = re.compile(  # "either 3 or 5." at the end: a list of guesses, not its last one
    r"\b(?:either|any of|one of|any one of)\b\s*((?:(?!\.\s+[A-Z])[^\n]){1,160}?(?:\bor\b|,|\band\b)"
    r"(?:(?!\.\s+[A-Z])[^\n]){1,160}?)"
    r"[.!]?\s*$",
    re.I,
)
_WORDS = re.compile(r"[A-Za-z]{2,} |[\u3400-\u9fff]{2}")
_NEGATED = re.compile(  # a number that is said not to be it
    rf"(?:\b(?:can)?not|n't|绝?不是|不等于|{claims.NOT_ABROAD})(?: be| equal to)?[ :：]?$", re.I
)
_RELATED = re.compile(  # a number that the answer stands in a relation to, and is not
    r"\b(?:(?:multiple|divisor|power|square|cube|root|double|half|third|quarter|triple|negative"
    r"|opposite|inverse|reciprocal|complement)s? of|is a factor of|double|twice|triple|divisible by)"
    r" \$?$"
    r"|\b(?:answer|result|solution) (?:has|ends|starts|begins|rounds|lies|exceeds|contains|includes"
    r"|is (?:on|in|at|a factor|congruent|the number of|the sum of|the product of))\b[^.\n]{0,60}$"
    rf"|==\s*$|(?:{claims.HYPOTHESIS})[\s:：$*]*$",
    re.I,
)
_IMPOSSIBLE = re.compile(r"\b(?:no way|impossible|cannot|can't|unable|never)\b[^.\n]{0,60}$", re.I)
_DENIED_AFTER = re.compile(
    r"\$?\s*(?:is|are|was|were|would|should|must|can|needs? to|has to|be)?\s*(?:be )?"
    r"(?:not\b|n't\b|never|discarded|rejected|excluded|ignored|incorrect|wrong|extraneous|invalid|impossible|ruled out"
    rf"|不是|不对|不合|不可能|舍|{claims.NOT_BEHIND})",
    re.I,
)


def last_value(text: str) -> str | None:
    """The last formula or number, whichever ends last, with what belongs to it.

    A formula of letters alone gives way to a number before it.

    >>> last_value("It costs 3 dollars and 25 cents."), last_value("So 4, while -2 is discarded.")
    ('3 dollars and 25 cents', '4')
    """
    guesses = _GUESSES.search(text[-WINDOW * 2 :])
    if guesses:
        return guesses[1]
    spelled = unicode_spelling(text[-MAX_TAIL:])
    plain = re.sub(r"<<[^<>]*>>", lambda match: " " * len(match[0]), spelled)
    formulas, numbers = list(MATH.finditer(spelled)), list(_LITERAL.finditer(plain))
    if formulas:
        formula = formulas[-1]
        names_only = re.fullmatch(r"[A-Za-z\\{}_ ]*", content(formula))
        if not numbers or (numbers[-1].start() < formula.end() and not names_only):
            return _formula(spelled, formulas)
    denied = 0
    while numbers and denied < MAX_DENIED and _DENIED_AFTER.match(spelled, numbers[-1].end()):
        numbers.pop()
        denied += 1
    return _number(spelled, numbers[-1]) if numbers else None


def content(match: re.Match[str]) -> str:
    """The inside of a match of MATH."""
    return next(group for group in match.groups() if group is not None).strip()


def _formula(text: str, formulas: list[re.Match[str]]) -> str | None:
    """The last formula, with the ones joined to it by "and" or commas."""
    last = formulas[-1]
    if _negated(text, last.start()) or _DENIED_AFTER.match(text, last.end()):
        return None
    percent = PERCENT.match(text, last.end())
    value = content(last)
    if percent and value[-1:].isdigit():
        return value + "\\%"
    joined, start = [value], last.start()
    for before in reversed(formulas[-8:-1]):
        between = text[before.end() : start]
        if not re.fullmatch(_SEPARATOR, between) or not re.search(r"\d", content(before)):
            break
        joined.insert(0, content(before))
        start = before.start()
    return " \\text{ and } ".join(joined)


def _number(text: str, number: re.Match[str]) -> str | None:
    start, end = number.span()
    before = text[max(0, start - WINDOW) : start]
    sentence = re.split(r"(?<!\d)[.!?。！？]\s|\n", before)[-1]
    if end - start > WINDOW:
        return number[0].strip()
    for pattern in (_COMPOUND, _TUPLE, _CHAIN):
        for match in pattern.finditer(text, max(0, start - WINDOW), end + WINDOW):
            group = match.lastindex or 0
            if match.start(group) < start and match.end(group) >= end:
                return None if _negated(text, match.start(group)) else match[group]
    power = _POWER.search(text[max(0, start - WINDOW) : end])
    if power:
        return f"{power[1]}^{{{power[2]}}}"
    if _negated(text, start) or _IMPOSSIBLE.search(sentence) or _RELATED.search(sentence):
        return None
    bound = _BOUND.search(sentence)
    arithmetic = _SUBTRACTED.search(sentence) or not _WORDS.search(sentence)
    if bound and not (bound[0].rstrip()[-1:] in "-–—" and arithmetic):
        return None
    return number[0].strip()


def _negated(text: str, at: int) -> bool:
    return _NEGATED.search(text[max(0, at - 16) : at]) is not None
