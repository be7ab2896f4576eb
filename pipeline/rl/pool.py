"""The offline pool: the instruct model answers every question of a run once, before the first step."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.lm import flops
from pipeline.lm.generate import Engine
from pipeline.lm.parallel import exists, write_jsonl
from pipeline.lm.parts import in_parts
from pipeline.lm.rollouts import Rollouts, encode_prompts, right_answers, sample_groups
from pipeline.records import Question, read_jsonl
from pipeline.rl.config import RLConfig
from pipeline.rl.data_source import question_at
from pipeline.rl.training import Training


def fill_pool(run: Training) -> None:
    """Sample the pool, or read it again after a kill; count what it cost."""
    path, cfg, inputs = run.state / "pool.jsonl", run.cfg, run.inputs
    if not exists(path):
        at = question_at(inputs.questions, run.seed)
        needed = {at(n).id: at(n) for n in range(cfg.steps * run.questions_per_step)}
        run.engine.sync(run.instruct)
        make_pool(run.engine, inputs.tokenizer, list(needed.values()), cfg, run.seed, path)
        run.engine.sync(run.policy)
    run.pool = read_pool(path)
    rows = [row for rows in run.pool.values() for row in rows]
    write_jsonl(run.out / "rollouts" / "offline.jsonl", rows)
    if "samples" not in run.total:
        run.total["samples"] = len(rows)
        run.total["flops"] = _pool_flops(run)


def make_pool(
    engine: Engine, tokenizer, questions: Sequence[Question], cfg: RLConfig, seed: int, path: Path
) -> None:
    """Sample G outputs for each question, judge them by the rule, and write them to a JSONL file.

    A row: question, tokens, logprobs, text, finished, right, and `first`: no earlier output of its
    question has the same tokens. The outputs of each `questions_per_step` questions are on file
    before the next ones are sampled.
    """

    def made(start: int, end: int) -> list[dict]:
        key = (seed, "offline", start)
        some = list(questions[start:end])
        return _pool_rows(sample_groups(engine, tokenizer, some, cfg.group_size, cfg, key))

    parts = path.with_suffix(".parts")
    write_jsonl(path, in_parts(parts, len(questions), cfg.questions_per_step, made))
    shutil.rmtree(parts, ignore_errors=True)


def _pool_rows(drawn: Rollouts) -> list[dict]:
    rows, seen = [], set()
    right = right_answers(drawn)
    for b, question in enumerate(drawn.owners):
        key = (question.id, tuple(drawn.rows.outputs[b]))
        rows.append(
            {
                "question": question.id,
                "tokens": drawn.rows.outputs[b],
                "text": drawn.texts[b],
                "logprobs": [round(x, 5) for x in drawn.logprobs[b]],
                "finished": drawn.finished[b],
                "right": right[b],
                "first": key not in seen,
            }
        )
        seen.add(key)
    return rows


def read_pool(path: Path) -> dict[str, list[dict]]:
    """The rows of a pool by question id."""
    pool: dict[str, list[dict]] = {}
    for row in read_jsonl(path):
        pool.setdefault(row["question"], []).append(row)
    return pool


def _pool_flops(run: Training) -> int:
    """FLOPs of sampling the pool, each prompt once."""
    by_id = {q.id: q for q in run.inputs.questions}
    prompts = encode_prompts(run.inputs.tokenizer, [by_id[i] for i in run.pool], run.cfg)
    lengths = [[len(row["tokens"]) for row in rows] for rows in run.pool.values()]
    return flops.group_pass(
        flops.shape_of(run.policy.config),
        list(map(len, prompts)),
        [n for group in lengths for n in group],
        [p for p, group in enumerate(lengths) for _ in group],
    )
