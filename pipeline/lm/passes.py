"""Log-probabilities of a batch's outputs, each prompt computed once for all outputs that answer it.

Legend: B outputs, R rows of a micro-batch, P distinct prompts, S prompt positions, T output
positions, padded right. The prompts' keys and values stand in a cache; micro-batches of outputs of
similar length attend to it and leave their gradient there, and one backward pass through the
prompts ends the update. The result is that of whole sequences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.lm import parallel, shards
from pipeline.lm.features import has_window
from pipeline.lm.head import Head, head_of, log_probs

PROMPTS = 2  # padded tokens of prompts that are read together, in micro-batches of outputs


@dataclass(frozen=True)
class Rows:
    """Token ids of a batch: P prompts, and B outputs with the index of the prompt that each
    answers.
    """

    prompts: list[list[int]]
    outputs: list[list[int]]
    prompt_of: list[int]

    def __post_init__(self) -> None:
        if any(len(prompt) < 2 for prompt in self.prompts):
            raise UserError("a prompt of fewer than two tokens; give the tokenizer a chat template")
        if not all(self.outputs):
            raise UserError("an output without a token; its end must at least be an EOS")


IDLE = Rows([[0, 0]], [[0]], [0])  # what a process reads to keep step with others


def first_equal(rows: Rows) -> list[int]:
    """For every output the first output of its question with the same tokens. What depends on the
    tokens alone is computed for that one: a small model repeats itself (docs/rl.md), and rounding
    must not tell equal outputs apart.
    """
    seen: dict[tuple[int, tuple[int, ...]], int] = {}
    keys = zip(rows.prompt_of, map(tuple, rows.outputs), strict=True)
    return [seen.setdefault(key, b) for b, key in enumerate(keys)]


def micro_batches(
    rows: Rows, chosen: Sequence[int], max_tokens: int, unit: int = 1
) -> Iterator[list[int]]:
    """Split the chosen outputs into lists of similar length, at most `max_tokens` padded tokens
    each.

    `unit` neighbours stay together (2 for the pairs of DPO). Order within the answer: longest first.
    """
    units = [list(chosen[i : i + unit]) for i in range(0, len(chosen), unit)]
    length = [max(len(rows.outputs[b]) for b in members) for members in units]
    batch: list[int] = []
    width = 0  # of the batch: its first unit is its longest
    for u in sorted(range(len(units)), key=lambda u: (-length[u], u)):
        if batch and (len(batch) + unit) * width > max_tokens:
            yield batch
            batch = []
        width = width if batch else length[u]
        batch += units[u]
    if batch:
        yield batch


def pad(
    lists: Sequence[Sequence[float]], dtype: torch.dtype, device="cpu", left: bool = False
) -> tuple[Tensor, Tensor]:
    """Lists of numbers -> (values, mask), padded with 0 on the right, or on the left."""
    width = max(map(len, lists))
    fill = [[0] * (width - len(row)) for row in lists]
    pairs = zip(lists, fill, strict=True)
    rows = [gap + list(row) if left else list(row) + gap for row, gap in pairs]
    values = torch.tensor(rows, dtype=dtype)
    mask = torch.arange(width)[None] < torch.tensor([len(row) for row in lists])[:, None]
    return values.to(device), (mask.flip(1) if left else mask).to(device)


@dataclass
class PromptCache:
    """Keys and values of each layer for all but the last token of P prompts."""

    layers: list[tuple[Tensor, Tensor]]  # (P, heads, S, head dimension) each
    mask_PS: Tensor
    leaves: list[tuple[Tensor, Tensor]]  # what micro-batches read; their gradient gathers here
    last: list[Tensor]  # of a model in shards: the last layer's states, which bring its weights

    def backward(self) -> None:
        """Send the gathered gradient through the prompts."""
        tensors = [t for pair in self.layers for t in pair] + self.last
        gradients = [leaf.grad for pair in self.leaves for leaf in pair]
        gradients += [torch.zeros_like(last) for last in self.last]
        kept = [
            (t, g)
            for t, g in zip(tensors, gradients, strict=True)
            if g is not None and t.requires_grad
        ]
        if kept:
            torch.autograd.backward([t for t, _ in kept], [g for _, g in kept])


def read_prompts(model, rows: Rows) -> PromptCache:
    """Run all but the last token of each prompt.

    A window counts the positions between two tokens, padding too: a model that has one gets its
    padding on the left, where nothing lies between a prompt and its output.
    """
    from transformers import DynamicCache

    left = has_window(model.config)
    some = [prompt[:-1] for prompt in rows.prompts]
    tokens_PS, mask_PS = pad(some, torch.long, model.device, left)
    position_PS = torch.arange(tokens_PS.shape[1], device=model.device).expand_as(tokens_PS)
    seen = {}
    if left:
        position_PS = (mask_PS.long().cumsum(1) - 1).clamp(min=0)
        seen = {"attention_mask": mask_PS.long()}
    cache = DynamicCache()
    last_PSE = shards.read(
        model,
        input_ids=tokens_PS,
        position_ids=position_PS,
        past_key_values=cache,
        use_cache=True,
        **seen,
    )
    layers = [(layer.keys, layer.values) for layer in cache.layers]
    leaves = [tuple(t.detach().requires_grad_(t.requires_grad) for t in pair) for pair in layers]
    return PromptCache(layers, mask_PS, leaves, [last_PSE] if shards.is_sharded(model) else [])


def hidden_of(
    model, prompts: PromptCache, rows: Rows, batch: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden state before each output token. Returns (hidden_RTE, tokens_RT, mask_RT)."""
    from transformers import DynamicCache

    device = model.device
    tokens_RT, mask_RT = pad([rows.outputs[b] for b in batch], torch.long, device)
    owner_R = torch.tensor([rows.prompt_of[b] for b in batch], device=device)
    last_R1 = torch.tensor([[rows.prompts[rows.prompt_of[b]][-1]] for b in batch], device=device)
    input_RT = torch.cat((last_R1, tokens_RT[:, :-1]), 1)
    seen_RS = prompts.mask_PS[owner_R]
    position_RT = seen_RS.sum(1, keepdim=True) + torch.arange(input_RT.shape[1], device=device)
    cache = DynamicCache([(key[owner_R], value[owner_R]) for key, value in prompts.leaves])
    hidden_RTE = shards.read(
        model,
        input_ids=input_RT,
        attention_mask=torch.cat((seen_RS, mask_RT), 1).long(),
        position_ids=position_RT,
        past_key_values=cache,
        use_cache=True,
    )
    return hidden_RTE, tokens_RT, mask_RT


