"""CPU seconds of a step of each arm, and of an answer: what lab.pilots.cost multiplies.

    python -m lab.pilots.steps [--data data/main] [--steps 6] [--arms sft rft online_rft ...]

Runs a few steps of each arm with exact rules at profile lab's scale from the instruct model of chain
0, without validation, and asks the validation questions once, greedily and four times sampled. The
first step is left out of the mean: it pays for loading. Writes reports/pilots/steps.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import yaml

from lab.pilots.world import OUT
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.run import Task, answer_questions
from pipeline.evaluate.suites import Loaded
from pipeline.lm.generate import make_engine
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.records import Instruction, Question, read_rows, write_json
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.loop import train_policy
from pipeline.rl.training import Inputs
from pipeline.wiring.code import ROOT, commit
from pipeline.wiring.config import build

ARMS = ("sft", "rft", "rft_tokens", "online_rft", "grpo_os_rule", "grpo_ps_rule", "ppo_rule")


def arm_config(name: str) -> ArmConfig:
    settings = yaml.safe_load((ROOT / f"conf/rl/{name}.yaml").read_text(encoding="utf-8"))
    settings.pop("report", None)
    return build(ArmConfig, settings)


def one_arm(name: str, data: Path, scale: RLConfig) -> dict[str, Any]:
    """Mean CPU seconds of a step, of what comes before the first, and what a step trains on."""
    world, instruct = data / "world", data / "chains/0/sft/model"
    inputs = Inputs(
        load_model(instruct),
        load_tokenizer(instruct),
        list(read_rows(world / "questions.jsonl", Question)),
        [],
        list(read_rows(world / "instruct.jsonl", Instruction)),
    )
    spent, rows, begin = [], [], time.process_time()
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        for row in train_policy(inputs, arm_config(name), scale, 0, out, out / "state", {}):
            now = time.process_time()
            spent.append(now - begin)
            rows.append(row)
            begin = now
    last = rows[-1]
    found = {
        "before": round(spent[0], 2),
        "step": round(mean(spent[2:]), 3),
        "outputs_per_step": last["outputs"],
        "tokens_per_step": round(last["tokens"] / scale.steps, 1),
    }
    if "accuracy" in last:
        found["right"] = round(mean(row["accuracy"] for row in rows[1:]), 4)
    return found


def per_answer(data: Path, evaluate: EvaluateConfig) -> dict[str, Any]:
    """CPU seconds of an answer under evaluation, grading included."""
    instruct = data / "chains/0/sft/model"
    tokenizer = load_tokenizer(instruct)
    engine = make_engine(evaluate.engine, load_model(instruct), tokenizer)
    questions = list(read_rows(data / "world/validation.jsonl", Question))[:200]
    task = Task("validation", "cot", Loaded("validation", questions, ""))
    begin = time.process_time()
    answer_questions(engine, tokenizer, questions, task, evaluate, [])
    answers = len(questions) * (1 + evaluate.samples)
    return {"answers": answers, "seconds": round((time.process_time() - begin) / answers, 5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/main"))
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    profile = yaml.safe_load((ROOT / "conf/profile/lab.yaml").read_text(encoding="utf-8"))
    scale = replace(
        build(RLConfig, profile["rl_scale"]),
        steps=args.steps,
        validation_every=args.steps,
        checkpoint_every=args.steps,
    )
    found: dict[str, Any] = {"commit": commit()[:7], "steps": args.steps, "arms": {}}
    found["answer"] = per_answer(args.data, build(EvaluateConfig, profile["evaluate"]))
    print(found["answer"], flush=True)
    for name in args.arms:
        found["arms"][name] = one_arm(name, args.data, scale)
        print(name, found["arms"][name], flush=True)
    write_json(OUT / "steps.json", found)


if __name__ == "__main__":
    main()
