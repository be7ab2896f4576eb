"""Does a model answer in our passes and samplers as it does by itself? Asked of every model before
it is trained.

A dozen short random sequences go through the model's own forward, one at a time and without
padding, and through what the project does with them: prompts of several lengths in one batch, their
outputs padded, windows made so narrow that the sequences pass them, and sampling. The
log-probabilities of all tokens must agree; a feature that nobody thought of shows here and not
after a run.
"""

from __future__ import annotations

import math

import torch

from pipeline.errors import UserError
from pipeline.lm import shards
from pipeline.lm.features import has_window, narrow_window, rope_kind, router_note
from pipeline.lm.optim import autocast
from pipeline.lm.passes import Rows, output_log_probs

WINDOW = 6  # positions; the probe's sequences are longer
LENGTHS = ((5, (9, 4)), (14, (12, 7)))  # of each prompt, and of its outputs
# nats; rounding is 1e-5 in float32, a feature that is not known changes tenths
TOLERANCE, LOW_TOLERANCE = 1e-3, 0.1


def probe(model, compute_dtype: str = "float32") -> None:
    """Compare our passes with the model's own forward, both in `compute_dtype`.

    Raises UserError that names the model's features when they differ. Draws nothing from a global
    generator and leaves the model as it is.
    """
    rows = probe_rows(model.config)
    with torch.no_grad(), autocast(model, compute_dtype), narrow_window(model.config, WINDOW):
        truth = own_log_probs(model, rows)
        try:
            found = output_log_probs(model, rows, 1.0, 64)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise UserError(
                f"{describe(model)}: this architecture cannot be trained here: "
                f"{' '.join(str(error).split())}"
            ) from error
    ours = [found[b, : len(output)].tolist() for b, output in enumerate(rows.outputs)]
    compare(model, compute_dtype, "the trainer's passes", truth, ours)
    if note := router_note(model.config):
        print(note)


def own_log_probs(model, rows: Rows) -> list[list[float]]:
    """Log-probabilities of each output's tokens by the model's own forward, one sequence at a time."""
    found = []
    for output, p in zip(rows.outputs, rows.prompt_of, strict=True):
        tokens = torch.tensor([rows.prompts[p] + output], device=model.device)
        logp_TV = model(input_ids=tokens, use_cache=False).logits[0].float().log_softmax(-1)
        before = logp_TV[len(rows.prompts[p]) - 1 : -1]
        found.append(before.gather(1, tokens[0, len(rows.prompts[p]) :, None])[:, 0].tolist())
    shards.at_rest(model)
    return found


def describe(model) -> str:
    """The model's kind and the features that are likely to stand in the way."""
    config = model.config
    told = {
        key: value
        for key, value in config.to_dict().items()
        if value and any(word in key for word in ("softcap", "logit_", "logits_", "multiplier"))
    }
    if has_window(config):
        told["sliding_window"] = getattr(config, "sliding_window", None)
    if rope_kind(config) != "default":
        told["rope"] = rope_kind(config)
    listed = ", ".join(f"{key}={value}" for key, value in sorted(told.items()))
    return f"{config.model_type}{f' ({listed})' if listed else ''}"


def probe_rows(config) -> Rows:
    """Two prompts of unequal length with two outputs each, of random tokens."""
    generator = torch.Generator().manual_seed(0)

    def random(count: int) -> list[int]:
        return torch.randint(0, config.vocab_size, (count,), generator=generator).tolist()

    prompts = [random(length) for length, _ in LENGTHS]
    outputs = [random(length) for _, lengths in LENGTHS for length in lengths]
    return Rows(prompts, outputs, [p for p, (_, lengths) in enumerate(LENGTHS) for _ in lengths])


def compare(model, compute_dtype: str, what: str, truth, found) -> None:
    """Raise UserError where two lists of log-probabilities differ by more than rounding."""
    if not all(math.isfinite(t) for ts in truth for t in ts):
        raise UserError(
            f"{describe(model)}: the model's own log-probabilities are not finite; its weights are "
            "damaged: load them again from where they came from"
        )
    pairs = zip(truth, found, strict=True)
    gaps = [abs(t - f) for ts, fs in pairs for t, f in zip(ts, fs, strict=True)]
    mean = sum(gaps) / len(gaps)
    low = compute_dtype == "bfloat16" or model.dtype in (torch.bfloat16, torch.float16)
    if not mean <= (LOW_TOLERANCE if low else TOLERANCE):
        raise UserError(
            f"{describe(model)}: log-probabilities of {what} differ from the model's own by "
            f"{mean:.2g} nats per token; this model has a feature that is not supported, and would "
            "be trained or sampled wrongly"
        )