def log_probs_of(
    head: Head, hidden_RTE: Tensor, tokens_RT: Tensor, mask_RT: Tensor, temperature: float
) -> Tensor:
    """log softmax(head(hidden) / temperature) of each token, in float32; exactly 0 where masked."""
    logp_N = log_probs(head, hidden_RTE[mask_RT], tokens_RT[mask_RT], temperature)
    logp_RT = torch.zeros(mask_RT.shape, dtype=logp_N.dtype, device=mask_RT.device)
    return logp_RT.masked_scatter(mask_RT, logp_N)


def prompt_groups(rows: Rows, chosen: Sequence[int], max_tokens: int) -> list[list[int]]:
    """The chosen outputs in groups whose prompts have at most `max_tokens` padded tokens together.

    A prompt's outputs stay together. Where all prompts fit there is one group, in the order given;
    else prompts of similar length share one.
    """
    used = sorted({rows.prompt_of[b] for b in chosen})
    length = {p: len(rows.prompts[p]) for p in used}
    if len(used) * max(length.values()) <= max_tokens:
        return [list(chosen)]
    groups: list[set[int]] = []
    width = 0
    for p in sorted(used, key=lambda p: -length[p]):
        if not groups or (len(groups[-1]) + 1) * width > max_tokens:
            groups.append(set())
            width = length[p]
        groups[-1].add(p)
    return [[b for b in chosen if rows.prompt_of[b] in group] for group in groups]


def prompts_of(rows: Rows, chosen: Sequence[int]) -> Rows:
    """The rows with the prompts of the chosen outputs alone; the other outputs have none (-1)."""
    used = sorted({rows.prompt_of[b] for b in chosen})
    place = {p: i for i, p in enumerate(used)}
    owners = [place.get(p, -1) for p in rows.prompt_of]
    return Rows([rows.prompts[p] for p in used], rows.outputs, owners)


def hidden_passes(
    model, rows: Rows, chosen: Sequence[int], max_tokens: int, unit: int = 1
) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor]]:
    """Micro-batches of the chosen outputs with the hidden state before each of their tokens.

    Yields (indices of R outputs, hidden_RTE, tokens_RT, mask_RT). With gradients the caller turns
    each into a loss and calls `backward()` on it before it asks for the next one; after the last
    one of a group of prompts the gradient that has gathered at the prompts goes through them. So
    each prompt is read once for all its outputs; at most `max_tokens` padded tokens of outputs, and
    `PROMPTS` times as many of prompts, are held at once.
    """
    groups = prompt_groups(rows, chosen, PROMPTS * max_tokens) if chosen else []
    batches = [list(micro_batches(rows, group, max_tokens, unit)) for group in groups]
    for g, count in enumerate(shards.turns(model, list(map(len, batches)))):
        some = prompts_of(rows, groups[g]) if g < len(groups) else IDLE
        mine = batches[g] if g < len(groups) else []
        prompts = read_prompts(model, some)
        for batch in mine:
            yield batch, *hidden_of(model, prompts, some, batch)
        for _ in range(count - len(mine)):  # other processes have more
            idle = replace(IDLE, prompts=some.prompts)
            shards.without_effect(model, hidden_of(model, prompts, idle, [0])[0])
        prompts.backward()
    shards.at_rest(model)


def output_log_probs(model, rows: Rows, temperature: float, max_tokens: int) -> Tensor:
    """Log-probabilities of all outputs without gradient. Returns logp_BT, 0 after an output's end."""
    first = first_equal(rows)
    shape = len(rows.outputs), max(map(len, rows.outputs))
    dtype = torch.promote_types(model.dtype, torch.float32)  # of `log_probs`
    logp_BT = torch.zeros(shape, dtype=dtype, device=model.device)
    mine = parallel.share(sorted(set(first)))
    with torch.no_grad():
        for batch, *hidden in hidden_passes(model, rows, mine, max_tokens):
            part = log_probs_of(head_of(model), *hidden, temperature)
            logp_BT[torch.tensor(batch), : part.shape[1]] = part
    return parallel.summed(logp_BT)[first]


def passes(
    model,
    rows: Rows,
    chosen: Sequence[int],
    max_tokens: int,
    temperature: float,
    unit: int = 1,
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Micro-batches of the chosen outputs with the log-probabilities of their tokens.

    Yields (indices of R outputs, logp_RT with gradient, mask_RT), each to be followed by a
    `backward()` as `hidden_passes` says.
    """
    for batch, hidden_RTE, tokens_RT, mask_RT in hidden_passes(
        model, rows, chosen, max_tokens, unit
    ):
        logp_RT = log_probs_of(head_of(model), hidden_RTE, tokens_RT, mask_RT, temperature)
        yield batch, logp_RT, mask_RT
