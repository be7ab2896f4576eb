"""GRPO on questions of your own, with a reward of your own: python -m examples.own_data MODEL ROWS OUT

ROWS is JSONL: {"id": "a1", "messages": [{"role": "user", "content": "2 + 3?"}], "answer": "5"}.
"""

import json
import sys
from pathlib import Path

from pipeline.lm.conversations import read_conversations
from pipeline.lm.model import load_model, load_tokenizer, save_model
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.loop import train_policy
from pipeline.rl.training import Inputs
from pipeline.wiring.lines import one_line_errors

SCALE = RLConfig(questions_per_step=8, group_size=8, steps=50, max_new_tokens=128, lr=1e-6)
REWARDS = {"rule": 1.0, "examples.own_data:brief": 0.1}


def brief(questions, outputs, references):
    """Few words are better; `questions[i].row` has every column of a row."""
    return [1.0 / (1 + len(output.text.split())) for output in outputs]


def main(model: str, rows: str, out: str, scale: RLConfig = SCALE) -> None:
    policy, tokenizer = load_model(model), load_tokenizer(model)
    questions = read_conversations(Path(rows))
    arm = ArmConfig("mine", "online", "weighted", "grpo_outcome", kl_coef=0.01, rewards=REWARDS)
    metrics = {"finished": lambda rollouts, _: sum(rollouts.finished) / len(rollouts.finished)}
    inputs = Inputs(policy, tokenizer, questions, questions[:8], metrics=metrics)
    for row in train_policy(inputs, arm, scale, 0, Path(out), Path(out) / "state", {}):
        print(json.dumps(row))
    save_model(policy, tokenizer, Path(out) / "model")


if __name__ == "__main__":
    with one_line_errors("own_data"):
        main(*sys.argv[1:]) if len(sys.argv) == 4 else sys.exit(__doc__)
