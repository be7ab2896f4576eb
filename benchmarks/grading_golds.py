"""False accepts and false rejects on pairs built from the 5000 reference answers of MATH.

    python benchmarks/grading_golds.py [--shared FOLDER] [--seed N]

The constructions are those of public checker suites: another spelling of the same answer, a near
miss, another problem's answer. Whether a pair is equal follows from how it was built."""

from __future__ import annotations

import argparse
import os
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from pipeline.evaluate.suites import load
from pipeline.grading.grade import grade_answer

DEFAULT = Path(os.environ.get("DSM_SHARED", Path(__file__).parents[1].parent / "shared"))
Pair = tuple[str, str, bool]  # construction, answer, whether it is equal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=DEFAULT, help="folder with datasets/math")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the near misses and of the mismatched pairs"
    )
    options = parser.parse_args()
    rng = random.Random(options.seed)
    golds = [
        question.answer for question in load("math", Path(), options.shared / "datasets").questions
    ]
    results = defaultdict(lambda: [0, 0, 0])
    for gold in golds:
        other = rng.choice(golds)
        pairs = [*spellings(gold), *numbers(gold), *structures(gold), *near_misses(gold, rng)]
        if not _bare(other) & _bare(gold) and not same_number(other, gold):
            pairs.append(("another problem's answer", other, False))
        for name, answer, equal in pairs:
            row, right = results[name], grade_answer(answer, gold).verdict == "right"
            row[0] += 1
            row[1] += right and not equal
            row[2] += equal and not right
            if right != equal:
                print(f"{name}: {answer!r} for {gold!r} is {'accepted' if right else 'rejected'}")
    print("| pairs | n | false accepts | false rejects |\n| --- | --- | --- | --- |")
    for name, row in sorted(results.items(), key=lambda item: -item[1][0]):
        print(f"| {name} | {row[0]} | {row[1]} | {row[2]} |")
    print(
        "| all | "
        + " | ".join(str(sum(row[k] for row in results.values())) for k in range(3))
        + " |"
    )


def spellings(gold: str) -> Iterator[Pair]:
    yield "itself, spaced or in dollars", f" ${gold.replace(' ', '  ')}$ ", True
    for style in ("\\dfrac", "\\tfrac"):
        if "\\frac" in gold:
            yield "dfrac, tfrac", gold.replace("\\frac", style), True
    if re.search(r"\d\\sqrt\{\d+\}", gold) and gold.count("sqrt") == 1:
        yield "sqrt as a function", re.sub(r"\\sqrt\{(\d+)\}", r"*sqrt(\1)", gold), True
    if simple := re.fullmatch(r"(\d+)\\sqrt\{(\d+)\}", gold):
        yield "unsimplified", f"\\sqrt{{{int(simple[1]) ** 2 * int(simple[2])}}}", True
    if "pmatrix" in gold:
        yield "bmatrix", gold.replace("pmatrix", "bmatrix"), True
    if degrees := re.fullmatch(r"(-?[\d.]+)\^\\circ", gold):
        for unit in ("", "^{\\circ}", "°", " degrees"):
            yield "degrees", degrees[1] + unit, True


def numbers(gold: str) -> Iterator[Pair]:
    if fraction := re.fullmatch(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}", gold):
        sign, up, down = fraction[1], int(fraction[2]), int(fraction[3])
        exact = Fraction(up, down) if down else None
        yield "a/b", f"{sign}{up}/{down}", True
        yield "unsimplified", f"{sign}\\frac{{{3 * up}}}{{{3 * down}}}", True
        yield "turned over", f"{sign}\\frac{{{down}}}{{{up}}}", up == down
        for digits in (2, 4):
            yield (
                "rounded",
                f"{sign}{up / down:.{digits}f}",
                Fraction(f"{up / down:.{digits}f}") == exact,
            )
    if re.fullmatch(r"-?\d+", gold):
        number = int(gold)
        for end in (".0", "\\text{ meters}", " dollars", "元"):
            yield "unit or .0", gold + end, True
        yield "x = ..", f"x={gold}", True
        yield "one more", str(number + 1), False
        yield "other sign", str(-number), number == 0
        if number:
            yield "hundredfold", str(number * 100), False
            yield "hundredth", str(number / 100), False
        if abs(number) > 999:
            for mark in (",", "{,}", ",\\!", "\\,", " "):
                yield "thousands", f"{number:,}".replace(",", mark), True


