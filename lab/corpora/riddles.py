"""What general reasoning a base model has (claim C15): riddles of `mini_bbh`, few-shot, by choice.

Two solved riddles of the same family stand before the question. A base model of this size does not
stop after a word, so it does not write: of the answers that the question leaves open (the people,
the colours, the things, the days, yes and no) the one counts that it finds likeliest, as MMLU is
scored. Guessing is right in one of so many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.records import Instruction, Question
from pipeline.world.reasoning import WORDS

RIDDLES = ("mini_bbh", "mini_bbh_zh")
SHOTS = 2


def candidates(question: Question) -> list[str]:
    """The answers that the question leaves open; the right one is among them."""
    words, (family, _, key) = WORDS[question.lang], question.structure.partition(":")
    if family == "truth":
        return [words["yes"], words["no"]]
    if family == "dates":
        return list(words["days"])
    if family == "sort":
        return key.split(":")[1].split(",")
    if family == "order":
        return key.rpartition(":")[0].split(">")
    held = dict(pair.split("=") for pair in key.partition(";")[0].split(","))
    return list(held) if question.answer in held else list(held.values())


def prompt(question: Question, examples: Sequence[Instruction]) -> str:
    """The first SHOTS examples of the same family with their answers, then the question."""
    same = [e for e in examples if e.family == question.family and e.lang == question.lang]
    shots = [f"{e.question}\n{e.answer}\n\n" for e in same[:SHOTS]]
    return "".join(shots) + question.question + "\n"


def chosen(
    model, tokenizer, questions: Sequence[Question], examples: Sequence[Instruction], batch=50
) -> Iterator[dict]:
    """A row per riddle: whether the likeliest candidate is `right`, and the share that guessing has
    right (`chance`).
    """
    from pipeline.lm.passes import Rows, output_log_probs

    for first in range(0, len(questions), batch):
        some = questions[first : first + batch]
        offered = [candidates(question) for question in some]
        prompts = [
            [tokenizer.bos_token_id, *ids]
            for ids in tokenizer(
                [prompt(question, examples) for question in some], add_special_tokens=False
            )["input_ids"]
        ]
        outputs = [
            tokenizer.encode(answer + "\n", add_special_tokens=False)
            for answers in offered
            for answer in answers
        ]
        owners = [p for p, answers in enumerate(offered) for _ in answers]
        logp_B = output_log_probs(model, Rows(prompts, outputs, owners), 1.0, 4096).sum(1).tolist()
        scores = iter(logp_B)
        for question, answers in zip(some, offered, strict=True):
            scored: Mapping[str, float] = {answer: next(scores) for answer in answers}
            best = max(scored, key=lambda answer: scored[answer])
            yield {
                "id": question.id,
                "right": float(best == question.answer),
                "chance": 1 / len(answers),
            }
