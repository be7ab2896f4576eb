"""What a question says about the form of its answer: whether the order of several values counts,
and the unit's scale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from pipeline.grading.answer import measure, scales
from pipeline.grading.answer.hints import Hinted

MAX_QUESTION = 20_000  # characters that are searched

_SOLUTIONS = r"(?:roots|solutions|zeros|zeroes|possible values|eigenvalues)"
_ANY = Hinted(
    r"separated by commas"
    r"|\b(?:find|enter|list|determine|give|compute|what are) (?:all|both|every)\b"
    r"|\ball (?:\w+ ){0,4}(?:solutions|values|roots|integers|numbers|pairs|zeros)\b"
    rf"|\b(?:find|enter|list|determine|give|compute|state|what are) (?:\w+ ){{0,4}}{_SOLUTIONS}\b"
    r"|\bfor (?:which|what) (?:\w+ ){0,3}values\b|\bsolve (?:for|the equation)\b|\bpossible values\b"
    r"|所有|求.{0,40}(?:的解|的根|解集|方程)|解方程",
    "commas|all|both|every|roots|solutions|zeros|zeroes|possible values|eigenvalues|for which"
    "|for what|solve|所有|求|解方程",
    re.I,
)
_FREE = Hinted(r"\b(?:in )?(?:either|any) order\b|\border does(?:n't| not) matter\b", "order", re.I)
_GIVEN = Hinted(
    r"\b(?:in|by) (?:strictly )?(?:increasing|decreasing|ascending|descending|that|this|alphabetical|numerical|"
    r"chronological|counterclockwise|clockwise|the correct|the right|the given)(?: \w+)? order\b"
    r"|\bfrom (?:the )?(?:least|smallest|lowest|shortest|greatest|largest|highest|biggest|left) to\b"
    r"|\brespectively\b|从小到大|从大到小|由小到大|由大到小|依次|按.{0,8}(?:顺序|次序)",
    "order|from |respectively|从小|从大|由小|由大|依次|按",
    re.I,
)


@dataclass(frozen=True)
class Asked:
    """What a question asks for, found out when it is needed; linear in the length of the question.

    >>> Asked("Find the roots of $x^2=4$.").order, Asked("List all roots in increasing order.").order
    ('any', 'given')
    """

    question: str = ""

    @cached_property
    def order(self) -> str:
        """ "any" (the question asks for a set), "given" (it names an order) or "" (neither)."""
        question = self.question[:MAX_QUESTION]
        if _FREE.search(question):
            return "any"
        if _GIVEN.search(question):
            return "given"
        return "any" if _ANY.search(question) else ""

    @cached_property
    def scales(self) -> frozenset[str]:
        """The words for multiples in which it asks: how many million."""
        return scales.asked_in(self.question[:MAX_QUESTION])

    @cached_property
    def units(self) -> frozenset[tuple[str, str]]:
        """The units in which it asks, with their dimensions."""
        return measure.asked_in(self.question[:MAX_QUESTION])


NOTHING = Asked()
