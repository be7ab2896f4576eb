"""One update of the policy: the gradient of Eq. 5 over the whole batch, clipped, then AdamW.

Legend: B outputs of the batch, R rows of a micro-batch, P pairs, T tokens. Sums are over the whole batch, in float64, so
that no split into micro-batches changes a metric.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.lm.passes import Rows, accumulate, first_equal, pad
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.data_source import Rollouts
from pipeline.rl.gradient_coefficient import (
    dpo_coefficient,
    dpo_margin,
    gradient_coefficient,
    group_advantage,
    kl_to_reference,
    policy_loss,
    step_advantage,
    step_of_token,
    token_weights,
    zero_variance,
)
from pipeline.rl.reward_function import Judged


@dataclass(frozen=True)
class Batch:
    """What an update needs. Advantages were computed on whole groups, weights on the whole batch."""

    rows: Rows
    advantage_BT: Tensor
    weight_B: Tensor
    ref_logp_BT: Tensor | None = None
    old_logp_BT: Tensor | None = None  # None: rho is 1

    @cached_property
    def first(self) -> list[int]:
        """Of each output: itself, or the earlier one that it equals, whose pass serves both."""
        return first_equal(self.rows)

    @cached_property
    def copies_B(self) -> Tensor:
        """How many outputs a pass through this one stands for: 0 where an earlier one is equal. float64."""
        count = Counter(self.first)
        return torch.tensor([count[b] for b in range(len(self.first))], dtype=torch.float64)

    @property
    def pushed(self) -> list[int]:
        """Outputs with a gradient: without a KL term, one whose advantages are all 0 has none."""
        if self.ref_logp_BT is not None:
            return list(range(len(self.rows.outputs)))
        return self.advantage_BT.any(1).nonzero()[:, 0].tolist()

    @property
    def active(self) -> list[int]:
        """Outputs that need a pass: those with a gradient, equal ones once."""
        return [b for b in self.pushed if self.first[b] == b]


def make_batch(arm: ArmConfig, scale: RLConfig, rollouts: Rollouts, judged: Judged | None) -> Batch:
    """Advantages of a step's outputs (all arms but PPO's, which need its value model) and the weights of their tokens."""
    rows = rollouts.rows
    lengths = [len(tokens) for tokens in rows.outputs]
    if not lengths:
        return Batch(rows, torch.zeros(0, 1), torch.zeros(0))
    if arm.gradient_coefficient.startswith("grpo"):
        advantage_BT = grpo_advantages(arm, judged, scale.group_size, max(lengths))
    else:
        push = [1.0] * len(lengths) if judged is None else [float(right) for right in judged.right]
        advantage_BT = torch.tensor(push)[:, None].expand(-1, max(lengths))
    mask_BT = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    weight_B = token_weights(
        torch.tensor(lengths), arm.aggregation, len(lengths), sum(lengths), scale.max_new_tokens
    )
    return Batch(rows, advantage_BT * mask_BT, weight_B)


def grpo_advantages(arm: ArmConfig, judged: Judged, group_size: int, width: int) -> Tensor:
    """Advantages of each token from rewards at step ends (4.1.2 and 4.1.3). Returns A_BT, float32."""
    r_BK, present_BK = pad(judged.rewards, torch.float64)
    if arm.gradient_coefficient == "grpo_outcome":
        return (
            group_advantage(r_BK.view(-1, group_size), arm.advantage_std)
            .view(-1, 1)
            .float()
            .expand(-1, width)
        )
    end_BK, _ = pad(judged.ends, torch.long)
    a_BK = step_advantage(r_BK, present_BK, group_size, arm.advantage_std)
    return a_BK.gather(1, step_of_token(end_BK, present_BK, width)).float()


def zero_variance_share(judged: Judged, group_size: int) -> float:
    r_BK, present_BK = pad(judged.rewards, torch.float64)
    shape = (-1, group_size * r_BK.shape[1])
    return zero_variance(r_BK.reshape(shape), present_BK.reshape(shape)).double().mean().item()


def policy_gradient(policy, batch: Batch, arm: ArmConfig, scale: RLConfig) -> tuple[Counter, Batch]:
    """Add the gradient of Eq. 5 to the policy. Returns sums for the metrics, and the batch with pi_old for the next pass.

    In the first pass pi_old is the policy itself: the ratio is 1 exactly and its log-probabilities are kept, so no
    second forward is spent on them. Equal outputs of a question share one pass, which has the weight of all.
    """
    sums: Counter = Counter()
    seen_BT = torch.zeros(batch.advantage_BT.shape, dtype=torch.float32)
    kl_coef = (
        0.0 if arm.gradient_coefficient == "ppo" else arm.kl_coef
    )  # PPO has its KL in the reward

    def loss_of(chosen: list[int], logp_RT: Tensor, mask_RT: Tensor) -> Tensor:
        index, width, device = torch.tensor(chosen), logp_RT.shape[1], logp_RT.device

        def part(x_BT: Tensor | None) -> Tensor | None:
            return None if x_BT is None else x_BT[index, :width].to(device)

        seen_BT[index, :width] = logp_RT.detach().float().cpu()
        ref_RT, copies_R = part(batch.ref_logp_BT), batch.copies_B[index].to(device)
        gc_RT, clipped_RT = gradient_coefficient(
            part(batch.advantage_BT),
            logp_RT,
            part(batch.old_logp_BT),
            ref_RT,
            kl_coef,
            arm.clip_eps,
        )
        loss = policy_loss(logp_RT, gc_RT, copies_R * batch.weight_B[index].to(device), mask_RT)
        sums["loss"] += loss.item()
        sums["clipped"] += int((clipped_RT & mask_RT).sum(1).double() @ copies_R)
        if ref_RT is not None:
            kl_RT = kl_to_reference(logp_RT.detach(), ref_RT)
            sums["kl"] += (torch.where(mask_RT, kl_RT, 0.0).double().sum(1) @ copies_R).item()
        return loss

    active = batch.active
    if active:
        with autocast(policy, scale):
            accumulate(
                policy, batch.rows, active, scale.micro_batch_tokens, scale.temperature, loss_of
            )
    old_BT = batch.old_logp_BT if batch.old_logp_BT is not None else seen_BT[batch.first]
    return sums, replace(batch, old_logp_BT=old_BT)


def dpo_gradient(policy, batch: Batch, arm: ArmConfig, scale: RLConfig) -> Counter:
    """Add the gradient of Eq. 12, pairs being rows 2p, 2p+1. Returns sums over pairs for the metrics."""
    sums: Counter = Counter()
    pairs = len(batch.rows.outputs) // 2

    def loss_of(chosen: list[int], logp_RT: Tensor, mask_RT: Tensor) -> Tensor:
        ref_RT = batch.ref_logp_BT[torch.tensor(chosen), : logp_RT.shape[1]].to(logp_RT.device)
        margin_P = dpo_margin(logp_RT.detach(), ref_RT, mask_RT, arm.kl_coef, arm.dpo_reduction)
        sums["loss"] += torch.nn.functional.softplus(-margin_P.double()).sum().item()
        sums["margin"] += margin_P.double().sum().item()
        sums["preferred"] += int((margin_P > 0).sum())
        kl_RT = kl_to_reference(logp_RT.detach(), ref_RT)
        sums["kl"] += torch.where(mask_RT, kl_RT, 0.0).double().sum().item()
        gc_RT = dpo_coefficient(margin_P, arm.kl_coef)[:, None].expand_as(logp_RT)
        length_R = (
            mask_RT.sum(1).double()
            if arm.dpo_reduction == "mean"
            else torch.ones(len(chosen)).to(mask_RT.device)
        )
        return policy_loss(logp_RT, gc_RT, 1.0 / (pairs * length_R), mask_RT)

    if pairs:
        with autocast(policy, scale):
            everything = range(2 * pairs)
            accumulate(
                policy,
                batch.rows,
                everything,
                scale.micro_batch_tokens,
                scale.temperature,
                loss_of,
                unit=2,
            )
    return sums


def autocast(model, scale: RLConfig):
    """bfloat16 compute as a switch; the weights that the optimizer moves stay float32."""
    return torch.autocast(
        model.device.type, torch.bfloat16, enabled=scale.compute_dtype == "bfloat16"
    )


def make_optimizer(model, scale: RLConfig, factor: float = 1.0) -> torch.optim.AdamW:
    """AdamW on float32 weights; weight decay on matrices only. Raises UserError for weights of a lower precision."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    low = next((p.dtype for p in parameters if p.dtype not in (torch.float32, torch.float64)), None)
    if low is not None:
        raise UserError(
            f"the policy's weights are {low}: small steps would be lost; load it in float32 and set "
            "compute_dtype=bfloat16"
        )
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": scale.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=scale.lr * factor, betas=(scale.adam_beta1, scale.adam_beta2), eps=1e-8
    )


def learning_rate(scale: RLConfig, factor: float, step: int) -> float:
    """Of step 1, 2, ...: warm-up, then constant or linear to 0 after the last step."""
    warm = min(1.0, step / scale.warmup_steps) if scale.warmup_steps else 1.0
    decay = 1.0 - (step - 1) / scale.steps if scale.lr_schedule == "linear" else 1.0
    return scale.lr * factor * warm * decay


def apply_gradient(
    model, optimizer, lr: float, max_norm: float, fail: Callable[[str], None]
) -> float:
    """Clip and step; a batch without gradient still lets AdamW's moments act. Returns the norm before clipping.

    Calls `fail` (which raises) when the gradient is not finite.
    """
    for p in model.parameters():
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm).item()
    if not norm < float("inf"):
        fail(f"the gradient's norm is {norm}")
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return norm
