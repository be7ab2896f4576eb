"""What a published model does its own way, and our passes and samplers must know.

Every function reads a configuration; none runs the model.
"""

from __future__ import annotations

from contextlib import contextmanager

# Rotary frequencies of these kinds change with the length of the longest sequence so far.
LENGTH_DEPENDENT = {
    "dynamic": "max_position_embeddings",
    "longrope": "original_max_position_embeddings",
}


def has_window(config) -> bool:
    """Whether some layer attends to the last positions alone (sliding windows, chunks)."""
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return any("attention" in kind and kind != "full_attention" for kind in kinds)
    used = getattr(config, "use_sliding_window", True)
    return bool(used and getattr(config, "sliding_window", None))


@contextmanager
def narrow_window(config, width: int):
    """Let a model with sliding windows see only `width` positions, so that a short probe passes
    them.
    """
    names = [n for n in ("sliding_window", "attention_chunk_size") if getattr(config, n, None)]
    before = {name: getattr(config, name) for name in names} if has_window(config) else {}
    for name in before:
        setattr(config, name, width)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)


def rope_kind(config) -> str:
    """The kind of rotary embedding: "default", "dynamic", "longrope", "yarn" ..."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return rope.get("rope_type") or rope.get("type") or "default"


def position_limit(model) -> int | None:
    """Tokens that a model reads in one and the same way; None where there is no limit.

    Learned positions (GPT-2) end somewhere. Rotary ones do not, but of some kinds all frequencies
    change when a sequence gets longer than this, in the middle of an output.
    """
    config = model.config
    key = LENGTH_DEPENDENT.get(rope_kind(config))
    if key:
        rope = getattr(config, "rope_parameters", None) or {}
        return rope.get(key) or getattr(config, key, None) or config.max_position_embeddings
    rotary = any("rotary" in name for name, _ in model.named_modules())
    return None if rotary else getattr(config, "max_position_embeddings", None)


def router_note(config) -> str:
    """A line on the router loss of a mixture of experts, which training here leaves out; or ""."""
    share = getattr(config, "router_aux_loss_coef", None)
    if not share or not (
        getattr(config, "num_experts", 0) or getattr(config, "num_local_experts", 0)
    ):
        return ""
    return (
        f"{config.model_type}: the router's load-balancing loss (coefficient {share}) is left out; "
        "watch for experts that fall silent in a long run"
    )
