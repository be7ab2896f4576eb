"""What a base model knows before any fine-tuning: the bits it needs for held-out solutions.

After a benchmark's question its steps are written `8 * 5 = 40; 40 - 3 = 37.` (in Chinese with ；and 。), as no page and no
instruction writes them: there a step is prose, a formula between dollars, or an equation without blanks on a line of its own
(tests/test_corpora.py). So every corpus meets the form for the first time; what is left to differ is which numbers and
operations follow from the question, and, counted apart, what they come to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

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


def surprise(model, tokenizer, questions: Iterable[Question]) -> Iterator[dict]:
    """A row a question: `bits` of its solution's `bytes`, and `result_bits` of its `results` alone."""
    import torch

    from pipeline.model import token_log_probs

    for question in questions:
        head, (text, results) = f"{question.question}\n", solution(question)
        found = tokenizer(head + text, add_special_tokens=False, return_offsets_mapping=True)
        tokens_1T = torch.tensor([[tokenizer.bos_token_id, *found["input_ids"]]])
        with torch.inference_mode():
            logp_1T = token_log_probs(model, tokens_1T, torch.ones_like(tokens_1T))
        bits = [-value / math.log(2) for value in logp_1T[0, 1:].tolist()]
        starts = [start - len(head) for start, _ in found["offset_mapping"]]
        told = [bit for bit, start in zip(bits, starts, strict=True) if start >= 0]
        of_results = [bit for bit, start in zip(bits, starts, strict=True) if any(a <= start < b for a, b in results)]
        yield {
            "id": question.id, "bits": sum(told), "bytes": len(text.encode()),
            "result_bits": sum(of_results), "results": len(results),
        }  # fmt: skip
