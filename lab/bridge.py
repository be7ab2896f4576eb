"""What each switch of docs/bridge.md does to accuracy, by short runs at a few seeds.

    python -m lab.bridge --data data/main                  # every switch, three seeds
    python -m lab.bridge --data data/main --only k2 kl_0   # some of them
    python -m lab.bridge --data data/main --table          # of the runs that are done, no new ones

A switch is one change of the arm `grpo_os_rule`, trained as the profile says but for `--steps`. What
can only act where an output is used twice (clip, ratio) is a change of the same arm with two updates
per batch. A run starts from the plan's instruct model and is asked the validation questions at its
end. The effect is the sampled accuracy minus that of the run without the switch, paired by question
and seed; its 95 % interval is over both (pipeline/report/stats.py). No benchmark is asked.

Runs that are done are kept in `--out`, and a run that was killed goes on where its checkpoint is.
The order is by seed, so that what is there after an interrupted command is one seed of everything.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from pipeline.errors import UserError
from pipeline.records import Question, read_jsonl, read_rows, write_json
from pipeline.report.stats import Interval, paired
from pipeline.rl.config import ArmConfig, RLConfig

PAPER, TWICE = "paper", "two updates"
# name -> (what it is compared with, keys of the arm)
SWITCHES: dict[str, tuple[str, dict]] = {
    PAPER: ("", {}),
    TWICE: (PAPER, {"updates_per_rollout": 2}),
    "token_mean": (PAPER, {"aggregation": "token_mean"}),
    "constant_length": (PAPER, {"aggregation": "constant_length"}),
    "std_sample": (PAPER, {"advantage_std": "sample"}),
    "std_batch": (PAPER, {"advantage_std": "batch"}),
    "std_none": (PAPER, {"advantage_std": "none"}),
    "std_eps": (PAPER, {"std_eps": 1e-4}),
    "dr_grpo": (PAPER, {"aggregation": "constant_length", "advantage_std": "none"}),
    "k1": (PAPER, {"kl_estimator": "k1"}),
    "k2": (PAPER, {"kl_estimator": "k2"}),
    "kl_in_reward": (PAPER, {"kl_place": "reward"}),
    "kl_0": (PAPER, {"kl_coef": 0.0}),
    "mask_truncated": (PAPER, {"mask_truncated": True}),
    "drop_equal": (PAPER, {"drop_equal_groups": True}),
    "dynamic": (PAPER, {"drop_equal_groups": True, "dynamic_sampling": 3}),
    "overlong": (PAPER, {"overlong_buffer": 20}),
    "importance": (PAPER, {"importance_cap": 2.0}),
    "clip_higher": (TWICE, {"clip_eps_high": 0.28}),
    "dual_clip": (TWICE, {"dual_clip": 3.0}),
    "sequence": (TWICE, {"ratio": "sequence"}),
}


def arm_of(name: str, paper: ArmConfig) -> ArmConfig:
    """The arm with the switch of this name, and what the switch is compared with."""
    other, keys = SWITCHES[name]
    base = replace(paper, **SWITCHES[TWICE][1]) if other == TWICE else paper
    return replace(base, name=name, **keys)


def instruct_of(data: Path) -> Path:
    """The instruct model of a plan's first chain."""
    return data / "chains/0/sft/model"


def read_scale(profile: str, steps: int) -> tuple[ArmConfig, RLConfig]:
    """The paper's arm, and a profile's scale with so many steps, validated once, at the end."""
    from pipeline.wiring.code import ROOT
    from pipeline.wiring.config import build

    def load(path: str) -> dict:
        return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))

    values = load("conf/rl/grpo_os_rule.yaml")
    values.pop("report")
    scale = build(RLConfig, load(f"conf/profile/{profile}.yaml")["rl_scale"], "rl_scale")
    scale = replace(
        scale,
        steps=steps,
        validation_every=steps,
        validation_samples=4,
        rollouts_every=steps,
        checkpoint_every=10,
    )
    return build(ArmConfig, values, "rl"), scale


