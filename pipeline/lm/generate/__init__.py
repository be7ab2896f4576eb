"""Sampling outputs from a policy: `make_engine("fast" | "hf" | "vllm" | "auto", model, tokenizer)`.

One seed per row decides its randomness.
"""

from pipeline.lm.generate.api import Engine, Output, Sampling, check_sync
from pipeline.lm.generate.make import make_engine

__all__ = ["Engine", "Output", "Sampling", "check_sync", "make_engine"]
