"""Sentence grammars: named rules, each a list of templates such as `The <noun> costs <2-40> <unit>.`"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from random import Random

_SLOT = re.compile(r"<([a-z_A-Z]+|\d+-\d+)>")
Part = (
    str | tuple[int, int] | list
)  # literal | range of numbers | options of another rule (filled in after compilation)


class Grammar:
    """Compiled rules. A slot names a rule or is a range of whole numbers; anything else between < and > is literal."""

    def __init__(self, rules: Mapping[str, Iterable[str]]) -> None:
        self.rules: dict[str, list] = {name: [] for name in rules}
        for name, options in rules.items():
            self.rules[name].extend(self._compile(option) for option in options)

    def _compile(self, template: str) -> str | tuple:
        pieces = _SLOT.split(template)
        parts: list = []
        for k, piece in enumerate(pieces):
            if k % 2 == 0:
                if piece:
                    parts.append(piece)
            elif piece[0].isdigit():
                low, high = piece.split("-")
                parts.append((int(low), int(high) - int(low) + 1))
            elif piece in self.rules:
                parts.append(self.rules[piece])
            else:
                parts.append(f"<{piece}>")
        return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else tuple(parts)

    def say(self, name: str, rng: Random) -> str:
        """One random expansion of the rule `name`. Raises KeyError for an unknown rule."""
        return _expand(self.rules[name], rng.random)

    def sentences(self, name: str, count: int, rng: Random, join: str = " ") -> str:
        """`count` expansions, joined; English wants a space between sentences, Chinese nothing."""
        options, uniform = self.rules[name], rng.random
        said = [_expand(options, uniform) for _ in range(count)]
        return join.join([sentence[0].upper() + sentence[1:] for sentence in said])


def _expand(options: list, uniform) -> str:
    chosen = options[int(uniform() * len(options))]
    if chosen.__class__ is str:
        return chosen
    out = []
    for part in chosen:
        kind = part.__class__
        if kind is str:
            out.append(part)
        elif kind is list:
            out.append(_expand(part, uniform))
        else:
            out.append(str(part[0] + int(uniform() * part[1])))
    return "".join(out)


def words(text: str) -> list[str]:
    """The alternatives of a compact list: separated by | or by line ends, outer blanks removed."""
    return [word.strip() for word in re.split(r"[|\n]", text) if word.strip()]


def lines(text: str) -> list[str]:
    """The templates of a compact list, one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]