def run_one(data: Path, arm: ArmConfig, cfg: RLConfig, seed: int, out: Path) -> None:
    """Train one arm at one seed, unless that is done; leave its validation rows and its seconds."""
    import torch

    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.rl.loop import train_policy
    from pipeline.rl.training import Inputs

    if (out / "done.json").is_file():
        return
    torch.set_num_threads(1)
    began = time.process_time()
    folder, world = instruct_of(data), data / "world"
    inputs = Inputs(
        policy=load_model(folder),
        tokenizer=load_tokenizer(folder),
        questions=list(read_rows(world / "questions.jsonl", Question)),
        validation=list(read_rows(world / "validation.jsonl", Question)),
    )
    last: dict[str, float] = {}
    for row in train_policy(inputs, arm, cfg, seed, out, out / "state", {}):
        last = row
    write_json(out / "done.json", {"cpu_seconds": time.process_time() - began, "last": last})
    for path in (out / "state").glob("*.safetensors"):
        path.unlink()
    print(f"{arm.name}-{seed}: {last['validation_sampled']:.3f}", flush=True)


def shares(out: Path, name: str, seed: int, steps: int) -> dict[str, float] | None:
    """Share of right samples of each validation question at the end of a run; None: not done."""
    folder = out / f"{name}-{seed}"
    if not (folder / "done.json").is_file():
        return None
    rows = read_jsonl(folder / f"validation/step-{steps:05d}.jsonl")
    return {row["id"]: row["right"] / row["samples"] for row in rows}


def effect(out: Path, name: str, seeds: Sequence[int], steps: int) -> Interval | None:
    """The paired effect of a switch over the seeds that both runs have; None without any."""
    other = SWITCHES[name][0]
    pairs = [[shares(out, side, seed, steps) for side in (name, other)] for seed in seeds]
    pairs = [pair for pair in pairs if None not in pair]
    if not pairs:
        return None
    ids = sorted(set.intersection(*(set(side) for pair in pairs for side in pair)))
    one, two = (np.array([[pair[k][i] for i in ids] for pair in pairs]) for k in (0, 1))
    return paired(one, two)


def table(out: Path, seeds: Sequence[int], steps: int) -> str:
    """The effects in points as Markdown."""
    lines = [
        "| switch | against | effect | 95 % interval | seeds x questions |",
        "| --- | --- | ---: | --- | --- |",
    ]
    for name, (other, _) in SWITCHES.items():
        found = effect(out, name, seeds, steps) if other else None
        if found is None:
            continue
        low, high = 100 * found.low, 100 * found.high
        said = "" if found.excludes_zero else " (indistinguishable)"
        lines.append(
            f"| {name} | {other} | {100 * found.mean:+.1f} | {low:+.1f} to {high:+.1f}{said} "
            f"| {found.seeds} x {found.questions} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing and print the table. A user's mistake is one line."""
    options = parser().parse_args(arguments)
    try:
        chosen = options.only or list(SWITCHES)
        unknown = sorted(set(chosen) - set(SWITCHES))
        if unknown:
            raise UserError(f"no switch {unknown[0]!r}; {', '.join(SWITCHES)}")
        data, out = Path(options.data), Path(options.out)
        if not options.table:
            if not instruct_of(data).is_dir():
                raise UserError(f"{instruct_of(data)}: no instruct model; `make repro` builds one")
            paper, cfg = read_scale(options.profile, options.steps)
            needed = [
                n for n in SWITCHES if n in chosen or any(SWITCHES[c][0] == n for c in chosen)
            ]
            for seed in options.seeds:
                for name in needed:
                    run_one(data, arm_of(name, paper), cfg, seed, out / f"{name}-{seed}")
    except UserError as error:
        print(f"bridge: {error}", file=sys.stderr)
        return 1
    print(table(out, options.seeds, options.steps))
    done = [json.loads(path.read_text(encoding="utf-8")) for path in out.glob("*/done.json")]
    print(f"{len(done)} runs, {sum(d['cpu_seconds'] for d in done) / 60:.0f} CPU minutes")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m lab.bridge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--data", default="data/main", help="a plan's results: its world and instruct model")
    add("--profile", default="mini", help="whose rl_scale; default mini")
    add("--steps", type=int, default=12, help="of each run; default 12")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--only", nargs="+", help="these switches (and what they are compared with)")
    add("--out", default="build/bridge", help="where runs are kept")
    add("--table", action="store_true", help="print the table of the runs that are there")
    return made


if __name__ == "__main__":
    sys.exit(main())
