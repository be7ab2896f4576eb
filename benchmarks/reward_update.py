"""What does iterative GRPO's update do to its reward model, on the same outputs (docs/lab.md, C11)?

    python -m benchmarks.reward_update [RUN ...] [--data data/lab] [--rates 3e-5]

RUN: folders of finished runs of `grpo_iter`, one per seed; the built cells if none is given. The
update of a run is made again from the labels that it kept (judge-1.jsonl). At the run's own rate it
is the same update: its scores are those of the stored rollouts, which is checked. What is scored:
the held-out outputs of the reward stage, which are the instruct model's, and the stored rollouts of
the second iteration, those of its first step, which no updated reward model has rewarded yet, and
later ones. What is shown: the AUC inside a question, and how far the mean score lies above the
share of right outputs, in points.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pipeline.cli.rollouts import steps_of
from pipeline.errors import UserError
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.model import load_tokenizer
from pipeline.lm.rollouts import encode_prompts
from pipeline.records import Question, read_jsonl, read_rows
from pipeline.report.stats import t_quantile
from pipeline.reward.build import score
from pipeline.reward.labels import by_question, outcome_labels, training_labels
from pipeline.reward.measure import auc_within
from pipeline.reward.model import RewardModel, load_reward_model
from pipeline.reward.train import one_pass
from pipeline.rl.config import RLConfig
from pipeline.rl.iterate import label_optim, label_settings
from pipeline.wiring.config import build
from pipeline.wiring.lines import one_line_errors

HELD_OUT = "instruct, held out"
# outputs -> reward model -> (AUC, gap) of each seed
Found = dict[str, dict[str, list[tuple[float, float]]]]


def updated(data: Path, cell: Path, seed: int, rl: RLConfig) -> RewardModel:
    """The reward model of the cell's second iteration, updated at the rate of `rl`."""
    reward_model = load_reward_model(data / "chains/0/reward/outcome", "cpu", rl.micro_batch_tokens)
    cfg = label_settings(rl, reward_model.trained)
    labels = training_labels(list(read_jsonl(cell / "judge-1.jsonl")), cfg.labels_at)
    optim = label_optim(rl, cfg.steps(len(labels)))
    one_pass(reward_model.model, labels, cfg, optim, row_seed(seed, "judge", 1))
    return reward_model


def measures(reward_model: RewardModel, rows: Sequence[dict]) -> tuple[float, float, list[float]]:
    """AUC inside a question; mean score minus share right, in points; the scores.

    The AUC is nan where no question has right and wrong outputs.
    """
    scores = [values[-1] for values in score(reward_model, outcome_labels(rows))]
    within = auc_within(rows, scores)
    gap = 100 * float(np.mean(scores) - np.mean([row["right"] for row in rows]))
    return (float("nan") if within is None else within), gap, scores


def rollouts_of(cell: Path, steps: range, prompts: dict[str, list[int]]) -> list[dict]:
    """The stored rollouts of these steps; a question asked twice counts as two."""
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
        help="of the update, next to the cell's own",
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    built = (args.data / "chains/0/rl").glob("grpo_iter-*/summary.json")
    cells = args.runs or sorted(path.parent for path in built)
    if not cells:
        raise UserError(
            f"{args.data / 'chains/0/rl'}: no built cell of grpo_iter; name a RUN or build one"
        )
    found: Found = {}
    seeds = [measure_cell(args.data, cell, args.rates, found) for cell in cells]
    show(found, seeds)


def measure_cell(data: Path, cell: Path, rates: Sequence[float], found: Found) -> int:
    """Add the measures of a cell's reward models to `found`. Returns the cell's seed."""
    config = json.loads((cell / "config.json").read_text(encoding="utf-8"))
    rl, seed = build(RLConfig, config["rl_scale"]), config["seed"]
    before = load_reward_model(data / "chains/0/reward/outcome", "cpu", 8192)
    models = {"before": before, "after": updated(data, cell, seed, rl)}
    for rate in rates:
        models[f"after, at {rate:g}"] = updated(data, cell, seed, replace(rl, judge_lr=rate))

    for outputs, rows in outputs_of(data, cell, rl, rl.steps // config["rl"]["iterations"]):
        for name, model in models.items():
            within, gap, scores = measures(model, rows)
            found.setdefault(outputs, {}).setdefault(name, []).append((within, gap))
            if outputs != HELD_OUT and name == "after":
                stored = [row["rewards"][-1] for row in rows]
                if not np.allclose(scores, stored, atol=1e-4):
                    raise UserError(f"{cell}: its stored rewards are not those of this update")
    return seed


def outputs_of(data: Path, cell: Path, rl: RLConfig, each: int) -> Iterator[tuple[str, list[dict]]]:
    """(name, outputs) to measure on; `each`: steps per iteration of the run."""
    labels = read_jsonl(data / "chains/0/reward/labels.jsonl")
    yield HELD_OUT, [row for row in labels if row["split"] == "held_out"]

    questions = list(read_rows(data / "world/questions.jsonl", Question))
    encoded = encode_prompts(load_tokenizer(data / "chains/0/sft/model"), questions, rl)
    prompts = dict(zip((q.id for q in questions), encoded, strict=True))
    begin = each + 1
    for name, steps in (
        ("iteration 2, first step", range(begin, begin + 1)),
        ("iteration 2, later", range(begin + 1, 2 * each + 1)),
    ):
        rows = rollouts_of(cell, steps, prompts)
        if not rows:
            raise UserError(
                f"{cell}: no rollouts of step {begin} and later ones; see rl_scale.rollouts_every"
            )
        yield name, rows


def show(found: Found, seeds: Sequence[int]) -> None:
    print(f"seeds {', '.join(map(str, seeds))}; intervals are t over seeds\n")
    print(
        "| outputs | reward model | AUC inside a question, by seed | over before | "
        "score above truth, by seed |\n" + "| --- " * 5 + "|"
    )
    for outputs, models in found.items():
        before_S = np.array(models["before"])[:, 0]
        for name, values in models.items():
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
    with one_line_errors("reward_update"):
        main()
