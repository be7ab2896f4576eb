"""A body for reward models that can calculate and read better than the policy that they judge.

A policy's own weights do not know which of its equations are false: its false equations are a long
tail that labels on outputs do not cover. So this body, which may be larger, is trained from scratch
on equations and on worked solutions before it sees a label, as Cobbe et al. (arXiv 2110.14168) train
a verifier jointly on the language-modelling objective. Questions that the reward model is measured
on are left out of it.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pipeline.lm.examples import Example, instruction_examples
from pipeline.lm.model import new_model, save_model
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.records import Instruction
from pipeline.reward.config import OwnConfig

LINES = 6  # equations in one example


def equations(count: int, largest: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` true equations over whole numbers from 1 to `largest`, as (`12+7=`, `19`).

    The four operations have equal shares; operands are drawn evenly from those with such a result.
    """
    rng = random.Random(f"{seed}/equations")
    for _ in range(count):
        sign = rng.choice("+-*/")
        if sign in "+-":
            whole = rng.randint(2, largest)
            one = rng.randint(1, whole - 1)
            other = whole - one
        else:
            one = rng.randint(1, largest)
            other = rng.randint(1, largest // one)
            whole = one * other
        left, right, value = (one, other, whole) if sign in "+*" else (whole, one, other)
        yield f"{left}{sign}{right}=", str(value)


def equation_examples(tokenizer, cfg: OwnConfig, seed: int) -> Iterator[Example]:
    """Examples of LINES equations each; only the tokens of results count in the loss."""
    drawn = equations(cfg.equations, cfg.largest, seed)
    for some in zip(*[drawn] * LINES, strict=False):
        text, results = "", []
        for question, value in some:
            text += question
            results.append((len(text), len(text) + len(value)))
            text += value + "\n"
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        starts = [start for start, _ in found["offset_mapping"]]
        mask = [int(any(a <= start < b for a, b in results)) for start in starts]
        yield [tokenizer.bos_token_id, *found["input_ids"]], [0, *mask]


def body_examples(
    tokenizer,
    instructions: Iterable[Instruction],
    held_out: Collection[str],
    cfg: OwnConfig,
    style: str,
    seed: int,
) -> list[Example]:
    """Worked solutions of all questions but the held-out ones, and equations."""
    rows = [row for row in instructions if row.id not in held_out]
    return [
        *instruction_examples(tokenizer, rows, style),
        *equation_examples(tokenizer, cfg, seed),
    ]


def train_body(
    tokenizer, examples: list[Example], cfg: OwnConfig, seed: int, folder: Path, state: Path
) -> Iterator[dict[str, float]]:
    """Train the body from scratch and write it to `folder`; yield metric rows. Resumes from `state`."""
    train = TrainConfig(**{**vars(cfg.train), "seed": seed})
    model = new_model(
        cfg.model, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, seed
    )
    yield from train_lm(model, make_stream(examples, train), train, state)
    save_model(model, tokenizer, folder)
