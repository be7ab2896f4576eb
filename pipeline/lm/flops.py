"""FLOPs by formula: what a run costs, counted from its tokens and the same on any machine.

The forward pass costs 2 FLOPs per weight of the matrices per token, the backward pass twice that (6
in all). Attention adds 4 d per layer for every position that a token attends to (2 d for the
scores, 2 d for the weighted sum; d is the width of all heads together), and twice that backward.
The embedding look-up, norms, softmax and the optimizer are left out. A prompt that a group shares
is counted once for sampling and once for each pass of an update, as it is computed. Padding is not
counted, and what equal outputs, or equal beginnings, save is not subtracted: both belong to the
implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.lm.passes import Rows

UNGATED = ("gpt2", "gpt_neo", "gpt_neox", "opt", "bloom")  # two matrices per MLP


@dataclass(frozen=True)
class Shape:
    """What the formulas need to know of a model."""

    body: int  # weights of the layers' matrices
    head: int  # weights of the language-model head, paid only where logits are needed
    layers: int
    width: int  # of all attention heads together


def shape_of(config) -> Shape:
    """The shape of a transformers decoder: grouped heads where it has them, a gated MLP but for
    `UNGATED`.
    """
    hidden, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or hidden // heads)
    kv_width = width * (getattr(config, "num_key_value_heads", None) or heads) // heads
    inner = getattr(config, "intermediate_size", None) or 4 * hidden
    matrices = 2 if getattr(config, "model_type", "") in UNGATED else 3
    body = layers * hidden * (2 * width + 2 * kv_width + matrices * inner)
    return Shape(body, hidden * config.vocab_size, layers, width)


def forward(shape: Shape, tokens: int, attended: int, logits: int) -> int:
    """A pass over `tokens` tokens that attend to `attended` positions in all, with logits at
    `logits` of them.
    """
    return (
        2 * shape.body * tokens
        + 2 * shape.head * logits
        + 4 * shape.layers * shape.width * attended
    )


def triangle(length: int, before: int = 0) -> int:
    """Positions attended to by `length` tokens in a row, each also seeing itself and the `before`
    earlier ones.
    """
    return length * before + length * (length + 1) // 2


def prompts_pass(shape: Shape, prompts: Sequence[int]) -> int:
    """Forward over prompts of these lengths; no logits (their last token is computed with the
    outputs).
    """
    return forward(shape, sum(prompts), sum(map(triangle, prompts)), 0)


def outputs_pass(shape: Shape, prompts: Sequence[int], outputs: Sequence[int]) -> int:
    """Forward over outputs of these lengths with logits everywhere; `prompts` has the length of the
    prompt of each.

    Sampling costs the same: a generated token passes the model once, against a cache.
    """
    attended = sum(triangle(o, p) for p, o in zip(prompts, outputs, strict=True))
    return forward(shape, sum(outputs), attended, sum(outputs))


def group_pass(
    shape: Shape, prompts: Sequence[int], outputs: Sequence[int], prompt_of: Sequence[int]
) -> int:
    """Forward over distinct prompts, each once, and over all their outputs."""
    return prompts_pass(shape, prompts) + outputs_pass(
        shape, [prompts[p] for p in prompt_of], outputs
    )


def rows_pass(shape: Shape, rows: Rows, chosen: Sequence[int] | None = None) -> int:
    """Forward over these outputs (by default all of them), each of their prompts once."""
    chosen = range(len(rows.outputs)) if chosen is None else chosen
    used = sorted({rows.prompt_of[b] for b in chosen})
    place = {p: i for i, p in enumerate(used)}
    prompts = [len(rows.prompts[p]) for p in used]
    outputs = [len(rows.outputs[b]) for b in chosen]
    return group_pass(shape, prompts, outputs, [place[rows.prompt_of[b]] for b in chosen])


def grpo_step(shape: Shape, questions: int, group: int, prompt: int, output: int) -> int:
    """A GRPO step with a reference and mu = 1 on outputs of one length.

    Sampling is 1 pass, the reference 1, the update 3.
    """
    prompt_of = [q for q in range(questions) for _ in range(group)]
    return 5 * group_pass(shape, [prompt] * questions, [output] * (questions * group), prompt_of)


def train_flops(config, sequences: int, length: int) -> int:
    """Forward and backward over `sequences` full sequences with a logit at every position."""
    shape = shape_of(config)
    return 3 * forward(shape, sequences * length, sequences * triangle(length), sequences * length)
