"""Which head lets a reward model learn from the reward stage's labels (docs/reward.md)?

    python -m benchmarks.reward_heads [--data data/lab/chains/0/reward] [--linear-lr 1e-3]
        [--likelihood-lr 3e-4] [--epochs 3]

Trains the outcome and the process model of a finished reward stage again, once with each head, from
the same body and labels, and prints what each is worth on the held-out questions: AUC inside a
question with its standard error over questions, best of N. The sampler's own likelihood and
`chance` (docs/reward.md) are the rows to beat.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pipeline.records import read_jsonl
from pipeline.reward.build import score
from pipeline.reward.config import RewardConfig
from pipeline.reward.labels import by_question, outcome_labels, process_labels, training_labels
from pipeline.reward.measure import auc, best_of_n
from pipeline.reward.model import RewardModel, new_reward_model
from pipeline.reward.train import train_reward_model

WAYS = ("best_of_n", "chance", "mean", "majority", "weighted")


def inside(rows: Sequence[dict], scores: Sequence[float]) -> tuple[float, float, int]:
    """AUC inside a question: mean, standard error, questions with right and wrong outputs."""
    scored, found = iter(scores), []
    for group in by_question(rows):
        found.append(auc([next(scored) for _ in group], [row["right"] for row in group]))
    known = np.array([value for value in found if value is not None])
    return known.mean(), known.std(ddof=1) / len(known) ** 0.5, len(known)


def show(name: str, rows: Sequence[dict], scores: Sequence[float]) -> None:
    mean, error, count = inside(rows, scores)
    of_n = best_of_n(rows, scores)
    print(
        f"| {name} | {mean:.3f} ± {error:.3f} | {count} | "
        + " | ".join(f"{100 * of_n[way]:.1f}" for way in WAYS)
        + " |",
        flush=True,
    )


def train(start: Path, data, cfg: RewardConfig) -> RewardModel:
    model = new_reward_model(start, cfg=cfg)
    with tempfile.TemporaryDirectory() as state:
        for _ in train_reward_model(model, data, cfg, 0, Path(state)):
            pass
    return RewardModel(model.eval(), cfg.micro_batch_tokens)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("data/lab/chains/0/reward"),
        help="what a reward stage wrote",
    )
    parser.add_argument(
        "--start", type=Path, help="the body; default: the instruct model next to it"
    )
    parser.add_argument("--linear-lr", type=float, default=1e-3)
    parser.add_argument("--likelihood-lr", type=float, default=3e-4)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = args.start or args.data.parent / "sft/model"
    labels, steps = (
        list(read_jsonl(args.data / f"{name}.jsonl")) for name in ("labels", "step_labels")
    )
    print(
        "| model | AUC inside a question | questions | best of N | chance | mean | majority | "
        "weighted vote |\n" + "| --- " * 8 + "|"
    )
    kept, held = (
        [row for row in labels if row["split"] == split] for split in ("train", "held_out")
    )
    show(f"likelihood of the sampler, {len(held)} outputs", held, [row["logprob"] for row in held])
    rates = {"linear": args.linear_lr, "likelihood": args.likelihood_lr}
    for kind, lr in rates.items():
        cfg = RewardConfig(head=kind, lr=lr, epochs=args.epochs, checkpoint_every=10**9)
        model = train(start, training_labels(kept, cfg.labels_at), cfg)
        scores = [values[-1] for values in score(model, outcome_labels(held))]
        show(f"outcome, {kind}", held, scores)
    kept, held = (
        [row for row in steps if row["split"] == split] for split in ("train", "held_out")
    )
    show(f"likelihood of the sampler, {len(held)} outputs", held, [row["logprob"] for row in held])
    for kind, lr in rates.items():
        model = train(start, process_labels(kept), replace(cfg, head=kind, lr=lr))
        scores = [min(values) for values in score(model, process_labels(held))]
        show(f"process, {kind}, lowest step", held, scores)


if __name__ == "__main__":
    main()
