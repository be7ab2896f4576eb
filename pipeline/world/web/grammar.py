"""Sentence grammars: named rules with templates such as `The <noun> costs <2-40> <unit>.`"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from random import Random

_SLOT = re.compile(r"<([a-z_A-Z]+|\d+-\d+)>")


class Grammar:
    """Compiled rules.

    A slot `<name>` is another rule, `<Name>` that rule with a capital letter, `<2-40>` a whole
    number of that range. Anything else between < and > is literal.
    """

    def __init__(self, rules: Mapping[str, Iterable[str]]) -> None:
        rules = {name: tuple(options) for name, options in rules.items()}
        rules.update(_capitalised(rules))
        self.rules: dict[str, list] = {name: [] for name in rules}
        for name, options in rules.items():
            self.rules[name].extend(self._compile(option) for option in options)

    def _compile(self, template: str) -> str | tuple:
        """A template as parts: text, a rule's list of options, or (lowest number, how many)."""
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
                parts.append(self.rules[piece])  # filled in by the time it is used
            else:
                parts.append(f"<{piece}>")
        return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else tuple(parts)

    def say(self, name: str, rng: Random) -> str:
        """One random expansion of the rule `name`. Raises KeyError for an unknown rule."""
        return _expand(self.rules[name], rng.random)

    def sentences(self, name: str, count: int, rng: Random, join: str = " ") -> str:
        """`count` expansions, joined. English wants a space between sentences, Chinese nothing."""
        options, uniform = self.rules[name], rng.random
        said = [_expand(options, uniform) for _ in range(count)]
        return join.join([sentence[0].upper() + sentence[1:] for sentence in said])


def _capitalised(rules: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The rules that slots name with a capital letter: `<Place>` is `<place>`, capitalised."""
    slots = {slot for options in rules.values() for text in options for slot in _SLOT.findall(text)}
    found = {}
    for slot in sorted(slots - set(rules)):
        options = rules.get(slot[0].lower() + slot[1:], ())
        if options and not slot[0].isdigit():
            found[slot] = tuple(w if w[0] == "<" else w[0].upper() + w[1:] for w in options)
    return found


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
