"""The engine of a model, asked first whether it samples from it as the model itself would."""

from __future__ import annotations

import torch

from pipeline.errors import UserError
from pipeline.lm.features import narrow_window
from pipeline.lm.generate.api import Engine, Sampling
from pipeline.lm.generate.fast import FastEngine, refusal
from pipeline.lm.generate.hf import HFEngine
from pipeline.lm.optim import autocast
from pipeline.lm.passes import Rows
from pipeline.lm.probe import WINDOW, compare, own_log_probs, probe_rows


def make_engine(name: str, model, tokenizer, compute_dtype: str = "float32") -> Engine:
    """The engine of this name.

    fast -- own decoder, for Llama-like models; hf -- any causal LM, through transformers' cache;
    auto -- fast where it can. `compute_dtype` is that of training, so that the sampler's
    log-probabilities are the trainer's. Raises UserError for a model that the engine cannot sample
    from as the model would itself.
    """
    if name not in ("fast", "hf", "auto"):
        raise UserError(f"engine={name}: choose fast, hf or auto")
    why = refusal(model.config)
    if name == "fast" and why:
        raise UserError(f"{why}; use engine=hf")
    kind = HFEngine if name == "hf" or why else FastEngine
    engine = kind(model, tokenizer, compute_dtype)
    probe_engine(engine, model)
    return engine


def probe_engine(engine, model) -> None:
    """Compare the log-probabilities that an engine states for its outputs with the model's own.

    Raises UserError as `probe` does.
    """
    rows, dtype = probe_rows(model.config), engine.compute_dtype
    with torch.no_grad(), autocast(model, dtype), narrow_window(model.config, WINDOW):
        prompts = [rows.prompts[p] for p in rows.prompt_of]
        outputs = engine.sample(prompts, range(len(prompts)), Sampling(max_new_tokens=8))
        drawn = Rows(rows.prompts, [list(o.tokens) for o in outputs], rows.prompt_of)
        truth = own_log_probs(model, drawn)
    compare(model, dtype, "the sampler", truth, [list(o.logprobs) for o in outputs])
