"""Real data instead of the miniature world: GSM8K, MATH, real benchmarks, the user's own pages.

It writes the files that pipeline/world/build.py and web/build.py write (docs/contracts.md). RL
questions are those of the instruction data, as in the paper (section 4: the chain-of-thought
questions of GSM8K and MATH); validation questions are held out of both. There is no ground truth:
no trace of a question's steps, no truth.jsonl, and no new RL questions (those files are empty).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate import suites as benchmarks
from pipeline.records import Instruction, Question, write_jsonl
from pipeline.world.real.config import RealConfig
from pipeline.world.real.pages import write_seed, write_web
from pipeline.world.real.sets import load


def build_real(cfg: RealConfig, seed: int, out: Path) -> dict[str, Any]:
    """Write everything below `out`. Returns counts and sources for the summary."""
    counts: dict[str, Any] = {"data": "real"}
    asked = write_benchmarks(cfg, out, counts)
    instructions = read_training(cfg, seed, asked, counts)
    held, kept = split(instructions, cfg.validation, seed)
    counts["instruct"] = write_jsonl(out / "instruct.jsonl", kept[: cfg.instruct or None])
    questions = [question_of(row) for row in kept if row.format == "cot"][: cfg.questions or None]
    counts["questions"] = write_jsonl(out / "questions.jsonl", questions)
    for name in ("new/questions", "new/instruct"):  # a variation that only the miniature has
        write_jsonl(out / f"{name}.jsonl", [])
    validation = [question_of(row) for row in held if row.format == "cot"]
    counts["validation"] = write_jsonl(out / "validation.jsonl", validation)
    if not questions or not validation:
        raise UserError(
            f"world.real: {len(questions)} RL questions and {len(validation)} for validation; both "
            "are needed: give more rows, or another world.real.validation"
        )
    counts["web"] = write_web([Path(path) for path in cfg.web], out / "web")
    counts["seed"] = write_seed(
        [Path(path) for path in cfg.seed], out / "seed.jsonl", cfg.max_page_bytes
    )
    return counts


def write_benchmarks(cfg: RealConfig, out: Path, counts: dict[str, Any]) -> set[str]:
    """Write every question of every benchmark, verified; return their texts as keys.

    The corpus stage removes pages that contain them.
    """
    counts["benchmarks"], asked = {}, set()
    for name in cfg.benchmarks:
        folder = Path(cfg.folder) if cfg.folder else None
        loaded = benchmarks.load(name, out / "benchmarks", folder, cfg.source)
        write_jsonl(out / "benchmarks" / f"{name}.jsonl", loaded.questions)
        counts["benchmarks"][name] = {
            "rows": len(loaded.questions),
            "data": loaded.note,
            "source": benchmarks.TABLE[name].source,
        }
        asked |= {key_of(question.question) for question in loaded.questions}
    return asked


def read_training(
    cfg: RealConfig, seed: int, asked: set[str], counts: dict[str, Any]
) -> list[Instruction]:
    """All instruction rows whose question no benchmark asks, in an order drawn from `seed`."""
    found: list[Instruction] = []
    counts["sources"], dropped = {}, Counter()
    for name in cfg.train:
        rows, note = load(name, cfg)
        counts["sources"][Path(name).name] = note
        found += rows
    kept, known = [], set()
    for row in found:
        key = key_of(row.question)
        if key in asked:
            dropped["asked_by_a_benchmark"] += 1
        elif (key, row.format) in known:
            dropped["repeated_question"] += 1
        else:
            known.add((key, row.format))
            kept.append(row)
    counts["dropped"] = dict(dropped)
    if len({row.id for row in kept}) != len(kept):
        raise UserError(
            "world.real.train: two rows share an id; give the rows of your own files distinct ones"
        )
    return sorted(kept, key=lambda row: digest(seed, "order", row.id))


def split(
    rows: Sequence[Instruction], share: float, seed: int
) -> tuple[list[Instruction], list[Instruction]]:
    """(held out, kept), by the hash of the question's text.

    All rows of one question therefore go the same way.
    """
    edge = int(share * 2**64)
    held = [int(digest(seed, "split", key_of(row.question))[:16], 16) < edge for row in rows]
    return (
        [row for row, out in zip(rows, held, strict=True) if out],
        [row for row, out in zip(rows, held, strict=True) if not out],
    )


def question_of(row: Instruction) -> Question:
    return Question(row.id, row.question, row.answer, row.lang, row.level, row.family)


def key_of(question: str) -> str:
    """A question's text without regard to case and white space."""
    return " ".join(question.lower().split())


def digest(*parts: Any) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
