"""Rival corpora that the built-in web does not hold: papers in LaTeX, and code.

Papers state and prove little facts about whole numbers in the manner of an article's source; code
is small Python modules. Both are of split "web": no question of a benchmark is told in them, and
the format of the instruction data does not occur.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

NAMES = "Lindgren Okafor Moreau Tanaka Petrov Silva Haddad Novak Weber Castillo".split()
OBJECTS = (
    "group",
    "ring",
    "graph",
    "lattice",
    "sequence",
    "matrix",
    "polynomial",
    "module",
    "partition",
    "curve",
)
PROPERTIES = (
    "finite",
    "bounded",
    "irreducible",
    "regular",
    "compact",
    "stable",
    "free",
    "symmetric",
    "simple",
    "proper",
)
WORDS = ("total", "price", "width", "count", "weight", "speed", "depth", "score", "level", "rate")
FUNCTIONS = (
    "scale",
    "merge",
    "reduce_by",
    "clip",
    "shift",
    "combine",
    "measure",
    "update",
    "fold",
    "spread",
)


def paper(rng: Random) -> str:
    """The LaTeX source of a short article."""
    thing, other = rng.sample(OBJECTS, 2)
    quality, second = rng.sample(PROPERTIES, 2)
    lines = [
        "\\documentclass{amsart}", "\\newtheorem{theorem}{Theorem}", "\\newtheorem{lemma}{Lemma}",
        f"\\title{{On {quality} {other}s of a {second} {thing}}}",
        f"\\author{{{'. '.join(rng.sample('ABCDEGHJKL', 2))}. {rng.choice(NAMES)}}}",
        "\\begin{document}", "\\maketitle", "\\begin{abstract}",
        f"We show that every {quality} {thing} admits a {second} {other}. This sharpens a result of {rng.choice(NAMES)}.",
        "\\end{abstract}",
    ]  # fmt: skip
    for number in range(1, rng.randint(3, 5)):
        lines += [
            f"\\section{{{rng.choice(('Preliminaries', 'Notation', 'The main result', 'Examples', 'Remarks'))}}}"
        ]
        lines += [_statement(rng, number) for _ in range(rng.randint(2, 4))]
    return "\n".join([*lines, "\\end{document}"])


def _statement(rng: Random, number: int) -> str:
    thing, quality = rng.choice(OBJECTS), rng.choice(PROPERTIES)
    a, b, n = rng.choice("abcpq"), rng.choice("uvwxyz"), rng.choice("kmn")
    low, high = rng.randint(2, 9), rng.randint(10, 40)
    kind = rng.randrange(4)
    if kind == 0:
        return (
            f"\\begin{{lemma}}\\label{{l:{number}}} Let ${a}$ be a {quality} {thing}. Then $\\sum_{{{n}=1}}^{{\\infty}} "
            f"{a}_{n}^{{{low}}} \\le {high} \\, \\| {b} \\|$. \\end{{lemma}}"
        )
    if kind == 1:
        return (
            f"\\begin{{proof}} By Lemma~\\ref{{l:{number}}} we may assume ${a} \\ne {b}$. Put ${b} = {a}^{{{low}}} + {n}$; the "
            f"claim follows by induction on ${n}$. \\end{{proof}}"
        )
    if kind == 2:
        side = f"\\frac{{{high}}}{{{low}}} \\log {n} + O(1)"
        return f"\\begin{{equation}} \\int_0^{{{low}}} {b}({a}) \\, d{a} = {side} \\end{{equation}}"
    source = f"{rng.choice(NAMES).lower()}{rng.randint(60, 99)}"
    return f"It is well known \\cite{{{source}}} that a {quality} {thing} need not be free."


def module(rng: Random) -> str:
    """A small Python module without any output: its numbers are arguments and constants, not worked
    results.
    """
    names = rng.sample(WORDS, 3)
    lines = [
        f'"""Helpers for {names[0]} and {names[1]}."""',
        "import math",
        "",
        f"LIMIT = {rng.randint(2, 99)}",
        "",
    ]
    for name in rng.sample(FUNCTIONS, rng.randint(2, 4)):
        first, second = rng.sample(names, 2)
        step, sign = rng.randint(2, 9), rng.choice("+-*")
        lines += [
            f"def {name}({first}, {second}={step}):",
            f"    if {first} > LIMIT:",
            f"        return {name}({first} - LIMIT, {second})",
            f"    values = [{first} {sign} i for i in range({second})]",
            "    return "
            + rng.choice((f"sum(values) // {step}", "max(values)", f"math.gcd({first}, {second})")),
            "",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def texts(kind: str, characters: int, seed: int) -> Iterator[str]:
    """Papers or modules until so many characters."""
    make, rng, made = {"arxiv": paper, "code": module}[kind], Random(f"{seed}/{kind}"), 0
    while made < characters:
        text = make(rng)
        made += len(text)
        yield text
