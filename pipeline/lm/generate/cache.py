"""Keys and values while outputs are decoded: of each distinct prompt once, whatever the number of
outputs that answer it, and of each node what it has said since.

Neighbouring outputs of one prompt that have the same tokens so far are one node; nodes are the rows
that the model computes. All of them have said the same number of tokens. Attention to a prompt is
one matrix product for all nodes of that prompt.

Shapes: N nodes, L running outputs, C children of nodes, P prompts of a bucket, W places for nodes
of a prompt, H key/value heads, G query heads per key/value head, S prompt positions, T said
positions, D head dimension, X anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Layers = list[tuple[Tensor, Tensor]]  # keys and values

COMPACT_AT = 0.75  # nodes, and prompts, are copied when fewer than this share of them still run
ROOM = 16  # positions for said tokens at first, and by how many the room grows at least


def like_lengths(lengths: Sequence[int], most: int, price: int) -> list[list[int]]:
    """Indices in groups of like length, longest first, at most `most` padded tokens each (one
    index always fits): the fewest padded tokens when each group costs `price` tokens more.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    longest = np.array([lengths[i] for i in order])
    cost = np.full(len(order) + 1, np.inf)  # of the first so many
    cost[0], begin = 0.0, np.zeros(len(order) + 1, dtype=int)
    for end in range(1, len(order) + 1):
        padded = longest[:end] * (end - np.arange(end))
        fits = (padded <= most) | (np.arange(end) == end - 1)
        total = np.where(fits, cost[:end] + padded + price, np.inf)
        begin[end] = total.argmin()
        cost[end] = total[begin[end]]
    groups, end = [], len(order)
    while end:
        groups.append(order[begin[end] : end])
        end = begin[end]
    return groups[::-1]


