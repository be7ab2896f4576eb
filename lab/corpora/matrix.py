"""What the stages of the rival corpora share: the arms, and the texts that they are trained on.

Tables 1, 4, 6 and 8 in miniature: one small model, equal token budgets of rival corpora.
lab/corpora/rivals.py writes what each corpus holds, from the crawl and the loop of lab/recall/;
lab/corpora/cell.py pre-trains on an arm's corpora one after the other, probes the base model,
fine-tunes and evaluates; lab/corpora/table.py reads all cells and writes reports/lab/corpora/.
Settings stand in conf/profile/corpora.yaml.

All arms share tokenizer, model, steps, instruction data and questions. A corpus that is smaller
than the budget is repeated, as in section 2.2. What evaluation asks for (one equation per line, a
boxed answer) occurs in no corpus (tests/test_world_web.py); the arm `none`, fine-tuned from random
weights, is the control that shows what the format alone is worth; `general`, text without
mathematics, and `code` alone are placebos. The base models are asked in a
form that is neither that of pages nor that of instructions (lab/corpora/probe.py), after their
temperature is calibrated on validation problems, and riddles (lab/corpora/riddles.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.lm.train_config import TrainConfig
from pipeline.records import Instruction, Question, read_jsonl, read_rows
from pipeline.wiring.code import ROOT
from pipeline.wiring.config import build

PARAMS = Path("conf/profile/corpora.yaml")
DATA, WORLD = Path("data/corpora"), Path("data/recall/world")
RIVALS = DATA / "rivals"
# What each arm is pre-trained on, one phase after the other: (corpus, share of the token budget).
FIRST, THEN = 1 / 3, 2 / 3
ARMS: dict[str, tuple[tuple[str, float], ...]] = {
    "none": (),
    "web": (("web", 1.0),),
    "iteration_1": (("iteration_1", 1.0),),
    "final": (("final", 1.0),),
    "final_en": (("final_en", 1.0),),
    "arxiv": (("arxiv", 1.0),),
    "general": (("general", 1.0),),
    "code": (("code", 1.0),),
    "general_then_final": (("general", FIRST), ("final", THEN)),
    "code_then_final": (("code", FIRST), ("final", THEN)),
}
CALIBRATED_ON = 100  # validation problems per language
PROBED = ("mini_gsm8k", "mini_cmath")  # word problems, whose structure is their solution


def settings(section: str, kind: type) -> Any:
    """A section of conf/profile/corpora.yaml, for tools that run outside of the graph."""
    return build(kind, yaml.safe_load((ROOT / PARAMS).read_text(encoding="utf-8"))[section])


def instructions(world: Path = WORLD) -> Iterator[Instruction]:
    """Chains of thought and programs; the longer tool-integrated solutions are asked for nowhere
    here.
    """
    rows = read_rows(world / "instruct.jsonl", Instruction)
    return (row for row in rows if row.format != "tir")


def phases(arm: str, train: TrainConfig) -> Iterator[tuple[int, str, TrainConfig]]:
    """(number, corpus, training) of each phase of an arm; together they have the budget's steps."""
    for number, (name, share) in enumerate(ARMS[arm]):
        yield number, name, replace(train, steps=round(share * train.steps))


def held_out(count: int, seed: int | str = "calibration") -> list[Question]:
    """`count` word problems per language of split validation."""
    from pipeline.world.draw import draw

    return [
        problem.as_question(f"validation-{kind}-{i}")
        for kind in ("word_en", "word_zh")
        for i, problem in enumerate(draw("validation", count, seed, kind, (2, 3, 4)))
    ]


def documents(
    tokenizer: Any, name: str, train: TrainConfig, rivals: Path = RIVALS, phase: int = 0
) -> list[tuple[list[int], list[int]]]:
    """As much of a corpus as the budget takes, drawn by the seed and the phase; all of it where it
    is smaller.
    """
    import numpy as np

    from pipeline.lm.examples import document_example

    texts = [row["text"] for row in read_jsonl(rivals / f"{name}.jsonl")]
    budget = train.steps * train.sequences * train.sequence_length
    examples, tokens = [], 0
    for i in np.random.default_rng((phase, train.seed)).permutation(len(texts)):
        if tokens > budget:
            break
        examples.append(document_example(tokenizer, texts[i]))
        tokens += len(examples[-1][0])
    return examples
