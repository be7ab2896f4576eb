"""Which learning rate suits an arm? Rule 3 of docs/preregistration.md, How settings are chosen.

    python -m stages.rl -m profile=lab launcher=parallel chain=0,1,2 seed=0 rl.lr_factor=1 \\
        rl=sft,rft,online_rft,grpo_os_rule,grpo_ps_rule,grpo_os,grpo_ps,ppo rl_scale.lr=1e-4,3e-4 \\
        rl_scale.validation_every=1000 rl_scale.validation_size=400 rl_scale.validation_samples=4
    python -m stages.rl -m profile=lab launcher=parallel chain=0,1,2 seed=0 rl.lr_factor=1 \\
        rl=dpo,dpo_sum rl_scale.lr=1e-5,3e-5 \\
        rl_scale.validation_every=1000 rl_scale.validation_size=400 rl_scale.validation_samples=4
    python -m lab.rates multirun/DATE/TIME multirun/DATE/TIME

The sweeps train every arm that is not in `TAKES` at two rates on three chains, 60 runs in all, and
ask the validation questions before the first step and after the last; they may be stopped and given
again. The better rate by mean sampled accuracy after the last step, over the chains, is the arm's.
It goes as `lr_factor` (over the profile's 3e-4) into the arm's file and into those of the arms that
take it, PPO's as `value_lr_factor` too. The standard error is over chains. No test question is read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pipeline.errors import UserError
from pipeline.records import read_jsonl

RATES = 2  # that each arm is tried at
CHAINS = 3  # on which each is tried
ASKED = {"validation_every": 1000, "validation_size": 400, "validation_samples": 4}
# Arms that are not tried: variations of an arm take its rate, else rate and variation would change
# together. DPO with sums over tokens is tried itself, as its loss has another scale.
TAKES = {
    "rft_tokens": "rft",
    "sft_new": "sft",
    "grpo_iter_1": "grpo_os",
    "grpo_iter": "grpo_os",
    "grpo_iter_3": "grpo_os",
    "token_mean": "grpo_os_rule",
    "dr_grpo": "grpo_os_rule",
    "sample_std": "grpo_os_rule",
    "mu2": "grpo_os_rule",
    "grpo_new": "grpo_os_rule",
}
# arm -> rate -> chain -> mean sampled accuracy after the last step
Found = dict[str, dict[float, dict[int, float]]]


def read(sweeps: Sequence[Path]) -> Found:
    """The finished runs below these folders. Raises UserError where there is none."""
    found: Found = {}
    for summary in sorted(path for sweep in sweeps for path in sweep.rglob("summary.json")):
        config = json.loads((summary.parent / "config.json").read_text(encoding="utf-8"))
        if "rl_scale" not in config:
            continue
        rate = config["rl_scale"]["lr"] * config["rl"]["lr_factor"]
        by_chain = found.setdefault(config["rl"]["name"], {}).setdefault(rate, {})
        by_chain[config.get("chain", 0)] = accuracy(summary.parent / "validation.jsonl")
    if not found:
        raise UserError(f"{', '.join(map(str, sweeps))}: no finished run of the stage rl")
    return found


def accuracy(path: Path) -> float:
    """Share of right samples after the last step."""
    rows = list(read_jsonl(path))
    last = max((row["step"] for row in rows), default=0)
    some = [row for row in rows if row["step"] == last and row["samples"]]
    if not some:
        raise UserError(f"{path}: no samples; set rl_scale.validation_samples above 0")
    return sum(row["right"] for row in some) / sum(row["samples"] for row in some)


def best(by_rate: dict[float, dict[int, float]]) -> float:
    """The rate with the higher mean over the chains that every rate was run on."""
    chains = set.intersection(*(set(values) for values in by_rate.values()))
    if not chains:
        raise UserError("no chain was run at every rate")
    return max(by_rate, key=lambda rate: mean(by_rate[rate][chain] for chain in chains))


def table(found: Found) -> Iterator[str]:
    """Markdown: a row for each arm and rate."""
    yield "| arm | rate | chains | sampled, % | standard error over chains | chosen |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for arm, by_rate in sorted(found.items()):
        chosen = best(by_rate)
        for rate, values in sorted(by_rate.items()):
            yield f"| `{arm}` | {rate:g} | {row(list(values.values()))} | {'x' * (rate == chosen)} |"


def row(values: list[float]) -> str:
    error = f"{100 * stdev(values) / len(values) ** 0.5:.1f}" if len(values) > 1 else "-"
    return f"{len(values)} | {100 * mean(values):.1f} | {error}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser: Any = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path, nargs="+", help="folders that Hydra's multirun left")
    args = parser.parse_args(arguments)
    try:
        for line in table(read(args.sweep)):
            print(line)
    except UserError as error:
        print(f"rates: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
