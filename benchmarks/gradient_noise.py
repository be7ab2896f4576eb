"""How much of one step's gradient is signal: cosine between the gradients of batches that share no question.

    PYTHONPATH=. python benchmarks/gradient_noise.py [--data data] [--profile mini] [--batches 8] ARM [ARM ...]

The policy is the instruct model and stays. With a cosine c between batches of N outputs, a share c of the squared gradient
is common to all batches; c reaches 1/2 at about N (1 - c) / c outputs (McCandlish et al., arXiv 1812.06162: the noise
scale). The floor of what RL can gain a sample follows from it: batches far below that size are mostly chance.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
import yaml
from pipeline.rl.update import make_batch, policy_gradient

from pipeline.lm.model import load_model, load_tokenizer
from pipeline.lm.passes import output_log_probs
from pipeline.records import Question, read_rows
from pipeline.rl import loop
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.reward_function import judge
from pipeline.wiring.code import ROOT


def gradients(
    inputs: loop.Inputs, arm: ArmConfig, scale: RLConfig, batches: int
) -> tuple[torch.Tensor, int]:
    """One gradient a row, all parameters end to end, without any step taken; and the outputs of all batches."""
    found, outputs = [], 0
    with tempfile.TemporaryDirectory() as folder:
        run = loop.start(inputs, arm, scale, 0, Path(folder), Path(folder) / "state", {})
        for step in range(1, batches + 1):
            rollouts = loop.draw(run, step)
            judged = judge(arm.reward_function, rollouts, inputs.tokenizer, None)
            batch = make_batch(arm, scale, rollouts, judged)
            if arm.needs_reference:
                reference_BT = output_log_probs(
                    run.instruct, batch.rows, scale.temperature, scale.micro_batch_tokens
                )
                batch = replace(batch, ref_logp_BT=reference_BT)
            inputs.policy.zero_grad()
            policy_gradient(inputs.policy, batch, arm, scale)
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
    scale = RLConfig(
        **yaml.safe_load((ROOT / "conf/profile" / f"{args.profile}.yaml").read_text())["rl_scale"]
    )
    model = args.data / "sft/model"
    print(f"{'arm':<14}{'outputs a batch':>16}{'cosine':>9}{'cosine 1/2 at':>15}")
    for name in args.arms:
        arm = ArmConfig(**yaml.safe_load((ROOT / "conf/rl" / f"{name}.yaml").read_text()))
        inputs = loop.Inputs(
            policy=load_model(model).eval(),
            tokenizer=load_tokenizer(model),
            validation=(),
            questions=list(read_rows(args.data / "world/questions.jsonl", Question)),
        )
        gradient_NP, outputs = gradients(inputs, arm, scale, args.batches)
        unit_NP = gradient_NP / gradient_NP.norm(dim=1, keepdim=True)
        other_NN = ~torch.eye(len(unit_NP), dtype=torch.bool)
        cosine, size = (unit_NP @ unit_NP.T)[other_NN].mean().item(), outputs / args.batches
        needed = f"{size * (1 - cosine) / cosine:,.0f}" if cosine > 0 else "-"
        print(f"{name:<14}{size:>16.0f}{cosine:>9.3f}{needed:>15}")


if __name__ == "__main__":
    main()
