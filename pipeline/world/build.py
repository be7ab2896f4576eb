"""Write the miniature world without its web: instructions, questions, validation, benchmarks."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from pipeline.records import Instruction, Question, write_jsonl
from pipeline.world.config import WorldConfig
from pipeline.world.draw import draw
from pipeline.world.problems import Problem
from pipeline.world.solutions import FORMATS, has_program

BENCHMARKS = {"mini_gsm8k": "word_en", "mini_math": "symbolic", "mini_cmath": "word_zh"}


def build_questions(cfg: WorldConfig, out: Path) -> dict:
    """Write the questions and solutions of the world under `out`; return counts for the summary.

    Files: `instruct.jsonl`, `questions.jsonl`, `validation.jsonl`, `benchmarks/*.jsonl`.
    """
    instruct = instructions(cfg)
    write_jsonl(out / "instruct.jsonl", instruct)
    formats = Counter(f"{row.format}_{row.lang}" for row in instruct)
    counts: dict = {"instruct": dict(sorted(formats.items()))}
    for name, split, total in (
        ("questions", "rl", cfg.questions),
        ("validation", "validation", cfg.validation),
    ):
        rows = _mixed(cfg, split, total, unique=split == "validation")
        counts[name] = write_jsonl(out / f"{name}.jsonl", rows)
    counts["benchmarks"] = {}
    for name, kind in BENCHMARKS.items():
        rows = [
            p.as_question(f"{name}-{i:05d}")
            for i, p in enumerate(
                draw(
                    "test",
                    cfg.benchmark,
                    cfg.seed,
                    kind,
                    _levels(cfg, kind),
                    unique=kind != "symbolic",
                    largest=cfg.word_operand,
                )
            )
        ]
        counts["benchmarks"][name] = write_jsonl(out / "benchmarks" / f"{name}.jsonl", rows)
    return counts


def instructions(cfg: WorldConfig) -> list[Instruction]:
    """Instruction rows of split "sft".

    A symbolic problem whose answer is not a number has a chain-of-thought solution only.
    """
    rng = random.Random(f"{cfg.seed}/formats")
    formats, weights = list(cfg.instruct_formats), list(cfg.instruct_formats.values())
    rows = []
    solved = replace(cfg, word_levels=cfg.instruct_word_levels or cfg.word_levels)
    for kind, share in cfg.instruct_kinds.items():
        for i, problem in enumerate(
            draw(
                "sft",
                round(cfg.instruct * share),
                cfg.seed,
                kind,
                _levels(solved, kind),
                largest=cfg.word_operand,
            )
        ):
            format = rng.choices(formats, weights)[0]
            format = format if has_program(problem) else "cot"
            rows.append(_instruction(f"sft-{kind}-{i:05d}", problem, format))
    rng.shuffle(rows)
    return rows


def _instruction(id: str, problem: Problem, format: str) -> Instruction:
    return Instruction(
        id=id,
        question=problem.question,
        solution=FORMATS[format](problem),
        answer=problem.answer,
        format=format,
        lang=problem.lang,
        level=problem.level,
        family=problem.family,
        structure=problem.structure,
    )


def _mixed(cfg: WorldConfig, split: str, total: int, unique: bool) -> list[Question]:
    rows = [
        problem.as_question(f"{split}-{kind}-{i:05d}")
        for kind, share in cfg.question_kinds.items()
        for i, problem in enumerate(
            draw(
                split,
                round(total * share),
                cfg.seed,
                kind,
                _levels(cfg, kind),
                unique=unique and kind != "symbolic",
                largest=cfg.word_operand,
            )
        )
    ]
    random.Random(f"{cfg.seed}/{split}/order").shuffle(rows)
    return rows


def _levels(cfg: WorldConfig, kind: str) -> tuple[int, ...]:
    return cfg.symbolic_levels if kind == "symbolic" else cfg.word_levels
