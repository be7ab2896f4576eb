"""The gate before a build: does fine-tuning on this world leave anything to do for RL?

    python -m lab.pilots.world NAME [--data data/main] [--problems 12000] [--steps 3200] [--formats cot]

Fine-tunes the base model of `--data` on the world's instruction data and asks it questions of the
validation split, and questions of its own training data, as RL does. Wanted: 30 to 60 % of sampled
answers right, right and wrong answers in a quarter of the groups of eight, and a validation loss
that longer training no longer lowers. No test question is read. A row is added to (or replaced in)
reports/pilots/world.json, and reports/pilots/world.md is written from all rows.

The base model comes from `python -m stages.world`, `.corpus` and `.pretrain` with the same profile,
or from `--base`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
import yaml

from pipeline.grading import grade_many
from pipeline.lm.examples import Example, instruction_examples
from pipeline.lm.generate import Sampling, make_engine
from pipeline.lm.model import load_model, load_tokenizer, save_model
from pipeline.lm.passes import Rows, output_log_probs
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.records import Question, write_json
from pipeline.wiring.code import ROOT, commit
from pipeline.world.build import problems, questions, solved
from pipeline.world.config import WorldConfig
from pipeline.world.web.config import WebConfig

GROUP = 8  # answers per question, as RL draws them
OUT = ROOT / "reports/pilots"


def answers(
    model, tokenizer, asked: Sequence[Question], samples: int, temperature: float, longest: int
) -> list[list[bool]]:
    """Whether each of `samples` answers to each question is right."""
    engine = make_engine("fast", model.eval(), tokenizer)
    prompts = [prompt_ids(tokenizer, q.question, q.lang, "cot", "mini") for q in asked]
    repeated = [prompt for prompt in prompts for _ in range(samples)]
    sampling = Sampling(temperature, longest)
    outputs = engine.sample(repeated, list(range(len(repeated))), sampling)
    texts = [tokenizer.decode(o.tokens, skip_special_tokens=True) for o in outputs]
    owners = [q for q in asked for _ in range(samples)]
    grades = grade_many([(text, q.answer) for text, q in zip(texts, owners, strict=True)])
    right = [grade.verdict == "right" for grade in grades]
    return [right[k : k + samples] for k in range(0, len(right), samples)]


def summary(asked: Sequence[Question], right: list[list[bool]]) -> dict[str, Any]:
    """Percentages of right answers (with a 95 % interval over questions) and of mixed groups."""
    rates = [mean(row) for row in right]
    half = 1.96 * stdev(rates) / math.sqrt(len(rates))
    parts: dict[str, list[float]] = defaultdict(list)
    for question, rate in zip(asked, rates, strict=True):
        parts[f"{question.family} {question.level}"].append(rate)
    return {
        "n": len(rates),
        "sampled": percent(mean(rates)),
        "low": percent(mean(rates) - half),
        "high": percent(mean(rates) + half),
        "mixed": percent(mean(0 < rate < 1 for rate in rates)),
        "parts": {name: percent(mean(values)) for name, values in sorted(parts.items())},
    }


def percent(share: float) -> float:
    return round(100 * share, 1)


def loss(model, examples: Sequence[Example], batch: int = 64) -> float:
    """Mean negative log-likelihood per token of the solutions, in nats."""
    total = count = 0.0
    for start in range(0, len(examples), batch):
        some = examples[start : start + batch]
        split = [len(mask) - sum(mask) for _, mask in some]  # the response comes after the prompt
        prompts = [ids[:at] for (ids, _), at in zip(some, split, strict=True)]
        outputs = [ids[at:] for (ids, _), at in zip(some, split, strict=True)]
        logp_BT = output_log_probs(model, Rows(prompts, outputs, list(range(len(some)))), 1.0, 8192)
        total -= float(logp_BT.sum())
        count += sum(map(len, outputs))
    return total / count


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of the row in reports/pilots/world.json")
    parser.add_argument("--data", type=Path, default=Path("data/main"))
    parser.add_argument("--base", type=Path, help="a base model, instead of the one in --data")
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--problems", type=int, help="worked problems; default: the profile's")
    parser.add_argument("--levels", type=int, nargs="+", help="of word problems")
    parser.add_argument("--operand", type=int, help="the most that a step adds or takes away")
    parser.add_argument("--weights", type=json.loads, help='of word families: {"people": 4}')
    parser.add_argument("--kinds", type=json.loads, help='shares: {"word_en": 0.5, ...}')
    parser.add_argument("--formats", nargs="+", help="cot, pot, tir")
    parser.add_argument("--steps", type=int, help="of fine-tuning; default: the profile's")
    parser.add_argument("--sequences", type=int, help="solutions per step")
    parser.add_argument("--lr-muon", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--questions", type=int, default=200, help="asked of each kind")
    parser.add_argument("--save", type=Path, help="keep the fine-tuned model in this folder")
    return parser.parse_args()


def changed(settings: Any, **given: Any) -> Any:
    """A configuration with the arguments that were given."""
    return replace(settings, **{key: value for key, value in given.items() if value is not None})


def configured(args: argparse.Namespace) -> tuple[WorldConfig, TrainConfig, int]:
    """The world, the training and the longest answer: the profile's, with the arguments given."""
    profile = yaml.safe_load((ROOT / "conf/profile" / f"{args.profile}.yaml").read_text())
    web = WebConfig(**profile["world"].get("web", {}))
    world = changed(
        WorldConfig(**{**profile["world"], "web": web}),
        instruct=args.problems,
        word_levels=tuple(args.levels) if args.levels else None,
        word_operand=args.operand,
        word_weights=args.weights,
        instruct_kinds=args.kinds,
        instruct_formats=tuple(args.formats) if args.formats else None,
        validation=4 * args.questions,
    )
    train = changed(
        TrainConfig(**profile["sft"]),
        steps=args.steps,
        sequences=args.sequences,
        lr_muon=args.lr_muon,
        seed=args.seed,
    )
    return world, train, profile["evaluate"]["max_new_tokens"]


