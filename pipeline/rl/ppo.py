"""PPO's own parts (Eq. 1, 2, 18): the KL penalty in the reward, advantages by GAE, and the value
model that they need.

Legend: B outputs, R rows of a micro-batch, T output tokens, padded right. V_t is the value before
token t is written.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pipeline.lm import parallel
from pipeline.lm.optim import autocast, clip_and_step, make_optimizers
from pipeline.lm.passes import Rows, first_equal, hidden_passes, pad
from pipeline.lm.rollouts import Rollouts
from pipeline.lm.whole import prepared
from pipeline.reward.model import with_scalar_head
from pipeline.rl.batch import Batch
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.reward_function import Rewarded
from pipeline.rl.training import Critic, Training


def token_rewards(
    r_B: Tensor, logp_BT: Tensor, ref_logp_BT: Tensor, lengths_B: Tensor, kl_coef: float
) -> Tensor:
    """Eq. 2: r_t = r_phi at the last real token, minus beta log(pi_theta / pi_ref) at every token.
    Returns r_BT.

    beta .04, log-ratios .1 .2 .3 and a reward of 1 give (-.004, -.008, .988).
    """
    mask_BT = torch.arange(logp_BT.shape[1], device=logp_BT.device) < lengths_B[:, None]
    r_BT = torch.where(mask_BT, -kl_coef * (logp_BT - ref_logp_BT), 0.0)
    rows = torch.arange(len(r_B), device=logp_BT.device)
    r_BT[rows, lengths_B - 1] += r_B.to(r_BT.dtype)
    return r_BT


def generalised_advantage(
    r_BT: Tensor, value_BT: Tensor, lengths_B: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """GAE (arXiv 1506.02438): A_t = delta_t + gamma lambda A_{t+1}, delta_t = r_t + gamma V_{t+1} -
    V_t; V is 0 at the end.

    Returns (A_BT, returns A + V), both 0 after an output's end. gamma 1, lambda .95, V .5 .5 .5 and
    a reward of 1 at the third token give A = (.45125, .475, .5).
    """
    mask_BT = torch.arange(r_BT.shape[1], device=r_BT.device) < lengths_B[:, None]
    value_BT = torch.where(mask_BT, value_BT, 0.0)
    r_BT = torch.where(mask_BT, r_BT, 0.0)
    next_B, advantage_B, columns = (
        torch.zeros_like(value_BT[:, 0]),
        torch.zeros_like(value_BT[:, 0]),
        [],
    )
    for t in range(r_BT.shape[1] - 1, -1, -1):
        delta_B = r_BT[:, t] + gamma * next_B - value_BT[:, t]
        advantage_B = torch.where(mask_BT[:, t], delta_B + gamma * lam * advantage_B, 0.0)
        next_B = value_BT[:, t]
        columns.append(advantage_B)
    advantage_BT = torch.stack(columns[::-1], 1)
    return advantage_BT, torch.where(mask_BT, advantage_BT + value_BT, 0.0)


def whiten(x_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """(x - mean) / std over the real tokens of the whole batch; exactly 0 where all are equal, and
    where masked.
    """
    x_N = x_BT[mask_BT].double()
    if len(x_N) < 2 or x_N.max() == x_N.min():
        return torch.zeros_like(x_BT)
    white_BT = (x_BT.double() - x_N.mean()) / x_N.std(correction=0)
    return torch.where(mask_BT, white_BT, 0.0).to(x_BT.dtype)


def new_critic(policy, arm: ArmConfig, cfg: RLConfig, seed: int = 0) -> Critic:
    """A value model that starts as the policy's body and says 0 everywhere."""
    model = prepared(with_scalar_head(policy), cfg.peft, seed)
    return Critic(model, make_optimizers(model, cfg.optim(arm.value_lr_factor)))


def output_values(model, rows: Rows, max_tokens: int) -> Tensor:
    """V before each output token, without gradient. Returns value_BT, 0 after an output's end."""
    value_BT = torch.zeros(len(rows.outputs), max(map(len, rows.outputs)))
    first = first_equal(rows)
    mine = parallel.share(sorted(set(first)))
    with torch.no_grad():
        for batch, hidden_RTE, _, mask_RT in hidden_passes(model, rows, mine, max_tokens):
            value_RT = torch.where(mask_RT, model.score(hidden_RTE)[..., 0].float(), 0.0)
            value_BT[torch.tensor(batch), : value_RT.shape[1]] = value_RT.cpu()
    return parallel.summed(value_BT)[first]


def whitened_advantage(
    run: Training, batch: Batch, rollouts: Rollouts, rewarded: Rewarded
) -> Batch:
    """The batch with GAE advantages, whitened once, and the returns that the value model is to
    learn.
    """
    arm, cfg = run.arm, run.cfg
    logp_BT, mask_BT = pad(rollouts.logprobs, torch.float32)
    logp_BT = logp_BT[batch.first]  # an engine may round equal outputs in two ways
    lengths_B = mask_BT.sum(1)
    with autocast(run.critic.model, cfg.compute_dtype):
        value_BT = output_values(run.critic.model, batch.rows, cfg.micro_batch_tokens)

    ref_BT = logp_BT if batch.ref_logp_BT is None else batch.ref_logp_BT
    r_B = torch.tensor([rewards[-1] for rewards in rewarded.rewards])
    r_BT = token_rewards(r_B, logp_BT, ref_BT, lengths_B, arm.kl_coef)
    advantage_BT, return_BT = generalised_advantage(
        r_BT, value_BT, lengths_B, arm.gae_gamma, arm.gae_lambda
    )
    return replace(batch, advantage_BT=whiten(advantage_BT, mask_BT), return_BT=return_BT)


def value_step(run: Training, batch: Batch, share: float) -> float:
    """One update of the value model, at `share` of its peak rate. Returns its loss before the
    update.
    """
    critic, cfg = run.critic, run.cfg
    with autocast(critic.model, cfg.compute_dtype):
        mine = value_gradient(critic.model, batch, cfg.micro_batch_tokens)
    loss = parallel.total({"loss": mine})["loss"]
    clip_and_step(critic.model, critic.optimizers, share, cfg.max_grad_norm)
    return loss


def value_gradient(model, batch: Batch, max_tokens: int) -> float:
    """Add the gradient of the weighted mean of (V - return)^2 / 2 to the value model.

    Of several processes each adds that of its share of the outputs. Returns what it adds to the
    loss.
    """
    rows, total = batch.rows, 0.0
    weight_B = batch.copies_B * batch.weight_B
    mine = parallel.share(sorted(set(batch.first)))
    for chosen, hidden_RTE, _, mask_RT in hidden_passes(model, rows, mine, max_tokens):
        device = mask_RT.device
        target_RT = batch.return_BT[chosen, : mask_RT.shape[1]].to(device)
        weight_R1 = weight_B[chosen][:, None].float().to(device)
        error_RT = model.score(hidden_RTE)[..., 0].float() - target_RT
        loss = torch.where(mask_RT, weight_R1 * error_RT.square() / 2, 0.0).sum()
        loss.backward()
        total += loss.item()
    return total
