"""A policy of a few thousand weights, its tokenizer, and sums as questions: what the RL tests run
on.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.passes import output_log_probs
from pipeline.lm.rollouts import Rollouts
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.records import Instruction, Question
from pipeline.reward.model import RewardModel, with_scalar_head
from pipeline.rl import loop
from pipeline.rl.batch import Batch
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.loop import start, train_policy, train_step
from pipeline.rl.method import method_of, new_batch
from pipeline.rl.reward_function import Rewarded, reward_outputs
from pipeline.rl.training import Inputs, Training

GOLDEN = Path(__file__).with_name("golden")
torch.set_num_threads(int(os.environ.get("DSM_TEST_THREADS", "1")))


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
    """A policy that gets some of the sums right, so that rewards differ within a group.

    Its weights are on file (`python tests/teach_tiny.py` writes them): taught anew, it would be
    another policy on every processor, with other outputs.
    """
    model = policy()
    stored = load_file(GOLDEN / "half_taught.safetensors")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(stored[name].float())
    return model


def exact(model):
    """A copy that computes in float64 throughout: transformers' norms would round to float32."""
    model = copy.deepcopy(model).double().requires_grad_(True)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, LlamaRMSNorm):
                norm = torch.nn.RMSNorm(len(child.weight), child.variance_epsilon)
                norm.weight = child.weight
                setattr(module, name, norm)
    return model


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


def reward_model() -> RewardModel:
    """A reward model that knows nothing, but scores outputs differently."""
    model = with_scalar_head(half_taught())
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    return RewardModel(model, 64)


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
        "reward_model": reward_model(),
        "label_history": history(),
    }
    return Inputs(**(made | changes))


def run(
    arm: ArmConfig, out, cfg: RLConfig = SCALE, seed: int = 0, given: Inputs | None = None
) -> list[dict]:
    return list(train_policy(given or inputs(), arm, cfg, seed, out / "out", out / "state", {}))


def rewarded_by(name: str, rollouts: Rollouts) -> Rewarded:
    return reward_outputs(name, rollouts, tokenizer())


def batch_of(
    arm: ArmConfig, rollouts: Rollouts, rewarded: Rewarded | None, cfg: RLConfig = SCALE
) -> Batch:
    """The batch of these outputs, with advantages and without a reference."""
    method = method_of(arm)
    run = SimpleNamespace(arm=arm, cfg=cfg)
    return method.advantage(run, new_batch(method, arm, cfg, rollouts), rollouts, rewarded)


class Recorder:
    """In an optimizer's place: keeps each gradient, then moves the weights `rate` down it."""

    param_groups = ()

    def __init__(self, model, rate: float = 0.0) -> None:
        self.model, self.rate, self.gradients = model, rate, []

    def step(self) -> None:
        self.gradients.append(torch.cat([p.grad.flatten() for p in self.model.parameters()]))
        with torch.no_grad():
            for p in self.model.parameters():
                p.sub_(p.grad, alpha=self.rate)

    def zero_grad(self, set_to_none: bool = False) -> None:
        self.model.zero_grad()


@dataclass
class Step:
    """What one real `train_step` did with given outputs and rewards."""

    gradients: list[torch.Tensor]  # of each update
    row: dict[str, float]
    batch: Batch  # as the last update left it
    passed: list[list[int]]  # outputs that each update passed


def step_on(
    arm: ArmConfig,
    rollouts: Rollouts,
    rewarded: Rewarded | None,
    cfg: RLConfig = SCALE,
    reference=None,
    rate: float = 0.0,
) -> Step:
    """One step of the loop on these outputs and rewards, in float64; `reference` defaults to the
    policy.
    """
    model = exact(half_taught())
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        given = inputs(policy=model)
        wide = replace(cfg, max_grad_norm=1e9)
        training: Training = start(given, arm, wide, 0, Path(folder), Path(folder) / "state", {})
        training.optimizers = [Recorder(model, rate)]
        if reference is not None:
            training.instruct = reference
        method = replace(
            method_of(arm), draw=lambda run, step: rollouts, reward=lambda *a: rewarded
        )
        passed, batches, real = [], [], loop.passes

        def watched(policy, batch, cfg):
            passed.append(batch.active)
            batches.append(batch)
            yield from real(policy, batch, cfg)

        patch.setattr(loop, "passes", watched)
        row = train_step(training, method, 1)
    return Step(training.optimizers[0].gradients, row, batches[-1], passed)


def log_probs_of(model, rows):
    return output_log_probs(model, rows, 1.0, 512)
