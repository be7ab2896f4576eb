"""Who answers (Table 10, data source): P_sft, the instruct model once (offline), or the policy itself (online)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.grading import grade_many
from pipeline.lm.examples import response_ids
from pipeline.lm.generate import Engine, Output, Sampling
from pipeline.lm.generate.draw import row_seed
from pipeline.lm.model import position_limit
from pipeline.lm.passes import Rows
from pipeline.lm.prompts import prompt_ids
from pipeline.records import Instruction, Question, read_jsonl, write_jsonl
from pipeline.rl.config import RLConfig


@dataclass(frozen=True)
class Rollouts:
    """The outputs of one step. Slot q of the batch holds `questions[q]` and prompt q; groups stand one after another."""

    questions: list[Question]
    rows: Rows
    texts: list[str]
    logprobs: list[list[float]]  # the sampler's; empty lists for P_sft
    finished: list[bool]


def question_at(questions: Sequence[Question], seed: int) -> Callable[[int], Question]:
    """The n-th question of a run: shuffled epochs over all of them, the same for every arm with this seed."""
    if not questions:
        raise UserError(
            "RL questions: none left after the choice of languages; see rl_scale.languages"
        )

    @lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng(row_seed(seed, "questions", epoch)).permutation(len(questions))

    return lambda n: questions[order(n // len(questions))[n % len(questions)]]


def batch_of(questions: Sequence[Question], seed: int, step: int, size: int) -> list[Question]:
    """The questions of a step, counted from 1."""
    at = question_at(questions, seed)
    return [at((step - 1) * size + slot) for slot in range(size)]


def encode_prompts(tokenizer, questions: Sequence[Question], scale: RLConfig) -> list[list[int]]:
    return [
        list(prompt_ids(tokenizer, q.question, q.lang, scale.protocol, scale.style))
        for q in questions
    ]


def decode(tokenizer, outputs: Sequence[Sequence[int]]) -> list[str]:
    """Texts without special tokens."""
    return tokenizer.batch_decode(
        outputs, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )


def online(
    engine: Engine, tokenizer, questions: list[Question], scale: RLConfig, key: tuple
) -> Rollouts:
    """G outputs of the engine's model a question; output i of slot q depends on (key, q, i) alone."""
    prompts, size = encode_prompts(tokenizer, questions, scale), scale.group_size
    prompt_of = [slot for slot in range(len(questions)) for _ in range(size)]
    seeds = [row_seed(*key, slot, i) for slot in range(len(questions)) for i in range(size)]
    sampling = Sampling(temperature=scale.temperature, max_new_tokens=scale.max_new_tokens)
    outputs = engine.sample([prompts[slot] for slot in prompt_of], seeds, sampling)
    return gather(tokenizer, questions, prompts, prompt_of, outputs)


def gather(tokenizer, questions, prompts, prompt_of, outputs: Sequence[Output]) -> Rollouts:
    """Outputs of an engine as rollouts."""
    tokens = [list(output.tokens) for output in outputs]
    return Rollouts(
        questions,
        Rows(prompts, tokens, list(prompt_of)),
        decode(tokenizer, tokens),
        [list(output.logprobs) for output in outputs],
        [output.finished for output in outputs],
    )


# ---- offline: outputs of the instruct model, made once


def make_pool(
    engine: Engine, tokenizer, questions: Sequence[Question], scale: RLConfig, seed: int, path: Path
) -> None:
    """Sample G outputs for each of these questions from pi_sft, judge them, and write them to a JSONL file.

    A row: question, tokens, logprobs, text, finished, right, and `first`: not an earlier output of its question again.
    """
    rows = []
    for start in range(0, len(questions), scale.questions_per_step):
        some = list(questions[start : start + scale.questions_per_step])
        drawn = online(engine, tokenizer, some, scale, (seed, "offline", start))
        owner = [some[slot] for slot in drawn.rows.prompt_of]
        grades = grade_many([(text, q.answer) for text, q in zip(drawn.texts, owner, strict=True)])
        for b, question in enumerate(owner):
            rows.append(
                {
                    "question": question.id,
                    "tokens": drawn.rows.outputs[b],
                    "text": drawn.texts[b],
                    "logprobs": [round(x, 5) for x in drawn.logprobs[b]],
                    "finished": drawn.finished[b],
                    "right": grades[b].verdict == "right",
                }
            )
    seen = set()
    for row in rows:
        key = (row["question"], tuple(row["tokens"]))
        row["first"] = key not in seen
        seen.add(key)
    write_jsonl(path, rows)


