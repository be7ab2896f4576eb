"""Tokens of a cleaned answer (pipeline/grading/answer/text.py): numbers, names, commands, words,
operators."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_TOKENS = 600

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp sqrt cbrt gcd lcm max min det cis".split()
)
_ALIASES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "infinity": "infty",
    "inf": "infty",
    "oo": "infty",
}
_WORD_NAMES = FUNCTIONS | {"pi", "infty", "theta", "alpha", "beta", "lambda", "frac"}
_VARIABLES = frozenset("abcdkmnpqrstuvwxyz")  # letters that may stand side by side as a product
_STYLES = frozenset(
    "text mathrm mathbf mathit mathsf mathcal mathbb textbf textit textrm textnormal mbox operatorname "
    "hbox rm bf boldsymbol vec overrightarrow hat bar tilde underline".split()
)
_UNIT_LETTERS = frozenset("mgshLJVW")  # units when set upright after a number: 4\\mathrm{m}^3
_DROPPED = frozenset("displaystyle limits nolimits , ! ; : >".split())
_TOKEN = re.compile(
    r"(?P<num>\d+(?:\.\d+)?(?:[eE][+-]?\d+(?![\d.]))?|\.\d+)|(?P<cmd>\\[A-Za-z]+\*?|\\.)|(?P<word>[A-Za-z]+)"
    r"|(?P<cjk>[\u3400-\u9fff\uff00-\uffef]+)|(?P<op><=|>=|!=|==|[^\s])",
    re.S,
)


_ONE = re.compile(r"\\[A-Za-z]+|.", re.S)  # what a command without braces takes
_DIGIT_OR_COMMAND = re.compile(r"\d|\\")


class Token(NamedTuple):
    """kind: num | sym | cmd | text | op; text: the number, the name, the command without its
    backslash, ..."""

    kind: str
    text: str


class Unreadable(Exception):
    """The answer is outside the grammar, or over one of its caps."""


def tokenize(text: str) -> list[Token]:
    """Tokens of `text`. Raises Unreadable beyond MAX_TOKENS."""
    tokens: list[Token] = []
    at = 0
    while match := _TOKEN.search(text, at):
        at = match.end()
        kind, value = match.lastgroup, match[0]
        if kind == "cmd" and (name := value[1:].rstrip("*")) in _STYLES:
            content, at = _group(text, at)
            unit = (
                content.strip() in _UNIT_LETTERS
                and tokens
                and tokens[-1].kind == "num"
                and text[at : at + 1] != "_"
            )
            tokens += [Token("text", content)] if unit else _styled(name, content)
        elif kind == "cmd" and name in ("begin", "end"):
            content, at = _group(text, at)
            if name == "begin" and content == "array":
                at = _group(text, at)[1]
            tokens.append(Token("cmd", f"{name} {content.strip('*')}"))
        elif kind == "cmd":
            tokens += [] if name in _DROPPED else [Token("cmd", _ALIASES.get(name, name))]
        elif kind == "word":
            tokens += _word(value)
        else:
            tokens.append(Token({"cjk": "text"}.get(kind, kind), value))
        if len(tokens) > MAX_TOKENS:
            raise Unreadable("too many tokens")
    return tokens


def _group(text: str, at: int) -> tuple[str, int]:
    """Content of the brace group (or the single character) at `at`, and where it ends."""
    while at < len(text) and text[at] == " ":
        at += 1
    if at >= len(text):
        return "", at
    if text[at] != "{":
        match = _ONE.match(text, at)
        return match[0], match.end()
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return text[at + 1 : end], end + 1
    return text[at + 1 :], len(text)


def _styled(style: str, content: str) -> list[Token]:
    content = content.strip(" ~.,")
    if not content:
        return []
    if content.isascii() and content.isalpha():
        if len(content) == 1:
            return [Token("sym", content)]
        return (
            [Token("cmd", _ALIASES.get(content, content))]
            if content in FUNCTIONS
            else [Token("text", content)]
        )
    if style in (
        "text",
        "textbf",
        "mbox",
        "textnormal",
        "textrm",
        "textit",
        "hbox",
    ) and not _DIGIT_OR_COMMAND.search(content):
        return [Token("text", content)]
    return tokenize(content)


def _word(word: str) -> list[Token]:
    """A run of ASCII letters: a function, a constant, a segment such as AB, a product of variables,
    or plain text."""
    name = _ALIASES.get(word, word)
    if name in _WORD_NAMES:
        return [Token("cmd", name)]
    if word in ("and", "or", "TRUE", "FALSE", "YES", "NO"):
        return [Token("text", word)]
    if len(word) == 1 or (word.isupper() and len(word) <= 6):
        return [Token("sym", word)]
    if (
        len(word) <= 3
        and set(word) <= _VARIABLES
        and word not in ("cm", "mm", "km", "cups", "pts", "ms", "mph", "sq", "rad")
    ):
        return [Token("sym", letter) for letter in word]
    for known in ("sqrt", "pi"):  # 2xsqrt(3) or xpi without a sign between
        if word.endswith(known) and len(word) - len(known) <= 2:
            return _word(word[: -len(known)]) + [Token("cmd", known)]
    return [Token("text", word)]
