"""A small instruct model, its data and its reward models: what the RL benchmarks start from.

The folder looks like `data/` (docs/contracts.md), so that stages/rl.py runs on it: `world/`,
`sft/model`, `reward/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.lm.examples import instruction_examples
from pipeline.lm.model import ModelConfig, load_model, load_tokenizer, new_model, save_model
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.records import Instruction, Question, read_rows
from pipeline.reward.build import Setting, train_outcome, train_process
from pipeline.reward.config import RewardConfig
from pipeline.world.build import build_questions
from pipeline.world.config import WorldConfig


@dataclass(frozen=True)
class Small:
    """Sizes. Questions of the miniature world, answered by chains of thought."""

    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(
            hidden_size=64, layers=2, heads=2, intermediate_size=176
        )
    )
    world: WorldConfig = field(
        default_factory=lambda: WorldConfig(
            instruct=1500,
            questions=400,
            validation=40,
            benchmark=1,
            word_levels=(2, 3, 4, 5),
            symbolic_levels=(1, 2),
            instruct_formats=("cot",),
        )
    )
    # of teaching: enough to write a solution's form and to end it, and to be right now and then
    steps: int = 150
    seed: int = 0

    @property
    def teaching(self) -> TrainConfig:
        return TrainConfig(
            steps=self.steps,
            sequences=24,
            sequence_length=self.model.context,
            packing=False,
            optimizer="adamw",
            lr=4e-3,
            weight_decay=0.0,
            warmup_steps=0,
            seed=self.seed,
        )


def make(folder: Path, small: Small) -> None:
    """Write `world/` and `sft/model` once. The same settings give the same files."""
    if (folder / "sft/model/config.json").is_file():
        return
    build_questions(small.world, folder / "world")
    rows = list(read_rows(folder / "world/instruct.jsonl", Instruction))
    tokenizer = train_tokenizer(
        (f"User: {r.question}\n\nAssistant: {r.solution}" for r in rows), small.model.vocab_size
    )
    model = new_model(
        small.model, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, small.seed
    )
    examples = instruction_examples(tokenizer, rows, "mini")
    for _ in train_lm(model, make_stream(examples, small.teaching), small.teaching):
        pass
    save_model(model, tokenizer, folder / "sft/model")


def add_rewards(folder: Path, cfg: RewardConfig) -> None:
    """Write `reward/` once: an outcome and a process model of the instruct model's samples."""
    out, instruct = folder / "reward", folder / "sft/model"
    if (out / "process/config.json").is_file():
        return
    for name in ("state", "out"):
        (folder / "reward.tmp" / name).mkdir(parents=True, exist_ok=True)
    setting = Setting(
        cfg,
        0,
        "cpu",
        load_tokenizer(instruct),
        load_model(instruct),
        instruct,
        list(read_rows(folder / "world/questions.jsonl", Question)),
        folder / "reward.tmp/out",
        folder / "reward.tmp/state",
    )
    train_outcome(setting, last_of)
    train_process(setting, last_of)
    (folder / "reward.tmp/out").rename(out)


def last_of(rows, *_, **__) -> dict:
    """The last row of a training run, which writes no file here."""
    return list(rows)[-1]