@dataclass
class Bucket:
    """Prompts of like length, padded on the right to the longest of them."""

    prompts: np.ndarray  # their numbers
    layers: Layers  # (P x H x D x S), (P x H x S x D)
    bias_P1S: Tensor  # -inf at padding
    node_PW: Tensor | None = None  # the nodes of each prompt, and any number where W is more

    def attend(self, layer: int, query_NHGD: Tensor, own_NHGT: Tensor) -> tuple[Tensor, Tensor]:
        """What the nodes of these prompts read of them, and their weights of their own tokens.

        `own_NHGT`: scores of the tokens that each node has said. Returns (read_NHGD, weight_NHGT)
        with P x W rows, those of `node_PW`.
        """
        key_PHDS, value_PHSD = self.layers[layer]
        P, heads, _, S = key_PHDS.shape
        query, own = (self._seated(x_NHGX) for x_NHGX in (query_NHGD, own_NHGT))
        bias = self.bias_P1S[:, None].expand(P, heads, 1, S).reshape(P * heads, 1, S)
        score = torch.baddbmm(bias, query, key_PHDS.flatten(0, 1))
        wide = torch.promote_types(score.dtype, torch.float32)
        weight = torch.cat((score, own), -1).softmax(-1, dtype=wide)
        read = torch.bmm(weight[..., :S].to(value_PHSD.dtype), value_PHSD.flatten(0, 1))
        return self._by_node(read, heads), self._by_node(weight[..., S:], heads)

    def _seated(self, x_NHGX: Tensor) -> Tensor:
        """Rows of nodes -> (P H) x (W G) x X: one matrix per prompt and head."""
        P, W = self.node_PW.shape
        _, H, G, X = x_NHGX.shape
        x = x_NHGX[self.node_PW.flatten()].view(P, W, H, G, X)
        return x.transpose(1, 2).reshape(P * H, W * G, X)

    def _by_node(self, x: Tensor, heads: int) -> Tensor:
        """(P H) x (W G) x X -> (P W) x H x G x X."""
        P, W = self.node_PW.shape
        x = x.view(P, heads, W, x.shape[1] // W, x.shape[2])
        return x.transpose(1, 2).flatten(0, 1)

    def seat(self, prompt_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give each node of these prompts its row in what `attend` returns: (nodes, rows).

        `prompt_N`: the prompt of each node, -1 at an empty place. Prompts without a node leave when
        they are many.
        """
        nodes = np.flatnonzero(np.isin(prompt_N, self.prompts))
        self._leave(prompt_N[nodes])
        place_of = {prompt: p for p, prompt in enumerate(self.prompts)}
        place = np.array([place_of[prompt] for prompt in prompt_N[nodes]], dtype=int)
        nodes, place = nodes[np.argsort(place, kind="stable")], np.sort(place)
        seat = np.arange(len(place)) - np.searchsorted(place, place)
        width = int(seat.max(initial=0)) + 1
        node_PW = np.zeros((len(self.prompts), width), dtype=np.int64)
        node_PW[place, seat] = nodes
        self.node_PW = torch.from_numpy(node_PW).to(self.bias_P1S.device)
        return nodes, place * width + seat

    def _leave(self, answered: np.ndarray) -> None:
        kept = np.isin(self.prompts, answered)
        if kept.sum() < COMPACT_AT * len(kept):
            self.prompts = self.prompts[kept]
            kept = torch.from_numpy(kept).to(self.bias_P1S.device)
            self.layers = [(key[kept], value[kept]) for key, value in self.layers]
            self.bias_P1S = self.bias_P1S[kept]


class Cache:
    """The keys and values of prompts, and of what has been said since, one row a node."""

    def __init__(self, buckets: list[Bucket], length_P: Tensor) -> None:
        self.buckets, self.length_P = buckets, length_P
        self.prompt_N = np.arange(len(length_P))  # -1 at an empty place
        self.said = 0
        nodes, device = len(length_P), length_P.device
        self.own: Layers = []  # ((nodes or more) x H x (T or more) x D), twice
        for _, value_PHSD in buckets[0].layers:
            H, _, D = value_PHSD.shape[1:]
            made = value_PHSD.new_zeros(2, nodes, H, ROOM, D, device=device)
            self.own.append((made[0], made[1]))
        self._seat()

    @property
    def position_N(self) -> Tensor:
        """The position at which each node's next token stands."""
        return self._begin_N + self.said

    def attend(self, layer: int, query_NHGD: Tensor, key_NHD: Tensor, value_NHD: Tensor) -> Tensor:
        """Attention of each node's new token, whose key and value are put down. Returns
        read_NHGD.
        """
        N, T = len(query_NHGD), self.said + 1
        key, value = (x[:N] for x in self.own[layer])
        key[:, :, self.said], value[:, :, self.said] = key_NHD, value_NHD
        query_NHGD = (query_NHGD * query_NHGD.shape[-1] ** -0.5).to(key.dtype)
        own_NHGT = query_NHGD @ key[:, :, :T].transpose(2, 3)
        found = [bucket.attend(layer, query_NHGD, own_NHGT) for bucket in self.buckets]
        read_NHGD, weight_NHGT = (
            torch.cat(parts)[self._row_N] for parts in zip(*found, strict=True)
        )
        return read_NHGD + weight_NHGT.to(value.dtype) @ value[:, :, :T]

    def step(self) -> None:
        """Go to the next position; there is room for it."""
        self.said += 1
        room = self.own[0][0].shape[2]
        if self.said == room:
            more = max(ROOM, room // 2)
            self._replace(lambda x: torch.nn.functional.pad(x, (0, 0, 0, more)))

    def part(self, node_L: np.ndarray, token_L: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The node of each running output after its token, and the token of each node.

        One child stays in its parent's place, the others take a place that is empty or new. Empty
        places get token 0.
        """
        nodes = len(self.prompt_N)
        child, child_L = np.unique(node_L << 32 | token_L, return_inverse=True)
        parent_C, token_C = child >> 32, child & (1 << 32) - 1
        moves_C = np.r_[False, parent_C[1:] == parent_C[:-1]]
        empty = np.setdiff1d(np.arange(nodes), parent_C)
        place_C = parent_C.copy()
        place_C[moves_C] = np.r_[empty, np.arange(nodes, nodes + len(parent_C))][: moves_C.sum()]
        prompt_C = self.prompt_N[parent_C]

        if moves_C.any():
            self._copy(parent_C[moves_C], place_C[moves_C], running=len(node_L))
            nodes = max(nodes, int(place_C.max()) + 1)
        few = len(parent_C) < COMPACT_AT * nodes
        if few:
            kept = np.sort(place_C)
            place_C, nodes = np.searchsorted(kept, place_C), len(kept)
            keep = torch.from_numpy(kept).to(self.length_P.device)
            self._replace(lambda x: x[:, :, : self.said + ROOM][keep])
        if few or moves_C.any():
            self.prompt_N = np.full(nodes, -1)
            self.prompt_N[place_C] = prompt_C
            self._seat()
        token_N = np.zeros(nodes, dtype=np.int64)
        token_N[place_C] = token_C
        return place_C[child_L], token_N

    def _copy(self, source: np.ndarray, target: np.ndarray, running: int) -> None:
        """What nodes have said, to places that are empty or new.

        Places are twice as many as before where more are needed, so that few copies are made, but
        never more than outputs are running: with no place empty there cannot be more nodes.
        """
        have, nodes = len(self.own[0][0]), int(target.max()) + 1
        if nodes > have:
            more = min(running, max(nodes, 2 * have)) - have
            self._replace(lambda x: torch.cat((x, x.new_zeros(more, *x.shape[1:]))))
        if not self.said:
            return
        source, target = (torch.from_numpy(x).to(self.length_P.device) for x in (source, target))
        for pair in self.own:
            for x in pair:
                x[target, :, : self.said] = x[source, :, : self.said]

    def _replace(self, change) -> None:
        """One layer after the other, so that old and new are there of one layer alone."""
        for i, (key, value) in enumerate(self.own):
            self.own[i] = change(key), change(value)

    def _seat(self) -> None:
        row_N, offset = np.zeros(len(self.prompt_N), dtype=np.int64), 0
        self.buckets = [b for b in self.buckets if np.isin(b.prompts, self.prompt_N).any()]
        for bucket in self.buckets:
            nodes, rows = bucket.seat(self.prompt_N)
            row_N[nodes] = offset + rows
            offset += bucket.node_PW.numel()
        device = self.length_P.device
        self._row_N = torch.from_numpy(row_N).to(device)
        prompt_N = torch.from_numpy(np.maximum(self.prompt_N, 0)).to(device)
        self._begin_N = self.length_P[prompt_N]
