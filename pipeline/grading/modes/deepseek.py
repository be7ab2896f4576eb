"""`deepseek`: the verdicts of the paper's own scorer, for comparing with its tables. Nothing is
evaluated.

The rules are those of the public evaluation code (deepseek-ai/DeepSeek-Math, evaluation/), written
anew from their description: numbers within 1e-3, or a hundred times too large or small; interval
brackets ignored; a bracketed answer read only up to the first bracket that does not match; all
boxes of an output, of which the last as many as there are references. Where the original would call
parse_latex, simplify or eval, this uses the bounded grammar of strict mode and its worker, so an
answer cannot run code or take unbounded time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.grading.answer.text import MAX_CHARS, clean
from pipeline.grading.bounded import bounded_cache
from pipeline.grading.expr import algebra
from pipeline.grading.expr.compare import OverTime
from pipeline.grading.expr.parse import Unreadable, parse_prefix
from pipeline.grading.expr.tokens import tokenize
from pipeline.grading.expr.tree import Node, minus

Prove = Callable[[Node, Node], bool]
TOLERANCE = 1e-3
MAX_OUTPUT = 200_000
_BRACKETED = re.compile(r"[(\[].+[)\]]")
_AND = re.compile(r"\\text\{\s*and\s*\}")
_BOX = "boxed{"
_RELATION = re.compile(r"[<>=]|\\(?:le|ge|ne|lt|gt|in|leq|geq|neq)(?![a-z])")


def grade(output: str, reference: str, question: str, prove: Prove) -> tuple[str, str | None, str]:
    """(verdict, extracted, rule) of a whole output. A numeric reference is scored by the last
    answer alone (the original's rule for GSM8K, CMATH and MGSM), any other by all boxes (its rule
    for MATH)."""
    found = extract_all(output[-MAX_OUTPUT:])
    if not any(found):
        return "no_answer", None, "extract"
    verdict, rule = decide(found, reference, question, prove)
    return verdict, found[-1], rule


def decide(found: list[str], reference: str, question: str, prove: Prove) -> tuple[str, str]:
    """(verdict, rule) of the candidate answers, already stripped, against one reference."""
    wanted = list(dict.fromkeys(_parts([strip(reference)], question)))
    scorer = _Scorer(prove)
    try:
        if len(wanted) == 1 and _float(wanted[0]) is not None:
            right = scorer.same(found[-1], wanted[0])
        else:
            right = scorer.matched(
                list(dict.fromkeys(_parts(found, question)))[-len(wanted) :], wanted
            )
    except OverTime as error:
        return "undecided", f"cap: {error}"
    except RecursionError:  # six hundred "!" or "\\%" in a row
        return "undecided", "cap: depth"
    return ("right" if right else "wrong"), "deepseek"


def extract_all(output: str) -> list[str]:
    """Every candidate answer in order: the "final answer is $..$. I hope" form, all boxes, "he
    answer is", the last program output, the last number."""
    if "final answer is $" in output and "$. I hope" in output:
        found = [output.split("final answer is $", 1)[1].split("$. I hope", 1)[0]]
    elif "boxed" in output:
        found = _boxes(output)
    elif "he answer is" in output:
        found = [output.rsplit("he answer is", 1)[1]]
    elif _program_output(output):
        found = [_program_output(output)]
    else:
        found = re.findall(r"-?\d*\.?\d+", output.replace(",", "")[-20_000:])[-1:]
    return [
        strip(text.strip().split("\n")[0].lstrip(":").rstrip(".").rstrip("/")) for text in found
    ]


def _boxes(output: str) -> list[str]:
    found = []
    for piece in output.split(_BOX)[1:][-64:]:
        depth = 0
        for brace in re.finditer(r"[{}]", piece):
            depth += 1 if brace[0] == "{" else -1
            if depth < 0:
                percent = (
                    piece[brace.end() : brace.end() + 1] == "%"
                )  # the original keeps the brace: `50}` for \boxed{50}%
                found.append(piece[: brace.start() + percent])
                break
    return found


def _program_output(output: str) -> str:
    return (
        output.rsplit("```output", 1)[1].split("```", 1)[0].strip() if "```output" in output else ""
    )


def _parts(answers: list[str], question: str) -> list[str]:
    """Split on commas when the question asks for that and there is no bracket, and on
    \\text{and}."""
    parts: list[str] = []
    for answer in answers:
        if "separated by commas" in question and not re.search(r"[()\[\]]", answer):
            parts += [part.strip() for part in answer.split(",")]
        else:
            parts += [part.strip() for part in _AND.split(answer)]
    return parts


_STRIPS = [
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\n|\\!", ""),
        (r"[tdc]frac", "frac"),
        (r"\\left|\\right", ""),
        (r"\^(?:\{\\circ\}|\\circ)", ""),
        (r"\{[cm]?m\}(?:\^[23])?", ""),
        (r"p\.m\.$", ""),
        (r"(\d)\s*t$", r"\1"),
        (r"\\?\$|x\\in", ""),
        (r"\\%", "%"),
        (r" \.", " 0."),
        (r"\{\.", "{0."),
        (r"\\cdot", ""),
        (r"\\math(?:bf|rm)", ""),
        (r"\\mbox\{.*?\}", ""),
        (r"(\d)\.0+(?=\D|$)", r"\1"),
        (r"^\.", "0."),
        (r"\\(sqrt|tan)(-?[0-9.a-zA-Z]+)", r"\\\1{\2}"),
        (r"\\(sqrt|tan)\s+(\w+)$", r"\\\1{\2}"),
        (r" ", ""),
        (r"\\frac([^{])([^{])", r"\\frac{\1}{\2}"),
        (r"\\frac([^{])\{", r"\\frac{\1}{"),
        (r"^(-?\d+|[^/]*sqrt[^/]*)/(-?\d+|[^/]*sqrt[^/]*)$", r"\\frac{\1}{\2}"),
    )
]


