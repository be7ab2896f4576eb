"""Sampling outputs from a policy. `make_engine("fast" | "hf" | "vllm", model, tokenizer)`; one seed per row decides its randomness."""

from pipeline.lm.generate.api import Engine, Output, Sampling, check_sync, make_engine

__all__ = ["Engine", "Output", "Sampling", "check_sync", "make_engine"]
