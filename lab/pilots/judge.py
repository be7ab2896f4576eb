"""The gate of the reward models: do they rank outputs better than the sampler's own likelihood?

    python -m lab.pilots.judge [--data data/main] [--profile lab] [--name NAME]

Trains the reward models that the profile describes on the instruct model of `--data` (stages world,
pretrain and sft of profile mini or lab, chain 0), and measures AUC inside a question, on held-out RL questions
and on as many new ones, which neither the instruct model nor the judge has met: of all outputs, and
of right ones against those wrong ones that have a false equation (arithmetic) or none (reading).
The gate asks for .05 above the likelihood of the sampler. No test question is read.

Everything that was made stays in `--work` and is not made again: a killed pilot goes on. A row is
added to (or replaced in) reports/pilots/judge.json, and reports/pilots/judge.md is written from it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml

from lab.pilots.world import record
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.lm.step_ends import line_ends, token_ends
from pipeline.records import Instruction, Question, read_jsonl, read_rows, write_json
from pipeline.report.claims.rules import GATE, GATE_QUESTIONS
from pipeline.reward.build import (
    Setting,
    once,
    score,
    split,
    train_outcome,
    train_own,
    train_process,
)
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import outcome_labels, process_labels, sample_outputs
from pipeline.reward.measure import against_likelihood
from pipeline.reward.model import RewardModel, load_reward_model, new_reward_model
from pipeline.wiring.code import ROOT, commit
from pipeline.wiring.config import build
from pipeline.world.build import problems, questions
from pipeline.world.config import WorldConfig

KINDS = ("all", "arithmetic", "reading")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/main"))
    parser.add_argument("--profile", default="lab")
    parser.add_argument("--name", help="of the row; default: the profile's")
    parser.add_argument("--work", type=Path, default=Path("data/pilots/judge"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--new", type=int, default=GATE_QUESTIONS, help="new questions")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="of the section `reward`"
    )
    return parser.parse_args()


def configured(args: argparse.Namespace) -> tuple[RewardConfig, WorldConfig]:
    """The reward section of the profile with the arguments given, and its world."""
    profile = yaml.safe_load((ROOT / "conf/profile" / f"{args.profile}.yaml").read_text())
    section = profile["reward"]
    for text in args.set:
        key, _, value = text.partition("=")
        *path, last = key.split(".")
        place = section
        for name in path:
            place = place.setdefault(name, {})
        place[last] = yaml.safe_load(value)
    return build(RewardConfig, section), build(WorldConfig, profile["world"])


class Clock:
    """CPU seconds of each part, which are kept over restarts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spent = json.loads(path.read_text()) if path.is_file() else {}

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        begin = time.process_time()
        try:
            return work()
        finally:
            self.spent[name] = round(self.spent.get(name, 0) + time.process_time() - begin, 1)
            write_json(self.path, self.spent)
            print(f"{name}: {self.spent[name]:.0f} CPU s in all", flush=True)


