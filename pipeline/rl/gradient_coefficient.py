"""How hard each token is pushed: advantages, the gradient coefficient, and the weight of a token in
the batch.

Legend: Q questions, G outputs per question (a group), B = Q G outputs with group q in rows
qG..qG+G-1, K steps, T tokens; rows shorter than K or T are padded on the right and carry a mask.

One coefficient serves every arm of Table 10 but DPO; they differ in the advantage A and in beta:

    GC_t = 1[not clipped] rho_t A_t + beta (pi_ref / pi_theta - 1),   rho_t = pi_theta / pi_old

| method        | data source    | reward        | A_t                                            | beta      |
| ------------- | -------------- | ------------- | ---------------------------------------------- | --------- |
| SFT           | P_sft          | -             | 1                                              | 0         |
| RFT           | pi_sft         | rule          | 1 if the answer is right, else 0 (Eq. 10)      | 0         |
| Online RFT    | pi_theta       | rule          | as RFT                                         | 0         |
| DPO           | pi_sft, pairs  | rule          | own function: `dpo_coefficient`                | in margin |
| PPO           | pi_theta       | model         | generalised advantage estimate (ppo.py)        | in reward |
| GRPO+OS       | pi_theta       | model or rule | (r_i - mean r) / std r                         | 0.04      |
| GRPO+PS       | pi_theta       | model or rule | sum of the normalised rewards of steps from t on | 0.04    |
"""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.rl import bridge


def group_advantage(r_QG: Tensor, std: str = "population", eps: float = 0.0) -> Tensor:
    """Outcome supervision (4.1.2): A_i = (r_i - mean r) / std r within each group. Returns A_QG,
    same dtype.

    `std`: population | sample | batch (one std for all groups) | none (Dr. GRPO: centred only); `eps`
    is added to it. Rewards [1, 0, 0, 0] give (sqrt 3, -1/sqrt 3 x 3) with
    the population's, (1.5, -0.5 x 3) with the sample's. A group whose max equals its min is exactly 0: the float mean
    of equal numbers need not equal them. Raises UserError for a group of one or a tensor that is not Q x G.
    """
    if r_QG.dim() != 2 or r_QG.shape[1] < 2:
        raise UserError(
            f"group advantage: rewards of shape {tuple(r_QG.shape)}; needed: questions x group, group >= 2"
        )
    present = torch.ones_like(r_QG, dtype=torch.bool)
    return _normalise(r_QG, present, std, eps)


