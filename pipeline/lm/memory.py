"""Memory by formula: what a model holds while it samples and while it is trained, part by part.

The counts follow the tensors that autograd keeps in a Llama-like decoder (RMSNorm, rotary attention
through scaled_dot_product_attention, gated MLP) as transformers computes it. tests/test_plan.py
compares them with the peak of measured runs. All sizes are in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.lm.flops import Shape, shape_of
from pipeline.lm.head import ENTRIES
from pipeline.lm.train_config import LoRAConfig

FLOAT = 4  # the weights that an optimizer moves, their gradients and moments
# Bytes per logit at the peak: of the supervised loss, and of log-probabilities of chosen tokens.
CROSS_ENTROPY, CHOSEN = 12, 16
MOMENTS = {"adamw": 8, "muon": 4}  # per parameter


@dataclass(frozen=True)
class Sizes:
    """What the formulas need to know of a decoder."""

    parameters: int
    shape: Shape  # for FLOPs
    hidden: int
    heads: int
    width: int  # of all attention heads together
    kv_width: int  # of all key (or value) heads together
    inner: int  # of the gated MLP
    vocab: int

    @property
    def layers(self) -> int:
        return self.shape.layers


def sizes_of(config) -> Sizes:
    """The sizes of a transformers configuration. No weight is made."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        parameters = AutoModelForCausalLM.from_config(config).num_parameters()
    shape, heads = shape_of(config), config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    return Sizes(
        parameters=parameters,
        shape=shape,
        hidden=config.hidden_size,
        heads=heads,
        width=shape.width,
        kv_width=shape.width * kv_heads // heads,
        inner=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        vocab=config.vocab_size,
    )


def weight(size: Sizes, dtype: str = "float32") -> int:
    """One copy of the weights."""
    return size.parameters * itemsize(dtype)


def itemsize(dtype: str) -> int:
    return {"float32": 4, "bfloat16": 2}[dtype]


def optimizer(size: Sizes, name: str = "adamw") -> int:
    """Moments: two per parameter of AdamW, one of Muon, which moves the matrices of the layers."""
    matrices = size.shape.body if name == "muon" else 0
    return MOMENTS["muon"] * matrices + MOMENTS["adamw"] * (size.parameters - matrices)


def targets(size: Sizes, peft: LoRAConfig) -> list[tuple[int, int]]:
    """Inputs and outputs of each matrix of a layer that has an adapter."""
    known = {
        "q_proj": (size.hidden, size.width),
        "k_proj": (size.hidden, size.kv_width),
        "v_proj": (size.hidden, size.kv_width),
        "o_proj": (size.width, size.hidden),
        "gate_proj": (size.hidden, size.inner),
        "up_proj": (size.hidden, size.inner),
        "down_proj": (size.inner, size.hidden),
    }
    return [known.get(name, (size.hidden, size.inner)) for name in peft.targets or known]


def adapter(size: Sizes, peft: LoRAConfig) -> int:
    """Parameters of the adapters: A and B beside each matrix."""
    return size.layers * peft.r * sum(map(sum, targets(size, peft)))


def merged(size: Sizes, peft: LoRAConfig) -> int:
    """The sampler's copy of the matrices that have an adapter (generate/copied.py)."""
    return FLOAT * size.layers * sum(a * b for a, b in targets(size, peft))


def layer_activations(size: Sizes, dtype: str, peft: LoRAConfig | None = None) -> int:
    """What autograd keeps per token and layer.

    Both norms keep their input and their result in float32. In bfloat16 each of the five
    projections that read a norm keeps a cast copy of its input. An adapter keeps its input, which
    its matrix does not need any more, and A x.
    """
    if peft is not None:
        beside = itemsize(dtype) * peft.r * len(targets(size, peft))
        return beside + layer_activations(size, dtype)
    statistics = FLOAT * (2 + size.heads)  # of the norms and of attention's softmax
    attention = 2 * size.width + 2 * size.kv_width  # queries, keys, values, and what o_proj reads
    if dtype == "float32":
        return FLOAT * (6 * size.hidden + attention + 4 * size.inner) + statistics
    norms = FLOAT * 4 * size.hidden
    return norms + 2 * (5 * size.hidden + attention + 4 * size.inner) + statistics


