"""The offline pool: the instruct model answers every question of a run once, before the first step.

Outputs stay on file; what a run keeps in memory is where each question's begin. At the paper's size
(144 thousand questions x 64 outputs) they would be hundreds of gigabytes as Python lists.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.lm import flops
from pipeline.lm.generate import Engine
from pipeline.lm.parallel import exists, write_jsonl
from pipeline.lm.parts import in_parts
from pipeline.lm.rollouts import Rollouts, encode_prompts, right_answers, sample_groups
from pipeline.records import Question
from pipeline.rl.config import RLConfig
from pipeline.rl.data_source import question_at
from pipeline.rl.training import Training


def fill_pool(run: Training) -> None:
    """Sample the pool, or read it again after a kill; count what it cost."""
    path, cfg, inputs = run.state / "pool.jsonl", run.cfg, run.inputs
    if not exists(path):
        at = question_at(inputs.questions, run.seed)
        needed = {at(n).id: at(n) for n in range(cfg.steps * run.questions_per_step)}
        with run.frozen() as instruct:
            run.engine.sync(instruct)
            make_pool(run.engine, inputs.tokenizer, list(needed.values()), cfg, run.seed, path)
        run.engine.sync(run.policy)
    run.pool = Pool(path)
    rows = (row for name in run.pool for row in run.pool[name])
    write_jsonl(run.out / "rollouts" / "offline.jsonl", rows)
    if "samples" not in run.total:
        run.total["samples"] = sum(count for _, count in run.pool.places.values())
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
    write_jsonl(path, in_parts(parts, len(questions), cfg.questions_per_step, made, "offline pool"))
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


class Pool:
    """The rows of a pool's file by question id, read when they are asked for.

    The rows of a question stand together in the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[str, tuple[int, int]] = {}  # (first byte, rows)
        with path.open("rb") as file:
            start = 0
            for line in file:
                name = json.loads(line)["question"]
                first, count = self.places.get(name, (start, 0))
                self.places[name] = (first, count + 1)
                start += len(line)

    def __getitem__(self, question: str) -> list[dict]:
        start, count = self.places[question]
        with self.path.open("rb") as file:
            file.seek(start)
            return [json.loads(file.readline()) for _ in range(count)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)


def _pool_flops(run: Training) -> int:
    """FLOPs of sampling the pool, each prompt once."""
    shape, by_id = flops.shape_of(run.policy.config), {q.id: q for q in run.inputs.questions}
    found = 0
    for name in run.pool:
        (prompt,) = encode_prompts(run.inputs.tokenizer, [by_id[name]], run.cfg)
        lengths = [len(row["tokens"]) for row in run.pool[name]]
        found += flops.group_pass(shape, [len(prompt)], lengths, [0] * len(lengths))
    return found
