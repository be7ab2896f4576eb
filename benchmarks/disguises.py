"""How many disguised Chinese questions decontamination finds, by the paper's rule and by normal forms.

    python -m benchmarks.disguises ../shared/datasets [--web ../shared/web]

60 questions of CMATH and of the Gaokao each, written in 14 ways, each on a page of its own between
two other lines. Traditional characters are those of OpenCC where it is installed (pip install
opencc), else this project's own table, which the normal form uses too. Prints a Markdown table;
`--web` adds how many clean real pages each rule flags.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.clean_pages import FILES, benchmarks, pages
from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.normalise import simplified
from pipeline.corpus.tokens import grams
from pipeline.records import read_jsonl

MANY = 60
NUMBER = re.compile(r"\d+")
CLAUSE = re.compile(r"[，,。；;：:？?]")
BEFORE, AFTER = "这里先说几句别的话。", "后面还有一行没有关系的文字。"
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")
ASCII_MARKS = str.maketrans("，。；：？！（）、", ",.;:?!(),")
DIGITS, UNITS = "零一二三四五六七八九", ("", "十", "百", "千")


def chinese(number: int) -> str:
    """A number below 100,000,000 as it is written in words."""
    if number >= 10_000:
        rest = number % 10_000
        gap = "零" if 0 < rest < 1_000 else ""
        return chinese(number // 10_000) + "万" + (gap + chinese(rest) if rest else "")
    if number == 0:
        return "零"
    written, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            written += ("零" if gap and written else "") + DIGITS[digit] + UNITS[place]
        gap = not digit
    return written.removeprefix("一") if 10 <= number < 20 else written


def in_words(text: str) -> str:
    return NUMBER.sub(lambda m: chinese(int(m[0])) if len(m[0]) < 9 else m[0], text)


def other_numbers(text: str) -> str:
    rng = random.Random(text)
    return NUMBER.sub(lambda m: str((int(m[0]) + rng.randrange(1, 9)) % 10 ** len(m[0])), text)


def other_beginning(text: str) -> str:
    found = CLAUSE.search(text)
    return "小明想先弄清楚这件事" + text[found.start() :] if found else text


def plain_text(text: str) -> str:
    """LaTeX as someone types it without LaTeX."""
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1/\2", text.replace("$", ""))
    text = re.sub(r"\\(?:left|right|mathrm|text|overline)(?![A-Za-z])", "", text)
    return re.sub(r"\\(?:leqslant|leq?)(?![A-Za-z])", "≤", text).replace("\\", "")


def traditional() -> tuple[str, Callable[[str], str]]:
    try:
        from opencc import OpenCC
    except ImportError:
        table = {}
        for code, character in simplified().items():
            table.setdefault(ord(character), chr(code))
        return "traditional characters (own table)", lambda text: text.translate(table)
    return "traditional characters (OpenCC)", OpenCC("s2t").convert


def disguises() -> dict[str, Callable[[str], str]]:
    name, convert = traditional()
    return {
        "verbatim": lambda text: text,
        "full-width characters": lambda text: text.translate(FULL_WIDTH),
        "ideographic blanks": lambda text: "\u3000".join(CLAUSE.sub(r"\g<0> ", text).split()),
        "numbers in bold": lambda text: NUMBER.sub(r"**\g<0>**", text),
        "circled digits": lambda text: text.translate(CIRCLED),
        "ASCII punctuation": lambda text: text.translate(ASCII_MARKS),
        "a blank between all characters": lambda text: " ".join(text),
        "zero-width spaces": lambda text: "\u200b".join(text),
        "a line for each clause": lambda text: CLAUSE.sub("\\g<0>\n", text),
        "LaTeX as plain text": plain_text,
        "numbers in words": in_words,
        name: convert,
        "another first clause": other_beginning,
        "other numbers": other_numbers,
    }


def questions(datasets: Path, name: str) -> list[str]:
    """Questions that are long enough to be matched by a run of ten words."""
    path, keys = FILES[name]
    asked = [row[keys[0]] for row in read_jsonl(datasets / path)]
    return random.Random(0).sample([text for text in asked if len(grams(text)) >= 10], MANY)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--web", type=Path, help="a folder of clean real pages")
    args = parser.parse_args()
    texts = benchmarks(args.datasets)
    asked = {name: questions(args.datasets, name) for name in ("cmath", "gaokao")}
    rules = {
        "the paper's rule": Index(texts, DecontaminateConfig()),
        "and normal forms": Index(texts, DecontaminateConfig(normalise=True)),
    }
    print("| disguise |" + "".join(f" {a}: {rule} |" for a in asked for rule in rules))
    print("| --- |" + " ---: |" * (len(asked) * len(rules)))
    for name, disguise in disguises().items():
        cells = []
        for given in asked.values():
            made = [f"{BEFORE}\n{disguise(text)}\n{AFTER}" for text in given]
            changed = sum(disguise(text) != text for text in given)
            note = "" if name == "verbatim" or changed == MANY else f" ({changed} changed)"
            for index in rules.values():
                cells.append(f"{sum(bool(clean(page, index).hits) for page in made)}{note}")
                note = ""
        print(f"| {name} | " + " | ".join(cells) + " |")
    if args.web:
        clean_ones = list(pages(args.web))
        flagged = {
            rule: sum(bool(clean(page, index).hits) for page in clean_ones)
            for rule, index in rules.items()
        }
        print(f"\n{len(clean_ones)} clean real pages; flagged: {flagged}")


if __name__ == "__main__":
    main()
