"""Ask a model one question: its greedy answer, or several samples, and what the grader takes as
their answer.

    dsm ask data/main/chains/0/sft/model "Tom has 3 apples and buys 4. How many has he?"
    dsm ask MODEL "What is 7 * 8?" --samples 4 --reference 56

MODEL is a Hugging Face folder. Base models continue the text and rarely stop; instruct models
answer.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def main() -> int:
    args = parser().parse_args()
    from pipeline.lm.generate import make_engine
    from pipeline.lm.generate.api import Sampling
    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.lm.prompts import prompt_ids

    tokenizer = load_tokenizer(args.model)
    engine = make_engine(args.engine, load_model(args.model, device=args.device), tokenizer)
    prompt = prompt_ids(tokenizer, args.question, args.lang, args.protocol, args.style)
    count = max(1, args.samples)
    sampling = Sampling(args.temperature if args.samples else 0.0, args.max_new_tokens)
    seeds = [args.seed + number for number in range(count)]
    for number, output in enumerate(engine.sample([prompt] * count, seeds, sampling), 1):
        text = tokenizer.decode(output.tokens, skip_special_tokens=True)
        ending = "" if output.finished else f"  [cut off at {args.max_new_tokens} tokens]"
        if args.samples:
            print(f"--- sample {number}")
        print(printable(text) + ending)
        print(f"    {verdict(text, args)}")
    return 0


def verdict(text: str, args: Any) -> str:
    """What the grader reads as the answer, and whether it is the reference where one is given."""
    from pipeline.grading.grade import grade

    found = grade(text, args.reference or "", question=args.question)
    answer = f"answer: {found.extracted}" if found.extracted is not None else "no answer found"
    return f"{answer}, {found.verdict}" if args.reference else answer


def printable(text: str) -> str:
    """Without what a terminal would obey: a model may write any bytes."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = made.add_argument
    add("model", type=Path, help="a Hugging Face folder, such as data/main/chains/0/sft/model")
    add("question")
    add("--samples", type=int, default=0, help="so many samples instead of the greedy answer")
    add("--temperature", type=float, default=0.7, help="of the samples (default: %(default)s)")
    add("--max-new-tokens", type=int, default=200)
    add("--reference", default="", help="the right answer, to judge against")
    add("--lang", choices=("en", "zh"), default="en")
    add("--protocol", default="cot", help="cot, pot, ... (pipeline/lm/prompts.py)")
    add("--style", choices=("paper", "mini"), default="mini", help="how the question is put")
    add("--seed", type=int, default=0)
    add("--engine", default="auto")
    add("--device", default="cpu")
    return made
