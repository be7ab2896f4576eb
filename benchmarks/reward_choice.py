"""Does a reward model choose better than a vote, and than the sampler's likelihood?

    python -m benchmarks.reward_choice [--data data/lab/chains/0/reward]

Scores the held-out outputs of a finished reward stage with its models. Prints differences of what
is chosen among a question's N outputs, paired by question, in points with 95 % intervals (normal,
over questions), and the rank correlation of scores and log-probabilities over all held-out outputs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from pipeline.records import read_jsonl
from pipeline.reward.build import score
from pipeline.reward.labels import by_question, outcome_labels, process_labels
from pipeline.reward.measure import best_of_n
from pipeline.reward.model import load_reward_model


def chosen(rows: Sequence[dict], scores: Sequence[float]) -> dict[str, np.ndarray]:
    """For each way to choose values_Q: whether the output chosen for each question is right."""
    scored = iter(scores)
    found = [best_of_n(group, [next(scored) for _ in group]) for group in by_question(rows)]
    return {name: np.array([row[name] for row in found]) for name in found[0]}


def difference(name: str, a_Q: np.ndarray, b_Q: np.ndarray) -> None:
    gap_Q = 100 * (a_Q - b_Q)
    print(
        f"| {name} | {100 * a_Q.mean():.1f} | {100 * b_Q.mean():.1f} | {gap_Q.mean():+.1f} ± "
        f"{1.96 * gap_Q.std(ddof=1) / len(gap_Q) ** 0.5:.1f} | {len(gap_Q)} |"
    )


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
    args = parser.parse_args()
    torch.set_num_threads(1)
    notes = []
    print(
        "| best of N by A, against B | A | B | A - B | questions |\n"
        + "| --- "
        + "| ---: " * 4
        + "|"
    )
    for kind, file, labels in (
        ("outcome", "labels", outcome_labels),
        ("process", "step_labels", process_labels),
    ):
        if not (args.data / kind).is_dir():
            continue
        held = [
            row for row in read_jsonl(args.data / f"{file}.jsonl") if row["split"] == "held_out"
        ]
        values = score(load_reward_model(args.data / kind, "cpu", 8192), labels(held))
        scores, count = [min(value) for value in values], len(held) // len(by_question(held))
        logprobs = [row["logprob"] for row in held]
        model, likely = chosen(held, scores), chosen(held, logprobs)
        difference(f"{kind} model, majority of {count}", model["best_of_n"], model["majority"])
        difference(f"{kind} model, likelihood ({count})", model["best_of_n"], likely["best_of_n"])
        difference(f"likelihood, majority of {count}", likely["best_of_n"], likely["majority"])
        notes.append(
            f"{kind}: Spearman {spearmanr(scores, logprobs).statistic:.3f} of score and "
            f"log-probability, {len(held)} outputs"
        )
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
