"""The engine of a model, asked first whether it samples from it as the model itself would."""

from __future__ import annotations

from contextlib import nullcontext

import torch

from pipeline.errors import UserError
from pipeline.lm import parallel, whole
from pipeline.lm.features import narrow_window
from pipeline.lm.generate.api import Engine, Sampling
from pipeline.lm.generate.copied import CopyEngine
from pipeline.lm.generate.fast import FastEngine, refusal
from pipeline.lm.generate.hf import HFEngine
from pipeline.lm.optim import autocast
from pipeline.lm.passes import Rows
from pipeline.lm.probe import WINDOW, compare, own_log_probs, probe_rows


def make_engine(name: str, model, tokenizer, compute_dtype: str = "float32") -> Engine:
    """The engine of this name.

    fast -- own decoder, for Llama-like models; hf -- any causal LM, through transformers' cache;
    vllm -- vLLM, where it is installed; auto -- one of these, and says which. `compute_dtype` is
    that of training, so that the sampler's log-probabilities are the trainer's. Raises UserError
    for a model that the engine cannot sample from as the model would itself.
    """
    refused = refusal(model.config)
    if name == "auto":
        name, reason = choose(model.device.type, refused)
        print(f"engine=auto: {name}, because {reason}")
    if name == "fast" and refused:
        raise UserError(f"{refused}; use engine=hf")
    kind = engine_class(name)
    if whole.in_parts(model) and name != "vllm":  # vLLM has a copy of its own
        engine = CopyEngine(kind, model, tokenizer, compute_dtype)
    else:
        engine = kind(model, tokenizer, compute_dtype)
    probe_engine(engine, model)
    return engine


def engine_class(name: str) -> type:
    """The class of an engine; vLLM's is imported only when it is asked for."""
    if name == "vllm":
        if parallel.world() > 1:
            raise UserError("engine=vllm works in a job of one process; take engine=hf or fast")
        from pipeline.lm.generate.vllm import VLLMEngine

        return VLLMEngine
    known = {"fast": FastEngine, "hf": HFEngine}
    if name not in known:
        raise UserError(f"engine={name}: choose fast, hf, vllm or auto")
    return known[name]


def choose(device: str, refused: str) -> tuple[str, str]:
    """What `auto` takes, and why. `refused`: why the own decoder cannot sample from the model."""
    from pipeline.lm.generate.vllm import missing

    absent = missing() or ("" if parallel.world() == 1 else "vLLM works in a job of one process")
    if device == "cuda" and not absent:
        return "vllm", "the model is on a GPU and vLLM is installed"
    without = absent if device == "cuda" else "vLLM pays on a GPU alone"
    if refused:
        return "hf", f"{refused.removeprefix('engine=')}; {without}"
    return "fast", f"the model is Llama-like; {without}"


def probe_engine(engine, model) -> None:
    """Compare the log-probabilities that an engine states for its outputs with the model's own.

    Raises UserError as `probe` does.
    """
    rows, dtype = probe_rows(model.config), engine.compute_dtype
    narrow = nullcontext() if engine.windows_fixed else narrow_window(model.config, WINDOW)
    with torch.no_grad(), autocast(model, dtype), narrow:
        prompts = [rows.prompts[p] for p in rows.prompt_of]
        outputs = engine.sample(prompts, range(len(prompts)), Sampling(max_new_tokens=8))
        drawn = Rows(rows.prompts, [list(o.tokens) for o in outputs], rows.prompt_of)
        truth = own_log_probs(model, drawn)
    compare(model, dtype, "the sampler", truth, [list(o.logprobs) for o in outputs])
