"""Sizes of models before there are any weights: from a folder, from scratch, or by published name."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError
from pipeline.lm.memory import Sizes, sizes_of
from pipeline.lm.model import ModelConfig

ALIASES = {"models/smollm2": "HuggingFaceTB/SmolLM2-135M"}  # what `dsm base smollm2` makes
# Published sizes: (hidden, layers, heads, key/value heads, inner, vocabulary, tied).
KNOWN = {
    "HuggingFaceTB/SmolLM2-135M": (576, 30, 9, 3, 1536, 49152, True),
    "Qwen/Qwen2.5-0.5B": (896, 24, 14, 2, 4864, 151936, True),
    "Qwen/Qwen2.5-1.5B": (1536, 28, 12, 2, 8960, 151936, True),
    "Qwen/Qwen2.5-7B": (3584, 28, 28, 4, 18944, 152064, False),
    "deepseek-ai/deepseek-coder-7b-base-v1.5": (4096, 30, 32, 32, 11008, 102400, False),
}


def published_config(name: str):
    """A transformers configuration with the sizes of a model of `KNOWN`, as a Llama.

    Biases of Qwen's projections are left out: less than 0.1 % of its parameters.
    """
    return _llama(*KNOWN[name])


def model_sizes(model: ModelConfig) -> Sizes:
    """The sizes of the base model, without its weights. Raises UserError for an unknown one."""
    from transformers import AutoConfig

    if not model.path:
        sizes = model.hidden_size, model.layers, model.heads, model.heads
        return sizes_of(_llama(*sizes, model.intermediate_size, model.vocab_size, True))
    if (Path(model.path) / "config.json").is_file():
        return sizes_of(AutoConfig.from_pretrained(model.path, local_files_only=True))
    name = ALIASES.get(model.path, model.path)
    if name in KNOWN:
        return sizes_of(published_config(name))
    raise UserError(
        f"model.path={model.path}: no config.json there, and its sizes are not known; "
        f"known by name: {', '.join(KNOWN)}"
    )


def _llama(hidden, layers, heads, kv_heads, inner, vocab, tied):
    from transformers import LlamaConfig

    return LlamaConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        intermediate_size=inner,
        vocab_size=vocab,
        max_position_embeddings=4096,
        tie_word_embeddings=tied,
    )