def teach(model, examples, checks, train: TrainConfig) -> tuple[dict[int, float], float]:
    """Fine-tune; the validation loss after each quarter, and the CPU seconds."""
    begin, curve = time.process_time(), {}
    for row in train_lm(model, make_stream(examples, train), train):
        if row["step"] % (train.steps // 4) == 0:
            curve[row["step"]] = round(loss(model, checks), 4)
            spent = time.process_time() - begin
            print(f"step {row['step']}: {curve[row['step']]} nats, {spent:.0f} CPU s", flush=True)
    return curve, time.process_time() - begin


def examine(model, tokenizer, world: WorldConfig, pools: dict, count: int, longest: int) -> dict:
    """Sampled answers to `count` questions of each kind of problem in each pool; greedy ones too."""
    found: dict[str, Any] = {}
    for label, pool in pools.items():
        for kind in world.instruct_kinds:
            chosen = {id: problem for id, problem in pool.items() if f"-{kind}-" in id}
            asked = questions(world, chosen, "pilot")[:count]
            found[f"{label} {kind}"] = summary(
                asked, answers(model, tokenizer, asked, GROUP, 1.0, longest)
            )
            greedy = answers(model, tokenizer, asked, 1, 0.0, longest)
            found[f"{label} {kind}"]["greedy"] = percent(mean(row[0] for row in greedy))
    return found


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    world, train, longest = configured(args)
    base = args.base or args.data / "chains/0/pretrain/model"
    tokenizer, model = load_tokenizer(base), load_model(base)
    taught = problems(world, "sft", world.instruct, world.instruct_kinds)
    held = problems(world, "validation", world.validation, world.instruct_kinds)
    examples = instruction_examples(tokenizer, solved(world, taught), "mini")
    checks = instruction_examples(tokenizer, solved(world, held, ("cot",)), "mini")
    curve, seconds = teach(model, examples, checks, train)
    pools = {"validation": held, "rl": taught}
    row = {
        "name": args.name,
        "commit": commit()[:7],
        "seed": args.seed,
        "problems": world.instruct,
        "solutions": len(examples),
        "formats": list(world.instruct_formats),
        "levels": list(world.word_levels),
        "operand": world.word_operand,
        "weights": world.word_weights,
        "kinds": world.instruct_kinds,
        "steps": train.steps,
        "sequences": train.sequences,
        "passes": round(train.steps * train.sequences / len(examples), 2),
        "lr_muon": train.lr_muon,
        "parameters": model.num_parameters(),
        "longest": max(len(ids) for ids, _ in examples),
        "tokens": round(mean(len(ids) for ids, _ in examples), 1),
        "sft_cpu_seconds": round(seconds),
        "validation_loss": curve,
        "asked": examine(model, tokenizer, world, pools, args.questions, longest),
    }
    print(record("world", row, page).splitlines()[-1])
    if args.save:
        save_model(model, tokenizer, args.save)


def record(pilot: str, row: dict[str, Any], page: Callable[[list[dict[str, Any]]], str]) -> str:
    """Put a row into the table of a pilot, in the place of an older one of its `name`: writes
    reports/pilots/<pilot>.json, and <pilot>.md as `page` words it. Returns the page.
    """
    path = OUT / f"{pilot}.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    rows = [old for old in rows if old["name"] != row["name"]] + [row]
    write_json(path, rows)
    path.with_suffix(".md").write_text(page(rows), encoding="utf-8")
    return page(rows)


def told(weights: dict[str, int] | None) -> str:
    """The weights of families, where some are drawn oftener."""
    pairs = [f"{family}: {weight}" for family, weight in (weights or {}).items()]
    return f" ({', '.join(pairs)})" if pairs else ""


def page(rows: list[dict[str, Any]]) -> str:
    """The table for people."""
    kinds = {
        "validation word_en": "mini_gsm8k",
        "validation word_zh": "mini_cmath",
        "validation symbolic": "mini_math",
    }
    heads = [
        "pilot",
        "problems (solutions)",
        "levels (family: weight)",
        "steps x rows (passes)",
        "parameters",
        "CPU s",
        "loss by quarter",
        *(f"{name}: sampled [95 %], greedy, mixed" for name in kinds.values()),
        "RL questions (English): sampled, mixed",
        "commit",
    ]
    lines = [
        "# Pilots of the world",
        "",
        "Written by `python -m lab.pilots.world`: fine-tuned models on the validation split, one",
        f"seed each. {GROUP} answers per question at temperature 1; a group is mixed when it has right",
        "and wrong answers. Percentages; the interval is over questions. The loss is in nats per token",
        "of chains of thought, after each quarter of the training. The last column but one asks",
        "questions that the model was fine-tuned on. No test question was read.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
    ]
    for row in rows:
        asked, losses = row["asked"], row["validation_loss"]
        cells = [
            row["name"],
            f"{row['problems']} ({row['solutions']})",
            ", ".join(map(str, row["levels"])) + told(row.get("weights")),
            f"{row['steps']} x {row['sequences']} ({row['passes']})",
            f"{row['parameters']:,}",
            str(row["sft_cpu_seconds"]),
            ", ".join(f"{losses[step]:.3f}" for step in sorted(losses, key=int)),
        ]
        for kind in kinds:
            one = asked[kind]
            cells.append(
                f"{one['sampled']} [{one['low']}, {one['high']}], {one['greedy']}, {one['mixed']} "
                f"(n {one['n']})"
            )
        rl = asked["rl word_en"]
        cells += [f"{rl['sampled']}, {rl['mixed']} (n {rl['n']})", row["commit"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
