"""A small instruct model, its data and its reward models, made in seconds: what the RL benchmarks start from.

The folder looks like `data/` (docs/contracts.md), so that stages/rl.py runs on it: `world/`, `sft/model`, `reward/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from pipeline.lm.model import ModelConfig, load_model, load_tokenizer, new_model, save_model
from pipeline.lm.passes import accumulate
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.records import Instruction, Question, read_rows
from pipeline.reward.model import RewardConfig
from pipeline.rl.config import RLConfig
from pipeline.rl.data_source import solutions
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
    steps: int = 150  # of teaching; enough to write a solution's form and to end it, and to be right now and then
    batch: int = 24  # solutions a step
    lr: float = 4e-3  # at the first step, falling to 0
    seed: int = 0


def make(folder: Path, small: Small) -> None:
    """Write `world/` and `sft/model` into the folder, once. Same settings, same files."""
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
    teach(model, tokenizer, rows, small)
    save_model(model, tokenizer, folder / "sft/model")


def teach(model, tokenizer, rows: list[Instruction], small: Small) -> None:
    """Some steps of fine-tuning on worked solutions, each a row of its own."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=small.lr)
    rng = np.random.default_rng(small.seed)
    for step in range(small.steps):
        chosen = [rows[i] for i in rng.choice(len(rows), small.batch, replace=False)]
        data = solutions(tokenizer, chosen, RLConfig()).rows
        tokens = sum(map(len, data.outputs))
        optimizer.zero_grad()
        accumulate(
            model,
            data,
            range(small.batch),
            4096,
            1.0,
            lambda _, logp, __, n=tokens: -logp.sum() / n,
        )
        for group in optimizer.param_groups:
            group["lr"] = small.lr * (1 - step / small.steps)
        optimizer.step()


def add_rewards(folder: Path, cfg: RewardConfig) -> None:
    """Write `reward/`: an outcome and a process model, trained on samples of the instruct model. Once."""
    from pipeline.reward.train import Setting, train_outcome, train_process

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
    """What `Run.follow` returns, without a file."""
    return list(rows)[-1]
