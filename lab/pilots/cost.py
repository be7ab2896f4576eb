"""What each part of the plan costs: cells times measured CPU seconds (docs/preregistration.md, Cost).

    python -m lab.pilots.cost [--data data/main]

World, corpus, pretraining and SFT are those of the cost files of `--data` (`.cost/*.json`, key
`cpu_seconds`; profile mini or lab); the arms and an answer of lab.pilots.steps; the judge, the
corpora and SmolLM2 of their own pilots. Where an arm or a part was not measured, the row says from
what it was estimated. Minutes are cells times the seconds as printed, and a total is the sum of the
minutes as printed, so that a reader can check both. Writes reports/pilots/cost.md.
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

from lab import rates
from lab.pilots.world import OUT
from pipeline.wiring.code import ROOT
from pipeline.wiring.plans import built, chains_of

LIMIT = 600  # CPU minutes of each part
BENCHMARKS = 3
VALIDATION = 200  # questions, where the scale says nothing else
BODY_STEPS, STEP_QUESTIONS = 8000, 4000  # of row `lab_8000` of the judge's pilot
# docs/real.md: CPU seconds of a model's 72 greedy answers to GSM8K, MATH and CMATH, most of them of
# all the tokens that they were allowed, with the start of the process.
REAL_SECONDS, REAL_ANSWERS, REAL_TOKENS = 113, 72, 128
REAL = ("gsm8k", "math", "cmath")
START = 10.0  # CPU seconds of a process before it begins
LEARNED = 1.4  # times the cost with rules: a judge three times the policy's size reads every output
ITERATED = 1.6  # and it samples labels and is trained on between iterations
# An arm that was not measured costs so many times another.
LIKE = {
    "dpo": ("rft", 1.5),
    "dpo_sum": ("rft", 1.5),
    "ppo": ("ppo_rule", LEARNED),
    "grpo_os": ("grpo_os_rule", LEARNED),
    "grpo_ps": ("grpo_ps_rule", LEARNED),
    "grpo_iter_1": ("grpo_os_rule", LEARNED),
    "grpo_iter": ("grpo_os_rule", ITERATED),
    "grpo_iter_3": ("grpo_os_rule", ITERATED),
    "token_mean": ("grpo_os_rule", 1.0),
    "dr_grpo": ("grpo_os_rule", 1.0),
    "sample_std": ("grpo_os_rule", 1.0),
    "mu2": ("grpo_os_rule", 1.5),
    "sft_new": ("sft", 1.0),
    "grpo_new": ("grpo_os_rule", 1.0),
}


@dataclass(frozen=True)
class Row:
    part: str
    cells: int
    seconds: float | None  # CPU, of a cell; None: not measured
    source: str

    @property
    def minutes(self) -> float:
        """Of the seconds that are printed; to a tenth, halves upwards."""
        return (self.cells * round(self.seconds or 0.0) + 3) // 6 / 10


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


def arm_seconds(arm: str, scale: dict[str, Any]) -> tuple[float | None, str]:
    """CPU seconds of one run of an arm, validation included, and where from."""
    found = pilot("steps")
    other, times = LIKE.get(arm, (arm, 1.0))
    source = "measured steps" if other == arm else f"{times:g} times the steps of `{other}`"
    if not found or other not in found["arms"]:
        return None, source
    one = found["arms"][other]
    answers = scale.get("validation_size", VALIDATION) * (1 + scale["validation_samples"])
    looked = looks(scale) * answers * found["answer"]["seconds"]
    return START + one["before"] + scale["steps"] * one["step"] * times + looked, source


def looks(scale: dict[str, Any]) -> int:
    """Validations of a run: before the first step, every so many, and after the last."""
    return 1 + -(-scale["steps"] // scale["validation_every"])


def judge_seconds(reward: dict[str, Any]) -> tuple[float | None, str]:
    """CPU seconds of a chain's reward models: the pilot's, as much longer as the profile asks."""
    rows = [row for row in pilot("judge") or () if row["name"] == "lab_8000"]
    body = reward["own"]["train"]["steps"] / BODY_STEPS
    labels = reward["process_questions"] / STEP_QUESTIONS
    source = (
        f"lab.pilots.judge: {body:.3g} times its body of {BODY_STEPS:,} steps, {labels:.3g} times "
        f"its {STEP_QUESTIONS:,} questions with step labels"
    )
    times = {"own body": body, "step labels and process model": labels}
    spent = rows[0]["cpu_seconds"].items() if rows else ()
    return sum(seconds * times.get(name, 1.0) for name, seconds in spent) or None, source


def runs(plan: dict[str, Any]) -> dict[str, int]:
    """On how many chains each arm is built."""
    return {arm: len(chains_of(plan, arm)) for arm in plan["every_arm"]}


def laboratory(data: Path) -> Iterator[Row]:
    plan, lab = built("lab"), profile("lab")
    arms, scale, chains = runs(plan), lab["rl_scale"], len(plan["chains"])
    yield Row("world", 1, measured(data, "world*.json"), "measured")
    yield Row("corpus", 1, measured(data, "corpus*.json"), "measured")
    yield Row("pretraining", chains, measured(data, "pretrain*.json"), "measured")
    yield Row("SFT", chains, measured(data, "sft*.json"), "measured")
    yield Row("reward models", len(plan["reward_chains"]), *judge_seconds(lab["reward"]))
    for arm, count in arms.items():
        yield Row(f"RL, `{arm}`", count, *arm_seconds(arm, scale))
    for arm in arms:
        if arm not in rates.TAKES:
            cells = rates.RATES * rates.CHAINS
            yield Row(f"two rates, `{arm}`", cells, *arm_seconds(arm, scale | rates.ASKED))
    steps, evaluate = pilot("steps"), lab["evaluate"]
    one = steps["answer"]["seconds"] if steps else None
    asked = BENCHMARKS * lab["world"]["benchmark"] * (1 + evaluate["samples"])
    models = 2 * chains + sum(arms.values())
    yield Row("evaluation", models, one and START + asked * one, "measured answers")
    tools = 2 * lab["world"]["benchmark"] * (1 + evaluate["samples"])
    estimate = "estimated: two rounds of an answer, the programs not counted"
    yield Row("instruct with tools", chains, one and 2 * tools * one, estimate)
    deep = 2 * evaluate["extra_questions"] * 64
    yield Row("64 samples for Figure 7", 2 * chains, one and deep * one, "measured answers")


def corpora() -> Iterator[Row]:
    plan, found = built("corpora"), pilot("corpora")
    spent = [sum(p["rows"][-1]["cpu_seconds"] for p in row["phases"]) for row in found or ()]
    cell = max(spent, default=None)  # the dearest: two corpora one after the other
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
    plan, settings, found = built("smollm"), profile("smollm"), pilot("smollm")
    scale, evaluate, steps = settings["rl_scale"], settings["evaluate"], settings["sft"]["steps"]
    tuned = next((row for row in found["sft"] if row["step"] == steps), None) if found else None
    yield Row("SFT", 1, tuned and tuned["train_cpu_seconds"], f"lab.pilots.smollm, {steps} steps")

    # of a validation question with eight answers: no less than with two, each of a pass of its own
    question = tuned and tuned["asked_cpu_seconds"] / tuned["n"]
    runs, seconds = len(plan["chains"]) * len(plan["seeds"]), None
    if found and question:
        stepped = scale["steps"] * mean(row["cpu_seconds"] for row in found["rl"])
        seconds = START + stepped + looks(scale) * scale["validation_size"] * question
    for arm in plan["arms"]:
        source = "lab.pilots.smollm: GRPO's step, whatever the arm"
        yield Row(f"`{arm}`, {scale['steps']} steps", runs, seconds, source)

    models, each = 2 + runs * len(plan["arms"]), 1 + evaluate["samples"]
    asked = {name: evaluate["questions_of"].get(name) for name in evaluate["benchmarks"]}
    real = sum(asked[name] for name in REAL)
    made = sum(n or settings["world"]["benchmark"] for name, n in asked.items() if name not in REAL)
    source = f"lab.pilots.smollm: {question or 0:.2f} a question, with eight answers"
    spent = question and START + made * question
    yield Row(f"evaluation, {made} questions of the world x {each}", models, spent, source)
    longest = evaluate["max_new_tokens"]
    answer = REAL_SECONDS / REAL_ANSWERS * longest / REAL_TOKENS
    source = f"docs/real.md: {answer:.2f} an answer of {longest} tokens; shorter ones cost less"
    name = f"evaluation, {real} questions of data sets x {each}"
    yield Row(name, models, each * real * answer, source)


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
            yield f"| {row.part} | {row.cells} | {seconds} | {row.minutes:.1f} | {row.source} |"
        total = sum(row.minutes for row in rows)
        missing = " and what is not measured" if any(r.seconds is None for r in rows) else ""
        yield f"| **all** | | | **{total:.1f}**{missing} of {LIMIT} | |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/main"))
    args = parser.parse_args()
    text = "\n".join(page(args.data))
    (OUT / "cost.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
