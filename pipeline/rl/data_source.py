"""Who answers (Table 10, data source): P_sft, the instruct model once (offline), or the policy
itself (online).

Each data source is a function of the run and the step that returns the step's outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.lm import flops
from pipeline.lm.examples import response_ids
from pipeline.lm.features import position_limit
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.passes import Rows
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.rollouts import Rollouts, encode_prompts, sample_groups
from pipeline.records import Instruction, Question
from pipeline.rl.config import RLConfig
from pipeline.rl.training import Training

# ---- which questions a step asks


def question_at(questions: Sequence[Any], seed: int) -> Callable[[int], Any]:
    """The n-th question of a run: shuffled epochs over all of them, the same for every arm with
    this seed.
    """
    if not questions:
        raise UserError(
            "RL questions: none are left after the choice of languages; see rl_scale.languages, and "
            "world.new_questions for an arm with new questions"
        )

    @lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng(row_seed(seed, "questions", epoch)).permutation(len(questions))

    return lambda n: questions[order(n // len(questions))[n % len(questions)]]


def questions_of(questions: Sequence[Question], seed: int, step: int, size: int) -> list[Question]:
    """The questions of a step, counted from 1."""
    at = question_at(questions, seed)
    return [at((step - 1) * size + slot) for slot in range(size)]


def _asked(run: Training, step: int) -> list[Question]:
    return questions_of(run.inputs.questions, run.seed, step, run.questions_per_step)


# ---- online: outputs of the policy


def online(run: Training, step: int) -> Rollouts:
    """G outputs of the current policy per question."""
    key = (run.seed, run.iteration_of(step), step)
    return sampled_online(run, _asked(run, step), key)


def next_questions(run: Training, count: int) -> list[Question]:
    """The next `count` questions of a run that asks as many as it needs (dynamic sampling)."""
    at, first = question_at(run.inputs.questions, run.seed), run.total["asked"]
    run.total["asked"] += count
    return [at(first + slot) for slot in range(count)]


def sampled_online(run: Training, questions: list[Question], key: tuple) -> Rollouts:
    """G outputs of the current policy per question; output i of question p depends on (key, p, i)."""
    cfg, tokenizer = run.cfg, run.inputs.tokenizer
    rollouts = sample_groups(run.engine, tokenizer, questions, cfg.group_size, cfg, key)
    run.total["samples"] += len(rollouts.texts)
    run.total["flops"] += flops.rows_pass(flops.shape_of(run.policy.config), rollouts.rows)
    return rollouts


# ---- offline: outputs of the instruct model, made once (pool.py)


def offline(run: Training, step: int) -> Rollouts:
    """RFT: the right and distinct outputs of each question. A question without any gives none."""

    def chosen(rows: list[dict]) -> list[dict]:
        return [row for row in rows if row["right"] and row["first"]]

    return _from_pool(run, step, chosen)


def offline_pairs(run: Training, step: int) -> Rollouts:
    """DPO: o+, o-, o+, o- ... of each question, the k-th right output with the k-th wrong one."""

    def chosen(rows: list[dict]) -> list[dict]:
        distinct = [row for row in rows if row["first"]]
        right = [row for row in distinct if row["right"]]
        wrong = [row for row in distinct if not row["right"]]
        return [row for pair in zip(right, wrong, strict=False) for row in pair]

    return _from_pool(run, step, chosen)


def _from_pool(run: Training, step: int, choose: Callable[[list[dict]], list[dict]]) -> Rollouts:
    questions = _asked(run, step)
    chosen = [choose(run.pool[q.id]) for q in questions]
    flat = [row for rows in chosen for row in rows]
    prompt_of = [slot for slot, rows in enumerate(chosen) for _ in rows]
    prompts = encode_prompts(run.inputs.tokenizer, questions, run.cfg)
    return Rollouts(
        questions,
        Rows(prompts, [row["tokens"] for row in flat], prompt_of),
        [row["text"] for row in flat],
        [row["logprobs"] for row in flat],
        [row["finished"] for row in flat],
    )


# ---- P_sft: worked solutions


def worked_solutions(run: Training, step: int) -> Rollouts:
    """Continued SFT: as many solutions as bring its FLOPs to those of a GRPO run of as many steps.

    GRPO's are taken by formula, at the configured lengths (`control_*_tokens`), so the control
    depends on no other run.
    """
    cfg, shape = run.cfg, flops.shape_of(run.policy.config)
    budget = step * flops.grpo_step(
        shape,
        cfg.questions_per_step,
        cfg.group_size,
        cfg.control_prompt_tokens,
        cfg.control_output_tokens,
    )
    at = instruction_at(run.inputs.instructions, run.seed)
    drawn, spent = [], run.total["flops"]
    while spent < budget:
        one = solutions(run.inputs.tokenizer, [at(run.total["drawn"])], cfg)
        spent += 3 * flops.rows_pass(shape, one.rows)
        run.total["drawn"] += 1
        drawn.append(one)
    return _joined(drawn)


def _joined(parts: Sequence[Rollouts]) -> Rollouts:
    """Rollouts of one output each as one batch."""
    prompts = [part.rows.prompts[0] for part in parts]
    outputs = [part.rows.outputs[0] for part in parts]
    return Rollouts(
        [part.questions[0] for part in parts],
        Rows(prompts, outputs, list(range(len(parts)))),
        [part.texts[0] for part in parts],
        [[] for _ in parts],
        [True] * len(parts),
    )


def instruction_at(instructions: Sequence[Instruction], seed: int) -> Callable[[int], Instruction]:
    """The n-th instruction of a run: shuffled epochs over all of them."""
    if not instructions:
        raise UserError(
            "instruction data: no row for the sft arm in the protocol and languages of the RL questions"
        )
    return question_at(instructions, seed)


def that_fit(
    policy, tokenizer, instructions: Sequence[Instruction], cfg: RLConfig
) -> list[Instruction]:
    """Drops instructions longer than the context of a policy with learned positions.

    A rotary policy keeps everything.
    """
    limit = position_limit(policy)
    if limit is None:
        return list(instructions)

    def length(instruction: Instruction) -> int:
        rows = solutions(tokenizer, [instruction], cfg).rows
        return len(rows.prompts[0]) + len(rows.outputs[0])

    return [i for i in instructions if length(i) <= limit]


def solutions(tokenizer, chosen: Sequence[Instruction], cfg: RLConfig) -> Rollouts:
    """Worked solutions as the outputs of their questions, as fine-tuning saw them (section 3)."""
    style = cfg.style
    questions = [
        Question(i.id, i.question, i.answer, i.lang, i.level, i.family, i.structure) for i in chosen
    ]
    prompts = [list(prompt_ids(tokenizer, i.question, i.lang, i.format, style)) for i in chosen]
    outputs = [
        response_ids(tokenizer, i.question, i.solution, i.lang, i.format, style) for i in chosen
    ]
    return Rollouts(
        questions,
        Rows(prompts, outputs, list(range(len(chosen)))),
        [i.solution for i in chosen],
        [[] for _ in chosen],
        [True] * len(chosen),
    )
