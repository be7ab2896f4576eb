"""As in the paper, as others do it: every place where TRL, verl, open-instruct, DAPO or Dr. GRPO
differ.

Each switch of an arm is one function here or in `gradient_coefficient`, and its default is the
paper's. docs/bridge.md says whose each setting is. None of them is inside the loss.

Legend: B outputs of the batch (R of a micro-batch), Q questions, G outputs per question, T tokens.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pipeline.lm.rollouts import Rollouts
from pipeline.rl.batch import Batch
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.reward_function import Rewarded


def kl_coefficient(estimator: str, logp_BT: Tensor, ref_logp_BT: Tensor) -> Tensor:
    """The KL term's part of the gradient coefficient: minus the slope of the estimator in log pi.

    k3 -- pi_ref/pi - log(pi_ref/pi) - 1, the paper's Eq. 4: pi_ref/pi - 1; k1 -- log(pi/pi_ref):
    -1, which pushes nothing on average; k2 -- (log pi/pi_ref)^2 / 2: log(pi_ref/pi), the gradient
    of the true KL on average (arXiv 2506.09477).
    """
    difference = ref_logp_BT - logp_BT
    if estimator == "k3":
        return torch.expm1(difference)
    return difference if estimator == "k2" else -torch.ones_like(logp_BT)


def token_ratio(logp_BT: Tensor, old_logp_BT: Tensor) -> Tensor:
    """pi_theta / pi_old of each token, as in Eq. 3."""
    return (logp_BT - old_logp_BT).exp()


def sequence_ratio(logp_BT: Tensor, old_logp_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """The geometric mean of the tokens' ratios, the same for every token of an output (GSPO, arXiv
    2507.18071).
    """
    log_BT = torch.where(mask_BT, logp_BT - old_logp_BT, 0.0)
    mean_B1 = log_BT.sum(1, keepdim=True) / mask_BT.sum(1, keepdim=True).clamp(min=1)
    return mean_B1.exp().expand_as(logp_BT)


def clipped(advantage_BT: Tensor, ratio_BT: Tensor, low: float, high: float, dual: float) -> Tensor:
    """Which tokens have no policy gradient: the ratio has left [1 - low, 1 + high] where A would
    push it on.

    high > low is clip-higher (DAPO, arXiv 2503.14476). dual > 1 also stops tokens with a negative
    advantage whose ratio is above it (dual-clip PPO, arXiv 1912.09729); 0 is none.
    """
    rises = (advantage_BT > 0) & (ratio_BT > 1 + high)
    falls = (advantage_BT < 0) & (ratio_BT < 1 - low)
    if not dual:
        return rises | falls
    return rises | falls | ((advantage_BT < 0) & (ratio_BT > dual))


def importance(logp_BT: Tensor, sampled_BT: Tensor, cap: float) -> Tensor:
    """min(pi_trainer / pi_sampler, cap) of each token: truncated importance sampling.

    It corrects for a sampler in another arithmetic than the trainer (verl's rollout_is, TRL's
    importance_sampling_correction).
    """
    return (logp_BT - sampled_BT).exp().clamp(max=cap)


def overlong_penalty(length: int, most: int, buffer: int) -> float:
    """0 up to `most - buffer` tokens, then linearly to -1 at `most` (DAPO's soft overlong
    punishment).
    """
    return -max(0.0, min(1.0, (length - (most - buffer)) / buffer))


def shaped(
    arm: ArmConfig,
    cfg: RLConfig,
    rewarded: Rewarded | None,
    batch: Batch,
    logprobs: list[list[float]],
) -> Rewarded | None:
    """The rewards with what an arm adds to the last one of each output; themselves in the paper's
    arms.

    overlong_buffer -- the penalty of long outputs; kl_place=reward -- minus beta times the
    sampler's log-ratio to the reference, summed over the output (verl's use_kl_in_reward, RLOO).
    """
    in_reward = arm.kl_place == "reward" and batch.ref_logp_BT is not None
    if rewarded is None or not (arm.overlong_buffer or in_reward):
        return rewarded
    rewards = [list(row) for row in rewarded.rewards]
    for b, tokens in enumerate(batch.rows.outputs):
        if arm.overlong_buffer:
            rewards[b][-1] += overlong_penalty(len(tokens), cfg.max_new_tokens, arm.overlong_buffer)
        if in_reward:
            ref = batch.ref_logp_BT[b, : len(tokens)].sum().item()
            rewards[b][-1] -= arm.kl_coef * (sum(logprobs[b]) - ref)
    return replace(rewarded, rewards=rewards)


def kept_outputs(
    arm: ArmConfig, cfg: RLConfig, finished: list[bool], rewarded: Rewarded | None
) -> list[bool]:
    """Outputs that enter the mean of the batch.

    mask_truncated leaves out those that reached max_new_tokens (DAPO's overlong filtering, TRL's
    mask_truncated_completions); drop_equal_groups those of groups whose rewards are all equal
    (DAPO's dynamic sampling; `dynamic_sampling` draws others instead, pipeline/rl/dynamic.py).
    `rewarded`: by the reward function, before `shaped` adds anything, as DAPO looks at accuracy.
    """
    kept = [done or not arm.mask_truncated for done in finished]
    if not arm.drop_equal_groups or rewarded is None:
        return kept
    size = cfg.group_size
    for group, same in enumerate(equal_groups(rewarded, size)):
        if same:
            kept[group * size : (group + 1) * size] = [False] * size
    return kept


def equal_groups(rewarded: Rewarded, size: int) -> list[bool]:
    """Whether the rewards of a group are all equal, for each group of `size` outputs."""
    found = []
    for start in range(0, len(rewarded.rewards), size):
        flat = [r for row in rewarded.rewards[start : start + size] for r in row]
        found.append(min(flat) == max(flat))
    return found


def reweighed(
    arm: ArmConfig,
    cfg: RLConfig,
    batch: Batch,
    rollouts: Rollouts,
    rewarded: Rewarded | None,
    weight,
) -> Batch:
    """The batch with weights over the kept outputs alone, as if the others had not been sampled.

    `weight` is the arm's weight function. Outputs that are left out have weight 0, advantage 0 and no
    KL term.
    """
    if not arm.mask_truncated and not arm.drop_equal_groups:
        return batch
    kept_B = torch.tensor(kept_outputs(arm, cfg, rollouts.finished, rewarded))
    lengths_B = torch.tensor(list(map(len, batch.rows.outputs)))
    weight_B = torch.zeros(len(kept_B), dtype=torch.float64)
    if kept_B.any():
        weight_B[kept_B] = weight(arm, cfg, lengths_B[kept_B]).double()
    return replace(
        batch, weight_B=weight_B, advantage_BT=torch.where(kept_B[:, None], batch.advantage_BT, 0.0)
    )