def read_pool(path: Path) -> dict[str, list[dict]]:
    """The rows of a pool by question id."""
    pool: dict[str, list[dict]] = {}
    for row in read_jsonl(path):
        pool.setdefault(row["question"], []).append(row)
    return pool


def offline(
    pool: dict[str, list[dict]], tokenizer, questions: list[Question], scale: RLConfig
) -> Rollouts:
    """RFT: the right and distinct outputs of each question. A question without any gives none."""
    chosen = [[row for row in pool[q.id] if row["right"] and row["first"]] for q in questions]
    return _from_pool(tokenizer, questions, chosen, scale)


def offline_pairs(
    pool: dict[str, list[dict]], tokenizer, questions: list[Question], scale: RLConfig
) -> Rollouts:
    """DPO: o+, o-, o+, o- ... of each question, the k-th right output with the k-th wrong one."""
    chosen = []
    for q in questions:
        rows = [row for row in pool[q.id] if row["first"]]
        right, wrong = (
            [row for row in rows if row["right"]],
            [row for row in rows if not row["right"]],
        )
        chosen.append([row for pair in zip(right, wrong, strict=False) for row in pair])
    return _from_pool(tokenizer, questions, chosen, scale)


def _from_pool(tokenizer, questions, chosen: list[list[dict]], scale: RLConfig) -> Rollouts:
    flat = [row for rows in chosen for row in rows]
    prompt_of = [slot for slot, rows in enumerate(chosen) for _ in rows]
    return Rollouts(
        questions,
        Rows(
            encode_prompts(tokenizer, questions, scale), [row["tokens"] for row in flat], prompt_of
        ),
        [row["text"] for row in flat],
        [row["logprobs"] for row in flat],
        [row["finished"] for row in flat],
    )


# ---- P_sft: worked solutions


def instruction_at(instructions: Sequence[Instruction], seed: int) -> Callable[[int], Instruction]:
    """The n-th instruction of a run: shuffled epochs over all of them."""
    if not instructions:
        raise UserError(
            "instruction data: no row for the sft arm in the protocol and languages of the RL questions"
        )
    return question_at(instructions, seed)


def that_fit(
    policy, tokenizer, instructions: Sequence[Instruction], scale: RLConfig
) -> list[Instruction]:
    """Those that a policy with learned positions can read; all of them where positions are rotary."""
    limit = position_limit(policy)
    if limit is None:
        return list(instructions)
    rows = (solutions(tokenizer, [i], scale).rows for i in instructions)
    return [
        i
        for i, row in zip(instructions, rows, strict=True)
        if len(row.prompts[0]) + len(row.outputs[0]) <= limit
    ]


def check_traces(arm: str, questions: Sequence[Question]) -> None:
    """The exact step checker knows the steps of the miniature world's questions only. Raises UserError."""
    bare = next((q.id for q in questions if not q.trace), None)
    if bare is not None:
        raise UserError(
            f"arm {arm}: question {bare} has no trace of its steps, which reward_function rule_steps needs; real "
            "data has none: take the arm out of `arms` in conf/pipeline.yaml"
        )


def solutions(tokenizer, chosen: Sequence[Instruction], scale: RLConfig) -> Rollouts:
    """Worked solutions as the outputs of their questions, as fine-tuning saw them (section 3)."""
    questions = [
        Question(i.id, i.question, i.answer, i.lang, i.level, i.family, i.structure) for i in chosen
    ]
    prompts = [
        list(prompt_ids(tokenizer, i.question, i.lang, i.format, scale.style)) for i in chosen
    ]
    outputs = [
        response_ids(tokenizer, i.question, i.solution, i.lang, i.format, scale.style)
        for i in chosen
    ]
    return Rollouts(
        questions,
        Rows(prompts, outputs, list(range(len(chosen)))),
        [i.solution for i in chosen],
        [[] for _ in chosen],
        [True] * len(chosen),
    )
