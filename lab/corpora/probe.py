"""What a base model knows before any fine-tuning: the bits it needs for held-out solutions.

After a benchmark's question its steps are written `8 * 5 = 40; 40 - 3 = 37.` (in Chinese with ；and
。), as no page and no instruction writes them: there a step is prose, a formula between dollars, or
an equation without blanks on a line of its own (tests/test_corpora.py). So every corpus meets the
form for the first time; what is left to differ is which numbers and operations follow from the
question, and, counted apart, what they come to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from pipeline.records import Question

EQUATION = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")
MARKS = {"en": ("; ", ".\n"), "zh": ("；", "。\n")}  # between two steps, at the end


def solution(question: Question) -> tuple[str, list[tuple[int, int]]]:
    """The steps of a word problem, and from where to where in that text each result stands."""
    between, end = MARKS[question.lang]
    text, results = "", []
    for left, sign, right, value in EQUATION.findall(question.structure):
        text += (between if text else "") + f"{left} {sign} {right} = {value}"
        results.append((len(text) - len(value), len(text)))
    return text + end, results


def surprise(model, tokenizer, questions: Sequence[Question], batch: int = 50) -> Iterator[dict]:
    """A row a question: `bits` of its solution's `bytes`, and `result_bits` of its `results` alone."""
    import torch

    from pipeline.lm.model import token_log_probs

    for first in range(0, len(questions), batch):
        told = [
            (question, f"{question.question}\n", *solution(question))
            for question in questions[first : first + batch]
        ]
        found = [
            tokenizer(head + text, add_special_tokens=False, return_offsets_mapping=True)
            for _, head, text, _ in told
        ]
        rows = [torch.tensor([tokenizer.bos_token_id, *one["input_ids"]]) for one in found]
        tokens_BT = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        attention_BT = torch.nn.utils.rnn.pad_sequence(
            [torch.ones_like(row) for row in rows], batch_first=True
        )
        with torch.inference_mode():
            bits_BT = -token_log_probs(model, tokens_BT, attention_BT)[:, 1:] / math.log(2)
        for (question, head, text, results), one, bits_T in zip(
            told, found, bits_BT.tolist(), strict=True
        ):
            starts = [start - len(head) for start, _ in one["offset_mapping"]]
            spent = [(bit, start) for bit, start in zip(bits_T, starts, strict=False) if start >= 0]
            yield {
                "id": question.id, "bits": sum(bit for bit, _ in spent), "bytes": len(text.encode()),
                "result_bits": sum(bit for bit, start in spent if any(a <= start < b for a, b in results)),
                "results": len(results),
            }  # fmt: skip
