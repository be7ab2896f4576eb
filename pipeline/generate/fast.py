"""Own decoder for Llama-like models: no left padding, prefill shared by a group, finished rows dropped from the batch.

Shapes: B rows, P prompts, H key/value heads, G query heads a key/value head, T positions, D head dimension, E hidden.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F

from pipeline.generate.api import Output, Sampling, in_batches
from pipeline.generate.draw import draw
from pipeline.generate.stop import StopStrings

SUPPORTED = ("llama", "qwen2", "mistral")
COMPACT_AT = 0.75  # rebuild the batch when fewer than this share of its rows are still running


class FastEngine:
    """Reads the weights of the model in place: after an optimiser step `sync` only fuses the projections anew."""

    def __init__(self, model, tokenizer) -> None:
        self.tokenizer = tokenizer
        self.eos = tokenizer.eos_token_id
        self.sync(model)

    def sync(self, model) -> None:
        config, core = model.config, model.model
        self.model = model
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps = config.rms_norm_eps
        self.layers = [_fuse(layer) for layer in core.layers]
        self.embed, self.norm = core.embed_tokens.weight.detach(), core.norm.weight.detach()
        self.head = model.lm_head.weight.detach()

    @torch.no_grad()
    def sample(self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling) -> list[Output]:
        """See `Engine`. Rows are decoded `batch_rows` at a time in the order given."""
        return in_batches(prompts, seeds, sampling, self._sample_batch)

    def _sample_batch(self, prompts, seeds_B, sampling: Sampling) -> list[Output]:
        unique, group_B = _unique_neighbours(prompts)
        room = max(map(len, unique)) + sampling.max_new_tokens
        logits_PV, cache, length_P = self._prefill(unique, room)
        index_B = torch.tensor(group_B)
        cache = [(key[index_B], value[index_B]) for key, value in cache]
        logits_BV, length_B = logits_PV[index_B], length_P[index_B]
        stop = StopStrings(self.tokenizer, sampling.stop, len(prompts))
        tokens_BT = np.zeros((len(prompts), sampling.max_new_tokens), dtype=np.int64)
        logp_BT = np.zeros((len(prompts), sampling.max_new_tokens), dtype=np.float32)
        count_B = np.full(len(prompts), sampling.max_new_tokens)
        finished_B = np.zeros(len(prompts), dtype=bool)
        row_B = np.arange(len(prompts))  # row of the batch -> row of the answer; -1 once it has ended
        for t in range(sampling.max_new_tokens):
            token_B, logp_B = draw(logits_BV, seeds_B, t, sampling.temperature)
            token, live = token_B.cpu().numpy(), row_B >= 0
            rows = row_B[live]
            tokens_BT[rows, t], logp_BT[rows, t] = token[live], logp_B.float().cpu().numpy()[live]
            ends = live & ((token == self.eos) | stop.hit(row_B, token))
            count_B[row_B[ends]], finished_B[row_B[ends]] = t + 1, True
            row_B = np.where(ends, -1, row_B)
            live = row_B >= 0
            if not live.any() or t + 1 == sampling.max_new_tokens:
                break
            if live.mean() < COMPACT_AT:
                keep = torch.from_numpy(np.flatnonzero(live)).to(token_B.device)
                cache = [(key[keep], value[keep]) for key, value in cache]
                length_B, token_B = length_B[keep], token_B[keep]
                row_B, seeds_B = row_B[live], seeds_B[live]
            logits_BV = self._step(token_B, cache, length_B)
            length_B = length_B + 1
        return [
            Output(tokens_BT[b, :n].tolist(), logp_BT[b, :n].tolist(), bool(finished_B[b]))
            for b, n in enumerate(count_B)
        ]

    def _rope(self, position_BT: torch.Tensor, like: torch.Tensor):
        cos, sin = self.model.model.rotary_emb(like, position_BT)
        return cos[:, None], sin[:, None]

    def _prefill(self, prompts: list[list[int]], room: int):
        """Right-padded prompts -> logits at each last token, caches with `room` positions, lengths."""
        device = self.embed.device
        length_P = torch.tensor([len(p) for p in prompts], device=device)
        tokens_PT = torch.zeros(len(prompts), int(length_P.max()), dtype=torch.long, device=device)
        for p, prompt in enumerate(prompts):
            tokens_PT[p, : len(prompt)] = torch.tensor(prompt, device=device)
        P, T = tokens_PT.shape
        x_PTE = F.embedding(tokens_PT, self.embed)
        rope = self._rope(torch.arange(T, device=device)[None].expand(P, T), x_PTE)
        cache = []
        for layer in self.layers:
            query, key, value = self._project(layer, x_PTE, rope)
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=self.heads != self.kv_heads)
            x_PTE = self._after_attention(layer, x_PTE, attended)
            cache.append(tuple(F.pad(kv, (0, 0, 0, room - T)) for kv in (key, value)))
        last_PE = x_PTE[torch.arange(P, device=device), length_P - 1]
        return F.linear(_rms(last_PE, self.norm, self.eps), self.head), cache, length_P

    def _step(self, token_B, cache, length_B):
        """One token a row: writes position `length_B` of the caches, returns the next logits_BV."""
        B, span = token_B.shape[0], int(length_B.max()) + 1
        row_B = torch.arange(B, device=token_B.device)
        x_B1E = F.embedding(token_B[:, None], self.embed)
        rope = self._rope(length_B[:, None], x_B1E)
        hidden_B11T = (torch.arange(span, device=token_B.device)[None] > length_B[:, None])[:, None, None]
        for layer, (key_cache, value_cache) in zip(self.layers, cache, strict=True):
            query, key, value = self._project(layer, x_B1E, rope)
            key_cache[row_B, :, length_B] = key[:, :, 0]
            value_cache[row_B, :, length_B] = value[:, :, 0]
            query_BHGD = query.view(B, self.kv_heads, -1, self.head_dim)
            score_BHGT = query_BHGD @ key_cache[:, :, :span].transpose(2, 3) * self.head_dim**-0.5
            weight_BHGT = score_BHGT.masked_fill(hidden_B11T, float("-inf")).softmax(-1)
            attended = (weight_BHGT @ value_cache[:, :, :span]).view(B, self.heads, 1, self.head_dim)
            x_B1E = self._after_attention(layer, x_B1E, attended)
        return F.linear(_rms(x_B1E[:, 0], self.norm, self.eps), self.head)

    def _project(self, layer, x_BTE, rope):
        B, T, _ = x_BTE.shape
        cos, sin = rope
        qkv = F.linear(_rms(x_BTE, layer["norm1"], self.eps), layer["qkv"], layer["qkv_bias"])
        q, k, v = qkv.split([self.heads * self.head_dim, self.kv_heads * self.head_dim, self.kv_heads * self.head_dim], -1)
        q, k, v = (y.view(B, T, -1, self.head_dim).transpose(1, 2) for y in (q, k, v))
        return q * cos + _rotate(q) * sin, k * cos + _rotate(k) * sin, v

    def _after_attention(self, layer, x_BTE, attended_BHTD):
        B, T, _ = x_BTE.shape
        x_BTE = x_BTE + F.linear(attended_BHTD.transpose(1, 2).reshape(B, T, -1), layer["o"], layer["o_bias"])
        gate, up = F.linear(_rms(x_BTE, layer["norm2"], self.eps), layer["gate_up"], layer["gate_up_bias"]).chunk(2, -1)
        return x_BTE + F.linear(F.silu(gate) * up, layer["down"], layer["down_bias"])


def _fuse(layer) -> dict:
    attention, mlp = layer.self_attn, layer.mlp

    def cat(parts, what):
        found = [getattr(p, what) for p in parts]
        return None if found[0] is None else torch.cat([f.detach() for f in found])

    def bias(part):
        return None if part.bias is None else part.bias.detach()

    qkv, gate_up = (attention.q_proj, attention.k_proj, attention.v_proj), (mlp.gate_proj, mlp.up_proj)
    return {
        "norm1": layer.input_layernorm.weight.detach(), "norm2": layer.post_attention_layernorm.weight.detach(),
        "qkv": cat(qkv, "weight"), "qkv_bias": cat(qkv, "bias"),
        "gate_up": cat(gate_up, "weight"), "gate_up_bias": cat(gate_up, "bias"),
        "o": attention.o_proj.weight.detach(), "o_bias": bias(attention.o_proj),
        "down": mlp.down_proj.weight.detach(), "down_bias": bias(mlp.down_proj),
    }


def _rms(x, weight, eps):
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


def _rotate(x):
    low, high = x.chunk(2, -1)
    return torch.cat((-high, low), -1)


def _unique_neighbours(prompts) -> tuple[list[list[int]], list[int]]:
    """Runs of equal prompts -> (one prompt a run, run of each row)."""
    unique, group = [], []
    for prompt, run in groupby(map(tuple, prompts)):
        group += [len(unique)] * len(list(run))
        unique.append(list(prompt))
    return unique, group
