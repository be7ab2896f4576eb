"""Own decoder for Llama-like models: no left padding, and what outputs have in common is computed
once.

Neighbouring outputs of one prompt that have the same tokens so far are one node; nodes are the rows
that the model computes. When outputs of a node draw different tokens it parts; a node without
running outputs leaves. A small model that knows its task says much the same several times, at
temperature 1 too (docs/rl.md).

Shapes: B outputs, L of them running, N nodes, P prompts, H key/value heads, G query heads a
key/value head, T positions, D head dimension, E hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F
from transformers.activations import ACT2FN

from pipeline.lm.checksum import checksum
from pipeline.lm.features import LENGTH_DEPENDENT, has_window, rope_kind
from pipeline.lm.generate.api import Engine, Output, Sampling, in_batches
from pipeline.lm.generate.randomness import draw_tokens
from pipeline.lm.generate.stop import StopStrings
from pipeline.lm.optim import autocast
from pipeline.lm.passes import pad
from pipeline.lm.template import end_tokens

SUPPORTED = ("llama", "qwen2", "mistral")
PREFILL = 4096  # padded prompt tokens that are read at once
COMPACT_AT = (
    0.75  # rebuild the caches when fewer than this share of their nodes have a running output
)


def like_lengths(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Indices in groups of at most `most` padded tokens, longest first; one group where all fit."""
    if len(lengths) * max(lengths) <= most:
        return [list(range(len(lengths)))]
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not groups or (len(groups[-1]) + 1) * lengths[groups[-1][0]] > most:
            groups.append([])
        groups[-1].append(i)
    return groups


def refusal(config) -> str:
    """Why this decoder cannot sample from a model of this configuration; "" when it can."""
    if config.model_type not in SUPPORTED:
        return f"engine=fast reads {', '.join(SUPPORTED)} models, not {config.model_type}"
    if has_window(config):
        return f"engine=fast has no sliding window ({config.sliding_window} here)"
    if rope_kind(config) in LENGTH_DEPENDENT:
        return f"engine=fast has no rotary embedding of kind {rope_kind(config)}"
    return ""


