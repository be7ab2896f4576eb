"""Causal language models as Hugging Face folders: make, load, save."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.lm.hub import local_folder
from pipeline.lm.template import end_tokens

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
# What a generation configuration says that is no advice on sampling.
GENERATION_FACTS = {
    "_from_model_config",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "transformers_version",
    "use_cache",
    "output_attentions",
    "output_hidden_states",
}


@dataclass(frozen=True)
class ModelConfig:
    """The base model: a Hugging Face folder or hub name, or a Llama from scratch of the sizes
    below.

    Head dimension is hidden_size / heads; vLLM on a CPU needs 32, 64, 80, 96, 112, 128 ...
    """

    path: str = ""  # a folder, or a name on the hub such as Qwen/Qwen2.5-0.5B; "" is from scratch
    hidden_size: int = 96
    layers: int = 3
    heads: int = 3
    intermediate_size: int = 256
    vocab_size: int = 1024
    context: int = 512
    init_std: float = 0.08

    def __post_init__(self) -> None:
        if not self.path and self.hidden_size % self.heads:
            raise UserError(
                f"model.hidden_size={self.hidden_size} must be a multiple of model.heads={self.heads}"
            )


def new_model(cfg: ModelConfig, vocab_size: int, bos: int, eos: int, seed: int):
    """A Llama from scratch: weights from normal(0, init_std).

    Projections into the residual stream are divided by sqrt(2 layers).
    """
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
    """The tokenizer of a model folder or of a model on the hub.

    Raises UserError when the folder, its tokenizer or its end token is missing.
    """
    folder = _model_folder(folder)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise UserError(
            f"{folder}: no tokenizer ({', '.join(TOKENIZER_FILES)}) in this folder; copy one in"
        )
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"{folder}: the tokenizer has no eos_token, which ends every output; "
            "set it in tokenizer_config.json"
        )
    return tokenizer


def load_base(path: str, device: str = "cpu"):
    """Tokenizer and model that a run starts from; the model remembers that it was pretrained."""
    tokenizer, model = load_tokenizer(path), load_model(path, device=device)
    model.config.pretrained_base = Path(path).name
    return tokenizer, model


def load_model(folder: str | Path, dtype=None, device: str = "cpu"):
    """The model of a folder or hub name, in evaluation mode; float32 unless `dtype` says otherwise.

    Raises UserError when files are missing, or transformers knows no such model.
    """
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
        attn_implementation=_attention(folder),
    )
    return model.to(device).eval()


def _attention(folder: Path) -> str:
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    found = kind in CONFIG_MAPPING and CONFIG_MAPPING[kind] in MODEL_FOR_CAUSAL_LM_MAPPING
    if not found:  # code from the hub is never run
        raise UserError(f"{folder}: transformers has no causal language model of type {kind!r}")
    return attention_of(AutoConfig.from_pretrained(folder, local_files_only=True))


def attention_of(config) -> str:
    """The fused kernel, but for models that cap their attention scores or know no such kernel."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    fused = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]._supports_sdpa
    capped = getattr(config, "attn_logit_softcapping", None)
    return "sdpa" if fused and not capped else "eager"


def save_model(model, tokenizer, folder: str | Path) -> None:
    """Write a folder that transformers and vLLM load, with every token that ends an output.

    A publisher's advice on sampling is left behind: it was for other weights, and some of it
    (Llama 2's) cannot be written again. Of several processes the first one writes.
    """
    from transformers import GenerationConfig

    from pipeline.lm import parallel, whole

    folder = Path(folder)
    if parallel.first():
        folder.mkdir(parents=True, exist_ok=True)
    ends = end_tokens(tokenizer, model)
    saved, model = model, getattr(model, "frame", model)
    if set(model.generation_config.to_diff_dict()) - GENERATION_FACTS:
        model.generation_config = GenerationConfig(
            bos_token_id=tokenizer.bos_token_id, pad_token_id=model.config.pad_token_id
        )
    model.generation_config.eos_token_id = ends[0] if len(ends) == 1 else list(ends)
    whole.save_weights(saved, folder)
    if parallel.first():
        tokenizer.save_pretrained(folder)


def _model_folder(folder: str | Path) -> Path:
    folder = local_folder(folder)
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(
            f"{folder}: no config.json here; give a Hugging Face model folder or hub name, or run "
            "the stage that makes it"
        )
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{config}: not JSON ({error}); copy the model folder again") from None
    return folder
