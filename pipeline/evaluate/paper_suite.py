"""The paper's evaluation as one suite: which benchmarks under which protocol make Tables 2, 3, 4
and 5, and the table of a model's scores next to the paper's (arXiv 2402.03300v3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate.suites import GROUPS
from pipeline.evaluate.tally import interval

FEW_SHOT = ("gsm8k", "math", "ocw", "sat", "mmlu_stem", "cmath", "gaokao_cloze", "gaokao_qa")
INSTRUCT = ("gsm8k", "math", "mgsm_zh", "cmath")
TABLES: dict[int, tuple[str, ...]] = {  # benchmark@protocol, in the order of the paper's columns
    2: tuple(f"{name}@few_shot" for name in FEW_SHOT),
    3: ("gsm8k@pal", "math@pal"),
    4: tuple(f"{name}@few_shot" for name in GROUPS["bbh"]),
    5: tuple(f"{name}@{protocol}" for protocol in ("cot", "tir") for name in INSTRUCT),
}
TITLES = {
    2: "base models, few-shot chain of thought",
    3: "base models, few-shot programs",
    4: "BIG-Bench Hard, 3-shot chain of thought, mean of 27 tasks",
    5: "instruct and RL models, chain of thought and tool-integrated reasoning",
}
PAPER: dict[int, dict[str, tuple[float | None, ...]]] = {  # percent, in the order of TABLES
    2: {
        "Mistral 7B": (40.3, 14.3, 9.2, 71.9, 51.1, 44.9, 5.1, 23.4),
        "Llemma 34B": (54.0, 25.3, 10.3, 71.9, 52.9, 56.1, 11.9, 26.2),
        "DeepSeekMath-Base 7B": (64.2, 36.2, 15.4, 84.4, 56.5, 71.7, 20.3, 35.3),
    },
    3: {
        "Mistral 7B": (48.5, 18.2),
        "Llemma 34B": (64.6, 26.3),
        "DeepSeekMath-Base 7B": (66.9, 31.4),
    },
    4: {"DeepSeek-Coder-Base-v1.5 7B": (55.2,), "DeepSeekMath-Base 7B": (59.5,)},
    5: {
        "DeepSeekMath-Instruct 7B": (82.9, 46.8, 73.2, 84.6, 83.7, 57.4, 72.0, 84.3),
        "DeepSeekMath-RL 7B": (88.2, 51.7, 79.6, 88.8, 86.7, 58.8, 78.4, 87.6),
    },
}
NOT_RUN = {
    "miniF2F (Table 3)": "its proofs are checked by Isabelle, which is not part of this project",
    "MMLU (Table 4)": "multiple choice over 57 subjects by log-likelihood; its STEM part is run in Table 2",
    "HumanEval, MBPP (Table 4)": "code against unit tests; only answers are graded here",
}


def benchmarks_of(tables: Sequence[int]) -> tuple[str, ...]:
    """The benchmarks that fill these tables. Raises UserError for a table that is none of them."""
    for number in tables:
        if number not in TABLES:
            raise UserError(
                f"--tables {number}: the suite fills tables {', '.join(map(str, TABLES))}"
            )
    return tuple(dict.fromkeys(key for number in tables for key in TABLES[number]))


def paper_tables(model: str, scores: dict[str, dict[str, Any]], tables: Sequence[int]) -> str:
    """Markdown, one table per number of the paper. scores -- "benchmarks" of summary.json; greedy
    accuracy in percent is shown, with its interval and the questions that were asked."""
    parts = []
    for number in tables:
        columns = [[scores.get(key)] for key in TABLES[number]]
        heads: Iterable[str] = TABLES[number]
        if number == 4:
            columns, heads = [[scores.get(key) for key in TABLES[4]]], ("bbh@few_shot",)
        ours = [_of_column(column) for column in columns]
        lines = [
            f"Table {number}: {TITLES[number]}",
            "",
            _row("model", heads),
            _row("---", ["---"] * len(ours)),
            _row(model, (accuracy for accuracy, _, _ in ours)),
            _row("95 % interval", (between for _, between, _ in ours)),
            _row("questions asked", (asked for _, _, asked in ours)),
        ]
        lines += [
            _row(f"{name} (paper)", map(_percent, row)) for name, row in PAPER[number].items()
        ]
        parts.append("\n".join(lines))
    left_out = "\n".join(f"not run: {name}: {why}" for name, why in NOT_RUN.items())
    return "\n\n".join([*parts, left_out])


def _of_column(members: Sequence[dict[str, Any] | None]) -> tuple[str, str, str]:
    """Mean accuracy of the benchmarks of a column, its interval over all their questions, and how
    many these are."""
    found = [score for score in members if score is not None]
    if not found or len(found) < len(members):
        return "-", "-", "-"
    right = sum(round(score["greedy"] * score["n"]) for score in found)
    asked = sum(score["n"] for score in found)
    low, high = interval([1.0] * right + [0.0] * (asked - right))
    mean = sum(score["greedy"] for score in found) / len(found)
    return f"{100 * mean:.1f}", f"{100 * low:.1f} to {100 * high:.1f}", str(asked)


def _row(first: str, cells: Iterable[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
