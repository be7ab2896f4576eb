"""AsciiMath to LaTeX: the notation of MathJax's AsciiMath input, its common part."""

from __future__ import annotations

import re

from pipeline.corpus.text.symbols import FUNCTIONS

# fmt: off
MAX_ASCIIMATH, MAX_DEPTH = 2_000, 60
WORDS = {
    name: "\\" + name
    for name in (
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho "
        "sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega sum "
        "prod int oint times div cdot star circ oplus otimes cup cap in notin subset supset subseteq forall "
        "exists infty partial nabla propto approx cong equiv angle perp vdots ddots cdots ldots "
    ).split()
} | {name: "\\" + name for name in FUNCTIONS}
WORDS |= {"oo": "\\infty", "xx": "\\times", "del": "\\partial", "grad": "\\nabla", "O/": "\\emptyset", "uu": "\\cup",
          "nn": "\\cap", "sub": "\\subset",
          "sube": "\\subseteq", "sup": "\\sup", "and": "\\text{and}", "or": "\\text{or}", "if": "\\text{if}",
          "AA": "\\forall", "EE": "\\exists", "RR": "\\mathbb{R}",
          "NN": "\\mathbb{N}", "ZZ": "\\mathbb{Z}", "QQ": "\\mathbb{Q}", "CC": "\\mathbb{C}", "quad": "\\quad",
          "lfloor": "\\lfloor", "rfloor": "\\rfloor",
          "rarr": "\\to", "rArr": "\\Rightarrow", "hArr": "\\Leftrightarrow", "pm": "\\pm", "prop": "\\propto",
          "dx": "dx", "dy": "dy", "dt": "dt", "mod": "\\bmod"}
SIGNS = {"<=": "\\leq", ">=": "\\geq", "!=": "\\neq", "->": "\\to", "=>": "\\Rightarrow", "<=>": "\\Leftrightarrow",
          "+-": "\\pm", "-:": "\\div", "**": "*",
         "*": "\\cdot", "~~": "\\approx", "-=": "\\equiv", "~=": "\\cong", "...": "\\ldots", "!in": "\\notin",
         "|->": "\\mapsto", "_|_": "\\perp", "//": "/",
         "{": "\\{", "}": "\\}", "%": "\\%", "#": "\\#", "&": "\\&"}
UNARY = {"sqrt": "\\sqrt", "hat": "\\hat", "bar": "\\overline", "vec": "\\vec", "dot": "\\dot", "ddot": "\\ddot",
          "tilde": "\\tilde", "ul": "\\underline",
         "abs": "abs", "floor": "floor", "ceil": "ceil", "norm": "norm", "bb": "\\mathbf", "bbb": "\\mathbb",
         "cc": "\\mathcal", "fr": "\\mathfrak", "text": "\\text", "cancel": "\\cancel"}
BINARY = {"frac": "\\frac", "root": "root", "stackrel": "\\stackrel", "overset": "\\overset", "underset": "\\underset"}
NAMES = sorted({*WORDS, *UNARY, *BINARY}, key=len, reverse=True)
TOKEN = re.compile(
    r'"[^"]*"|text\([^()]*\)|\d+(?:\.\d+)?|' + "|".join(map(re.escape, sorted(SIGNS, key=len, reverse=True)))
    + "|" + "|".join(map(re.escape, NAMES)) + r"|\\[A-Za-z]+|[A-Za-z]|\S"
)
PAIRS = {"(": ")", "[": "]", "{": "}", "(:": ":)"}
AROUND = {"abs": ("|", "|"), "floor": ("\\lfloor ", "\\rfloor"), "ceil": ("\\lceil ", "\\rceil"), "norm": ("\\|",
          "\\|")}
# fmt: on


def latex_of_asciimath(text: str) -> str:
    """ "sum_(i=1)^n i^3=((n(n+1))/2)^2" gives "\\sum_{i=1}^{n}i^{3}=(\\frac{n(n+1)}{2})^{2}"."""
    tokens = TOKEN.findall(text[:MAX_ASCIIMATH])
    out, at = _row(tokens, 0, None, 0)
    return re.sub(r"(\\[A-Za-z]+) (?![A-Za-z])", r"\1", out).strip()


def _row(tokens: list[str], at: int, closing: str | None, depth: int) -> tuple[str, int]:
    """Terms up to `closing`, which is read over."""
    out: list[str] = []
    while at < len(tokens):
        if tokens[at] == closing:
            return "".join(out), at + 1
        term, at = _scripted(tokens, at, depth)
        if at < len(tokens) and tokens[at] == "/":
            below, at = _scripted(tokens, at + 1, depth)
            term = f"\\frac{{{_bare(term)}}}{{{_bare(below)}}}"
        out.append(term)
    return "".join(out), at


def _scripted(tokens: list[str], at: int, depth: int) -> tuple[str, int]:
    """A simple expression with its scripts."""
    base, at = _simple(tokens, at, depth)
    for mark in ("_", "^"):
        if at < len(tokens) and tokens[at] == mark:
            script, at = _simple(tokens, at + 1, depth)
            base = f"{base.rstrip()}{mark}{{{_bare(script)}}}"
    return base, at


def _simple(tokens: list[str], at: int, depth: int) -> tuple[str, int]:
    if at >= len(tokens):
        return "", at
    token, at = tokens[at], at + 1
    if depth > MAX_DEPTH:
        return token, at
    if token[0] == '"':
        return f"\\text{{{token.strip(chr(34))}}}", at
    if token.startswith("text("):
        return f"\\text{{{token[5:-1]}}}", at
    if token in PAIRS:
        inner, at = _row(tokens, at, PAIRS[token], depth + 1)
        left, right = SIGNS.get(token, token), SIGNS.get(PAIRS[token], PAIRS[token])
        return f"{left}{inner}{right}", at
    if token in UNARY:
        argument, at = _simple(tokens, at, depth + 1)
        if token in AROUND:
            left, right = AROUND[token]
            return f"{left}{_bare(argument)}{right}", at
        return f"{UNARY[token]}{{{_bare(argument)}}}", at
    if token in BINARY:
        first, at = _simple(tokens, at, depth + 1)
        second, at = _simple(tokens, at, depth + 1)
        if token == "root":
            return f"\\sqrt[{_bare(first)}]{{{_bare(second)}}}", at
        return f"{BINARY[token]}{{{_bare(first)}}}{{{_bare(second)}}}", at
    latex = SIGNS.get(token) or WORDS.get(token, token)
    return (latex + " " if latex[:1] == "\\" and latex[-1].isalpha() else latex), at


def _bare(term: str) -> str:
    """A term without the one pair of brackets around all of it."""
    term = term.strip()
    if term[:1] + term[-1:] not in ("()", "[]", "{}") or len(term) < 2:
        return term
    depth = 0
    for index, character in enumerate(term):
        depth += (character == term[0]) - (character == term[-1])
        if depth == 0 and index < len(term) - 1:
            return term
    return term[1:-1].strip()