def activations(
    size: Sizes,
    tokens: int,
    dtype: str,
    checkpointing: bool = False,
    peft: LoRAConfig | None = None,
) -> int:
    """What is kept between forward and backward of `tokens` tokens, without logits.

    With gradient checkpointing each layer keeps its input. One layer at a time is computed again,
    when the logits are gone: what it needs counts as far as it is more than theirs. In bfloat16 the
    matrices' cast copies count too.
    """
    layer = tokens * layer_activations(size, dtype, peft)
    kept = size.layers * layer
    if checkpointing:
        again = max(0, layer - logits(size, tokens, dtype))
        kept = tokens * size.layers * FLOAT * size.hidden + again
    end = FLOAT * 3 * size.hidden  # the last norm, and the states that the head reads
    cast = 2 * (size.shape.body + size.shape.head) if dtype == "bfloat16" else 0
    return tokens * end + kept + cast


def logits(size: Sizes, tokens: int, dtype: str = "float32", entry: int = CROSS_ENTROPY) -> int:
    """The peak of softmax and its gradient over the logits of `tokens` tokens.

    Above `ENTRIES` entries they are made in chunks (pipeline/lm/head.py), whose backward pass adds
    two matrices of the head's size.
    """
    entries = tokens * size.vocab
    if entries <= ENTRIES:
        return entry * entries
    return (
        CROSS_ENTROPY * ENTRIES + (2 * FLOAT + (2 if dtype == "bfloat16" else 0)) * size.shape.head
    )


def cache(size: Sizes, rows: int, positions: int, dtype: str) -> int:
    """Keys and values of `rows` sequences with room for `positions` tokens each."""
    return rows * positions * 2 * size.layers * size.kv_width * itemsize(dtype)


def prompts_read_again(size: Sizes, rows: int, prompt: int, dtype: str) -> int:
    """Keys and values of prompts that each output of a micro-batch keeps a copy of."""
    return cache(size, rows, prompt, dtype)


def fused_projections(size: Sizes, dtype: str) -> int:
    """The own decoder's copies: q, k, v and gate, up; in bfloat16 every matrix (generate/fast.py)."""
    if dtype == "bfloat16":
        return 2 * (size.shape.body + size.shape.head)
    joined = size.width + 2 * size.kv_width + 2 * size.inner
    return FLOAT * size.layers * size.hidden * joined


def states(size: Sizes, name: str = "adamw", peft: LoRAConfig | None = None) -> dict[str, int]:
    """What a model that is trained holds between two steps. With adapters only they have gradients
    and moments.
    """
    if peft is not None:
        moved = FLOAT * adapter(size, peft)
        return {"weights": weight(size) + moved, "gradients": moved, "optimizer": 2 * moved}
    return {
        "weights": weight(size),
        "gradients": weight(size),
        "optimizer": optimizer(size, name),
    }


def gathered(size: Sizes, peft: LoRAConfig | None = None) -> int:
    """What FSDP2 holds whole during a pass: embedding and head, and one layer with the next, and
    their gradients where they have one (pipeline/lm/shards.py).
    """
    layer = size.shape.body // max(1, size.layers)
    whole = size.parameters - size.shape.body + 2 * layer
    return FLOAT * whole * (1 if peft is not None else 2)


def passing(
    size: Sizes,
    tokens: int,
    dtype: str,
    checkpointing: bool = False,
    scored: int | None = None,
    peft: LoRAConfig | None = None,
) -> dict[str, int]:
    """What a forward and backward of `tokens` tokens adds.

    `scored`: in reinforcement learning, how many of them are outputs', whose log-probabilities are
    read; in supervised training all have logits.
    """
    heads = logits(size, tokens, dtype) if scored is None else logits(size, scored, dtype, CHOSEN)
    kept = activations(size, tokens, dtype, checkpointing, peft)
    return {"activations": kept, "logits": heads}