@bounded_cache(8 << 20, per_char=4)
def strip(text: str) -> str:
    """The original's normal form of an answer: spacing, units at the end, degrees, styles, 3.0 as
    3, a/b as \\frac."""
    text = text.strip().rstrip(".")
    if len(text) > MAX_CHARS:
        return text
    if text.startswith("\\text{") and text.endswith("}"):
        text = text[len("\\text{") : -1]
    without_unit = re.sub(r"\\text\{.*?\}$", "", text).strip()
    text = without_unit or text
    for pattern, to in _STRIPS[:11]:
        text = pattern.sub(to, text).strip()
    text = text.replace("infinity", "\\infty")
    text = text if "\\infty" in text else text.replace("inf", "\\infty")
    if "j" in text and "i" not in text:
        text = text.replace("j", "i")
    for pattern, to in _STRIPS[11:]:
        text = pattern.sub(to, text)
    return re.sub(r"(?:\\|,|\.)+$", "", text)


def _float(text: str) -> float | None:
    """Commas dropped; a trailing % divides by a hundred."""
    text = text.replace(",", "")
    percent = text.endswith("%")
    try:
        return float(text) if not percent else float(text[:-1].rstrip("\\")) / 100
    except ValueError:
        return None


@dataclass(frozen=True)
class _Scorer:
    """The original's comparisons. prove -- decides a pair of trees where the original would call
    simplify."""

    prove: Callable[[Node, Node], bool]

    def matched(self, found: list[str], wanted: list[str]) -> bool:
        """Every answer has a partner among the references and the other way round; order is
        free."""
        table = [[self.same(x, y) for y in wanted] for x in found]
        return all(map(any, table)) and all(
            any(row[j] for row in table) for j in range(len(wanted))
        )

    def same(self, a: str, b: str, depth: int = 0) -> bool:
        """a: the answer, b: the reference, both stripped. Raises OverTime."""
        if "\\cup" in a and "\\cup" in b and not depth:
            return self.matched(a.split("\\cup")[:64], b.split("\\cup")[:64])
        if a == b:
            return bool(b)
        x, y = _float(a), _float(b)
        if x is not None and y is not None:
            return any(math.isclose(x, value, abs_tol=TOLERANCE) for value in (y / 100, y, y * 100))
        if not a or depth > 4:
            return False
        if len(a) > MAX_CHARS or len(b) > MAX_CHARS:
            raise OverTime("length")
        if (
            _BRACKETED.match(a)
            and _BRACKETED.match(b)
            and self._parts_same(a[1:-1].split(","), b[1:-1].split(","), depth)
        ):
            return True
        if _is_matrix(a) and _is_matrix(b):
            rows = [
                [line.split("&") for line in _inside(text).split("\\\\") if line.strip()]
                for text in (a, b)
            ]
            if len(rows[0]) == len(rows[1]) and all(
                self._parts_same(p, q, depth) for p, q in zip(*rows, strict=True)
            ):
                return True
        sides = [text.split("=") for text in (a, b)]
        if len(sides[0]) == len(sides[1]) == 2:
            return self._equations(*sides)
        if len(sides[0]) == 2 and len(sides[0][0].strip()) <= 2 and len(sides[1]) == 1:
            return self.same(sides[0][1], b, depth + 1)
        if len(sides[1]) == 2 and len(sides[1][0].strip()) <= 2 and len(sides[0]) == 1:
            return self.same(a, sides[1][1], depth + 1)
        return self._symbolic(_tree(a), _tree(b))

    def _parts_same(self, a: list[str], b: list[str], depth: int) -> bool:
        return len(a) == len(b) and all(
            self.same(x, y, depth + 1) for x, y in zip(a, b, strict=True)
        )

    def _equations(self, a: list[str], b: list[str]) -> bool:
        """Both `left - (right)`, the same up to the sign; read as one text each, so an unmatched
        bracket cuts here too."""
        x, y = (_tree(f"{left.strip()} - ({right.strip()})") for left, right in (a, b))
        return self._symbolic(x, y) or (x is not None and self._symbolic(minus(x), y))

    def _symbolic(self, a: Node | None, b: Node | None) -> bool:
        """A difference that simplifies to zero, or two values within the tolerance."""
        if a is None or b is None:
            return False
        x, y = algebra.real(a), algebra.real(b)
        if x is not None and y is not None and math.isfinite(x) and math.isfinite(y):
            if math.isclose(x, y, abs_tol=TOLERANCE):
                return True
        verdict, rule = algebra.equal(a, b)
        if verdict is None:
            if rule == "cap":
                raise OverTime("over a cap")
            return self.prove(a, b)
        return verdict


def _is_matrix(text: str) -> bool:
    return bool(
        re.match(r"\\begin\{[pb]matrix\}", text) and re.search(r"\\end\{[pb]matrix\}$", text)
    )


def _inside(text: str) -> str:
    return text[len("\\begin{pmatrix}") : -len("\\end{pmatrix}")]


@bounded_cache(16 << 20, per_char=200)
def _tree(text: str) -> Node | None:
    """What a parser makes of the text that stops silently at the first bracket or comma it cannot
    use."""
    if _RELATION.search(text) or not text.isascii():
        return None
    try:
        return parse_prefix(tokenize(clean(text)))
    except (Unreadable, RecursionError):
        return None
