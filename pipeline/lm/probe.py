"""Does a model answer in our passes and samplers as it does by itself? Asked of every model before it is trained.

A dozen short random sequences go through the model's own forward, one at a time and without
padding, and through what the project does with them: prompts of several lengths in one batch, their
outputs padded, windows made so narrow that the sequences pass them, and sampling. The
log-probabilities of all tokens must agree; a feature that nobody thought of shows here and not after
a run.
"""

from __future__ import annotations

import torch

from pipeline.errors import UserError
from pipeline.lm.features import has_window, narrow_window, rope_kind, router_note
from pipeline.lm.generate.api import Sampling
from pipeline.lm.passes import Rows, output_log_probs

WINDOW = 6  # positions; the probe's sequences are longer
LENGTHS = ((5, (9, 4)), (14, (12, 7)))  # of each prompt, and of its outputs
# nats; rounding is 1e-5 in float32, a feature that is not known changes tenths
TOLERANCE = {torch.float64: 1e-3, torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}


def probe(model, engine=None) -> None:
    """Compare our passes, and `engine` where there is one, with the model's own forward.

    Raises UserError that names the model's features when they differ. Draws nothing from a global
    generator and leaves the model as it is.
    """
    rows = _rows(model.config)
    with torch.no_grad(), narrow_window(model.config, WINDOW):
        truth = own_log_probs(model, rows)
        try:
            found = output_log_probs(model, rows, 1.0, 64)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise UserError(
                f"{describe(model)}: this architecture cannot be trained here: "
                f"{' '.join(str(error).split())}"
            ) from error
        ours = [found[b, : len(output)].tolist() for b, output in enumerate(rows.outputs)]
        _compare(model, "the trainer's passes", truth, ours)
        if engine is not None:
            drawn, theirs = _sampled(engine, rows)
            _compare(model, "the sampler", own_log_probs(model, drawn), theirs)
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


def _rows(config) -> Rows:
    generator = torch.Generator().manual_seed(0)

    def random(count: int) -> list[int]:
        return torch.randint(0, config.vocab_size, (count,), generator=generator).tolist()

    prompts = [random(length) for length, _ in LENGTHS]
    outputs = [random(length) for _, lengths in LENGTHS for length in lengths]
    return Rows(prompts, outputs, [p for p, (_, lengths) in enumerate(LENGTHS) for _ in lengths])


def _sampled(engine, rows: Rows) -> tuple[Rows, list[list[float]]]:
    """What the engine draws for these prompts, and the log-probabilities that it states."""
    prompts = [rows.prompts[p] for p in rows.prompt_of]
    outputs = engine.sample(prompts, range(len(prompts)), Sampling(max_new_tokens=8))
    drawn = Rows(rows.prompts, [list(o.tokens) for o in outputs], rows.prompt_of)
    return drawn, [list(o.logprobs) for o in outputs]


def _compare(model, what: str, truth: list[list[float]], found: list[list[float]]) -> None:
    gaps = [
        abs(t - f) for ts, fs in zip(truth, found, strict=True) for t, f in zip(ts, fs, strict=True)
    ]
    mean = sum(gaps) / len(gaps)
    if not mean <= TOLERANCE[model.dtype]:
        raise UserError(
            f"{describe(model)}: log-probabilities of {what} differ from the model's own by "
            f"{mean:.2g} nats per token; this model has a feature that is not supported, and would "
            "be trained or sampled wrongly"
        )