def structures(gold: str) -> Iterator[Pair]:
    if re.fullmatch(r"\([^()]*,[^()]*\)", gold) and "infty" not in gold:
        parts = [part.strip() for part in gold[1:-1].split(",")]
        yield "left, right", f"\\left({', '.join(parts)}\\right)", True
        if parts != parts[::-1]:
            yield "tuple turned round", f"({','.join(parts[::-1])})", False
    if re.fullmatch(r"[(\[][^()\[\]]*,[^()\[\]]*[)\]]", gold) and re.search(r"\[|\]|infty", gold):
        low, high = gold[1:-1].split(",")
        yield "x in ..", f"x \\in {gold}", True
        if "infty" not in low:
            yield "other bracket", ("(" if gold[0] == "[" else "[") + gold[1:], False
        if "infty" not in high:
            yield "other bracket", gold[:-1] + (")" if gold[-1] == "]" else "]"), False
    if based := re.fullmatch(r"([0-9A-Z]+)_\{?(\d+)\}?", gold):
        yield "base in braces", f"{based[1]}_{{{based[2]}}}", True
        yield "base dropped", based[1], False
        yield "other base", f"{based[1]}_{int(based[2]) + 1}", False
    if re.fullmatch(r"-?\d+(?:\s*,\s*-?\d+)+", gold) and not re.fullmatch(
        r"\d{1,3}(?:,\d{3})+", gold
    ):
        items = [item.strip() for item in gold.split(",")]
        yield "list with and", ", ".join(items[:-1]) + " \\text{ and } " + items[-1], True
        yield "list, one more", ", ".join([*items, "17"]), False
        yield "list, one less", ", ".join(items[:-1]), False


def near_misses(gold: str, rng: random.Random) -> Iterator[Pair]:
    digits = list(re.finditer(r"(?<![\d.])\d+(?![\d.])", gold))
    if digits and "text" not in gold and "mbox" not in gold:
        chosen = rng.choice(digits)
        yield (
            "a number changed",
            gold[: chosen.start()] + str(int(chosen[0]) + 1) + gold[chosen.end() :],
            False,
        )
    signs = list(re.finditer(r"(?<=[^({,^_\s=])\s*([+-])(?=\s*[\d\\a-z])", gold))
    if signs and not re.search(r"text|,|=", gold):
        chosen = rng.choice(signs)
        at = chosen.start(1)
        yield (
            "a sign changed",
            gold[:at] + ("-" if gold[at] == "+" else "+") + gold[at + 1 :],
            False,
        )


def _bare(gold: str) -> set[str]:
    """Letters and digits, with the words and without them."""
    return {
        re.sub(rf"{words}|[^A-Za-z0-9]|frac|circ", "", gold)
        for words in (r"\\text\{.*?\}", r"\\text")
    }


def same_number(a: str, b: str) -> bool:
    """Whether a percent and a number that is its hundredth meet, which are equal by convention."""
    values = []
    for text in (a, b):
        match = re.fullmatch(r"(?:\\d?frac\{(\d+)\}\{(\d+)\}|(-?[\d.]+))(\\?%)?(?:\^\\circ)?", text)
        if match is None:
            return False
        value = Fraction(match[3]) if match[3] else Fraction(int(match[1]), int(match[2]))
        values.append({value, value / 100} if match[4] else {value})
    return bool(values[0] & values[1])


if __name__ == "__main__":
    main()
