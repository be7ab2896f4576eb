"""Table 10 as functions: what an arm does at each of the places where arms differ, looked up once.

Legend: B outputs of the batch, R rows of a micro-batch, P pairs, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.lm.passes import pad
from pipeline.lm.rollouts import Rollouts
from pipeline.rl import data_source, ppo
from pipeline.rl.batch import Batch, Part
from pipeline.rl.bridge import importance
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.gradient_coefficient import (
    dpo_coefficient,
    dpo_margin,
    gradient_coefficient,
    group_advantage,
    kl_to_reference,
    step_advantage,
    step_of_token,
    token_weights,
)
from pipeline.rl.own_rewards import own_reward
from pipeline.rl.reward_function import REWARD_FUNCTIONS, Rewarded
from pipeline.rl.training import Training

Sums = dict[str, float]  # of a micro-batch, for the metrics


@dataclass(frozen=True)
class Method:
    """The functions of one arm; `pipeline/rl/loop.py` calls each of them in one place."""

    draw: Callable[[Training, int], Rollouts]  # data source: who answers
    reward: Callable  # reward function: who judges
    weight: Callable[[ArmConfig, RLConfig, Tensor], Tensor]  # of a token in the batch's mean
    advantage: Callable[[Training, Batch, Rollouts, Rewarded | None], Batch]
    coefficient: Callable[[ArmConfig, Part, Tensor, Tensor], tuple[Tensor, Sums]]
    pairs: bool = False  # outputs 2p and 2p + 1 belong together


def method_of(arm: ArmConfig) -> Method:
    """The functions of an arm. `ArmConfig` has refused combinations that make no sense."""
    kind = arm.gradient_coefficient
    pairs = kind == "dpo"
    return Method(
        draw=DRAW[arm.data_source, pairs],
        reward=reward_of(arm),
        weight=WEIGHT[pairs],
        advantage=ADVANTAGE[kind],
        coefficient=COEFFICIENT[kind],
        pairs=pairs,
    )


def reward_of(arm: ArmConfig) -> Callable:
    """The pipeline's reward function of this name, or one of the user's own, or several."""
    if arm.rewards:
        return own_reward(arm.rewards)
    name = arm.reward_function
    return own_reward({name: 1.0}) if ":" in name else REWARD_FUNCTIONS[name]


def new_batch(method: Method, arm: ArmConfig, cfg: RLConfig, rollouts: Rollouts) -> Batch:
    """The step's outputs with the weights of their tokens; advantages are 0 until they are
    computed.
    """
    lengths_B = torch.tensor(list(map(len, rollouts.rows.outputs)), dtype=torch.long)
    if not len(lengths_B):  # an offline arm whose questions have no right output, or no pair
        return Batch(rollouts.rows, torch.zeros(0), torch.zeros(0, 1), pairs=method.pairs)
    zero_BT = torch.zeros(len(lengths_B), int(lengths_B.max()))
    weight_B = method.weight(arm, cfg, lengths_B)
    sampled_BT = pad(rollouts.logprobs, torch.float32)[0] if arm.importance_cap else None
    return Batch(rollouts.rows, weight_B, zero_BT, sampled_BT=sampled_BT, pairs=method.pairs)


# ---- weights


def mean_weight(arm: ArmConfig, cfg: RLConfig, lengths_B: Tensor) -> Tensor:
    """1/G 1/|o_i| of Eq. 3, or what `aggregation` says instead."""
    outputs, tokens = len(lengths_B), int(lengths_B.sum())
    return token_weights(lengths_B, arm.aggregation, outputs, tokens, cfg.max_new_tokens)


def pair_weight(arm: ArmConfig, cfg: RLConfig, lengths_B: Tensor) -> Tensor:
    """Mean over pairs; of a mean over tokens (Eq. 12) or of a sum (the original DPO)."""
    pairs = len(lengths_B) // 2
    length_B = lengths_B.double() if arm.dpo_reduction == "mean" else torch.ones(len(lengths_B))
    return 1.0 / (pairs * length_B.double())


# ---- advantages


def every_token(run: Training, batch: Batch, rollouts: Rollouts, rewarded: None) -> Batch:
    """SFT: 1. The margin of DPO needs no advantage either."""
    return _filled(batch, torch.ones(len(batch.rows.outputs), 1))


def right_only(run: Training, batch: Batch, rollouts: Rollouts, rewarded: Rewarded) -> Batch:
    """RFT and Online RFT: 1 if the answer is right, else 0 (Eq. 10)."""
    return _filled(batch, torch.tensor([float(right) for right in rewarded.right])[:, None])


def outcome_advantage(run: Training, batch: Batch, rollouts: Rollouts, rewarded: Rewarded) -> Batch:
    """GRPO with outcome supervision (4.1.2)."""
    r_QG = torch.tensor(rewarded.rewards, dtype=torch.float64).view(-1, run.cfg.group_size)
    a_QG = group_advantage(r_QG, run.arm.advantage_std, run.arm.std_eps)
    return _filled(batch, a_QG.view(-1, 1).float())


def process_advantage(run: Training, batch: Batch, rollouts: Rollouts, rewarded: Rewarded) -> Batch:
    """GRPO with process supervision (4.1.3)."""
    r_BK, present_BK = pad(rewarded.rewards, torch.float64)
    end_BK, _ = pad(rewarded.ends, torch.long)
    std, eps = run.arm.advantage_std, run.arm.std_eps
    a_BK = step_advantage(r_BK, present_BK, run.cfg.group_size, std, eps)
    step_BT = step_of_token(end_BK, present_BK, batch.advantage_BT.shape[1])
    return _filled(batch, a_BK.gather(1, step_BT).float())


def _filled(batch: Batch, advantage_BT: Tensor) -> Batch:
    """The batch with these advantages, 0 after an output's end."""
    lengths_B = torch.tensor(list(map(len, batch.rows.outputs)))
    mask_BT = torch.arange(batch.advantage_BT.shape[1])[None] < lengths_B[:, None]
    return replace(batch, advantage_BT=advantage_BT * mask_BT)


