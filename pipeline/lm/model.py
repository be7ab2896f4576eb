"""Causal language models as Hugging Face folders: make, load and save."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError


@dataclass(frozen=True)
class ModelConfig:
    """The base model: `path`, a local Hugging Face folder, or else a Llama made from scratch with the sizes below.

    Head dimension is hidden_size / heads; vLLM on a CPU needs 32, 64, 80, 96, 112, 128 ...
    """

    path: str = ""
    hidden_size: int = 96
    layers: int = 3
    heads: int = 3
    intermediate_size: int = 256
    vocab_size: int = 1024
    context: int = 512
    init_std: float = 0.08
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if not self.path and self.hidden_size % self.heads:
            raise UserError(
                f"model.hidden_size={self.hidden_size} must be a multiple of model.heads={self.heads}"
            )
        if self.dtype not in ("float32", "bfloat16"):
            raise UserError(f"model.dtype={self.dtype}: float32 or bfloat16")


def new_model(cfg: ModelConfig, vocab_size: int, bos: int, eos: int, seed: int):
    """A Llama from scratch: normal(0, init_std), the projections into the residual stream divided by sqrt(2 layers)."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=cfg.hidden_size,
        intermediate_size=cfg.intermediate_size,
        num_hidden_layers=cfg.layers,
        num_attention_heads=cfg.heads,
        num_key_value_heads=cfg.heads,
        max_position_embeddings=cfg.context,
        tie_word_embeddings=True,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=eos,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    model = LlamaForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() < 2:
                continue
            into_residual = name.endswith(("o_proj.weight", "down_proj.weight"))
            std = cfg.init_std / (2 * cfg.layers) ** 0.5 if into_residual else cfg.init_std
            weight.normal_(0.0, std, generator=generator)
    return model


def load_tokenizer(folder: str | Path):
    """The tokenizer of a model folder. Raises UserError when the folder, its tokenizer or the end token is missing."""
    folder = _model_folder(folder)
    if not any(
        (folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")
    ):
        raise UserError(
            f"{folder}: no tokenizer (tokenizer.json, tokenizer.model or vocab.json) in this folder; copy one in"
        )
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"{folder}: the tokenizer has no eos_token, which ends every output; set it in tokenizer_config.json"
        )
    return tokenizer


def load_model(folder: str | Path, dtype=None, device: str = "cpu"):
    """The model of a folder, in evaluation mode; float32 unless `dtype` says otherwise. UserError when files are missing."""
    folder = _model_folder(folder)
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{folder}: no *.safetensors in this model folder; pickled weights are not read"
        )
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype or torch.float32,
        local_files_only=True,
        use_safetensors=True,
        attn_implementation="sdpa",
    )
    return model.to(device).eval()


def save_model(model, tokenizer, folder: str | Path) -> None:
    """Write a folder that transformers and vLLM load. float32 weights stay float32."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def position_limit(model) -> int | None:
    """Tokens that a model with learned positions (as GPT-2) can read; None for rotary ones, which have no last one."""
    rotary = any("rotary" in name for name, _ in model.named_modules())
    return None if rotary else getattr(model.config, "max_position_embeddings", None)


def _model_folder(folder: str | Path) -> Path:
    folder = Path(folder)
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(
            f"{folder}: no config.json here; give a Hugging Face model folder or run the stage that makes it"
        )
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{config}: not JSON ({error}); copy the model folder anew") from None
    return folder
