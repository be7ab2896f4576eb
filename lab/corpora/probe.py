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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pipeline.records import Question

EQUATION = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")
TEMPERATURES = tuple(2 ** (k / 4) for k in range(-4, 17))  # 0.5 to 16
SIGNS = {"+": "+", "-": "-", "*": r"\times", "/": r"\div"}
SENTENCES = {"en": (". ", ".\n"), "zh": ("。", "。\n")}
MARKS = {"en": ("; ", ".\n"), "zh": ("；", "。\n")}  # between two steps, at the end


# A question, and the text of its solution with the places (from, to) of the results.
Writer = Callable[[Question], tuple[str, list[tuple[int, int]]]]


def solution(question: Question) -> tuple[str, list[tuple[int, int]]]:
    """The steps of a word problem, and from where to where in that text each result stands."""
    between, end = MARKS[question.lang]
    text, results = "", []
    for left, sign, right, value in EQUATION.findall(question.structure):
        text += (between if text else "") + f"{left} {sign} {right} = {value}"
        results.append((len(text) - len(value), len(text)))
    return text + end, results


def as_on_pages(question: Question) -> tuple[str, list[tuple[int, int]]]:
    r"""The steps as formulas of web pages, `$8 \times 5 = 40$`: what a corpus can have taught."""
    between, end = SENTENCES[question.lang]
    text, results = "", []
    for left, sign, right, value in EQUATION.findall(question.structure):
        text += (between if text else "") + f"${left} {SIGNS[sign]} {right} = {value}"
        results.append((len(text) - len(value), len(text)))
        text += "$"
    return text + end, results


def surprise(
    model,
    tokenizer,
    questions: Sequence[Question],
    temperature: float = 1.0,
    batch: int = 50,
    write: Writer = solution,
) -> Iterator[dict]:
    """A row per question: `bits` of its solution's `bytes`, and `result_bits` of its `results`
    alone, both at a temperature of the model.
    """
    from pipeline.lm.passes import Rows, output_log_probs

    for first in range(0, len(questions), batch):
        some = questions[first : first + batch]
        told = [(f"{question.question}\n", *write(question)) for question in some]
        split = [encoded(tokenizer, head, text) for head, text, _ in told]
        prompts, outputs, starts = (list(part) for part in zip(*split, strict=True))
        rows = Rows(prompts, outputs, list(range(len(some))))
        bits_BT = -output_log_probs(model, rows, temperature, 4096) / math.log(2)
        for question, (_, text, results), at, bits_T in zip(
            some, told, starts, bits_BT.tolist(), strict=True
        ):
            spent = list(zip(bits_T, at, strict=False))  # padding has no start
            in_results = [bit for bit, start in spent if any(a <= start < b for a, b in results)]
            yield {
                "id": question.id,
                "bits": sum(bit for bit, _ in spent),
                "bytes": len(text.encode()),
                "result_bits": sum(in_results),
                "results": len(results),
            }


def bits_per_result(rows: Iterable[Mapping[str, float]]) -> float:
    """Mean over the questions' means, as the claims count it."""
    each = [row["result_bits"] / row["results"] for row in rows]
    return sum(each) / len(each)


def calibrated_temperature(model, tokenizer, questions: Sequence[Question]) -> float:
    """The temperature at which the results in these questions' solutions cost the fewest bits.

    A base model is over-confident in a form that its corpus does not have. One number, chosen on
    validation problems, takes that out; what remains is whether it knows the results.
    """
    return min(
        TEMPERATURES,
        key=lambda t: bits_per_result(surprise(model, tokenizer, questions, t)),
    )


def calibrated(
    model, tokenizer, questions: Sequence[Question], temperature: float
) -> Iterator[dict]:
    """The rows of `surprise`, with `calibrated_result_bits` at the temperature besides."""
    plain = surprise(model, tokenizer, questions)
    for row, other in zip(plain, surprise(model, tokenizer, questions, temperature), strict=True):
        yield {**row, "calibrated_result_bits": other["result_bits"]}


def encoded(tokenizer, head: str, text: str) -> tuple[list[int], list[int], list[int]]:
    """Ids of what stands before the solution, ids of the solution, and where each of the latter
    starts.

    A token that begins in the head belongs to the head.
    """
    found = tokenizer(head + text, add_special_tokens=False, return_offsets_mapping=True)
    starts = [start - len(head) for start, _ in found["offset_mapping"]]
    ids, cut = found["input_ids"], sum(start < 0 for start in starts)
    return [tokenizer.bos_token_id, *ids[:cut]], ids[cut:], starts[cut:]
