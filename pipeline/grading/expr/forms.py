"""What an answer is: a number with its unit, a list, a tuple or interval, a set, a matrix, an
equation, a text, ...

`read` turns a cleaned answer into a Form by splitting its tokens at the top level, weakest
separator first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.grading.expr import algebra
from pipeline.grading.expr.parse import Unreadable, parse_scalar
from pipeline.grading.expr.pieces import CLOSE, OPEN, closes_at_end, split, trim
from pipeline.grading.expr.tokens import FUNCTIONS, Token, tokenize
from pipeline.grading.expr.tree import MINUS, Node, symbols
from pipeline.grading.expr.units import without_unit

MAX_NESTING = 12
MAX_ITEMS = 200
_RELATIONS = {
    "=": "=",
    "==": "=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "le": "<=",
    "ge": ">=",
    "ne": "!=",
    "!=": "!=",
    "in": "in",
    "approx": "=",
    "equiv": "=",
    "sim": "=",
    "to": "to",
    "rightarrow": "to",
}
_CLOCK = re.compile(r"\d{1,2}:\d\d [ap]m")
_STYLED = re.compile(r"\\(?:text(?:bf|it|rm|normal)?|mathrm|mbox|operatorname)\s*\{([^{}]*)\}")
_SPACES = re.compile(r"\s+")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '\-,.()/&]+[^\W\d_]+)*\)?")
_LATIN = re.compile(r"[A-Za-z]+")
_AND = {"and", "or", "和", "或", "与", "及", "以及", "或者", ", and", ",and", ", or"}


@dataclass(frozen=True)
class Form:
    """kind and parts:

    scalar (tree) | text (string) | list, set (forms) | bracket (forms; `marks` = its two brackets:
    a tuple, point or interval) | union (forms) | matrix (tuple of rows of forms) | relation (forms
    around `marks`, the signs) | ratio (forms). `unit` is "%", "°" or ""."""

    kind: str
    parts: tuple
    marks: tuple[str, ...] = ()
    unit: str = ""


def read(text: str) -> Form:
    """The form of a cleaned answer. Raises Unreadable when it is outside the grammar or over a
    cap."""
    if (word := plain_text(text)) is not None:
        if word in _NO_VALUES:
            return Form("set", ())
        return (
            REALS
            if word in ("all real numbers", "all reals", "全体实数", "实数集")
            else Form("text", (word,))
        )
    if _CLOCK.fullmatch(text):
        return Form("text", (text,))
    return _read(tokenize(text), 0)


_NO_VALUES = frozenset(
    {
        "no solution",
        "no solutions",
        "none",
        "empty set",
        "the empty set",
        "there are no solutions",
        "无解",
        "空集",
    }
)


def plain_text(text: str) -> str | None:
    """`text` as words in lower case when it is words and nothing else, else None.

    >>> plain_text("\\\\text{Monday}"), plain_text("xy"), plain_text("no solution"), plain_text("x")
    ('monday', None, 'no solution', None)
    """
    inner = _SPACES.sub(" ", _STYLED.sub(r" \1 ", text)).strip(" .,!\"'")
    if not inner or not _WORDS.fullmatch(inner):
        return None
    if inner.isascii():
        words = _LATIN.findall(inner)
        if set(words) & {"and", "or"} or not any(_is_word(word) for word in words):
            return None
    return inner.casefold()


def _is_word(word: str) -> bool:
    return all(token.kind == "text" for token in tokenize(word))


def _read(tokens: list[Token], depth: int) -> Form:
    if depth > MAX_NESTING:
        raise Unreadable("nested too deep")
    tokens = trim(tokens)
    if not tokens:
        raise Unreadable("nothing to read")
    for splitter in (_conjunction, _commas, _relation, _union, _ratio):
        form = splitter(tokens, depth)
        if form is not None:
            return form
    return _atom(tokens, depth)


def _conjunction(tokens: list[Token], depth: int) -> Form | None:
    pieces, marks = split(
        tokens, lambda t: t == ("op", ";") or (t.kind == "text" and t.text.strip().lower() in _AND)
    )
    if not marks:
        return None
    if all(mark.kind == "text" for mark in marks) and _money_words(pieces):
        return _money_words(pieces)
    pieces = [piece for piece in pieces if trim(piece)]
    return _list(
        pieces,
        depth,
        tuple(sorted({"or" if m.text in ("or", "或", "或者") else "and" for m in marks})),
    )


def _money_words(pieces: list[list[Token]]) -> Form | None:
    """7 dollars and 50 cents."""
    if len(pieces) != 2 or any(len(piece) != 2 or piece[0].kind != "num" for piece in pieces):
        return None
    units = [piece[1].text.lower().rstrip("s") for piece in pieces]
    if units != ["dollar", "cent"] and units != ["元", "分"]:
        return None
    return Form(
        "scalar",
        (
            parse_scalar(
                [
                    pieces[0][0],
                    Token("op", "+"),
                    pieces[1][0],
                    Token("op", "/"),
                    Token("num", "100"),
                ]
            ),
        ),
    )


def _commas(tokens: list[Token], depth: int) -> Form | None:
    pieces, marks = split(tokens, lambda t: t == ("op", ","))
    return _list(pieces, depth, (",",)) if marks else None


def _list(pieces: list[list[Token]], depth: int, marks: tuple[str, ...]) -> Form:
    """A list of forms; `x = 1, 2` gives the name to every later bare item, and nested lists are one
    list."""
    if len(pieces) > MAX_ITEMS:
        raise Unreadable("too many items")
    if not pieces:
        raise Unreadable("nothing to read")
    items: list[Form] = []
    for piece in pieces:
        form = _read(piece, depth + 1)
        if (
            form.kind == "list"
            and set(marks) <= {"and", "or"}
            and all(part.kind == "relation" for part in form.parts)
        ):
            form = _point(form)
        items += form.parts if form.kind == "list" else (form,)
    name = None
    for k, item in enumerate(items):
        if item.kind == "relation" and item.marks == ("=",):
            name = item.parts[0]
        elif name is not None and item.kind in ("scalar", "bracket"):
            items[k] = Form("relation", (name, item), ("=",))
    return Form("list", tuple(items), marks) if len(items) > 1 else items[0]


def _point(form: Form) -> Form:
    """p = 5, q = 2 between semicolons is the point (5, 2)."""
    if any(part.marks != ("=",) or part.parts[1].kind != "scalar" for part in form.parts):
        return form
    return Form("bracket", tuple(part.parts[1] for part in form.parts), ("(", ")"))


def _relation(tokens: list[Token], depth: int) -> Form | None:
    pieces, marks = split(tokens, lambda t: t.kind in ("op", "cmd") and t.text in _RELATIONS)
    if not marks:
        return None
    if not trim(pieces[0]):  # "= 5", "\approx 3"; but "> 5" is not 5
        if _RELATIONS[marks[0].text] != "=":
            raise Unreadable("a relation without a left side")
        pieces, marks = pieces[1:], marks[1:]
        if not marks:
            return _read(pieces[0], depth + 1)
    if marks[-1].text == "approx":  # \\sqrt{2} \\approx 1.41: the exact side is the answer
        exact = _read(
            [
                token
                for part in zip(pieces, [*marks[:-1], None], strict=False)
                for token in _flat(part)
            ],
            depth + 1,
        )
        value = exact.parts[-1] if exact.kind == "relation" else exact
        if value.kind == "scalar" and not symbols(value.parts[0]):
            if not _rounds_to(value.parts[0], pieces[-1]):
                raise Unreadable("an approximation that is none")
            return exact
    signs = tuple(_RELATIONS[mark.text] for mark in marks)
    if signs == ("in",):
        return _read(pieces[1], depth + 1)
    return Form("relation", tuple(_side(piece, depth + 1) for piece in pieces), signs)


def _rounds_to(exact: Node, tokens: list[Token]) -> bool:
    """Whether the decimal behind \\approx is less than one unit of its last place away from the
    exact value."""
    value = algebra.real(exact)
    tokens = [token for token in trim(tokens) if token.kind != "text"]
    sign = -1.0 if tokens[:1] == [Token("op", "-")] else 1.0
    digits = tokens[1:] if sign < 0 else tokens
    if value is None or len(digits) != 1 or digits[0].kind != "num":
        return True
    places = len(digits[0].text.partition(".")[2])
    return abs(value - sign * float(digits[0].text)) < 10.0**-places


def _flat(part: tuple[list[Token], Token | None]) -> list[Token]:
    return [*part[0], part[1]] if part[1] is not None else part[0]


def _side(tokens: list[Token], depth: int) -> Form:
    """A side of a relation; a side in words is a name."""
    if tokens[:2] == [Token("sym", "P"), Token("op", "(")] and len(tokens) > 3:  # P(X = 2)
        if tokens[-1] == ("op", ")") and any(token.text in _RELATIONS for token in tokens):
            return Form("text", (" ".join(token.text for token in tokens),))
    try:
        return _read(tokens, depth)
    except Unreadable:
        if tokens and not any(token.kind == "num" for token in tokens):
            return Form("text", (" ".join(token.text for token in tokens).casefold(),))
        raise


def _union(tokens: list[Token], depth: int) -> Form | None:
    pieces, marks = split(tokens, lambda t: t == ("cmd", "cup"))
    if marks:
        return Form("union", tuple(_read(piece, depth + 1) for piece in pieces))
    without = {("cmd", "setminus"), ("cmd", "backslash")}
    if tokens[0] == ("cmd", "reals"):  # \mathbb{R} - \{0\}
        without.add(("op", "-"))
    pieces, marks = split(tokens, lambda t: t in without)
    return (
        Form("minus", tuple(_read(piece, depth + 1) for piece in pieces))
        if len(marks) == 1
        else None
    )


def _ratio(tokens: list[Token], depth: int) -> Form | None:
    pieces, marks = split(tokens, lambda t: t == ("op", ":"))
    return Form("ratio", tuple(_read(piece, depth + 1) for piece in pieces)) if marks else None


def _atom(tokens: list[Token], depth: int) -> Form:
    first, last = tokens[0], tokens[-1]
    if first == ("cmd", "emptyset") and len(tokens) == 1:
        return Form("set", ())
    if first == ("cmd", "reals") and len(tokens) == 1:
        return REALS
    matrix = _matrix(tokens, depth)
    if matrix is not None:
        return matrix
    if first.text in OPEN and last.text in CLOSE and closes_at_end(tokens):
        form = _bracketed(tokens, depth)
        if form is not None:
            return form
    return _scalar(tokens)


def _bracketed(tokens: list[Token], depth: int) -> Form | None:
    """(a, b), [a, b), \\{a, b\\}; a single value in round or square brackets is that value, but not
    in (a], which is half of an interval."""
    marks, inner = (tokens[0].text, tokens[-1].text), tokens[1:-1]
    if (marks[0] == "{") != (marks[1] == "}"):
        raise Unreadable("brackets that do not match")
    if not trim(inner):
        return Form("set", ()) if marks[0] == "{" else None
    condition, bars = split(inner, lambda t: t.kind == "op" and t.text in "|:")
    if (
        marks[0] == "{" and len(bars) == 1 and len(condition[0]) <= 4
    ):  # set-builder: its condition says it all
        return _read(condition[1], depth + 1)
    pieces, marked = split(inner, lambda t: t.kind == "op" and t.text in ",;")
    if marked:
        items = tuple(_read(piece, depth + 1) for piece in pieces if trim(piece))
        return Form("set", items) if marks[0] == "{" else Form("bracket", items, marks)
    if marks in (("(", "]"), ("[", ")")):
        raise Unreadable("brackets that do not match")
    form = _read(inner, depth + 1)
    if tokens[0] == ("cmd", "{"):
        return (
            form
            if form.kind == "union"
            else Form("set", form.parts if form.kind == "list" else (form,))
        )
    if form.kind == "list":
        return Form("bracket", form.parts, marks)
    return (
        form
        if form.kind in ("scalar", "text", "union", "relation", "ratio", "bracket", "set")
        else None
    )


def _matrix(tokens: list[Token], depth: int) -> Form | None:
    """An environment of rows, perhaps inside square or round brackets, perhaps with a scalar before
    it."""
    begin = next(
        (k for k, t in enumerate(tokens) if t.kind == "cmd" and t.text.startswith("begin ")), None
    )
    if begin is None:
        return None
    end = next(
        (k for k, t in enumerate(tokens) if t.kind == "cmd" and t.text.startswith("end ")), None
    )
    kind = tokens[begin].text.split(" ")[1]
    if (
        end is None
        or end < begin
        or kind not in ("matrix", "pmatrix", "bmatrix", "Bmatrix", "array", "smallmatrix")
    ):
        raise Unreadable(f"environment {kind!r}")
    before, after = tokens[:begin], tokens[end + 1 :]
    if before and after and before[-1].text in OPEN and after[0].text in CLOSE:
        before, after = before[:-1], after[1:]
    if after:
        raise Unreadable("something after a matrix")
    before = [Token("num", "1")] if before == [("op", "+")] else before
    factor = MINUS if before == [("op", "-")] else parse_scalar(before) if before else None
    rows = []
    for row in split(tokens[begin + 1 : end], lambda t: t == ("cmd", "\\"))[0]:
        if trim(row):
            cells = [_read(cell, depth + 1) for cell in split(row, lambda t: t == ("op", "&"))[0]]
            rows.append(tuple(_scaled(cell, factor) for cell in cells))
    return Form("matrix", tuple(rows))


def _scaled(cell: Form, factor: Node | None) -> Form:
    if factor is None:
        return cell
    if cell.kind != "scalar":
        raise Unreadable("a factor before a matrix of something else than scalars")
    return Form("scalar", (("*", (factor, cell.parts[0])),))


def _scalar(tokens: list[Token]) -> Form:
    """An expression with its unit dropped, unless that is `%` or degrees."""
    tokens = without_unit(tokens)
    unit = ""
    angle = any(
        token.kind == "cmd" and token.text in FUNCTIONS for token in tokens
    )  # cos 60 degrees keeps them
    if (
        tokens
        and tokens[-1] in (("op", "%"), ("op", "°"))
        and not (angle and tokens[-1].text == "°")
    ):
        unit, tokens = tokens[-1].text, tokens[:-1]
    if not tokens:
        raise Unreadable("a unit without a value")
    return Form("scalar", (parse_scalar(tokens),), unit=unit)


_INFINITY = ("s", "infty")
REALS = Form(
    "bracket",
    (Form("scalar", (("*", (MINUS, _INFINITY)),)), Form("scalar", (_INFINITY,))),
    ("(", ")"),
)
