"""What every engine promises: the same rows and seeds give the same outputs, in the order of the
prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.errors import UserError
from pipeline.lm.checksum import checksum
from pipeline.lm.generate.room import free_bytes, rows_at_once


@dataclass(frozen=True)
class Sampling:
    """How to sample. Temperature 0 is greedy. No top-p or top-k: the trainer's log-probabilities
    would not be the sampler's.
    """

    temperature: float = 1.0
    max_new_tokens: int = 64
    batch_rows: int = 512  # rows decoded at once, or fewer where memory is short
    stop: tuple[str, ...] = ()  # an output ends after a token that completes one of these strings
    # told, as decoding goes on, how much work was done since it was last told: 1 is a whole output
    watch: Callable[[float], None] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.max_new_tokens < 1 or self.batch_rows < 1:
            raise UserError(
                f"sampling: temperature >= 0, max_new_tokens >= 1 and batch_rows >= 1 are needed, not {self}"
            )

    def tell(self, position: int, ended: int, running: int) -> None:
        """Tell `watch` of the token at a position: so many outputs ended there, so many go on."""
        if self.watch:
            left = self.max_new_tokens - position  # of an output, this token included
            self.watch((running + ended * left) / self.max_new_tokens)


@dataclass(frozen=True)
class Output:
    """A sampled answer: token ids without the prompt (EOS included when `finished`), and
    log-probability of each.
    """

    tokens: list[int]
    logprobs: list[float]  # under softmax(logits / temperature); temperature 1 when greedy
    finished: bool  # ended by EOS or a stop string, not by max_new_tokens


class Engine(Protocol):
    low: Any  # the dtype in which the engine holds matrices, None for the model's own
    windows_fixed = False  # whether the model's windows were read once, when the engine was built

    def sample(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling
    ) -> list[Output]:
        """One output a row. Neighbours with one prompt may share what they have in common; their
        seeds tell them apart.
        """

    def sync(self, model) -> None:
        """Take over the weights of `model`."""

    def checksum(self) -> int:
        """That of the weights which the engine reads, wherever they lie (pipeline/lm/checksum.py)."""

    def expected(self, model) -> int:
        """The checksum that an engine with the weights of `model` has."""
        return checksum(model.parameters(), self.low)

    def sleep(self) -> None:
        """Give back what is not needed until the next `sync`; nothing where weights are shared."""


def check_sync(engine: Engine, model) -> None:
    """Raise UserError when the engine holds other weights than the model.

    Outputs of a policy a few small steps old look like the policy's own, and no threshold on
    log-probabilities finds them.
    """
    if engine.checksum() != engine.expected(model):
        raise UserError(
            f"{type(engine).__name__} holds other weights than the policy: its sync is broken, and "
            "its outputs would be an older policy's"
        )


def in_batches(model, prompts, seeds, sampling: Sampling, decode, size: int) -> list[Output]:
    """Rows in the order given, through `decode(prompts, seeds_B, sampling)`.

    `batch_rows` at a time, or as many as fit into memory; `size` is the bytes per number of a cache.
    """
    import numpy as np

    if len(prompts) != len(seeds):
        raise ValueError(f"{len(prompts)} prompts and {len(seeds)} seeds")
    if not prompts:
        return []
    positions = max(map(len, prompts)) + sampling.max_new_tokens
    free = free_bytes(model.device)
    at_once = rows_at_once(model.config, positions, size, sampling.batch_rows, free)
    outputs: list[Output] = []
    for start in range(0, len(prompts), at_once):
        rows = slice(start, start + at_once)
        outputs += decode(prompts[rows], np.asarray(seeds[rows], dtype=np.uint64), sampling)
    return outputs