# ---- gradient coefficients


def coefficient_of_advantage(
    arm: ArmConfig, part: Part, logp_RT: Tensor, mask_RT: Tensor
) -> tuple[Tensor, Sums]:
    """Eq. 21 with the ratio and the clip of Eq. 3, for every arm but DPO."""
    advantage_RT = part.advantage_RT
    if part.sampled_RT is not None:
        first_RT = logp_RT if part.old_logp_RT is None else part.old_logp_RT
        weight_RT = importance(first_RT, part.sampled_RT, arm.importance_cap)
        advantage_RT = advantage_RT * torch.where(mask_RT, weight_RT, 0.0)
    gc_RT, clipped_RT = gradient_coefficient(
        advantage_RT,
        logp_RT,
        part.old_logp_RT,
        part.ref_logp_RT,
        arm.kl_coef if arm.kl_place == "loss" else 0.0,
        arm.clip_eps,
        clip_eps_high=arm.clip_eps_high,
        dual_clip=arm.dual_clip,
        kl_estimator=arm.kl_estimator,
        sequence_mask_BT=mask_RT if arm.ratio == "sequence" else None,
    )
    clipped_R = (clipped_RT & mask_RT).sum(1).double()
    return gc_RT, {"clipped": (clipped_R @ part.copies_R).item(), **_kl(part, logp_RT, mask_RT)}


def coefficient_without_kl(
    arm: ArmConfig, part: Part, logp_RT: Tensor, mask_RT: Tensor
) -> tuple[Tensor, Sums]:
    """PPO has its KL term in the reward (Eq. 2)."""
    return coefficient_of_advantage(replace(arm, kl_coef=0.0), part, logp_RT, mask_RT)


def coefficient_of_pairs(
    arm: ArmConfig, part: Part, logp_RT: Tensor, mask_RT: Tensor
) -> tuple[Tensor, Sums]:
    """Eq. 14: the loss that is reported is DPO's own, -log sigma of the margin, summed over pairs."""
    margin_P = dpo_margin(logp_RT, part.ref_logp_RT, mask_RT, arm.kl_coef, arm.dpo_reduction)
    sums = {
        "loss": torch.nn.functional.softplus(-margin_P.double()).sum().item(),
        "margin": margin_P.double().sum().item(),
        "preferred": int((margin_P > 0).sum()),
    }
    gc_RT = dpo_coefficient(margin_P, arm.kl_coef)[:, None].expand_as(logp_RT)
    return gc_RT, sums | _kl(part, logp_RT, mask_RT)


def _kl(part: Part, logp_RT: Tensor, mask_RT: Tensor) -> Sums:
    """Eq. 4 summed over tokens, where the arm has a reference."""
    if part.ref_logp_RT is None:
        return {}
    kl_RT = kl_to_reference(logp_RT, part.ref_logp_RT)
    kl_R = torch.where(mask_RT, kl_RT, 0.0).double().sum(1)
    return {"kl": (kl_R @ part.copies_R).item()}


DRAW = {
    ("sft", False): data_source.worked_solutions,
    ("offline", False): data_source.offline,
    ("offline", True): data_source.offline_pairs,
    ("online", False): data_source.online,
}
WEIGHT = {False: mean_weight, True: pair_weight}
ADVANTAGE = {
    "sft": every_token,
    "rft": right_only,
    "dpo": every_token,
    "ppo": ppo.whitened_advantage,
    "grpo_outcome": outcome_advantage,
    "grpo_process": process_advantage,
}
COEFFICIENT = {
    "sft": coefficient_of_advantage,
    "rft": coefficient_of_advantage,
    "dpo": coefficient_of_pairs,
    "ppo": coefficient_without_kl,
    "grpo_outcome": coefficient_of_advantage,
    "grpo_process": coefficient_of_advantage,
}
