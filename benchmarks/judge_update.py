"""What does iterative GRPO's update do to its reward model (docs/lab.md, C11)? Judges before and after it, on the same outputs.

    python -m benchmarks.judge_update [RUN ...] [--data data/lab] [--rates 3e-5]

RUN: folders of finished runs of `grpo_iter`, one a seed; the built cells without any. The update of a run is made again from
the labels that it kept (judge-1.jsonl). At the run's own rate it is the same one: its scores are those of the stored rollouts,
which is checked. Judged are the held-out outputs of the reward
stage, which are the instruct model's, and the stored rollouts of the second iteration: those of its first step, which no updated
judge has rewarded yet, and later ones: AUC inside a question, and how far the mean score lies above the share of right
outputs, in points.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pipeline.reward.update import train_on

from pipeline.cli.rollouts import steps_of
from pipeline.errors import UserError
from pipeline.lm.generate.draw import row_seed
from pipeline.lm.model import load_tokenizer
from pipeline.records import Question, read_jsonl, read_rows
from pipeline.report.stats import t_quantile
from pipeline.reward.labels import auc_within, by_question, outcome_labels, training_labels
from pipeline.reward.model import Judge, RewardConfig, load_judge
from pipeline.reward.train import score
from pipeline.rl.config import RLConfig
from pipeline.rl.data_source import encode_prompts
from pipeline.wiring.config import build


def updated(data: Path, cell: Path, seed: int, scale: RLConfig) -> Judge:
    """The judge of the cell's second iteration, as `scale` updates it."""
    judge = load_judge(data / "reward/outcome", "cpu", scale.micro_batch_tokens)
    cfg = RewardConfig(
        questions_per_step=scale.judge_questions_per_step,
        micro_batch_tokens=scale.micro_batch_tokens,
        **judge.trained,
    )
    labels = training_labels(list(read_jsonl(cell / "judge-1.jsonl")), cfg.labels_at)
    train_on(judge, labels, cfg, scale, row_seed(seed, "judge", 1))
    return judge


def measures(judge: Judge, rows: Sequence[dict]) -> tuple[float, float, list[float]]:
    """AUC inside a question; mean score minus share right, in points; the scores."""
    scores = [values[-1] for values in score(judge, outcome_labels(rows))]
    return (
        auc_within(rows, scores),
        100 * float(np.mean(scores) - np.mean([row["right"] for row in rows])),
        scores,
    )


def rollouts_of(cell: Path, steps: range, prompts: dict[str, list[int]]) -> list[dict]:
    """The stored rollouts of these steps; a question that came twice is two questions."""
    rows = [
        {**row, "prompt": prompts[row["question"]], "question": f"{step}/{row['question']}"}
        for step, path in steps_of(cell).items()
        if step in steps
        for row in read_jsonl(path)
    ]
    return [row for group in by_question(rows) for row in group]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="*")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("data/lab"),
        help="where the world and the reward models are",
    )
    parser.add_argument(
        "--rates",
        type=float,
        nargs="*",
        default=[3e-5],
        help="of the update, beside the cell's own",
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    held = [
        row for row in read_jsonl(args.data / "reward/labels.jsonl") if row["split"] == "held_out"
    ]
    before, tokenizer = (
        load_judge(args.data / "reward/outcome", "cpu", 8192),
        load_tokenizer(args.data / "sft/model"),
    )
    questions = list(read_rows(args.data / "world/questions.jsonl", Question))
    found: dict[
        str, dict[str, list[tuple[float, float]]]
    ] = {}  # outputs -> judge -> AUC and gap of each seed
    seeds = []
    for cell in args.runs or sorted(
        path.parent for path in (args.data / "rl").glob("grpo_iter-*/summary.json")
    ):
        config = json.loads((cell / "config.json").read_text(encoding="utf-8"))
        scale, seed = build(RLConfig, config["rl_scale"]), config["seed"]
        seeds.append(seed)
        judges = {"before": before}
        for rate in (scale.judge_lr, *args.rates):
            name = "after" if rate == scale.judge_lr else f"after, at {rate:g}"
            judges[name] = updated(args.data, cell, seed, replace(scale, judge_lr=rate))
        prompts = dict(
            zip((q.id for q in questions), encode_prompts(tokenizer, questions, scale), strict=True)
        )
        each = scale.steps // config["rl"]["iterations"]
        begin = each + 1
        first = rollouts_of(cell, range(begin, begin + 1), prompts)
        later = rollouts_of(cell, range(begin + 1, 2 * each + 1), prompts)
        if not first or not later:
            raise UserError(
                f"{cell}: no rollouts of step {begin} and later ones; see rl_scale.rollouts_every"
            )
        for outputs, rows in (
            ("instruct, held out", held),
            ("iteration 2, first step", first),
            ("iteration 2, later", later),
        ):
            for name, judge in judges.items():
                within, gap, scores = measures(judge, rows)
                found.setdefault(outputs, {}).setdefault(name, []).append((within, gap))
                if rows is not held and name == "after":
                    assert np.allclose(scores, [row["rewards"][-1] for row in rows], atol=1e-4), (
                        f"{cell}: not its judge"
                    )
    show(found, seeds)


def show(found: dict[str, dict[str, list[tuple[float, float]]]], seeds: Sequence[int]) -> None:
    print(f"seeds {', '.join(map(str, seeds))}; intervals are t over seeds\n")
    head = "| outputs | judge | AUC inside a question, by seed | over before | score above truth, by seed |"
    print(head + "\n" + "| --- " * 5 + "|")
    for outputs, judges in found.items():
        before_S = np.array(judges["before"])[:, 0]
        for name, values in judges.items():
            within_S, gap_S = np.array(values).T
            gain_S = within_S - before_S
            beside = "-" if name == "before" else f"{gain_S.mean():+.3f}"
            if name != "before" and len(seeds) > 1:
                error = t_quantile(len(seeds) - 1) * gain_S.std(ddof=1) / len(seeds) ** 0.5
                beside += f" [{gain_S.mean() - error:+.3f}, {gain_S.mean() + error:+.3f}]"
            print(
                f"| {outputs} | {name} | {', '.join(f'{v:.3f}' for v in within_S)} | {beside} | "
                f"{', '.join(f'{v:+.1f}' for v in gap_S)} |"
            )


if __name__ == "__main__":
    main()
