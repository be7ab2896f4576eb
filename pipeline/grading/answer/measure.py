"""Units of one dimension that differ in size: 12 m is not 12 cm, and 5 hours are not 5 minutes.

Units are dropped from values (expr/units.py). Two that measure the same thing on another scale are
no agreement of the values, so they are compared before that. A unit that only one side has, or that
is not listed here, says nothing."""

from __future__ import annotations

import re

MAX_TAIL = 60  # characters at the end of an answer that may be its unit

_SPELLINGS = {
    "length": {
        "mm": "mm|millimeters?|millimetres?|毫米",
        "cm": "cm|centimeters?|centimetres?|厘米",
        "dm": "dm|decimeters?|decimetres?|分米",
        "m": "m|meters?|metres?|米",
        "km": "km|kilometers?|kilometres?|千米|公里",
        "in": "inch|inches",
        "ft": "ft|foot|feet",
        "yd": "yd|yards?",
        "mi": "miles?",
    },
    "time": {
        "s": "s|sec|secs|seconds?|秒",
        "min": "min|mins|minutes?|分钟",
        "h": "h|hr|hrs|hours?|小时",
        "d": "days?|天",
        "week": "weeks?|周|星期",
        "month": "months?|个月",
        "year": "years?|年",
    },
    "mass": {
        "mg": "mg|milligrams?|毫克",
        "g": "g|grams?|克",
        "kg": "kg|kilograms?|千克|公斤",
        "t": "tons?|tonnes?|吨",
        "lb": "lbs?|pounds?",
        "oz": "oz|ounces?",
    },
    "volume": {"ml": "ml|mL|milliliters?|毫升", "l": "L|liters?|litres?|升"},
    "money": {"cent": "cents?|¢", "dollar": "dollars?"},
    "angle": {"rad": "rad|radians?", "degree": "degrees?|°"},
}
_UNITS = {
    spelling: (dimension, unit)
    for dimension, units in _SPELLINGS.items()
    for unit, pattern in units.items()
    for spelling in (
        word
        for part in pattern.split("|")
        for word in ((part[:-2], part[:-2] + part[-2]) if part.endswith("s?") else (part,))
    )
}
_WORD = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_TRAILING = re.compile(
    r"[\d})]\s*(?:\\[,;:! ]|~|\\q?quad)*\s*(?:\\(?:text|mathrm|textrm|mbox|rm)\s*\{[\s~]*)?"
    rf"(?P<unit>{_WORD})[\s~.]*\}}?(?:\s*\^\s*\{{?\s*\d\s*\}}?)?[\s$.]*$"
)
_DEGREES = re.compile(r"\^?\s*\{?\s*\\circ\s*\}?[\s$.]*$")
_DOLLARS = re.compile(r"^[\s$]*-?\\\$\s*-?[\d,.]+[\s$]*$")
_ASKED = re.compile(
    rf"\b(?i:in|how many|number of)\s+(?:whole |full |more |square |cubic )?({_WORD})(?![A-Za-z])"
    rf"|[多几]少?\s*({_WORD})"
)


def unit(value: str) -> tuple[str, str] | None:
    """(dimension, unit) of a value as written, where it is one of those listed here.

    >>> unit("12\\\\text{ cm}"), unit("\\\\$12"), unit("12 apples"), unit("5小时")
    (('length', 'cm'), ('money', 'dollar'), None, ('time', 'h'))
    """
    if _DOLLARS.match(value):
        return "money", "dollar"
    tail = value[-MAX_TAIL:]
    found = _TRAILING.search(tail)
    if found:
        return _UNITS[found["unit"]]
    return ("angle", "degree") if _DEGREES.search(tail) else None


def asked_in(question: str) -> frozenset[tuple[str, str]]:
    """The units in which a question asks: "in centimeters", "how many dollars", 多少千克."""
    found = _ASKED.finditer(question)
    return frozenset(_UNITS[match[1] or match[2]] for match in found)


def differ(answer: str, reference: str, asked: frozenset[tuple[str, str]] = frozenset()) -> bool:
    """Whether answer and reference state different units of one dimension. A reference without a
    unit is in the one that the question asks for, if it names one only."""
    said = unit(answer)
    if said is None:
        return False
    meant = unit(reference)
    if meant is None:
        same = [unit for unit in asked if unit[0] == said[0]]
        meant = same[0] if len(same) == 1 and not re.search("[A-Za-z]{2}", reference) else None
    return meant is not None and meant[0] == said[0] and meant[1] != said[1]
