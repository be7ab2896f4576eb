"""Fine-tune the base model with other settings than the profile's; ask it validation problems.

    python -m benchmarks.finetune [--data data] [--random] [--solutions 3000] [--steps 3200]
        [--lr-muon 0.006]

Nothing of the graph is written. This is how the sizes of `mini` were chosen: 50 problems per level
of split "validation" (never of test). The peer of the base model is the same model from random
weights (`--random`).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch
import yaml

from pipeline.lm.examples import instruction_examples
from pipeline.lm.generate import Sampling, make_engine
from pipeline.lm.model import ModelConfig, load_model, load_tokenizer, new_model, save_model
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.wiring.code import ROOT
from pipeline.world.build import problems, solved
from pipeline.world.config import WorldConfig
from pipeline.world.draw import draw
from pipeline.world.web.config import WebConfig


def ask(model, tokenizer, problems, samples: int, max_new_tokens: int) -> tuple[list[bool], float]:
    """Whether each greedy answer is right; and the mean of `samples` at temperature 0.7."""
    engine = make_engine("fast", model.eval(), tokenizer)
    prompts = [prompt_ids(tokenizer, p.question, p.lang, "cot", "mini") for p in problems]

    def right(temperature: float, times: int) -> list[bool]:
        rows = [
            (prompt, p) for prompt, p in zip(prompts, problems, strict=True) for _ in range(times)
        ]
        outputs = engine.sample(
            [prompt for prompt, _ in rows],
            list(range(len(rows))),
            Sampling(temperature, max_new_tokens),
        )
        texts = [tokenizer.decode(o.tokens, skip_special_tokens=True) for o in outputs]
        return [
            text.endswith(f"\\boxed{{{p.answer}}}")
            for text, (_, p) in zip(texts, rows, strict=True)
        ]

    sampled = right(0.7, samples)
    return right(0.0, 1), sum(sampled) / len(sampled)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--profile", default="mini")
    parser.add_argument(
        "--random", action="store_true", help="random weights instead of the base model's"
    )
    parser.add_argument("--solutions", type=int, help="instruction rows; default: the profile's")
    parser.add_argument(
        "--levels", type=int, nargs="+", default=[2, 3, 4, 5, 6], help="steps of the problems asked"
    )
    parser.add_argument("--steps", type=int, help="of fine-tuning; default: the profile's")
    parser.add_argument("--lr-muon", type=float, help="default: the profile's")
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    profile = yaml.safe_load((ROOT / "conf/profile" / f"{args.profile}.yaml").read_text())
    world = WorldConfig(**{**profile["world"], "web": WebConfig(**profile["world"].get("web", {}))})
    world = replace(world, instruct=args.solutions or world.instruct)
    train = TrainConfig(**profile["sft"])
    train = replace(train, steps=args.steps or train.steps, lr_muon=args.lr_muon or train.lr_muon)

    tokenizer = load_tokenizer(args.data / "chains/0/pretrain/model")
    if args.random:
        config = ModelConfig(**profile["model"])
        bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
        model = new_model(config, len(tokenizer), bos, eos, seed=0)
    else:
        model = load_model(args.data / "chains/0/pretrain/model")
    begin = time.process_time()
    taught = problems(world, "sft", world.instruct, world.instruct_kinds)
    examples = instruction_examples(tokenizer, solved(world, taught), "mini")
    for row in train_lm(model, make_stream(examples, train), train):
        if row["step"] % 400 == 0:
            spent = time.process_time() - begin
            print(f"step {row['step']}: loss {row['loss']:.3f}, {spent:.0f} CPU s", flush=True)

    show(model, tokenizer, world, args.levels, profile["evaluate"]["max_new_tokens"])
    if args.save:
        save_model(model, tokenizer, args.save)


def show(model, tokenizer, world: WorldConfig, levels: list[int], max_new_tokens: int) -> None:
    """Print greedy and sampled accuracy on 50 validation problems per level."""
    problems = [
        problem
        for level in levels
        for problem in draw(
            "validation",
            50,
            world.seed,
            "word_en",
            (level,),
            unique=True,
            largest=world.word_operand,
        )
    ]
    greedy, sampled = ask(model, tokenizer, problems, 8, max_new_tokens)
    by_level = {
        level: [g for g, p in zip(greedy, problems, strict=True) if p.level == level]
        for level in levels
    }
    print(
        f"greedy {100 * sum(greedy) / len(greedy):.1f} (n {len(greedy)}), "
        f"sampled {100 * sampled:.1f} (8 samples); by steps: "
        + ", ".join(f"{level}: {100 * sum(g) / len(g):.0f}" for level, g in by_level.items())
    )


if __name__ == "__main__":
    main()
