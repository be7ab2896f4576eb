"""Write the miniature world without its web: instructions, questions, validation, benchmarks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.records import Instruction, Question, write_jsonl
from pipeline.world.config import WorldConfig
from pipeline.world.draw import draw
from pipeline.world.problems import Problem
from pipeline.world.solutions import FORMATS, has_program

# benchmark -> the kind of problem that it asks
BENCHMARKS = {
    "mini_gsm8k": "word_en",
    "mini_math": "symbolic",
    "mini_cmath": "word_zh",
    "mini_bbh": "bbh_en",
    "mini_bbh_zh": "bbh_zh",
}
BBH_EXAMPLES = 32  # solved problems per language, for few-shot prompts; no model is trained on them


def build_questions(cfg: WorldConfig, out: Path) -> dict:
    """Write the questions and solutions of the world under `out`; return counts for the summary.

    Files: `instruct.jsonl`, `questions.jsonl`, `new/questions.jsonl` and `new/instruct.jsonl`,
    `validation.jsonl`, `benchmarks/*.jsonl`, `bbh_examples.jsonl`.
    """
    taught = problems(cfg, "sft", cfg.instruct, cfg.instruct_kinds)
    instruct = list(solved(cfg, taught))
    random.Random(f"{cfg.seed}/formats").shuffle(instruct)
    write_jsonl(out / "instruct.jsonl", instruct)
    formats = Counter(f"{row.format}_{row.lang}" for row in instruct)
    new = problems(cfg, "rl", cfg.new_questions, cfg.question_kinds)
    held = problems(cfg, "validation", cfg.validation, cfg.question_kinds)
    counts: dict = {
        "instruct": dict(sorted(formats.items())),
        "questions": write_jsonl(out / "questions.jsonl", asked(cfg, taught)),
        "new_questions": write_jsonl(out / "new/questions.jsonl", questions(cfg, new, "new")),
        "new_instruct": write_jsonl(out / "new/instruct.jsonl", solved(cfg, new, ("cot",))),
        "validation": write_jsonl(out / "validation.jsonl", questions(cfg, held, "validation")),
        "benchmarks": {},
    }
    for name in BENCHMARKS:
        rows = benchmark(cfg, name)
        counts["benchmarks"][name] = write_jsonl(out / "benchmarks" / f"{name}.jsonl", rows)
    examples = problems(cfg, "sft", 2 * BBH_EXAMPLES, {"bbh_en": 0.5, "bbh_zh": 0.5})
    write_jsonl(out / "bbh_examples.jsonl", solved(cfg, examples))
    return counts


def problems(
    cfg: WorldConfig, split: str, total: int, shares: dict[str, float]
) -> dict[str, Problem]:
    """`total` problems of a split by id. No two of a kind have the same structure."""
    return {
        f"{split}-{kind}-{i:05d}": problem
        for kind, share in shares.items()
        for i, problem in enumerate(_draw(cfg, split, round(total * share), kind))
    }


def benchmark(cfg: WorldConfig, name: str) -> list[Question]:
    """The questions of one benchmark, of split "test"."""
    drawn = _draw(cfg, "test", cfg.benchmark, BENCHMARKS[name])
    return [problem.as_question(f"{name}-{i:05d}") for i, problem in enumerate(drawn)]


def solved(
    cfg: WorldConfig, found: dict[str, Problem], formats: tuple[str, ...] | None = None
) -> Iterator[Instruction]:
    """Worked solutions of every problem in all formats; riddles, which no program solves, as CoT."""
    for id, problem in found.items():
        for format in formats or cfg.instruct_formats:
            if format == "cot" or has_program(problem):
                yield _instruction(id if format == "cot" else f"{id}-{format}", problem, format)


def asked(cfg: WorldConfig, taught: dict[str, Problem]) -> list[Question]:
    """RL questions: a choice of the problems that the instruction data teaches."""
    chosen: dict[str, Problem] = {}
    total = cfg.questions or len(taught)
    for kind, share in cfg.question_kinds.items():
        ids = [id for id in taught if id.startswith(f"sft-{kind}-")]
        wanted = round(total * share)
        if cfg.questions and wanted > len(ids):
            raise UserError(
                f"world.questions={cfg.questions}: {wanted} of kind {kind} are wanted, but the "
                f"instruction data has {len(ids)}; raise world.instruct or the share of {kind} in "
                "world.instruct_kinds"
            )
        chosen |= {id: taught[id] for id in ids[:wanted]}
    return questions(cfg, chosen, "rl")


def questions(cfg: WorldConfig, found: dict[str, Problem], order: str) -> list[Question]:
    """The problems as questions, in an order drawn from the seed."""
    rows = [problem.as_question(id) for id, problem in found.items()]
    random.Random(f"{cfg.seed}/{order}/order").shuffle(rows)
    return rows


def _draw(cfg: WorldConfig, split: str, n: int, kind: str) -> list[Problem]:
    levels, largest, weights = cfg.levels_of(kind), cfg.word_operand, cfg.word_weights
    return draw(split, n, cfg.seed, kind, levels, largest=largest, weights=weights)


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