def step_advantage(
    r_BK: Tensor, present_BK: Tensor, group_size: int, std: str = "population", eps: float = 0.0
) -> Tensor:
    """Process supervision (4.1.3): sum of the normalised rewards of this and all later steps.
    Returns A_BK.

    Mean and standard deviation run over the flat list of all step rewards of a group. With o1 (1,
    0) and o2 (0, 1): o1 gets (0, -1), o2 gets (0, 1). One step an output is outcome supervision.
    Raises UserError for an output without a step, for a group of one, or for rows that do not
    divide into groups.
    """
    rows, width = r_BK.shape
    if group_size < 2 or rows % group_size:
        raise UserError(
            f"step advantage: {rows} outputs do not divide into groups of {group_size} (at least 2)"
        )
    if not bool(present_BK.any(1).all()):
        raise UserError(
            "step advantage: an output without a step; an empty output counts as one step"
        )
    flat = (rows // group_size, group_size * width)
    tilde_BK = _normalise(r_BK.reshape(flat), present_BK.reshape(flat), std, eps)
    tilde_BK = tilde_BK.reshape(rows, width)
    return tilde_BK.flip(1).cumsum(1).flip(1) * present_BK


def _normalise(r_GN: Tensor, present_GN: Tensor, std: str, eps: float) -> Tensor:
    """(r - mean) / std over the present entries of each row, in float64; 0 where a row's entries
    are all equal.
    """
    x = r_GN.double().masked_fill(~present_GN, 0.0)
    high = x.masked_fill(~present_GN, -torch.inf).amax(1, keepdim=True)
    low = x.masked_fill(~present_GN, torch.inf).amin(1, keepdim=True)
    count = present_GN.sum(1, keepdim=True).double()
    centred = (x - x.sum(1, keepdim=True) / count) * present_GN
    if std == "batch":
        centred = centred / ((centred.square().sum() / count.sum()).sqrt() + eps)
    elif std != "none":
        squares = centred.square().sum(1, keepdim=True)
        centred = centred / ((squares / (count if std == "population" else count - 1)).sqrt() + eps)
    return torch.where(present_GN & (high != low), centred, 0.0).to(r_GN.dtype)


def zero_variance(r_QN: Tensor, present_QN: Tensor) -> Tensor:
    """Which groups have only equal rewards (max == min). Returns bool_Q."""
    high = r_QN.masked_fill(~present_QN, -torch.inf).amax(1)
    low = r_QN.masked_fill(~present_QN, torch.inf).amin(1)
    return high == low


def step_of_token(end_BK: Tensor, present_BK: Tensor, width: int) -> Tensor:
    """Index of the step that each token belongs to, from the index of each step's last token.
    Returns long_BT.

    A token after the last step's end (EOS, trailing blanks) belongs to the last step.
    """
    end_BK = end_BK.masked_fill(~present_BK, torch.iinfo(torch.long).max)
    t_BT = torch.arange(width, device=end_BK.device).expand(end_BK.shape[0], width)
    step_BT = torch.searchsorted(end_BK.contiguous(), t_BT.contiguous())
    return torch.minimum(step_BT, present_BK.sum(1, keepdim=True) - 1)


def gradient_coefficient(
    advantage_BT: Tensor,
    logp_BT: Tensor,
    old_logp_BT: Tensor | None,
    ref_logp_BT: Tensor | None,
    kl_coef: float,
    clip_eps: float,
    *,
    clip_eps_high: float = 0.0,
    dual_clip: float = 0.0,
    kl_estimator: str = "k3",
    sequence_mask_BT: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Eq. 21 with the ratio and the clip of Eq. 3: GC_BT, and which tokens were clipped.

    No gradient flows through it. `old_logp_BT` None: there is no pi_old (offline arms), or this is the
    first update after the rollout; rho is 1. `ref_logp_BT` None is allowed only for kl_coef 0. No
    clamp on the KL term: a clamp kills the gradient where the policy has fallen furthest. What comes
    after the star is others' practice (pipeline/rl/bridge.py): `clip_eps_high` 0 is clip_eps,
    `sequence_mask_BT` asks for the ratio of whole outputs.
    """
    logp_BT = logp_BT.detach()
    if old_logp_BT is None:
        ratio_BT = torch.ones_like(logp_BT)
    elif sequence_mask_BT is None:
        ratio_BT = bridge.token_ratio(logp_BT, old_logp_BT)
    else:
        ratio_BT = bridge.sequence_ratio(logp_BT, old_logp_BT, sequence_mask_BT)
    high = clip_eps_high or clip_eps
    clipped_BT = bridge.clipped(advantage_BT, ratio_BT, clip_eps, high, dual_clip)
    gc_BT = torch.where(clipped_BT, 0.0, ratio_BT * advantage_BT)
    if kl_coef:
        gc_BT = gc_BT + kl_coef * bridge.kl_coefficient(kl_estimator, logp_BT, ref_logp_BT)
    return gc_BT, clipped_BT


def kl_to_reference(logp_BT: Tensor, ref_logp_BT: Tensor) -> Tensor:
    """Eq. 4: pi_ref/pi_theta - log(pi_ref/pi_theta) - 1 of each token; never negative, 0 (gradient
    too) at equality.
    """
    difference = ref_logp_BT - logp_BT
    return torch.expm1(difference) - difference


def token_weights(
    lengths_B: Tensor, aggregation: str, outputs: int, tokens: int, max_new_tokens: int
) -> Tensor:
    """Weight of each token of an output in the batch's mean, float64. Returns w_B.

    output_mean: 1/outputs 1/|o_i|, the paper's; token_mean: 1/tokens; constant_length: 1/outputs
    1/max_new_tokens (Dr. GRPO). `outputs` and `tokens` are of the whole batch, so a micro-batch
    never changes a weight.
    """
    if aggregation == "output_mean":
        return 1.0 / (outputs * lengths_B.double())
    share = 1.0 / tokens if aggregation == "token_mean" else 1.0 / (outputs * max_new_tokens)
    return torch.full(lengths_B.shape, share, dtype=torch.float64, device=lengths_B.device)


def policy_loss(logp_BT: Tensor, gc_BT: Tensor, weight_B: Tensor, mask_BT: Tensor) -> Tensor:
    """Eq. 5: - sum over tokens of weight x GC x log pi_theta. Values at masked positions, NaN too,
    change nothing.
    """
    push_BT = torch.where(mask_BT, weight_B[:, None].to(gc_BT.dtype) * gc_BT, 0.0).detach()
    return -(push_BT * torch.where(mask_BT, logp_BT, 0.0)).sum()


def dpo_margin(
    logp_BT: Tensor, ref_logp_BT: Tensor, mask_BT: Tensor, beta: float, reduction: str
) -> Tensor:
    """beta (log pi_theta/pi_ref (o+) - the same of o-) of Eq. 12; rows 2p, 2p+1 are o+, o- of pair
    p. Returns m_P.

    `reduction`: mean over the tokens of an output, as Eq. 12 writes it, or sum, as the original DPO.
    """
    ratio_B = torch.where(mask_BT, logp_BT - ref_logp_BT, 0.0).sum(1)
    if reduction == "mean":
        ratio_B = ratio_B / mask_BT.sum(1)
    return beta * (ratio_B[0::2] - ratio_B[1::2])


def dpo_coefficient(margin_P: Tensor, beta: float) -> Tensor:
    """Eq. 14, and the factor beta that the gradient of Eq. 12 has: beta sigma(-m) for o+, -beta
    sigma(-m) for o-.

    Returns gc_B, the coefficient of every token of each row.
    """
    push_P = beta * torch.sigmoid(-margin_P.detach())
    return torch.stack((push_P, -push_P), 1).flatten()
