"""Which learning rate suits an arm? A sweep's runs, asked validation questions (docs/lab.md).

    python -m stages.rl -m profile=lab rl=dpo,grpo_os_rule rl.lr_factor=1 seed=0 \\
        rl_scale.lr=1e-4,3e-4,1e-3 launcher=parallel
    python -m benchmarks.arm_rates multirun/DATE/TIME [--data data/lab] [--samples 4]

The built cells of the same arms and seeds, at the rate that their arm has, stand next to them. One
rule holds for every arm: its rate is the profile's, unless another is better by more than twice the
standard error of their difference, paired by question; then it is the best of those. All validation
questions are asked, test questions never, and every model is sampled with the same seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pipeline.lm.generate import make_engine
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.records import Question, read_jsonl, read_rows
from pipeline.rl.config import RLConfig
from pipeline.rl.validation import validate
from pipeline.wiring.config import build


def accuracy(model: Path, questions: Sequence[Question], cfg: RLConfig, kept: Path) -> np.ndarray:
    """values_N: share of right samples per question. `kept` is written, or read if it exists."""
    if not kept.is_file():
        policy, tokenizer = load_model(model), load_tokenizer(model)
        validate(make_engine(cfg.engine, policy, tokenizer), tokenizer, questions, cfg, 0, 0, kept)
    return np.array([row["right"] / row["samples"] for row in read_jsonl(kept)])


def config_of(run: Path) -> dict:
    return json.loads((run / "config.json").read_text(encoding="utf-8"))


def rate_of(config: dict) -> float:
    return config["rl_scale"]["lr"] * config["rl"]["lr_factor"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sweep",
        type=Path,
        nargs="+",
        help="folders of finished runs, as Hydra's multirun leaves them",
    )
    parser.add_argument("--data", type=Path, default=Path("data/lab"), help="the built cells")
    parser.add_argument("--samples", type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    questions = list(read_rows(args.data / "world/validation.jsonl", Question))
    runs = sorted(path.parent for sweep in args.sweep for path in sweep.rglob("summary.json"))
    values: dict[tuple[str, int], dict[float, np.ndarray]] = {}
    for run in runs:
        arm, seed = (config := config_of(run))["rl"]["name"], config["seed"]
        for folder in (run, args.data / "chains/0/rl" / f"{arm}-{seed}"):
            rate, cfg = rate_of(config_of(folder)), build(RLConfig, config_of(folder)["rl_scale"])
            cfg = replace(cfg, validation_samples=args.samples, validation_size=len(questions))
            kept = args.sweep[0] / "asked" / f"{arm}-{seed}-{rate:g}-{args.samples}.jsonl"
            found = accuracy(folder / "model", questions, cfg, kept)
            values.setdefault((arm, seed), {})[rate] = found
    kept = args.sweep[0] / "asked" / f"instruct-{args.samples}.jsonl"
    start = accuracy(args.data / "chains/0/sft/model", questions, cfg, kept)
    show(args.data, values, start, args.samples)


def show(
    data: Path,
    values: dict[tuple[str, int], dict[float, np.ndarray]],
    start: np.ndarray,
    samples: int,
) -> None:
    print(
        f"instruct: {100 * start.mean():.1f} % of {len(start)} validation questions, "
        f"{samples} samples each\n"
    )
    print(
        "| arm | seed | rate | sampled | over instruct | "
        "over the profile's rate ± standard error |\n" + "| --- " * 6 + "|"
    )
    for (arm, seed), by_rate in sorted(values.items()):
        rate_0 = config_of(data / "chains/0/rl" / f"{arm}-{seed}")["rl_scale"]["lr"]
        for rate, values_N in sorted(by_rate.items()):
            beside = "-"
            if rate != rate_0 and rate_0 in by_rate:
                gap_N = values_N - by_rate[rate_0]
                error = gap_N.std(ddof=1) / len(gap_N) ** 0.5
                beside = f"{100 * gap_N.mean():+.1f} ± {100 * error:.1f}"
            sampled, gain = 100 * values_N.mean(), 100 * (values_N - start).mean()
            print(f"| {arm} | {seed} | {rate:g} | {sampled:.1f} | {gain:+.1f} | {beside} |")


if __name__ == "__main__":
    main()
