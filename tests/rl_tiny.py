"""A policy of a few thousand weights, its tokenizer, and sums as questions: what the RL tests run on."""

from __future__ import annotations

import copy
from functools import lru_cache

import torch

from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.passes import accumulate
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.records import Instruction, Question
from pipeline.reward.model import Judge, scorer_from
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.data_source import solutions
from pipeline.rl.loop import Inputs, train_policy

torch.set_num_threads(1)


@lru_cache
def tokenizer():
    texts = [
        f"User: {a}+{b}\n\nAssistant: {a}+{b}={a + b}\n\\boxed{{{a + b}}}"
        for a in range(10)
        for b in range(10)
    ]
    return train_tokenizer(texts, 300)


def policy(seed: int = 0, dtype=torch.float32, **sizes):
    sizes = {
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "intermediate_size": 48,
        "context": 128,
        "init_std": 0.3,
    } | sizes
    tok = tokenizer()
    return (
        new_model(ModelConfig(**sizes), len(tok), tok.bos_token_id, tok.eos_token_id, seed)
        .to(dtype)
        .eval()
    )


@lru_cache
def half_taught():
    """A policy that gets some of the sums right, so that rewards differ within a group."""
    model = policy()
    data = solutions(tokenizer(), instructions(35), SCALE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(TEACHING):
        optimizer.zero_grad()
        accumulate(
            model, data.rows, range(35), 4096, 1.0, lambda batch, logp, mask: -logp.sum() / 35
        )
        optimizer.step()
    return model.eval()


def questions(count: int = 12) -> list[Question]:
    return [
        Question(
            f"q{i}",
            f"{i % 7}+{i % 5}",
            str(i % 7 + i % 5),
            "zh" if i % 3 == 0 else "en",
            trace=(str(i % 7 + i % 5),),
        )
        for i in range(count)
    ]


def instructions(count: int = 20) -> list[Instruction]:
    return [
        Instruction(
            f"i{i}",
            f"{i % 7}+{i % 5}",
            f"{i % 7}+{i % 5}={i % 7 + i % 5}\n\\boxed{{{i % 7 + i % 5}}}",
            str(i % 7 + i % 5),
        )
        for i in range(count)
    ]


TEACHING = 80  # steps
SCALE = RLConfig(
    questions_per_step=3,
    group_size=4,
    steps=4,
    max_new_tokens=12,
    lr=1e-3,
    micro_batch_tokens=64,
    validation_every=2,
    validation_size=4,
    validation_samples=2,
    checkpoint_every=1,
    judge_questions=9,
    judge_questions_per_step=4,
    control_prompt_tokens=8,
    control_output_tokens=8,
)

ARMS = {
    "sft": ArmConfig("sft", "sft", "none", "sft"),
    "rft": ArmConfig("rft", "offline", "rule", "rft"),
    "online_rft": ArmConfig("online_rft", "online", "rule", "rft"),
    "grpo_os_rule": ArmConfig("grpo_os_rule", "online", "rule", "grpo_outcome", kl_coef=0.04),
    "grpo_ps_rule": ArmConfig("grpo_ps_rule", "online", "rule_steps", "grpo_process", kl_coef=0.04),
    "mu2": ArmConfig("mu2", "online", "rule", "grpo_outcome", kl_coef=0.04, updates_per_rollout=2),
    "ppo": ArmConfig("ppo", "online", "rule", "ppo", kl_coef=0.04),
    "ppo_mu2": ArmConfig("ppo_mu2", "online", "rule", "ppo", kl_coef=0.04, updates_per_rollout=2),
    "grpo_os": ArmConfig("grpo_os", "online", "outcome", "grpo_outcome", kl_coef=0.04),
    "grpo_ps": ArmConfig("grpo_ps", "online", "process", "grpo_process", kl_coef=0.04),
    "grpo_iter": ArmConfig(
        "grpo_iter", "online", "outcome", "grpo_outcome", kl_coef=0.04, iterations=2
    ),
    "dpo": ArmConfig("dpo", "offline", "rule", "dpo", kl_coef=0.1),
}


def judge() -> Judge:
    """A reward model that knows nothing, but scores outputs differently."""
    model = scorer_from(half_taught())
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    return Judge(model, 64)


def history() -> list[dict]:
    """Labels as the reward stage leaves them."""
    ids = [[20 + i, 21 + i, tokenizer().eos_token_id] for i in range(30)]
    return [
        {
            "question": f"h{i % 10}",
            "prompt": [0, 5, 6 + i % 10],
            "tokens": tokens,
            "text": str(i),
            "finished": True,
            "right": i % 3 == 0,
            "split": "train",
            "weight": 1.0,
        }
        for i, tokens in enumerate(ids)
    ]


def inputs(**changes) -> Inputs:
    made = {
        "policy": copy.deepcopy(half_taught()),
        "tokenizer": tokenizer(),
        "questions": questions(),
        "validation": questions(6),
        "instructions": instructions(),
        "judge": judge(),
        "judge_history": history(),
    }
    return Inputs(**(made | changes))


def run(
    arm: ArmConfig, out, scale: RLConfig = SCALE, seed: int = 0, given: Inputs | None = None
) -> list[dict]:
    return list(train_policy(given or inputs(), arm, scale, seed, out / "out", out / "state", {}))
