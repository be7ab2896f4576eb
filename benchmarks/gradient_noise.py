"""How much of one step's gradient is signal: the cosine between gradients of separate batches.

No two batches share a question.

    python -m benchmarks.gradient_noise [--data data] [--profile mini] [--batches 8] ARM [ARM ...]

The policy is the instruct model and stays as it is. With a cosine c between batches of N outputs, a
share c of the squared gradient is common to all batches; c reaches 1/2 at about N (1 - c) / c
outputs (McCandlish et al., arXiv 1812.06162: the noise scale). What RL can gain per sample is
bounded by it: batches far below that size are mostly chance.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
import yaml

from pipeline.lm.model import load_model, load_tokenizer
from pipeline.records import Question, read_rows
from pipeline.rl import loop
from pipeline.rl.batch import passes
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.gradient_coefficient import policy_loss
from pipeline.rl.method import method_of, new_batch
from pipeline.rl.training import Inputs
from pipeline.wiring.code import ROOT


def gradients(
    inputs: Inputs, arm: ArmConfig, cfg: RLConfig, batches: int
) -> tuple[torch.Tensor, int]:
    """The gradient of each of the first `batches` steps, without any optimizer step.

    Returns (gradient_NP, one row per batch with all parameters end to end; outputs of all batches).
    """
    found, outputs = [], 0
    method = method_of(arm)
    with tempfile.TemporaryDirectory() as folder:
        run = loop.start(inputs, arm, cfg, 0, Path(folder), Path(folder) / "state", {})
        for step in range(1, batches + 1):
            rollouts = method.draw(run, step)
            rewarded = method.reward(rollouts, inputs.tokenizer, None)
            batch = new_batch(method, arm, cfg, rollouts)
            if arm.needs_reference:
                batch = loop.with_reference(run, batch)
            batch = method.advantage(run, batch, rollouts, rewarded)

            inputs.policy.zero_grad()
            for chosen, logp_RT, mask_RT in passes(inputs.policy, batch, cfg):
                part = batch.part(chosen, logp_RT.shape[1], logp_RT.device)
                gc_RT, _ = method.coefficient(arm, part, logp_RT.detach(), mask_RT)
                policy_loss(logp_RT, gc_RT, part.weight_R, mask_RT).backward()
            found.append(torch.cat([p.grad.flatten() for p in inputs.policy.parameters()]))
            outputs += len(batch.rows.outputs)
    return torch.stack(found), outputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "arms", nargs="+", metavar="ARM", help="online_rft, grpo_os_rule, grpo_ps_rule"
    )
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--batches", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    profile = yaml.safe_load((ROOT / "conf/profile" / f"{args.profile}.yaml").read_text())
    cfg = RLConfig(**profile["rl_scale"])
    model = args.data / "chains/0/sft/model"
    print(f"{'arm':<14}{'outputs per batch':>18}{'cosine':>9}{'cosine 1/2 at':>15}")
    for name in args.arms:
        settings = yaml.safe_load((ROOT / "conf/rl" / f"{name}.yaml").read_text())
        settings.pop("report")  # how the arm is shown
        arm = ArmConfig(**settings)
        inputs = Inputs(
            policy=load_model(model),
            tokenizer=load_tokenizer(model),
            validation=(),
            questions=list(read_rows(args.data / "world/questions.jsonl", Question)),
        )
        gradient_NP, outputs = gradients(inputs, arm, cfg, args.batches)
        unit_NP = gradient_NP / gradient_NP.norm(dim=1, keepdim=True).clamp(min=1e-30)
        other_NN = ~torch.eye(len(unit_NP), dtype=torch.bool)
        cosine, size = (unit_NP @ unit_NP.T)[other_NN].mean().item(), outputs / args.batches
        needed = f"{size * (1 - cosine) / cosine:,.0f}" if cosine > 0 else "-"
        print(f"{name:<14}{size:>18.0f}{cosine:>9.3f}{needed:>15}")


if __name__ == "__main__":
    main()
