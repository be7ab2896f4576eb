"""What each part of the plan costs: cells times measured CPU seconds (docs/preregistration.md, Cost).

    python -m lab.pilots.cost [--data data/main]

`--data` is a build at profile mini, whose cost files (`.cost/*.json`, key `cpu_seconds`) are read; the
judge, the corpora and SmolLM2 come from the other pilots' tables. Where an arm or a part was not
measured, the row says from what it was estimated. Writes reports/pilots/cost.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from lab.pilots.world import OUT
from pipeline.wiring.code import ROOT
from pipeline.wiring.plans import built

LIMIT = 600  # CPU minutes of each part
DECIDING = ("sft", "rft", "online_rft", "grpo_os_rule", "grpo_ps_rule")  # on all chains
RATED_ON = 3  # chains on which every arm is tried at a second rate
SMOLLM_RUNS = {"sft": 3, "online_rft": 1, "grpo_os_rule": 3, "grpo_ps_rule": 1}
SMOLLM_STEPS = 60
# An arm that was not measured costs so many times another: by FLOPs per step (docs/lab.md).
LIKE = {
    "rft_tokens": ("rft", 6.0),
    "dpo": ("rft", 1.5),
    "dpo_sum": ("rft", 1.5),
    "ppo": ("grpo_os_rule", 1.8),
    "ppo_rule": ("grpo_os_rule", 1.7),
}
LEARNED = 1.3  # times the cost with rules: a judge reads every output


@dataclass(frozen=True)
class Row:
    part: str
    cells: float
    seconds: float | None  # CPU, of a cell; None: not measured
    source: str

    @property
    def minutes(self) -> float:
        return self.cells * (self.seconds or 0.0) / 60


def profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"conf/profile/{name}.yaml").read_text(encoding="utf-8"))


def measured(data: Path, pattern: str) -> float | None:
    """Mean CPU seconds over the cost files of that name; None without any."""
    files = sorted((data / ".cost").glob(pattern))
    found = [json.loads(path.read_text(encoding="utf-8")).get("cpu_seconds") for path in files]
    known = [value for value in found if value]
    return mean(known) if known else None


def pilot(name: str) -> Any:
    path = OUT / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def arm_seconds(data: Path, arm: str, share: float) -> tuple[float | None, str]:
    """CPU seconds of one run of an arm at `share` of the measured steps, and where from."""
    own = measured(data, f"rl-*-{arm}-*.json")
    if own:
        return own * share, "measured"
    other, times = LIKE.get(arm, ("grpo_ps_rule" if arm == "grpo_ps" else "grpo_os_rule", 1.0))
    if arm in ("grpo_os", "grpo_ps", "ppo") or arm.startswith("grpo_iter"):
        times *= LEARNED if arm != "ppo" else 1.0
    found = measured(data, f"rl-*-{other}-*.json")
    if arm.startswith("grpo_iter"):
        times *= 1.2  # labels and training of the judge between iterations
    return (found * share * times if found else None), f"{times:.1f} times `{other}`"


def laboratory(data: Path) -> Iterator[Row]:
    plan, lab, mini = built("lab"), profile("lab"), profile("mini")
    chains = len(plan["chains"])
    share = lab["rl_scale"]["steps"] / mini["rl_scale"]["steps"]
    yield Row("world", 1, measured(data, "world*.json"), "measured")
    yield Row("corpus", 1, measured(data, "corpus*.json"), "measured")
    yield Row("pretraining", chains, measured(data, "pretrain*.json"), "measured")
    yield Row("SFT", chains, measured(data, "sft*.json"), "measured")
    judge = pilot("judge")
    spent = sum(judge[-1]["cpu_seconds"].values()) if judge else None
    yield Row("reward models", chains, spent, "lab.pilots.judge")
    for arm in plan["arms"]:
        seconds, source = arm_seconds(data, arm, share)
        yield Row(f"RL, `{arm}`", chains, seconds, source)
    for arm in DECIDING:
        seconds, source = arm_seconds(data, arm, share)
        yield Row(f"second rate, `{arm}`", RATED_ON, seconds, source)
    asked = measured(data, "evaluate-*-sft-*.json")
    sizes = [answers(profile_) for profile_ in (lab, mini)]
    models = chains * (2 + len(plan["arms"]))
    seconds = asked * sizes[0] / sizes[1] if asked else None
    yield Row("evaluation", models, seconds, "measured, by number of answers")
    deep = measured(data, "evaluate-*-grpo_os_rule-*.json")
    more = (deep - asked) * 450 / 150 if deep and asked else None
    yield Row("64 samples for Figure 7", 2 * chains, more, "measured, by number of questions")


def answers(settings: dict[str, Any]) -> int:
    """Answers that a model gives, Figure 7 left out."""
    evaluate, size = settings["evaluate"], settings["world"].get("benchmark", 1000)
    names = evaluate.get("benchmarks", ["mini_gsm8k", "mini_math", "mini_cmath"])
    questions = sum(evaluate.get("questions_of", {}).get(name, size) for name in names)
    return questions * (1 + evaluate.get("samples", 8))


def corpora() -> Iterator[Row]:
    plan, found = built("corpora"), pilot("corpora")
    cell = sum(p["rows"][-1]["cpu_seconds"] for p in found[-1]["phases"]) if found else None
    cells = len(plan["arms"]) * len(plan["seeds"])
    yield Row("pre-training", cells, cell, "lab.pilots.corpora")
    yield Row("fine-tuning, 3,200 steps x 24", cells, measured_tuning(), "lab.pilots.world")
    yield Row("probes and evaluation", cells, 60, "estimated: 4,500 answers")
    yield Row("webs, loops and floors", 3, 300, "estimated: data/recall/.cost and twice a turn")


def measured_tuning() -> float | None:
    rows = pilot("world")
    first = rows[0] if rows else None
    return first and first["sft_cpu_seconds"] * 3200 * 24 / (first["steps"] * first["sequences"])


def pretrained() -> Iterator[Row]:
    found = pilot("smollm")
    step = mean(row["cpu_seconds"] for row in found["rl"]) if found else None
    tuned = found["sft"][-1]["train_cpu_seconds"] if found else None
    yield Row("SFT", 1, tuned, "lab.pilots.smollm")
    for arm, runs in SMOLLM_RUNS.items():
        seconds = step * SMOLLM_STEPS if step else None
        yield Row(f"`{arm}`, {SMOLLM_STEPS} steps", runs, seconds, "lab.pilots.smollm, GRPO's step")
    yield Row("evaluation", 2 + sum(SMOLLM_RUNS.values()), 600, "estimated: 700 questions x 3")


def page(data: Path) -> Iterator[str]:
    yield "# Cost\n"
    yield "Written by `python -m lab.pilots.cost`: CPU seconds of one thread.\n"
    parts = {
        "laboratory": list(laboratory(data)),
        "corpora": list(corpora()),
        "pretrained": list(pretrained()),
    }
    for name, rows in parts.items():
        yield f"## {name.capitalize()}\n"
        yield "| part | cells | CPU s per cell | CPU minutes | from |"
        yield "| --- | ---: | ---: | ---: | --- |"
        for row in rows:
            seconds = "not measured" if row.seconds is None else f"{row.seconds:,.0f}"
            yield f"| {row.part} | {row.cells} | {seconds} | {row.minutes:.0f} | {row.source} |"
        total = sum(row.minutes for row in rows)
        missing = " and what is not measured" if any(r.seconds is None for r in rows) else ""
        yield f"| **all** | | | **{total:.0f}**{missing} of {LIMIT} | |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/main"))
    args = parser.parse_args()
    text = "\n".join(page(args.data))
    (OUT / "cost.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
