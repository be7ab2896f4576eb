"""Memory, operations and time of a PPO and a GRPO step on one model (claim C13, section 4.1.1).

    OMP_NUM_THREADS=1 python -m benchmarks.ppo_beside_grpo [--width 384 --layers 6] [--device cuda]

Both answer the same questions, are rewarded by the same outcome model and have a reference; PPO
also has a value model of the policy's size. Each arm runs in a process of its own. Memory: the
process's peak above what it held before the first model was made (on a GPU: the peak that torch
allocated); libraries are not in it, the sampler's cache is. Operations: by formula, sampling
counted. The weights are random, the work is not; one step, so the bytes of AdamW's moments are
there at its end.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.kills import child, status_of
from benchmarks.small import Small, make
from pipeline.lm.model import ModelConfig, load_tokenizer, new_model
from pipeline.records import Question, read_rows
from pipeline.reward.model import RewardModel, with_scalar_head
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.loop import train_policy
from pipeline.rl.training import Inputs

ARMS = {
    "ppo": ArmConfig("ppo", "online", "outcome", "ppo", kl_coef=0.04),
    "grpo_os": ArmConfig("grpo_os", "online", "outcome", "grpo_outcome", kl_coef=0.04),
}


def memory_mb(key: str) -> float:
    """VmRSS, or VmHWM (the peak), of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def one_step(
    arm: ArmConfig, cfg: RLConfig, config: ModelConfig, work: Path, device: str
) -> dict[str, float]:
    """Parameters, peak memory, operations and seconds of one step."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = memory_mb("VmRSS")
    tokenizer = load_tokenizer(work / "sft/model")
    policy = new_model(
        config, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, 0
    ).to(device)
    questions = list(read_rows(work / "world/questions.jsonl", Question))
    reward_model = RewardModel(with_scalar_head(policy), cfg.micro_batch_tokens)
    inputs = Inputs(policy, tokenizer, questions, (), reward_model=reward_model)
    with tempfile.TemporaryDirectory() as place:
        rows = train_policy(inputs, arm, cfg, 0, Path(place) / "out", Path(place) / "state", {})
        next(rows)  # row 0: nothing is validated
        begin = time.process_time()
        row = next(rows)
        spent = time.process_time() - begin
    peak = (
        torch.cuda.max_memory_allocated() / 2**20
        if device == "cuda"
        else memory_mb("VmHWM") - before
    )
    return {
        "parameters": policy.num_parameters(),
        "peak_mb": peak,
        "flops": row["flops"],
        "seconds": spent,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--per-step", type=int, default=8, help="questions")
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=48, help="max_new_tokens")
    parser.add_argument("--micro-batch-tokens", type=int, default=1024)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--work", type=Path, default=Path("build/grpo_step"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    if status_of(child(lambda: make(args.work, Small()))):
        raise SystemExit("the small model could not be made; its error stands above")
    cfg = RLConfig(
        questions_per_step=args.per_step,
        group_size=args.group,
        steps=2,
        max_new_tokens=args.tokens,
        micro_batch_tokens=args.micro_batch_tokens,
        validation_size=0,
        checkpoint_every=10**6,
        rollouts_every=10**6,
    )
    config = ModelConfig(
        hidden_size=args.width,
        layers=args.layers,
        heads=args.width // 32,
        context=1024,
        intermediate_size=8 * args.width // 3 // 16 * 16,
    )
    found = {}
    for name, arm in ARMS.items():
        answer = args.work / f"{name}-{os.getpid()}.json"
        if status_of(
            child(
                lambda arm=arm, answer=answer: answer.write_text(
                    json.dumps(one_step(arm, cfg, config, args.work, args.device))
                )
            )
        ):
            raise SystemExit(f"{name}: the step failed; its error stands above")
        found[name] = json.loads(answer.read_text())
        answer.unlink()
    print(
        f"{found['ppo']['parameters']:,} parameters, {args.per_step} x {args.group} outputs, "
        f"{args.device}"
    )
    print(f"{'':<14}{'peak MB':>10}{'GFLOP':>10}{'CPU s':>10}")
    for name, row in found.items():
        print(
            f"{name:<14}{row['peak_mb']:>10.0f}{row['flops'] / 1e9:>10.1f}{row['seconds']:>10.1f}"
        )
    ratio = [found["ppo"][key] / found["grpo_os"][key] for key in ("peak_mb", "flops", "seconds")]
    print(f"{'ppo / grpo_os':<14}{ratio[0]:>10.2f}{ratio[1]:>10.2f}{ratio[2]:>10.2f}")


if __name__ == "__main__":
    main()