class Cache:
    """Keys and values of each layer, one row a node, with room for more nodes and for every
    position that is to come.
    """

    def __init__(
        self, layers: list[tuple[torch.Tensor, torch.Tensor]], length_N: torch.Tensor
    ) -> None:
        self.layers = layers  # ((nodes or more) x H x room x D) each
        self.length_N = length_N

    def part(self, node_L: np.ndarray, token_L: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The node of each running output after its token, and the token of each node.

        One child stays in its parent's place, the others take a place that is empty or new. Empty
        places get token 0.
        """
        nodes, device = len(self.length_N), self.length_N.device
        child, child_L = np.unique(node_L << 32 | token_L, return_inverse=True)
        parent_C, token_C = child >> 32, child & (1 << 32) - 1
        moves_C = np.r_[False, parent_C[1:] == parent_C[:-1]]
        empty = np.setdiff1d(np.arange(nodes), parent_C)
        place_C = parent_C.copy()
        place_C[moves_C] = np.r_[empty, np.arange(nodes, nodes + len(parent_C))][: moves_C.sum()]
        if moves_C.any():
            source, target = (torch.from_numpy(x[moves_C]).to(device) for x in (parent_C, place_C))
            self._grow(max(nodes, int(place_C.max()) + 1), len(node_L))
            self.length_N[target] = self.length_N[source]
            for tensor in (t for pair in self.layers for t in pair):
                tensor[target] = tensor[source]
        if len(parent_C) < COMPACT_AT * len(self.length_N):
            kept = np.sort(place_C)
            keep, place_C = torch.from_numpy(kept).to(device), np.searchsorted(kept, place_C)
            self.length_N = self.length_N[keep]
            self._replace(lambda t: t[keep])
        token_N = np.zeros(len(self.length_N), dtype=np.int64)
        token_N[place_C] = token_C
        return place_C[child_L], token_N

    def _grow(self, nodes: int, running: int) -> None:
        """Room for so many nodes; twice what there was where more is needed, so that few copies are
        made, but never more than outputs are running: with no place empty there can not be more
        nodes than those.
        """
        have = len(self.layers[0][0])
        if nodes > have:
            more = min(running, max(nodes, 2 * have)) - have
            self._replace(lambda t: torch.cat((t, t.new_zeros(more, *t.shape[1:]))))
        self.length_N = F.pad(self.length_N, (0, nodes - len(self.length_N)))

    def _replace(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """One layer after the other, so that old and new are there of one layer alone."""
        for i, (key, value) in enumerate(self.layers):
            self.layers[i] = change(key), change(value)


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
        logits_NV, cache = self._prefill(unique, max(map(len, unique)) + sampling.max_new_tokens)
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

    def _prefill(self, prompts: list[list[int]], room: int) -> tuple[torch.Tensor, Cache]:
        """Logits at each prompt's last token, and a cache of one node a prompt with `room`
        positions.

        Prompts that have more than `PREFILL` padded tokens together are read in groups of like
        length: a batch of GSM8K questions is 1.5 to 1.7 times its tokens when padded to the
        longest.
        """
        groups = like_lengths([len(p) for p in prompts], PREFILL)
        length_P = torch.tensor([len(p) for p in prompts], device=self.embed.device)
        if len(groups) == 1:
            logits_PV, layers = self._read(prompts, room)
            return logits_PV, Cache(layers, length_P)
        logits_PV, layers = None, []
        for group in groups:
            logits_GV, found = self._read([prompts[p] for p in group], 0)
            if logits_PV is None:
                logits_PV = logits_GV.new_empty(len(prompts), logits_GV.shape[1])
                shapes = [kv.shape for kv in found[0]]
                layers = [
                    tuple(
                        kv.new_zeros(len(prompts), shape[1], room, shape[3])
                        for kv, shape in zip(pair, shapes, strict=True)
                    )
                    for pair in found
                ]
            logits_PV[group] = logits_GV
            for whole, pair in zip(layers, found, strict=True):
                for target, kv in zip(whole, pair, strict=True):
                    target[group, :, : kv.shape[2]] = kv
        return logits_PV, Cache(layers, length_P)

    def _read(self, prompts: list[list[int]], room: int):
        """Right-padded prompts -> logits at each last token, keys and values padded to `room`."""
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
            layers.append(tuple(F.pad(kv, (0, 0, 0, max(0, room - T))) for kv in (key, value)))
        last_PE = x_PTE[torch.arange(P, device=device), length_P - 1]
        return F.linear(_rms(last_PE, self.norm, self.eps), self.head), layers

    def _step(self, token_N: torch.Tensor, cache: Cache) -> torch.Tensor:
        """One token a node: writes the next position of its cache, returns the next logits_NV."""
        N, length_N = len(token_N), cache.length_N
        span, row_N = int(length_N.max()) + 1, torch.arange(N, device=token_N.device)
        x_N1E = F.embedding(token_N[:, None], self.embed)
        rope = self._rope(length_N[:, None], x_N1E)
        hidden_N11T = (torch.arange(span, device=token_N.device)[None] > length_N[:, None])[
            :, None, None
        ]
        for layer, (key_cache, value_cache) in zip(self.layers, cache.layers, strict=True):
            query, key, value = self._project(layer, x_N1E, rope)
            key_cache[row_N, :, length_N] = key[:, :, 0]
            value_cache[row_N, :, length_N] = value[:, :, 0]
            query_NHGD = query.view(N, self.kv_heads, -1, self.head_dim)
            score_NHGT = query_NHGD @ key_cache[:N, :, :span].transpose(2, 3) * self.head_dim**-0.5
            weight_NHGT = score_NHGT.masked_fill(hidden_N11T, float("-inf")).softmax(-1)
            attended = (weight_NHGT @ value_cache[:N, :, :span]).view(
                N, self.heads, 1, self.head_dim
            )
            x_N1E = self._after_attention(layer, x_N1E, attended)
        cache.length_N = length_N + 1
        return F.linear(_rms(x_N1E[:, 0], self.norm, self.eps), self.head)

    def _project(self, layer, x_BTE, rope):
        B, T, _ = x_BTE.shape
        cos, sin = rope
        qkv = F.linear(_rms(x_BTE, layer["norm1"], self.eps), layer["qkv"], layer["qkv_bias"])
        q, k, v = qkv.split(
            [
                self.heads * self.head_dim,
                self.kv_heads * self.head_dim,
                self.kv_heads * self.head_dim,
            ],
            -1,
        )
        q, k, v = (y.view(B, T, -1, self.head_dim).transpose(1, 2) for y in (q, k, v))
        return q * cos + _rotate(q) * sin, k * cos + _rotate(k) * sin, v

    def _after_attention(self, layer, x_BTE, attended_BHTD):
        B, T, _ = x_BTE.shape
        x_BTE = x_BTE + F.linear(
            attended_BHTD.transpose(1, 2).reshape(B, T, -1), layer["o"], layer["o_bias"]
        )
        gate, up = F.linear(
            _rms(x_BTE, layer["norm2"], self.eps), layer["gate_up"], layer["gate_up_bias"]
        ).chunk(2, -1)
        return x_BTE + F.linear(self.act(gate) * up, layer["down"], layer["down_bias"])


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
