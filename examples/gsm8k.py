"""A GRPO curve on GSM8K: python -m examples.gsm8k MODEL DATASETS OUT [DEVICE]

MODEL is a folder or hub name that ends its answers (an instruct model); DATASETS holds
gsm8k/train.jsonl. The settings are those of `rl_scale` in conf/profile/gpu.yaml, whose memory
`dsm plan gpu model.path=MODEL` tells. It goes on from its last checkpoint when it is run again;
`OUT/models/step-*` are for `dsm evaluate`.
"""

import json
import sys
from pathlib import Path

from pipeline.cli.plan import read_profile
from pipeline.lm.model import load_model, load_tokenizer, save_model
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.loop import train_policy
from pipeline.rl.training import Inputs
from pipeline.wiring.config import build
from pipeline.wiring.lines import one_line_errors
from pipeline.world.real.build import question_of, split
from pipeline.world.real.config import RealConfig
from pipeline.world.real.sets import load


def main(model: str, datasets: str, out: str, device: str = "cuda", **changes) -> None:
    settings = read_profile("gpu", [])["rl_scale"] | {"models_every": 50} | changes
    scale, folder = build(RLConfig, settings, "rl_scale"), Path(out)
    arm = ArmConfig("grpo", "online", "rule", "grpo_outcome", kl_coef=0.04)
    rows, _ = load("gsm8k", RealConfig(folder=datasets))
    held, kept = ([question_of(row) for row in part] for part in split(rows, 0.03, 0))
    policy, tokenizer = load_model(model, device=device), load_tokenizer(model)
    inputs = Inputs(policy, tokenizer, questions=kept, validation=held)
    for row in train_policy(inputs, arm, scale, 0, folder, folder / "state", {}):
        print(json.dumps(row), flush=True)
    save_model(policy, tokenizer, folder / "model")


if __name__ == "__main__":
    with one_line_errors("gsm8k"):
        main(*sys.argv[1:]) if len(sys.argv) in (4, 5) else sys.exit(__doc__)
