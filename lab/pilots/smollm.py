"""The gate before reports/smollm: does a short fine-tuning make SmolLM2 able to learn by RL?

    dsm base smollm2
    python -m lab.pilots.smollm [--steps 10 20 30 45 60] [--start 30] [--rl-steps 10]

Fine-tunes the base of profile smollm on the world's worked solutions and asks it questions of the
validation split after each of `--steps` steps: accuracy by number of steps, and the share of groups
of eight with right and wrong answers. From the model after `--start` steps GRPO then takes
`--rl-steps` steps, whose metrics are all kept. No test question is read. Writes
reports/pilots/smollm.json and .md; CPU seconds are those of the process.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml

from lab.pilots.world import GROUP, OUT, answers, summary
from pipeline.lm.examples import instruction_examples
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.records import write_json
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.loop import train_policy
from pipeline.rl.training import Inputs
from pipeline.wiring.code import ROOT, commit
from pipeline.wiring.config import build
from pipeline.world.build import asked, problems, questions, solved
from pipeline.world.config import WorldConfig

ARM = ArmConfig("grpo_os_rule", "online", "rule", "grpo_outcome", kl_coef=0.04)
SHOWN = (  # of a step's metrics, in the table for people
    "reward",
    "zero_variance",
    "loss",
    "grad_norm",
    "kl",
    "entropy",
    "clip_fraction",
    "length",
    "truncated",
    "sampler_gap",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="smollm")
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 20, 30, 45, 60])
    parser.add_argument("--start", type=int, default=30, help="fine-tuned steps before GRPO")
    parser.add_argument("--rl-steps", type=int, default=10)
    parser.add_argument("--questions", type=int, default=48, help="asked after each of --steps")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def tuned(model, tokenizer, examples, held, marks, train: TrainConfig, longest: int, start: int):
    """Fine-tune; (a row for each mark, the model after `start` steps)."""
    rows, kept, asking = [], None, 0.0
    begin = time.process_time()
    for row in train_lm(model, make_stream(examples, train), train):
        if row["step"] not in marks:
            continue
        spent, before = time.process_time() - begin - asking, time.process_time()
        found = summary(held, answers(model, tokenizer, held, GROUP, 1.0, longest))
        asking += time.process_time() - before
        rows.append(
            {
                "step": row["step"],
                "loss": round(row["loss"], 4),
                "train_cpu_seconds": round(spent),
                "asked_cpu_seconds": round(time.process_time() - before),
                **found,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
        if row["step"] == start:
            kept = copy.deepcopy(model)
    return rows, kept


def reinforced(policy, tokenizer, asked_of, scale: RLConfig, seed: int) -> list[dict[str, Any]]:
    """The metrics of every step of GRPO, each with its CPU seconds."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        begin = time.process_time()
        inputs = Inputs(policy, tokenizer, asked_of, [])
        for row in train_policy(inputs, ARM, scale, seed, out, out / "state", {}):
            spent, begin = time.process_time() - begin, time.process_time()
            rows.append({**row, "cpu_seconds": round(spent, 1)})
            print(json.dumps(rows[-1]), flush=True)
    return rows[1:]  # row 0 is the validation before the first step, which nobody asks for here


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    profile = yaml.safe_load((ROOT / "conf/profile" / f"{args.profile}.yaml").read_text())
    world = build(WorldConfig, profile["world"])
    train = replace(
        build(TrainConfig, profile["sft"]), steps=max(args.steps), log_every=5, seed=args.seed
    )
    scale = replace(
        build(RLConfig, profile["rl_scale"]),
        steps=args.rl_steps,
        validation_every=args.rl_steps,
        checkpoint_every=args.rl_steps,
    )
    path = profile["model"]["path"]
    tokenizer, model = load_tokenizer(path), load_model(path)
    taught = problems(world, "sft", world.instruct, world.instruct_kinds)
    held = problems(world, "validation", args.questions, world.question_kinds)
    held_questions = questions(world, held, "pilot")
    examples = instruction_examples(tokenizer, solved(world, taught), "mini")
    tuned_rows, start = tuned(
        model,
        tokenizer,
        examples,
        held_questions,
        args.steps,
        train,
        scale.max_new_tokens,
        args.start,
    )
    rl = reinforced(start, tokenizer, asked(world, taught), scale, args.seed)
    found = {
        "commit": commit()[:7],
        "model": path,
        "seed": args.seed,
        "sft": tuned_rows,
        "start": args.start,
        "rl": rl,
        "settings": {name: profile[name] for name in ("world", "sft", "rl_scale")},
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1),
    }
    write_json(OUT / "smollm.json", found)
    (OUT / "smollm.md").write_text(page(found), encoding="utf-8")


def page(found: dict[str, Any]) -> str:
    """The tables for people."""
    sft, world = found["settings"]["sft"], found["settings"]["world"]
    rl, scale = found["rl"], found["settings"]["rl_scale"]
    levels = sorted({int(name.split()[-1]) for row in found["sft"] for name in row["parts"]})
    heads = ["steps", "loss", "sampled [95 %]", "mixed", *(f"level {n}" for n in levels)]
    lines = [
        "# SmolLM2: fine-tuning, and ten steps of GRPO",
        "",
        f"Written by `python -m lab.pilots.smollm`, commit {found['commit']}, seed {found['seed']}.",
        f"{world['instruct']} English problems of {levels[0]} to {levels[-1]} steps, "
        f"{sft['sequences']} worked solutions",
        f"per step, AdamW at {sft['lr']:g}. {found['sft'][0]['n']} questions of the validation split "
        f"x {GROUP} answers at temperature 1;",
        "a group is mixed when it has right and wrong answers. Percentages; the interval is over",
        "questions. No test question was read.",
        "",
        f"| {' | '.join(heads)} | training, CPU s |",
        f"|{' ---: |' * (len(heads) + 1)}",
    ]
    for row in found["sft"]:
        lines.append(
            f"| {row['step']} | {row['loss']:.3f} | {row['sampled']} [{row['low']}, {row['high']}] "
            f"| {row['mixed']} | "
            + " | ".join(f"{by_level(row, n):.1f}" for n in levels)
            + f" | {row['train_cpu_seconds']} |"
        )
    mean = sum(row["cpu_seconds"] for row in rl) / len(rl)
    lines += [
        "",
        f"GRPO with the rule from the model after {found['start']} steps: "
        f"{scale['questions_per_step']} questions x {scale['group_size']} outputs,",
        f"rate {scale['lr']:g}, KL coefficient {ARM.kl_coef}. {mean:.0f} CPU s per step; peak memory of "
        f"the whole pilot",
        f"{found['peak_gib']} GiB.",
        "",
        f"| step | {' | '.join(f'`{name}`' for name in SHOWN)} | CPU s |",
        f"|{' ---: |' * (len(SHOWN) + 2)}",
    ]
    for row in rl:
        cells = [f"{row[name]:.3g}" for name in SHOWN]
        lines.append(f"| {row['step']} | {' | '.join(cells)} | {row['cpu_seconds']:.0f} |")
    return "\n".join(lines) + "\n"


def by_level(row: dict[str, Any], level: int) -> float:
    """Mean over the families of one level."""
    values = [value for name, value in row["parts"].items() if name.endswith(f" {level}")]
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
