"""`strict`: whether a bare answer says the same as the reference, cheap tests first. Pure but for
the worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from pipeline.grading.answer import choice, measure, scales
from pipeline.grading.answer.asked import NOTHING, Asked
from pipeline.grading.answer.hints import Hinted
from pipeline.grading.answer.text import MAX_CHARS, MODULUS, clean, unwrap
from pipeline.grading.bounded import bounded_cache
from pipeline.grading.expr import algebra
from pipeline.grading.expr.compare import Comparer, OverTime
from pipeline.grading.expr.forms import Form, plain_text, read
from pipeline.grading.expr.parse import Unreadable
from pipeline.grading.expr.tree import Node
from pipeline.grading.expr.units import is_unit

Decision = tuple[str, str]  # verdict ("right" | "wrong" | "undecided"), rule
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3}){1,100}|\d{1,300})(?:\.\d{0,300})?")
_TEMPERATURE = Hinted(
    r"(?:°|º|\\circ\s*\}?|degrees?)\s*(?:\\(?:text|mathrm|rm)\s*\{?)?\s*([CF])(?![A-Za-z])",
    "°|º|circ|degree",
)
_MODULUS = Hinted(MODULUS, "mod")
_SPACES = re.compile(r"\s+")
_INTEGER = re.compile(r"[-+]?\d+")
_LOOSE_SPACES = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d{1,2}")
_LETTER_BEHIND = re.compile(r"\S+ [A-Za-z]")
_LETTER_AND_WORDS = re.compile(r"([b-hj-z]) ([a-z].*)")  # x hours; a and i are words
_GROUPS = re.compile(r"\d{1,3}(?:,\d{3}){1,8}")
_ASKS = re.compile(r"=\s*\?$")  # 5+7=? asks for a value
_UNIT = re.compile(
    r"(-?(?:\d{1,12}(?:\.\d{1,12})?|\\frac\{\d{1,9}\}\{\d{1,9}\}|\d{1,2}:\d\d))"
    r"(?: (?:[mLgshVWJNKACF]|yd|qt|pt|dm)| ?[ap]m| ?(?:sec|min)| yrs?(?: old)?"
    r"| ?(?:\\Omega|k\\Omega|\\mu ?(?:\\(?:text|mathrm)\{)?[mgsLAFV]\}?)"
    r"| ?\\mathrm\{[A-Za-z]{1,4}(?:(?: |/|\\cdot ?)[A-Za-z]{1,4}(?:\^\{?-?\d\}?)?){1,3}\}"
    r"| ?[ck]?m(?:/(?:s|h|min)|(?=\^))(?:\^(?:[23]|\{[23]\}))?)"
)  # what else would be a factor


def decide(
    answer: str, reference: str, prove: Callable[[Node, Node], bool], asked: Asked = NOTHING
) -> Decision:
    """Verdict and the rule that gave it; linear work in the lengths, bounded beyond MAX_CHARS
    characters."""
    return at_once(answer, reference) or _forms(answer, reference, prove, asked)


def at_once(answer: str, reference: str) -> Decision | None:
    """The decision, where strings or plain numbers make it: whatever the question asks."""
    a, b = unwrap(answer), unwrap(reference)
    if not a or not b:
        return "wrong", "empty"
    if a == b:
        return "right", "string"
    if _NUMBER.fullmatch(a) and _NUMBER.fullmatch(b):
        if _value(a) == _value(b):
            return "right", "number"
        if max(len(a), len(b)) < algebra.LONG_DECIMAL:
            return "wrong", "number"
    if len(a) > MAX_CHARS or len(b) > MAX_CHARS:
        return _too_long(a, b)
    return None


def _value(number: str) -> Fraction | int:
    number = number.replace(",", "").rstrip(".")
    return Fraction(number) if "." in number else int(number)


def _too_long(a: str, b: str) -> Decision:
    if _SPACES.sub("", a) == _SPACES.sub("", b):
        return "right", "string"
    digits = [_INTEGER.fullmatch(text) is not None for text in (a, b)]
    return ("wrong", "number") if all(digits) else ("undecided", "cap: length")


def _forms(
    answer: str, reference: str, prove: Callable[[Node, Node], bool], asked: Asked
) -> Decision:
    a, b = clean(answer), clean(reference)
    if not a or not b:
        return "wrong", "empty"
    letters = choice.compare(answer, reference, a, b)
    if letters is not None:
        return letters
    degrees = [{found[1] for found in _TEMPERATURE.finditer(text)} for text in (answer, reference)]
    if all(degrees) and degrees[0] != degrees[1]:
        return "wrong", "unit"
    bare = unwrap(answer), unwrap(reference)
    if measure.unit(bare[0]) and measure.differ(*bare, asked.units):
        return "wrong", "unit"
    if _ASKS.search(a):
        return "wrong", "no value"
    moduli = [[found[1] for found in _MODULUS.finditer(text)] for text in bare]
    if all(moduli) and moduli[0] != moduli[1]:
        return "wrong", "modulus"
    if _squeezed(a) == _squeezed(b):
        return "right", "string"
    comparer, late = Comparer(prove, lambda: asked.order), None
    left = readings(a, "." in b, unit=True, asked=asked) + _grouped(answer)
    right = readings(b, "." in a, asked=asked) + _grouped(reference)
    for x, y in _pairs(left, right):
        try:
            if comparer.same(x, y):
                return "right", comparer.rule
        except (OverTime, RecursionError) as error:
            late = "undecided", f"cap: {error}" if isinstance(error, OverTime) else "cap: depth"
    if not late and not readings(b):
        return "undecided", "unread reference"
    return late or ("wrong", comparer.rule if readings(a) else "unread")


def _squeezed(text: str) -> str:
    return _LOOSE_SPACES.sub("", choice.without_styles(text))


def readings(
    text: str, decimal: bool = False, unit: bool = False, asked: Asked = NOTHING
) -> tuple[tuple[str, Form], ...]:
    """The ways to read a cleaned answer: as it stands; 万 as a factor and as a unit; 1,22 as a
    decimal; a letter as a unit.

    decimal -- whether the other side has a decimal point, so that 1,22 may be 1.22
    unit    -- whether `5 m` may be 5: an answer's may, a reference's letter is a factor unless it
               has the power or the slash of a unit
    asked   -- says whether the question asks in a scale, so that 5 million may be 5
    """
    scaled, changed = scales.scaled(text)
    texts = [("as it stands", scaled)]
    if changed and (bare := scales.unscaled(text, asked.scales)) is not None:
        texts.append(("unit", bare))
    if decimal and _DECIMAL_COMMA.fullmatch(text):
        texts.append(("decimal comma", text.replace(",", ".")))
    value = _UNIT.fullmatch(text)
    if value and (unit or not _LETTER_BEHIND.fullmatch(text)):
        texts.append(("unit", value[1]))
    if (letter := _LETTER_AND_WORDS.fullmatch(plain_text(text) or "")) and is_unit(letter[2]):
        texts.append(("unit", letter[1]))
    forms = ((name, form_of(candidate)) for name, candidate in texts)
    return tuple((name, form) for name, form in forms if form is not None)


@bounded_cache(32 << 20, per_char=200)
def form_of(text: str) -> Form | None:
    """The form of a cleaned answer, or of its words; None where it is outside the grammar."""
    try:
        return read(text)
    except (Unreadable, RecursionError):
        word = plain_text(text)
        return None if word is None else Form("text", (word,))


def _grouped(raw: str) -> tuple[tuple[str, Form], ...]:
    """60,120 is a number, but against a list it is the list 60, 120."""
    raw = unwrap(raw)
    return (("list", read(raw.replace(",", ", "))),) if _GROUPS.fullmatch(raw) else ()


def _pairs(
    a: tuple[tuple[str, Form], ...], b: tuple[tuple[str, Form], ...]
) -> list[tuple[Form, Form]]:
    pairs = [(i, x, j, y) for i, x in a for j, y in b if "as it stands" in (i, j)]
    return [(x, y) for i, x, j, y in pairs if "list" not in (i, j) or x.kind == y.kind == "list"]
