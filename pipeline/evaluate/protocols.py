"""Protocols: how a question becomes prompts, generations and the text that is graded (EVAL_PROTOCOL).

Each is a function (engine, tokenizer, questions, seeds, sampling, cfg) -> one Transcript a question, in order.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import UserError
from pipeline.evaluate.config import EvaluateConfig
from pipeline.prompts import prompt_ids
from pipeline.records import Question


@dataclass(frozen=True)
class Transcript:
    """`text`: all that was written, tool outputs included; `tokens`: ids the model drew; `judged`: what is graded."""

    text: str
    tokens: int
    finished: bool
    judged: str


def cot(engine, tokenizer, questions: Sequence[Question], seeds: Sequence[int], sampling, cfg: EvaluateConfig):
    """Chain of thought, zero-shot: one generation, graded as it stands."""
    prompts = chat_prompts(tokenizer, questions, "cot", cfg.style)
    outputs = engine.sample(prompts, seeds, sampling)
    texts = [plain_text(tokenizer, output.tokens) for output in outputs]
    return [Transcript(t, len(o.tokens), o.finished, t) for t, o in zip(texts, outputs, strict=True)]


def chat_prompts(tokenizer, questions: Sequence[Question], protocol: str, style: str) -> list[list[int]]:
    """Prompt ids of each question; a run of one question (its samples) is rendered once."""
    cache: dict[tuple[str, str], list[int]] = {}
    for q in questions:
        if (q.question, q.lang) not in cache:
            cache[q.question, q.lang] = prompt_ids(tokenizer, q.question, q.lang, protocol, style)
    return [cache[q.question, q.lang] for q in questions]


def plain_text(tokenizer, tokens: Sequence[int]) -> str:
    return tokenizer.decode(tokens, skip_special_tokens=True)


def run_protocol(name: str, engine, tokenizer, questions, seeds, sampling, cfg: EvaluateConfig) -> list[Transcript]:
    """The protocol by its name. Raises UserError for a name that is not built."""
    if name not in PROTOCOLS:
        raise UserError(f"protocol {name!r}: one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name](engine, tokenizer, questions, seeds, sampling, cfg)


PROTOCOLS = {"cot": cot}
