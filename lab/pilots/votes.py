"""The temperature of claims C12 and C14: do votes differ?

    python -m lab.pilots.votes [--model data/main/chains/0/sft/model] [--world data/main/world]

The rule of docs/preregistration.md: the lowest of 0.7 and 1.0 at which at least a quarter of the
validation questions has right and wrong answers among eight of the instruct model. Writes
reports/pilots/votes.md. No test question is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from lab.pilots.world import GROUP, OUT, answers, summary
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.records import Question, read_rows
from pipeline.wiring.code import commit

TEMPERATURES = (0.7, 1.0)
ENOUGH = 25.0  # % of questions with right and wrong answers
LONGEST = 80  # tokens of an answer, as in profile lab


def chosen(mixed: dict[float, float]) -> float | None:
    """The lowest temperature at which enough questions are mixed; None where there is none."""
    return min((t for t, share in mixed.items() if share >= ENOUGH), default=None)


def page(rows: dict[float, dict], count: int) -> str:
    lines = [
        "# The temperature of C12 and C14",
        "",
        f"Written by `python -m lab.pilots.votes`, commit {commit()[:7]}: an instruct model, {count}",
        f"validation questions x {GROUP} answers. No test question was read.",
        "",
        "| temperature | right, % [95 %] | right and wrong among eight, % of questions |",
        "| ---: | ---: | ---: |",
    ]
    for t, row in rows.items():
        lines.append(f"| {t} | {row['sampled']} [{row['low']}, {row['high']}] | {row['mixed']} |")
    best = chosen({t: row["mixed"] for t, row in rows.items()})
    said = f"temperature {best}" if best else "none: votes are too alike, and C14 is not testable"
    return "\n".join([*lines, "", f"By the rule: {said}."]) + "\n"


def asked(world: Path, count: int) -> Sequence[Question]:
    return list(read_rows(world / "validation.jsonl", Question))[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("data/main/chains/0/sft/model"))
    parser.add_argument("--world", type=Path, default=Path("data/main/world"))
    parser.add_argument("--questions", type=int, default=400)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load_model(args.model), load_tokenizer(args.model)
    questions = asked(args.world, args.questions)
    rows = {
        t: summary(questions, answers(model, tokenizer, questions, GROUP, t, LONGEST))
        for t in TEMPERATURES
    }
    text = page(rows, len(questions))
    (OUT / "votes.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
