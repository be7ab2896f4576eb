"""What an RL run starts from, and its moving parts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.lm.adapters import adapters_off
from pipeline.lm.generate import Engine
from pipeline.lm.optim import named_optimizers
from pipeline.lm.train_config import OptimConfig
from pipeline.records import Instruction, Question
from pipeline.reward.model import RewardModel
from pipeline.rl.config import ArmConfig, RLConfig


@dataclass
class Critic:
    """PPO's value model: the instruct model's body with a head of zeros, moved by optimizers of its
    own.
    """

    model: Any
    optimizers: list[Any]


@dataclass
class Inputs:
    """What a run starts from. `policy` comes in as the instruct model and is trained in place."""

    policy: Any
    tokenizer: Any
    questions: Sequence[Question]
    validation: Sequence[Question]
    instructions: Sequence[Instruction] = ()  # the sft arm
    reward_model: RewardModel | None = None  # reward_function outcome or process
    # the user's own: name -> function (rollouts, rewarded) -> number, logged as own/<name>
    metrics: Mapping[str, Callable[..., float]] = field(default_factory=dict)
    label_history: Sequence[dict] = ()  # the reward stage's labels, for replay; iterations > 1


@dataclass
class Training:
    """The moving parts of a run, and its counters."""

    inputs: Inputs
    arm: ArmConfig
    cfg: RLConfig
    seed: int
    out: Path  # rollouts and validation rows
    state: Path  # survives a kill
    engine: Engine
    instruct: Any  # frozen: pi_sft, and the reference; None with adapters (`frozen`)
    optimizers: list[Any]
    seconds: dict[str, float]
    origin: dict[str, Any] = field(default_factory=dict)  # identity.origin
    total: Counter = field(default_factory=Counter)  # samples, tokens, flops, drawn
    pool: Any = None  # outputs of the instruct model by question (pool.Pool); offline arms
    critic: Critic | None = None  # PPO
    since: float = field(default_factory=time.perf_counter)

    @property
    def policy(self) -> Any:
        return self.inputs.policy

    @property
    def models(self) -> dict[str, Any]:
        """What a checkpoint has to hold: every model that moves."""
        moving = {"policy": self.policy}
        if self.critic:
            moving["value"] = self.critic.model
        if self.arm.iterations > 1:
            moving |= {"reference": self.instruct, "reward": self.inputs.reward_model.model}
        return moving

    @contextmanager
    def frozen(self) -> Iterator[Any]:
        """pi_sft, the reference: a copy, or the policy itself while its adapters are off."""
        if self.instruct is not None:
            yield self.instruct
            return
        with adapters_off(self.policy):
            yield self.policy

    @property
    def moments(self) -> dict[str, Any]:
        """The optimizers whose state a checkpoint has to hold."""
        value = named_optimizers(self.critic.optimizers, "value_") if self.critic else {}
        return named_optimizers(self.optimizers) | value

    @property
    def optim(self) -> OptimConfig:
        return self.cfg.optim(self.arm.lr_factor, self.arm.schedule)

    @property
    def questions_per_step(self) -> int:
        return self.cfg.questions_per_step * self.arm.questions_factor

    @property
    def steps_per_iteration(self) -> int:
        return -(-self.cfg.steps // self.arm.iterations)

    def iteration_of(self, step: int) -> int:
        """Iteration of Algorithm 1 that a step belongs to, from 0."""
        return (step - 1) // self.steps_per_iteration

    def lap(self, phase: str) -> None:
        """Charge the wall seconds since the last call to a phase of the step."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.since
        self.since = now
