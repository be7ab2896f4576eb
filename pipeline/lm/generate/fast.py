"""Own decoder for Llama-like models: no padding of outputs, a prompt is kept once for all outputs
that answer it, and what outputs have in common is computed once.

Neighbouring outputs of one prompt that have the same tokens so far are one node; nodes are the rows
that the model computes. When outputs of a node draw different tokens it parts; a node without
running outputs leaves. A small model that knows its task says much the same several times, at
temperature 1 too (docs/rl.md). Keys and values are in cache.py.

Shapes: B outputs, L of them running, N nodes, P prompts, H key/value heads, G query heads per
key/value head, T positions, D head dimension, E hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F
from transformers.activations import ACT2FN

from pipeline.lm.checksum import checksum
from pipeline.lm.features import LENGTH_DEPENDENT, has_window, rope_kind
from pipeline.lm.generate.api import Engine, Output, Sampling, in_batches
from pipeline.lm.generate.cache import Bucket, Cache, like_lengths
from pipeline.lm.generate.randomness import draw_tokens
from pipeline.lm.generate.stop import StopStrings
from pipeline.lm.optim import autocast
from pipeline.lm.passes import pad
from pipeline.lm.template import end_tokens

SUPPORTED = ("llama", "qwen2", "mistral")
PREFILL = 4096  # padded prompt tokens that are read at once
# What a group of prompts costs beside its padded tokens, in tokens: when prompts are read, and
# when each step attends to them.
READING, ATTENDING = 16, 512


def refusal(config) -> str:
    """Why this decoder cannot sample from a model of this configuration; "" when it can."""
    if config.model_type not in SUPPORTED:
        return f"engine=fast reads {', '.join(SUPPORTED)} models, not {config.model_type}"
    if has_window(config):
        return f"engine=fast has no sliding window ({config.sliding_window} here)"
    if rope_kind(config) in LENGTH_DEPENDENT:
        return f"engine=fast has no rotary embedding of kind {rope_kind(config)}"
    return ""


class FastEngine(Engine):
    """Reads the weights of the model in place, but for projections that it fuses at each `sync`.

    In bfloat16 its matrices are copies, cast once per `sync` and not once per token.
    """

    def __init__(self, model, tokenizer, compute_dtype: str = "float32") -> None:
        self.tokenizer, self.compute_dtype = tokenizer, compute_dtype
        self.ends = np.array(end_tokens(tokenizer, model))
        self.sync(model)

    def sync(self, model) -> None:
        config, core = model.config, model.model
        self.model = model
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps, self.act = config.rms_norm_eps, ACT2FN[config.hidden_act]
        self.low = torch.bfloat16 if self.compute_dtype == "bfloat16" else None
        self.layers = [_fuse(layer, self.low) for layer in core.layers]
        self.embed, self.norm = core.embed_tokens.weight.detach(), core.norm.weight.detach()
        self.head = _low(model.lm_head.weight.detach(), self.low)
        self.tied = model.lm_head.weight is core.embed_tokens.weight

    def checksum(self) -> int:
        """See `Engine`."""
        layers = [t for layer in self.layers for t in layer.values() if t is not None]
        looked_up = [] if self.tied else [self.embed]
        return checksum([self.norm, self.head, *looked_up, *layers], self.low)

    def _number_bytes(self) -> int:
        return 2 if self.compute_dtype == "bfloat16" else self.model.dtype.itemsize

    @torch.no_grad()
    def sample(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling
    ) -> list[Output]:
        """See `Engine`. Rows are decoded `batch_rows` at a time in the order given."""
        with autocast(self.model, self.compute_dtype):
            return in_batches(
                self.model, prompts, seeds, sampling, self._sample_batch, self._number_bytes()
            )

    def _sample_batch(self, prompts, seeds_B, sampling: Sampling) -> list[Output]:
        unique, group = _unique_neighbours(prompts)
        logits_NV, cache = self._prefill(unique)
        node_B = np.array(group)
        stop = StopStrings(self.tokenizer, sampling.stop, len(prompts))
        tokens_BT = np.zeros((len(prompts), sampling.max_new_tokens), dtype=np.int64)
        logp_BT = np.zeros((len(prompts), sampling.max_new_tokens), dtype=np.float32)
        count_B = np.full(len(prompts), sampling.max_new_tokens)
        row_L = np.arange(len(prompts))  # outputs that still run
        for t in range(sampling.max_new_tokens):
            token_L, logp_L = draw_tokens(
                logits_NV, seeds_B[row_L], t, sampling.temperature, node_B[row_L]
            )
            token_L = token_L.cpu().numpy()
            tokens_BT[row_L, t], logp_BT[row_L, t] = token_L, logp_L.float().cpu().numpy()
            ends_L = np.isin(token_L, self.ends) | stop.hit(row_L, token_L)
            count_B[row_L[ends_L]] = t + 1
            row_L, token_L = row_L[~ends_L], token_L[~ends_L]
            sampling.tell(t, int(ends_L.sum()), len(row_L))
            if not len(row_L) or t + 1 == sampling.max_new_tokens:
                break
            node_B[row_L], token_N = cache.part(node_B[row_L], token_L)
            logits_NV = self._step(torch.from_numpy(token_N).to(self.embed.device), cache)
        running = set(row_L.tolist())
        return [
            Output(tokens_BT[b, :n].tolist(), logp_BT[b, :n].tolist(), b not in running)
            for b, n in enumerate(count_B)
        ]

    def _rope(self, position_BT: torch.Tensor, like: torch.Tensor):
        cos, sin = self.model.model.rotary_emb(like, position_BT)
        return cos[:, None], sin[:, None]

    def _prefill(self, prompts: list[list[int]]) -> tuple[torch.Tensor, Cache]:
        """Logits at each prompt's last token, and a cache of one node per prompt.

        Prompts are read in groups of like length: a batch of GSM8K questions is 1.5 to 1.7 times
        its tokens when padded to the longest.
        """
        device, lengths = self.embed.device, [len(prompt) for prompt in prompts]
        logits_PV = self.embed.new_empty(len(prompts), len(self.head))
        buckets = []
        for members in like_lengths(lengths, len(prompts) * max(lengths), ATTENDING):
            some = [prompts[p] for p in members]
            longest, layers = len(some[0]), []
            for group in like_lengths([len(prompt) for prompt in some], PREFILL, READING):
                logits_GV, found = self._read([some[g] for g in group])
                logits_PV[[members[g] for g in group]] = logits_GV.to(logits_PV.dtype)
                layers.append([tuple(_wide(kv, longest) for kv in pair) for pair in found])
            joined = [
                [torch.cat(kvs) for kvs in zip(*pairs, strict=True)]
                for pairs in zip(*layers, strict=True)
            ]
            keys_and_values = [(key.transpose(2, 3).contiguous(), value) for key, value in joined]
            length_P1 = torch.tensor([[len(prompt)] for prompt in some], device=device)
            outside_PS = torch.arange(longest, device=device) >= length_P1
            bias_PS = torch.zeros(outside_PS.shape, dtype=self.embed.dtype, device=device)
            bias_P1S = bias_PS.masked_fill(outside_PS, float("-inf"))[:, None]
            buckets.append(Bucket(np.array(members), keys_and_values, bias_P1S))
        return logits_PV, Cache(buckets, torch.tensor(lengths, device=device))

    def _read(self, prompts: list[list[int]]):
        """Right-padded prompts -> logits at each last token, keys and values of each layer."""
        device = self.embed.device
        tokens_PT, mask_PT = pad(prompts, torch.long, device)
        length_P = mask_PT.sum(1)
        P, T = tokens_PT.shape
        x_PTE = F.embedding(tokens_PT, self.embed)
        rope = self._rope(torch.arange(T, device=device)[None].expand(P, T), x_PTE)
        layers = []
        for layer in self.layers:
            query, key, value = self._project(layer, x_PTE, rope)
            attended = F.scaled_dot_product_attention(
                query, key, value, is_causal=True, enable_gqa=self.heads != self.kv_heads
            )
            x_PTE = self._after_attention(layer, x_PTE, attended)
            layers.append((_low(key, self.low), _low(value, self.low)))
        last_PE = x_PTE[torch.arange(P, device=device), length_P - 1]
        return F.linear(_rms(last_PE, self.norm, self.eps), self.head), layers

    def _step(self, token_N: torch.Tensor, cache: Cache) -> torch.Tensor:
        """One token per node: puts down its key and value, returns the next logits_NV."""
        N = len(token_N)
        x_N1E = F.embedding(token_N[:, None], self.embed)
        rope = self._rope(cache.position_N[:, None], x_N1E)
        for i, layer in enumerate(self.layers):
            query, key, value = self._project(layer, x_N1E, rope)
            query_NHGD = query.view(N, self.kv_heads, -1, self.head_dim)
            read_NHGD = cache.attend(i, query_NHGD, key[:, :, 0], value[:, :, 0])
            attended = read_NHGD.view(N, self.heads, 1, self.head_dim)
            x_N1E = self._after_attention(layer, x_N1E, attended)
        cache.step()
        return F.linear(_rms(x_N1E[:, 0], self.norm, self.eps), self.head)

    def _project(self, layer, x_BTE, rope):
        """Queries, keys and values, B x heads x T x D each; the first two rotated."""
        B, T, _ = x_BTE.shape
        cos, sin = rope
        qkv = F.linear(_rms(x_BTE, layer["norm1"], self.eps), layer["qkv"], layer["qkv_bias"])
        qkv = qkv.view(B, T, -1, self.head_dim).transpose(1, 2)
        qk, value = qkv.split([self.heads + self.kv_heads, self.kv_heads], 1)
        query, key = (qk * cos + _rotate(qk) * sin).split([self.heads, self.kv_heads], 1)
        return query, key, value

    def _after_attention(self, layer, x_BTE, attended_BHTD):
        B, T, _ = x_BTE.shape
        x_BTE = x_BTE + F.linear(
            attended_BHTD.transpose(1, 2).reshape(B, T, -1), layer["o"], layer["o_bias"]
        )
        gate, up = F.linear(
            _rms(x_BTE, layer["norm2"], self.eps), layer["gate_up"], layer["gate_up_bias"]
        ).chunk(2, -1)
        return x_BTE + F.linear(self.act(gate) * up, layer["down"], layer["down_bias"])


def _wide(x_PHTD: torch.Tensor, positions: int) -> torch.Tensor:
    return F.pad(x_PHTD, (0, 0, 0, positions - x_PHTD.shape[2]))


def _low(weight: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    """A matrix in the arithmetic of sampling; itself where that is its own."""
    return weight if dtype is None else weight.to(dtype)


def _fuse(layer, low: torch.dtype | None) -> dict:
    attention, mlp = layer.self_attn, layer.mlp

    def cat(parts, what):
        found = [getattr(p, what) for p in parts]
        if found[0] is None:
            return None
        dtype = low if found[0].dim() > 1 else None
        return torch.cat([_low(f.detach(), dtype) for f in found])

    def bias(part):
        return None if part.bias is None else part.bias.detach()

    qkv, gate_up = (
        (attention.q_proj, attention.k_proj, attention.v_proj),
        (mlp.gate_proj, mlp.up_proj),
    )
    return {
        "norm1": layer.input_layernorm.weight.detach(),
        "norm2": layer.post_attention_layernorm.weight.detach(),
        "qkv": cat(qkv, "weight"),
        "qkv_bias": cat(qkv, "bias"),
        "gate_up": cat(gate_up, "weight"),
        "gate_up_bias": cat(gate_up, "bias"),
        "o": _low(attention.o_proj.weight.detach(), low),
        "o_bias": bias(attention.o_proj),
        "down": _low(mlp.down_proj.weight.detach(), low),
        "down_bias": bias(mlp.down_proj),
    }


def _rms(x, weight, eps):
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


def _rotate(x):
    low, high = x.chunk(2, -1)
    return torch.cat((-high, low), -1)


def _unique_neighbours(prompts) -> tuple[list[list[int]], list[int]]:
    """Runs of equal prompts -> (one prompt per run, run of each row)."""
    unique, group = [], []
    for prompt, run in groupby(map(tuple, prompts)):
        group += [len(unique)] * len(list(run))
        unique.append(list(prompt))
    return unique, group
