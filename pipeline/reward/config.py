"""What the reward stage can be told; without torch, for its help."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.lm.model import ModelConfig
from pipeline.lm.train_config import DTYPES, LoRAConfig, OptimConfig, TrainConfig

STARTS = ("base", "instruct", "own")


@dataclass(frozen=True)
class OwnConfig:
    """A body of the reward models' own (start=own), trained from scratch before it sees a label:
    on worked solutions of questions that are not held out, and on equations.
    """

    model: ModelConfig = field(
        default_factory=ModelConfig
    )  # the vocabulary is the instruct model's
    train: TrainConfig = field(default_factory=lambda: TrainConfig(packing=False))
    equations: int = 120000
    largest: int = 99  # number in an equation

    def __post_init__(self) -> None:
        if self.model.path:
            raise UserError("reward.own.model: its body is trained from scratch; leave path empty")
        if self.equations < 0 or self.largest < 2 or self.train.steps < 1:
            raise UserError(
                "reward.own: equations is at least 0, largest at least 2, train.steps at least 1"
            )


@dataclass(frozen=True)
class RewardConfig:
    """Labels: the instruct model's own samples, judged by the rule. Training: logistic loss."""

    questions: int = 600  # RL questions that training labels are sampled for
    held_out: int = 150  # further RL questions, on which the model is judged
    samples: int = 8  # outputs per question
    temperature: float = 1.0
    max_new_tokens: int = 64
    # the body that the head is put on: base, as in the paper; instruct; or one of its own (`own`)
    start: str = "base"
    own: OwnConfig = field(default_factory=OwnConfig)
    # linear: of the hidden state, as in the paper; likelihood: the text's log-likelihood is added
    head: str = "linear"
    labels_at: str = "last"  # token of an output; or every one (Cobbe et al., arXiv 2110.14168)
    epochs: int = 2
    # right and wrong labels of one question weigh the same; questions with one kind are left out
    balance: bool = False
    questions_per_step: int = 8  # a step trains on all labelled outputs of these
    lr: float = 1e-3
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    micro_batch_tokens: int = 1024
    compute_dtype: str = "float32"  # bfloat16: autocast; the weights that move stay float32
    peft: LoRAConfig | None = None  # train adapters and the head alone; null trains every weight
    checkpoint_every: int = 20
    process: bool = False  # train a process model too, on Math-Shepherd labels
    process_questions: int = 200  # of the training questions
    process_samples: int = 4  # of their outputs
    continuations: int = 4  # N, from each step end
    hard_labels: bool = True  # 1 if any continuation is right; else the fraction that are
    engine: str = "fast"
    protocol: str = "cot"
    style: str = "mini"

    def __post_init__(self) -> None:
        for name in (
            "questions",
            "held_out",
            "samples",
            "epochs",
            "questions_per_step",
            "process_questions",
            "process_samples",
            "continuations",
            "checkpoint_every",
            "max_new_tokens",
        ):
            if getattr(self, name) < 1:
                raise UserError(f"reward: {name} is at least 1")
        if self.start not in STARTS:
            raise UserError(f"reward: start is {self.start!r}; choose one of {', '.join(STARTS)}")
        if self.compute_dtype not in DTYPES:
            raise UserError(
                f"reward: compute_dtype is {self.compute_dtype!r}; choose {' or '.join(DTYPES)}"
            )
        if self.head not in ("linear", "likelihood"):
            raise UserError(f"reward: head is {self.head!r}; choose linear or likelihood")
        if self.labels_at not in ("every", "last"):
            raise UserError(f"reward: labels_at is {self.labels_at!r}; choose every or last")
        if self.lr <= 0 or self.temperature <= 0:
            raise UserError("reward: lr and temperature must be positive")

    def optim(self, steps: int) -> OptimConfig:
        return OptimConfig(
            steps=steps,
            lr=self.lr,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
        )

    def steps(self, examples: int) -> int:
        """Steps of a training run over this many questions."""
        return -(-examples // self.questions_per_step) * self.epochs