def follow(rows: Iterable[dict], total: int, name: str) -> dict:
    """The last of the rows; a line for each tenth of them."""
    last: dict = {}
    for last in rows:
        if last["step"] % max(1, total // 10) == 0:
            print(f"{name} {last['step']}/{total}: loss {last['loss']:.4f}", flush=True)
    return last


def measured(models: dict[str, RewardModel], tokenizer, rows: list[dict]) -> dict[str, Any]:
    """AUC inside a question of every judge. A process model is read at step ends, and its least
    score counts, as in the reward stage.
    """
    found = {}
    for name, model in models.items():
        if name == "process":
            ends = [
                token_ends(tokenizer, row["tokens"], row["text"], line_ends(row["text"]))
                for row in rows
            ]
            at_ends = [
                {**row, "ends": some, "labels": [0.0] * len(some)}
                for row, some in zip(rows, ends, strict=True)
            ]
            scores = [min(values) for values in score(model, process_labels(at_ends))]
        else:
            scores = [values[-1] for values in score(model, outcome_labels(rows))]
        found[name] = against_likelihood(rows, scores)
    return found


def judges(setting: Setting, cfg: RewardConfig) -> dict[str, RewardModel]:
    """The trained reward models, and the body before it saw a label (its likelihood alone)."""
    tokens = cfg.micro_batch_tokens
    plain = new_reward_model(setting.start, "cpu", replace(cfg, head="likelihood"))
    found = {"body, before labels": RewardModel(plain.eval(), tokens)}
    for name in ("outcome", "process"):
        if (setting.out / name).is_dir():
            found[name] = load_reward_model(setting.out / name, "cpu", tokens)
    return found


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    cfg, world = configured(args)
    work = args.work / (args.name or args.profile)
    for name in ("out", "state"):
        (work / name).mkdir(parents=True, exist_ok=True)
    clock = Clock(work / "cpu_seconds.json")
    chain = args.data / "chains/0"
    instruct = chain / "sft/model"
    tokenizer = load_tokenizer(instruct)
    setting = Setting(
        cfg,
        args.seed,
        "cpu",
        tokenizer,
        load_model(instruct),
        chain / ("pretrain/model" if cfg.start == "base" else "sft/model"),
        list(read_rows(args.data / "world/questions.jsonl", Question)),
        work / "out",
        work / "state",
        list(read_rows(args.data / "world/instruct.jsonl", Instruction)),
    )
    if cfg.start == "own":
        clock("own body", lambda: train_own(setting, follow))
    summary = {"outcome": clock("outcome labels and model", lambda: train_outcome(setting, follow))}
    if cfg.process:
        labelled = clock("step labels and process model", lambda: train_process(setting, follow))
        summary["process"] = labelled
    new = questions(world, problems(world, "rl", args.new, world.question_kinds), "new")
    key = (args.seed, "reward", "new")
    drawn = once(
        setting,
        "new",
        lambda: sample_outputs(setting.engine, tokenizer, new, cfg, key, work / "state/new"),
    )
    held = [r for r in read_jsonl(work / "out/labels.jsonl") if r["split"] == "held_out"]
    models = judges(setting, cfg)
    row = {
        "name": args.name or args.profile,
        "commit": commit()[:7],
        "seed": args.seed,
        "parameters": models["outcome"].model.num_parameters(),
        "policy_parameters": setting.instruct.num_parameters(),
        "trained_on": len(split(setting)[0]),
        "samples": cfg.samples,
        "held_out": len(split(setting)[1]),
        "right": round(sum(r["right"] for r in held) / len(held), 4),
        "cpu_seconds": clock.spent,
        "settings": args.set,
        "of": {
            "held-out RL questions": clock("asked", lambda: measured(models, tokenizer, held)),
            "new questions": clock("asked", lambda: measured(models, tokenizer, drawn)),
        },
        "best_of_n": {kind: found["of_n"] for kind, found in summary.items()},
        "steps": summary.get("process", {}).get("against_exact_steps"),
    }
    print(record("judge", row, page))


def page(rows: list[dict[str, Any]]) -> str:
    """The table for people."""
    heads = [
        "pilot",
        "questions (with both kinds)",
        "ranked by",
        *(f"{kind}: AUC, gain over the likelihood [95 %]" for kind in KINDS),
        "gate",
    ]
    lines = [
        "# Pilots of the reward models",
        "",
        "Written by `python -m lab.pilots.judge`, one chain. AUC inside a question, mean over the",
        "questions that have right and wrong outputs, with 95 % intervals over questions: of all",
        "outputs, and of the right ones against wrong ones with a false equation (arithmetic) or with",
        f"none (reading). The gate: {GATE:.2f} above the sampler's likelihood over all outputs, on",
        f"{GATE_QUESTIONS:,} questions. No test question was read.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
    ]
    for row in rows:
        for pool, judged in row["of"].items():
            first = next(iter(judged.values()))
            plain = [mean_of(first[kind]["likelihood"]) for kind in KINDS]
            asked = f"{pool}: {row['held_out']:,} ({first['all']['questions']:,})"
            lines.append(
                f"| {row['name']} | {asked} | likelihood of the sampler | {' | '.join(plain)} | - |"
            )
            for judge, found in judged.items():
                cells = [in_words(found[kind]) for kind in KINDS]
                gain = found["all"]["gain"]
                passed = "passes" if gain and gain["mean"] >= GATE else "fails"
                lines.append(f"| | | {judge} | {' | '.join(cells)} | {passed} |")
    lines += [
        "",
        "| pilot | parameters (of the policy) | labelled questions x outputs | right, sampled | "
        "CPU seconds | set | commit |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        spent = ", ".join(f"{name} {value:.0f}" for name, value in row["cpu_seconds"].items())
        lines.append(
            f"| {row['name']} | {row['parameters']:,} ({row['policy_parameters']:,}) | "
            f"{row['trained_on']:,} x {row['samples']} | {100 * row['right']:.1f} % | {spent} | "
            f"{', '.join(row['settings']) or 'the profile'} | {row['commit']} |"
        )
    return "\n".join(lines) + "\n"


def mean_of(found: dict[str, float] | None) -> str:
    return f"{found['mean']:.3f}" if found else "-"


def in_words(found: dict[str, Any]) -> str:
    model, gain = found["model"], found["gain"]
    if not gain:
        return "-"
    return f"{model['mean']:.3f}, {gain['mean']:+.3f} [{gain['low']:.3f}, {gain['high']:.3f}]"


if __name__ == "__main__":
    main()
