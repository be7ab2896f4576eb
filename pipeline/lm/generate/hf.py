"""Any causal LM of transformers, through its own forward pass and key-value cache; left-padded
batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pipeline.errors import UserError
from pipeline.lm.checksum import checksum
from pipeline.lm.features import position_limit
from pipeline.lm.generate.api import Engine, Output, Sampling, in_batches
from pipeline.lm.generate.randomness import draw_tokens
from pipeline.lm.generate.stop import StopStrings
from pipeline.lm.optim import autocast
from pipeline.lm.template import end_tokens


class HFEngine(Engine):
    def __init__(self, model, tokenizer, compute_dtype: str = "float32") -> None:
        self.tokenizer, self.compute_dtype = tokenizer, compute_dtype
        self.low = None  # autocast casts the weights as it goes
        self.ends = np.array(end_tokens(tokenizer, model))
        self.sync(model)

    def sync(self, model) -> None:
        self.model, self.limit = model, position_limit(model)

    def checksum(self) -> int:
        """See `Engine`."""
        return checksum(self.model.parameters())

    def _number_bytes(self) -> int:
        return 2 if self.compute_dtype == "bfloat16" else self.model.dtype.itemsize

    @torch.no_grad()
    def sample(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling
    ) -> list[Output]:
        """See `Engine`. Every row runs until the longest of its batch has ended."""
        with autocast(self.model, self.compute_dtype):
            return in_batches(
                self.model, prompts, seeds, sampling, self._sample_batch, self._number_bytes()
            )

    def _sample_batch(self, prompts, seeds_B, sampling: Sampling) -> list[Output]:
        device, width = self.model.device, max(map(len, prompts))
        if self.limit is not None and width + sampling.max_new_tokens > self.limit:
            raise UserError(
                f"a prompt of {width} tokens and max_new_tokens={sampling.max_new_tokens} exceed the model's "
                f"{self.limit} positions; lower max_new_tokens, or leave out the longest questions"
            )
        tokens = torch.zeros(len(prompts), width, dtype=torch.long, device=device)  # masked
        attention = torch.zeros_like(tokens)
        for b, prompt in enumerate(prompts):
            tokens[b, width - len(prompt) :] = torch.tensor(list(prompt), device=device)
            attention[b, width - len(prompt) :] = 1
        position = (attention.cumsum(1) - 1).clamp(min=0)
        stop = StopStrings(self.tokenizer, sampling.stop, len(prompts))
        drawn, logps, cache = [], [], None
        count_B = np.full(len(prompts), sampling.max_new_tokens)
        row_B = np.arange(len(prompts))
        for t in range(sampling.max_new_tokens):
            result = self.model(
                input_ids=tokens,
                attention_mask=attention,
                position_ids=position,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache = result.past_key_values
            token_B, logp_B = draw_tokens(result.logits[:, -1], seeds_B, t, sampling.temperature)
            drawn.append(token_B)
            logps.append(logp_B)
            token = token_B.cpu().numpy()
            ends = (row_B >= 0) & (np.isin(token, self.ends) | stop.hit(row_B, token))
            count_B[row_B[ends]] = t + 1
            row_B = np.where(ends, -1, row_B)
            sampling.tell(t, int(ends.sum()), int((row_B >= 0).sum()))
            if (row_B < 0).all():
                break
            tokens, position = token_B[:, None], position[:, -1:] + 1
            attention = torch.cat([attention, attention.new_ones(len(prompts), 1)], 1)
        tokens_BT, logp_BT = torch.stack(drawn, 1).cpu(), torch.stack(logps, 1).float().cpu()
        return [
            Output(tokens_BT[b, :n].tolist(), logp_BT[b, :n].tolist(), bool(row_B[b] < 0))
            for b, n in enumerate(count_B)
        ]
