"""Training examples: (token ids, loss mask) of documents and of instructions."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.lm.prompts import prompt_ids, render
from pipeline.lm.tokenizer import CHAT_TEMPLATE
from pipeline.records import Instruction

Example = tuple[list[int], list[int]]


def document_example(tokenizer, text: str) -> Example:
    """A document between BOS (when the tokenizer has one) and EOS; every token counts."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    ids = [
        *([] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]),
        *ids,
        tokenizer.eos_token_id,
    ]
    return ids, [1] * len(ids)


def response_ids(
    tokenizer, question: str, solution: str, lang: str, protocol: str, style: str
) -> list[int]:
    """Ids of the assistant's turn as the chat template writes it, ending with EOS; encoded apart from the prompt, so
    that prompt ids are the same in training and in sampling."""
    template = tokenizer.chat_template or CHAT_TEMPLATE
    user = {"role": "user", "content": render(question, lang, protocol, style)}
    before = tokenizer.apply_chat_template(
        [user], chat_template=template, add_generation_prompt=True, tokenize=False
    )
    both = [user, {"role": "assistant", "content": solution}]
    whole = tokenizer.apply_chat_template(both, chat_template=template, tokenize=False)
    text = whole[len(before) :] if whole.startswith(before) else " " + solution
    ids = tokenizer.encode(text, add_special_tokens=False)
    end = tokenizer.eos_token_id
    return ids[: ids.index(end) + 1] if end in ids else [*ids, end]


def instruction_example(tokenizer, row: Instruction, style: str) -> Example:
    """Prompt and response of an instruction; only the response counts in the loss."""
    prompt = prompt_ids(tokenizer, row.question, row.lang, row.format, style)
    response = response_ids(tokenizer, row.question, row.solution, row.lang, row.format, style)
    return prompt + response, [0] * len(prompt) + [1] * len(response)


def instruction_examples(tokenizer, rows: Iterable[Instruction], style: str) -> list[Example]:
    return [instruction_example(tokenizer, row, style) for row in rows]
