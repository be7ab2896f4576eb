"""Every metric of an RL run, defined once: name -> (definition, unit). `loop` writes no other."""

from __future__ import annotations

GLOSSARY: dict[str, tuple[str, str]] = {
    "step": (
        "number of the rollout batch, from 1; row 0 is the instruct model before any update",
        "steps",
    ),
    "reward": (
        "mean over the step's outputs of an output's mean step reward (its reward under outcome supervision)",
        "reward",
    ),
    "accuracy": (
        "share of the step's sampled outputs whose final answer the rule finds right",
        "share",
    ),
    "loss": (
        "-sum over tokens of weight x GC x log pi_theta in the first update of the step (Eq. 5); DPO: -log sigma of "
        "the margin, mean over pairs",
        "nats",
    ),
    "kl": (
        "mean over the step's output tokens of pi_ref/pi - log(pi_ref/pi) - 1 before the first update (Eq. 4); only in "
        "arms with a reference. Offline arms: over their pairs, rejected outputs too, so no estimate of the policy's KL",
        "nats per token",
    ),
    "entropy": (
        "mean of -log pi_old of the sampled tokens, an unbiased estimate of the entropy at the sampling "
        "temperature; only in arms that sample from the policy",
        "nats per token",
    ),
    "length": ("mean length of the outputs that the step trains on, EOS included", "tokens"),
    "length_right": (
        "the same over outputs with a right answer; absent when there is none",
        "tokens",
    ),
    "length_wrong": (
        "the same over outputs without a right answer; absent when there is none",
        "tokens",
    ),
    "zero_variance": (
        "share of the step's groups whose rewards are all equal: they give no policy gradient. With "
        "dynamic_sampling, as `reward` and `accuracy`: over all groups that were sampled",
        "share",
    ),
    "draws": (
        "times that questions were drawn in the step; only with dynamic_sampling",
        "draws",
    ),
    "truncated": ("share of the step's outputs that reached max_new_tokens without EOS", "share"),
    "clip_fraction": (
        "share of output tokens whose policy term was clipped, over all updates of the step",
        "share",
    ),
    "grad_norm": (
        "norm of the whole gradient before clipping, mean over the updates of the step",
        "-",
    ),
    "lr": ("learning rate of the step", "-"),
    "sampler_gap": (
        "mean over the step's output tokens of |log-probability of the sampler - that of the trainer| before the "
        "first update; outputs that need no pass are left out; only in arms that sample from the policy",
        "nats",
    ),
    "sampler_gap_p95": ("95th percentile of the same", "nats"),
    "sampler_gap_max": ("maximum of the same", "nats"),
    "value_loss": (
        "PPO: weighted mean of (V - return)^2 / 2 in the first update",
        "reward squared",
    ),
    "margin": ("DPO: mean margin of Eq. 12", "nats"),
    "preferred": ("DPO: share of pairs with a positive margin", "share"),
    "outputs": ("outputs that the step trained on", "outputs"),
    "samples": ("outputs sampled so far, the offline pool included, validation not", "outputs"),
    "tokens": ("output tokens trained on so far", "tokens"),
    "flops": (
        "FLOPs so far by formula (pipeline/lm/flops.py): sampling, scoring by a model, reference, updates; "
        "each output counted, though equal ones share a pass (a reward model is trained on distinct ones, each counted "
        "once); validation not",
        "FLOP",
    ),
    "validation_greedy": (
        "accuracy of greedy outputs on the held-out validation questions after this step",
        "share",
    ),
    "validation_sampled": (
        "mean accuracy of sampled outputs there, at validation_temperature",
        "share",
    ),
    "validation_truncated": (
        "share of the greedy outputs there that reached max_new_tokens",
        "share",
    ),
    "validation_length": ("mean length of the greedy outputs there", "tokens"),
    "iteration": (
        "iteration of Algorithm 1 that the step belongs to, from 1; only where there are several",
        "-",
    ),
    "judge_accuracy": (
        "accuracy of the reward model on fresh outputs of the policy, before it is trained on them; in the first "
        "row of iteration 2, 3, ...",
        "share",
    ),
}
LANGUAGES = ("en", "zh")
for _language in LANGUAGES:
    GLOSSARY[f"validation_greedy_{_language}"] = (
        f"validation_greedy over the questions in {_language}",
        "share",
    )
    GLOSSARY[f"validation_sampled_{_language}"] = (
        f"validation_sampled over the questions in {_language}",
        "share",
    )


def checked(row: dict[str, float]) -> dict[str, float]:
    """The row itself. Raises KeyError for a metric that nobody has defined.

    `own/<name>` are the user's metrics, `reward/<name>` the means of the parts of a weighted reward.
    """
    for name in row:
        if not name.startswith(("own/", "reward/")):
            GLOSSARY[name]
    return row
