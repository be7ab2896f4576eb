"""Questions put to a model: prompts, groups of sampled outputs, their texts and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import UserError
from pipeline.grading import Grade, grade_many
from pipeline.lm import parallel
from pipeline.lm.conversations import Conversation
from pipeline.lm.generate import Engine, Output, Sampling
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.passes import Rows
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.template import apply_template
from pipeline.records import Question


class Asking(Protocol):
    """How questions are put and answered; RLConfig and RewardConfig are two of them."""

    protocol: str
    style: str
    temperature: float
    max_new_tokens: int


@dataclass(frozen=True)
class Rollouts:
    """Outputs to questions. Prompt p asks `questions[p]`; the outputs of a group stand together."""

    questions: list[Question]
    rows: Rows
    texts: list[str]
    logprobs: list[list[float]]  # the sampler's; empty lists for worked solutions
    finished: list[bool]

    @property
    def owners(self) -> list[Question]:
        """The question of each output."""
        return [self.questions[p] for p in self.rows.prompt_of]


def encode_prompts(tokenizer, questions: Sequence[Question], cfg: Asking) -> list[list[int]]:
    """Token ids of each question's prompt; a `Conversation` is asked as its messages say."""
    return [_prompt(tokenizer, question, cfg) for question in questions]


def _prompt(tokenizer, question: Question, cfg: Asking) -> list[int]:
    if isinstance(question, Conversation):
        messages = [dict(message) for message in question.messages]
        try:
            text = apply_template(tokenizer, messages, add_generation_prompt=True)
        except Exception as error:  # jinja2's, as Gemma's template raises for a system prompt
            if type(error).__module__.split(".")[0] != "jinja2":
                raise
            raise UserError(
                f"question {question.id}: the model's chat template refuses its messages ({error})"
            ) from None
        return tokenizer.encode(text, add_special_tokens=False)
    return list(prompt_ids(tokenizer, question.question, question.lang, cfg.protocol, cfg.style))


def decode(tokenizer, outputs: Sequence[Sequence[int]]) -> list[str]:
    """Texts without special tokens."""
    return tokenizer.batch_decode(
        outputs, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )


def sample_groups(
    engine: Engine, tokenizer, questions: list[Question], count: int, cfg: Asking, key: tuple
) -> Rollouts:
    """`count` outputs per question; output i of question p depends on (key, p, i) alone."""
    prompts = encode_prompts(tokenizer, questions, cfg)
    prompt_of = [p for p in range(len(questions)) for _ in range(count)]
    seeds = [row_seed(*key, p, i) for p in range(len(questions)) for i in range(count)]
    sampling = Sampling(temperature=cfg.temperature, max_new_tokens=cfg.max_new_tokens)
    outputs = sample(engine, [prompts[p] for p in prompt_of], seeds, sampling)
    return gather(tokenizer, questions, prompts, prompt_of, outputs)


def sample(
    engine: Engine, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling
) -> list[Output]:
    """One output per row, of which each process samples its share."""
    return parallel.by_share(lambda *mine: engine.sample(*mine, sampling), prompts, seeds)


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


def rule_grades(rollouts: Rollouts) -> list[Grade]:
    """What the checker says of the final answer of each output."""
    pairs = zip(rollouts.texts, rollouts.owners, strict=True)
    return grades([(text, question.answer) for text, question in pairs])


def right_answers(rollouts: Rollouts) -> list[bool]:
    """Whether the checker finds the final answer of each output right: the rule reward."""
    return [grade.verdict == "right" for grade in rule_grades(rollouts)]


def grades(pairs: Sequence[tuple[str, str]]) -> list[Grade]:
    """The checker's word on each pair (output, reference); each process asks for its share."""
    return parallel.by_share(grade_many, pairs)
