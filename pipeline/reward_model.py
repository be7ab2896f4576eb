"""Reward models (section 4.1): a causal LM's body with a one-logit head, read at the last token or at step ends."""
from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UserError


@dataclass(frozen=True)
class RewardConfig:
    """Labels: the instruct model's own samples, judged by the rule. Training: logistic loss, from the base model."""

    questions: int = 600  # of the RL questions, that the labels are sampled for
    held_out: int = 150  # further questions, on which the model is judged
    samples: int = 8  # outputs a question
    temperature: float = 1.0
    max_new_tokens: int = 64
    epochs: int = 2
    batch_outputs: int = 64
    lr: float = 1e-3
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    micro_batch_tokens: int = 2048
    checkpoint_every: int = 20
    process: bool = False  # train a process model too, on Math-Shepherd labels
    continuations: int = 4  # N, from each step end
    process_questions: int = 150
    process_samples: int = 4
    hard_labels: bool = True  # any continuation right; else the fraction of them
    engine: str = "fast"
    style: str = "mini"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("questions", "held_out", "samples", "epochs", "batch_outputs", "continuations", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise UserError(f"reward: {name} is at least 1")
        if self.lr <= 0 or self.temperature <= 0:
            raise UserError("reward: lr and temperature must be positive")
