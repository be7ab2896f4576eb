"""How a training run can be set, and its learning rate; without torch, for the stages' help."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UserError

DTYPES = ("float32", "bfloat16")
SCHEDULES = ("linear", "multi_step", "constant")


@dataclass(frozen=True)
class LoRAConfig:
    """Adapters of rank `r` beside matrices that stay as they are (pipeline/lm/adapters.py)."""

    r: int = 16
    alpha: float = 32.0  # the adapter's share counts alpha / r times
    targets: tuple[str, ...] = ()  # matrices of the layers, such as q_proj; () is all of them

    def __post_init__(self) -> None:
        if self.r < 1 or self.alpha <= 0:
            raise UserError("peft: r is at least 1, and alpha is positive")


@dataclass(frozen=True)
class OptimConfig:
    """How weights move over a run of `steps` steps.

    schedule -- "linear" decays from the peak to `lr_end` of it; "multi_step" is the paper's for
    pretraining (x 0.316 at 80 % of the steps, x 0.1 at 90 %); "constant" is the paper's for
    fine-tuning and RL. lr_muon -- the peak rate of Muon for the matrices of the layers; 0 means
    that AdamW moves them too.
    """

    steps: int
    lr: float
    lr_muon: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.0
    schedule: str = "linear"
    lr_end: float = 0.0
    warmup_steps: int = 0
    max_grad_norm: float = 1.0


def learning_rate_share(step: int, cfg: OptimConfig) -> float:
    """Learning rate of step 1, 2, ... as a share of the peak."""
    before = step - 1
    if before < cfg.warmup_steps:
        return step / (cfg.warmup_steps + 1)
    if cfg.schedule == "constant":
        return 1.0
    if cfg.schedule == "multi_step":
        done = before / cfg.steps
        return 1.0 if done < 0.8 else 0.316 if done < 0.9 else 0.1
    rest = (cfg.steps - before) / max(1, cfg.steps - cfg.warmup_steps)
    return cfg.lr_end + (1 - cfg.lr_end) * rest


@dataclass(frozen=True)
class TrainConfig:
    """A training run of `steps` steps over packed sequences; 0 steps keep the model as it is."""

    steps: int = 1000
    sequences: int = 8  # per step
    sequence_length: int = 256
    packing: bool = True  # examples end to end (the paper); else one per row, as they will be asked
    lr: float = 3e-3
    lr_muon: float = 0.02
    optimizer: str = "muon"  # muon: matrices of the layers, AdamW for the rest | adamw
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    schedule: str = "linear"  # linear | multi_step | constant (OptimConfig)
    lr_end: float = 0.0  # of the peak, at the end of a linear schedule
    warmup_steps: int = 20
    max_grad_norm: float = 1.0
    # padded tokens of one forward and backward; 0: the whole step at once. Changes only rounding
    micro_batch_tokens: int = 0
    # bfloat16: autocast; the weights that the optimizer moves stay float32
    compute_dtype: str = "float32"
    # compute activations again in the backward pass: a third more time for most of their memory
    gradient_checkpointing: bool = False
    peft: LoRAConfig | None = None  # train adapters alone; null trains every weight
    checkpoint_every: int = 100
    log_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in ("muon", "adamw"):
            raise UserError(f"train.optimizer={self.optimizer}: muon or adamw")
        if self.peft and self.optimizer != "adamw":
            raise UserError("train.peft: adapters are trained with optimizer adamw")
        if self.schedule not in SCHEDULES:
            raise UserError(f"train.schedule={self.schedule}: {', '.join(SCHEDULES)}")
        if self.compute_dtype not in DTYPES:
            raise UserError(f"train.compute_dtype={self.compute_dtype}: {', '.join(DTYPES)}")
        if (
            min(self.sequences, self.sequence_length) < 1
            or min(self.steps, self.micro_batch_tokens) < 0
        ):
            raise UserError(
                "train: sequences and sequence_length must be at least 1, steps and "
                "micro_batch_tokens at least 0"
            )
        if self.checkpoint_every % self.log_every:
            raise UserError(
                f"train.checkpoint_every={self.checkpoint_every} must be a multiple of "
                f"log_every={self.log_every}"
            )

    @property
    def optim(self) -> OptimConfig:
        return OptimConfig(
            steps=self.steps,
            lr=self.lr,
            lr_muon=self.lr_muon if self.optimizer == "muon" else 0.0,
            betas=self.betas,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            lr_end=self.lr_end,
            warmup_steps=self.warmup_steps,
            max_grad_norm=self.max_grad_norm,
        )
