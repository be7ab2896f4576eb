"""Held-out questions during training. Which checkpoint counts is fixed beforehand: the last one.
Curves choose nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.lm.generate import Engine, Sampling
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.parallel import write_jsonl
from pipeline.lm.rollouts import decode, encode_prompts, grades, sample
from pipeline.records import Question
from pipeline.rl.config import RLConfig
from pipeline.rl.glossary import LANGUAGES


def validate(
    engine: Engine,
    tokenizer,
    questions: Sequence[Question],
    cfg: RLConfig,
    seed: int,
    step: int,
    path: Path,
) -> dict[str, float]:
    """Greedy and sampled accuracy. Writes one row per question to `path`; returns the metrics (none
    without questions).

    The samples' seeds are the same at every step, so that a curve moves with the policy and not
    with chance.
    """
    questions = list(questions)[: cfg.validation_size]
    if not questions:
        return {}
    prompts, count = encode_prompts(tokenizer, questions, cfg), cfg.validation_samples
    greedy = sample(engine, prompts, [0] * len(prompts), Sampling(0.0, cfg.max_new_tokens))
    seeds = [
        row_seed(seed, "validation", slot, i) for slot in range(len(prompts)) for i in range(count)
    ]
    repeated = [prompt for prompt in prompts for _ in range(count)]
    sampled = (
        sample(engine, repeated, seeds, Sampling(cfg.validation_temperature, cfg.max_new_tokens))
        if count
        else []
    )
    tokens = [output.tokens for output in [*greedy, *sampled]]
    owners = questions + [question for question in questions for _ in range(count)]
    texts = decode(tokenizer, tokens)
    judged = grades([(t, q.answer) for t, q in zip(texts, owners, strict=True)])
    right = [grade.verdict == "right" for grade in judged]
    rows = []
    for slot, question in enumerate(questions):
        begin = len(questions) + slot * count
        rows.append(
            {
                "step": step,
                "id": question.id,
                "lang": question.lang,
                "level": question.level,
                "greedy": right[slot],
                "right": sum(right[begin : begin + count]),
                "samples": count,
            }
        )
    write_jsonl(path, rows)
    return {
        **_accuracy(rows, count, ""),
        **{
            k: v
            for lang in LANGUAGES
            for k, v in _accuracy([r for r in rows if r["lang"] == lang], count, f"_{lang}").items()
        },
        "validation_truncated": sum(not output.finished for output in greedy) / len(greedy),
        "validation_length": sum(len(output.tokens) for output in greedy) / len(greedy),
    }


def _accuracy(rows: list[dict], count: int, suffix: str) -> dict[str, float]:
    if not rows:
        return {}
    found = {f"validation_greedy{suffix}": sum(row["greedy"] for row in rows) / len(rows)}
    if count:
        found[f"validation_sampled{suffix}"] = sum(row["right"] for row in rows) / (
            count * len(rows)
        )
    return found
