"""Training examples: (token ids, loss mask) of documents and of instructions."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.lm.prompts import prompt_ids, render
from pipeline.lm.template import apply_template, end_tokens, puts_bos
from pipeline.records import Instruction

Example = tuple[list[int], list[int]]


def document_example(tokenizer, text: str) -> Example:
    """A document up to EOS, after BOS where the model's texts begin with one; every token counts."""
    begin = [tokenizer.bos_token_id] if puts_bos(tokenizer) else []
    ids = [*begin, *tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
    return ids, [1] * len(ids)


def response_ids(
    tokenizer, question: str, solution: str, lang: str, protocol: str, style: str
) -> list[int]:
    """Ids of the assistant's turn as the chat template writes it, up to the token that ends it.

    They are encoded apart from the prompt, so that prompt ids are the same in training and in
    sampling.
    """
    user = {"role": "user", "content": render(question, lang, protocol, style)}
    before = apply_template(tokenizer, [user], add_generation_prompt=True)
    whole = apply_template(tokenizer, [user, {"role": "assistant", "content": solution}])
    text = whole[len(before) :] if whole.startswith(before) else " " + solution
    ids = tokenizer.encode(text, add_special_tokens=False)

    ends = end_tokens(tokenizer)
    at = next((i for i, token in enumerate(ids) if token in ends), None)
    return [*ids, ends[0]] if at is None else ids[: at + 1]


def instruction_example(tokenizer, row: Instruction, style: str) -> Example:
    """Prompt and response of an instruction; only the response counts in the loss."""
    prompt = prompt_ids(tokenizer, row.question, row.lang, row.format, style)
    response = response_ids(tokenizer, row.question, row.solution, row.lang, row.format, style)
    return prompt + response, [0] * len(prompt) + [1] * len(response)


def instruction_examples(tokenizer, rows: Iterable[Instruction], style: str) -> list[Example]:
    return [instruction_example(tokenizer, row, style) for row in rows]
