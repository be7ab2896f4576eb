"""What a question says about the form of its answer: whether the order of several values counts,
and the unit's scale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pipeline.grading.answer import measure, scales

MAX_QUESTION = 20_000  # characters that are searched

_SOLUTIONS = r"(?:roots|solutions|zeros|zeroes|possible values|eigenvalues)"
_ANY = re.compile(
    r"separated by commas"
    r"|\b(?:find|enter|list|determine|give|compute|what are) (?:all|both|every)\b"
    r"|\ball (?:\w+ ){0,4}(?:solutions|values|roots|integers|numbers|pairs|zeros)\b"
    rf"|\b(?:find|enter|list|determine|give|compute|state|what are) (?:\w+ ){{0,4}}{_SOLUTIONS}\b"
    r"|\bfor (?:which|what) (?:\w+ ){0,3}values\b|\bsolve (?:for|the equation)\b|\bpossible values\b"
    r"|所有|求.{0,40}(?:的解|的根|解集|方程)|解方程",
    re.I,
)
_FREE = re.compile(r"\b(?:in )?(?:either|any) order\b|\border does(?:n't| not) matter\b", re.I)
_GIVEN = re.compile(
    r"\b(?:in|by) (?:strictly )?(?:increasing|decreasing|ascending|descending|that|this|alphabetical|numerical|"
    r"chronological|counterclockwise|clockwise|the correct|the right|the given)(?: \w+)? order\b"
    r"|\bfrom (?:the )?(?:least|smallest|lowest|shortest|greatest|largest|highest|biggest|left) to\b"
    r"|\brespectively\b|从小到大|从大到小|由小到大|由大到小|依次|按.{0,8}(?:顺序|次序)",
    re.I,
)
_QUICK = (  # one of them is in every match, in small letters
    "commas|all |both|every| all|roots|solutions|zero|possible values|eigenvalues|for which|for what|solve|order|from |"
    "respectively|所有|求|解方程|从|由|依次|按|thousand|illion|dozen|hundred|万|亿|多少|几"
).split("|")


@dataclass(frozen=True)
class Asked:
    """order: "any" (the question asks for a set), "given" (it names an order) or "" (it says
    neither); scales: the words for multiples in which it asks; units: (dimension, unit)
    in which it asks."""

    order: str = ""
    scales: frozenset[str] = frozenset()
    units: frozenset[tuple[str, str]] = frozenset()


NOTHING = Asked()


@lru_cache(maxsize=4096)
def asked(question: str) -> Asked:
    """Linear in the length of the question.

    >>> asked("Find the roots of $x^2=4$.").order, asked("List all roots in increasing order.").order
    ('any', 'given')
    """
    question = question[:MAX_QUESTION]
    units = measure.asked_in(question)
    small = question.lower()
    if not any(word in small for word in _QUICK):
        return Asked(units=units) if units else NOTHING
    if _FREE.search(question):
        order = "any"
    elif _GIVEN.search(question):
        order = "given"
    else:
        order = "any" if _ANY.search(question) else ""
    return Asked(order, scales.asked_in(question), units)
