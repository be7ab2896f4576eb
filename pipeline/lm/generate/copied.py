"""An engine for a model that is trained in part: it reads a whole copy, made once per `sync`."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from pipeline.lm import whole
from pipeline.lm.checksum import checksum
from pipeline.lm.generate.api import Engine, Output, Sampling


class CopyEngine(Engine):
    """Another engine on the whole model: adapters merged, shards gathered, nothing per token.

    What no adapter and no shard changed is shared with the model. While the policy trains the copy
    is given back.
    """

    def __init__(self, kind: type, model, tokenizer, compute_dtype: str = "float32") -> None:
        self.kind, self.tokenizer, self.compute_dtype = kind, tokenizer, compute_dtype
        self.copy = copy.deepcopy(model.frame, {id(model.config): model.config})
        self.sync(model)
        self.low = self.engine.low

    def sync(self, model) -> None:
        """See `Engine`. Of several processes all have to call it."""
        self.model = model
        whole.fill(self.copy, model)
        self.engine = self.kind(self.copy, self.tokenizer, self.compute_dtype)

    def sleep(self) -> None:
        """See `Engine`."""
        self.engine = None
        whole.empty(self.copy)

    def checksum(self) -> int:
        """See `Engine`."""
        return self._awake().checksum()

    def expected(self, model) -> int:
        """See `Engine`."""
        each = (checksum([weight], self.low) for _, weight in whole.weights(model))
        return sum(each) % (1 << 64)

    def sample(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling
    ) -> list[Output]:
        """See `Engine`."""
        return self._awake().sample(prompts, seeds, sampling)

    def _awake(self) -> Engine:
        if self.engine is None:
            self.sync(self.model)
        return self.engine
