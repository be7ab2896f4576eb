"""The part `device` of benchmarks/gpu_proof.py: each stage's step on a GPU and on the processor.

A tiny model is taught on the processor first, so that some answers are right and some wrong.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_proof import Place, Rows, row

FLOAT, LOW = 1e-4, 1e-1  # largest relative difference in float32 and in bfloat16
ARMS = ("sft", "rft", "dpo", "online_rft", "grpo_os_rule", "grpo_ps", "mu2", "ppo")


def device(place: Place) -> Rows:
    yield head_row(place)
    place.needs("transformers")
    for name, within, work in (*supervised(), ("reward", FLOAT, reward_step)):
        yield compared(name, within, work("cpu"), work(place.device))
    for arm in ARMS:
        yield compared(f"rl {arm}", FLOAT, rl_step(arm, "cpu"), rl_step(arm, place.device))
    for engine in ("fast", "hf"):
        one, other = sampled(engine, "cpu"), sampled(engine, place.device)
        same = sum(a == b for a, b in zip(one, other, strict=True))
        yield row(
            f"evaluate, {engine}: outputs as on the processor",
            f"{same} of {len(one)}",
            same == len(one),
        )


def compared(name: str, within: float, one: dict, other: dict) -> dict[str, Any]:
    """How far losses and gradients are from those of the processor, relative, at most."""
    gaps = [difference(a, b) for a, b in zip(one["gradients"], other["gradients"], strict=True)]
    gaps += [
        abs(a - b) / max(abs(a), 1e-3) for a, b in zip(one["losses"], other["losses"], strict=True)
    ]
    moved = any(float(g.norm()) > 0 for g in one["gradients"])
    same = one.get("outputs") == other.get("outputs")
    said = (
        f"{max(gaps):.1e}"
        + ("" if same else ", other outputs")
        + ("" if moved else ", no gradient")
    )
    return row(
        f"{name}: loss and gradient, at most {within:.0e} off",
        said,
        same and moved and max(gaps) <= within,
    )


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / one.norm().clamp_min(1e-12))


def head_row(place: Place) -> dict[str, Any]:
    """Log-probabilities over a large vocabulary, in chunks; this needs torch alone."""
    from pipeline.lm.head import Head, log_probs

    vocab, width, count = (512, 16, 40) if place.dry else (151_936, 64, 400)

    def work(where: str) -> dict:
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(vocab, width, generator=generator).to(where).requires_grad_()
        hidden = torch.randn(count, width, generator=generator).to(where).requires_grad_()
        chosen = torch.randint(vocab, (count,), generator=generator).to(where)
        logp = log_probs(Head(weight), hidden, chosen)
        logp.mean().backward()
        grads = [weight.grad.cpu(), hidden.grad.cpu()]
        return {"gradients": grads, "losses": [float(logp.detach().mean())]}

    return compared("log-probabilities", FLOAT, work("cpu"), work(place.device))


@cache
def sums() -> tuple[Any, Any, list, list]:
    """Tokenizer, a policy that adds some numbers rightly, questions, worked solutions."""
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.model import ModelConfig, new_model
    from pipeline.lm.tokenizer import train_tokenizer
    from pipeline.lm.train import make_stream, train_lm
    from pipeline.lm.train_config import TrainConfig
    from pipeline.records import Instruction, Question

    pairs = [(a, b) for a in range(7) for b in range(5)]
    worked = [f"{a}+{b}={a + b}\n\\boxed{{{a + b}}}" for a, b in pairs]
    texts = [f"User: {a}+{b}\n\nAssistant: {w}" for (a, b), w in zip(pairs, worked, strict=True)]
    tokenizer = train_tokenizer(texts, 300)
    asked = [
        Question(f"q{i}", f"{a}+{b}", str(a + b), "en", trace=(str(a + b),))
        for i, (a, b) in enumerate(pairs)
    ]
    solutions = [
        Instruction(q.id, q.question, w, q.answer) for q, w in zip(asked, worked, strict=True)
    ]
    sizes = ModelConfig(
        hidden_size=64, layers=2, heads=2, intermediate_size=96, context=128, init_std=0.3
    )
    model = new_model(sizes, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, 0)
    cfg = TrainConfig(
        steps=50, sequences=35, sequence_length=48, packing=False, optimizer="adamw", lr=3e-3, warmup_steps=0
    )  # fmt: skip
    for _ in train_lm(
        model.eval(), make_stream(instruction_examples(tokenizer, solutions, "mini"), cfg), cfg
    ):
        pass
    return tokenizer, model, asked, solutions


def policy(where: str):
    return copy.deepcopy(sums()[1]).to(where)


def watched(rows: Iterator[dict], outputs: Callable[[], Any] = lambda: None) -> dict[str, Any]:
    """Losses of the rows, and each gradient as the optimizer meets it."""
    gradients, real = [], torch.nn.utils.clip_grad_norm_

    def clip(parameters, most):
        parameters = list(parameters)
        gradients.append(torch.cat([p.grad.flatten() for p in parameters]).double().cpu())
        return real(parameters, most)

    torch.nn.utils.clip_grad_norm_ = clip
    try:
        losses = [found["loss"] for found in rows if "loss" in found]
    finally:
        torch.nn.utils.clip_grad_norm_ = real
    return {"losses": losses, "gradients": gradients, "outputs": outputs()}


def supervised() -> Iterator[tuple[str, float, Callable[[str], dict]]]:
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.train import make_stream, train_lm
    from pipeline.lm.train_config import TrainConfig

    common = {"steps": 1, "sequences": 8, "sequence_length": 48, "warmup_steps": 0, "log_every": 1}
    low = {"compute_dtype": "bfloat16", "gradient_checkpointing": True}
    for name, within, changes in (
        ("pretrain", FLOAT, {"packing": True, "optimizer": "muon"}),
        ("pretrain, bfloat16, checkpointing", LOW, {"packing": True, **low}),
        ("sft", FLOAT, {"packing": False, "micro_batch_tokens": 96}),
    ):
        cfg = TrainConfig(**{"optimizer": "adamw", "lr": 1e-3} | common | changes)

        def work(where: str, cfg=cfg) -> dict:
            examples = instruction_examples(sums()[0], sums()[3], "mini")
            return watched(train_lm(policy(where), make_stream(examples, cfg), cfg))

        yield name, within, work


def scored(where: str):
    """A reward model that knows nothing, but scores outputs differently."""
    from pipeline.reward.model import RewardModel, with_scalar_head

    model = with_scalar_head(sums()[1])
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    return RewardModel(model.to(where), 512)


def reward_step(where: str) -> dict:
    from pipeline.reward.config import RewardConfig
    from pipeline.reward.model import Labelled
    from pipeline.reward.train import in_arithmetic, label_gradient

    tokenizer = sums()[0]
    data = [
        Labelled(
            f"q{i}",
            tokenizer.encode(f"User: {i}"),
            [[5 + i, 6, tokenizer.eos_token_id]],
            [[0, 2]],
            [[0.0, float(i % 2)]],
        )
        for i in range(8)
    ]
    model = scored(where).model
    means, _ = in_arithmetic(lambda m, b: label_gradient(m, b, 64), RewardConfig())(model, data)
    grads = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return {"losses": [means["loss"]], "gradients": [torch.cat(grads).cpu()]}


def rl_step(arm: str, where: str) -> dict:
    """One step of an arm: what it sampled, its loss and its gradients."""
    from pipeline.records import read_jsonl
    from pipeline.rl.config import RLConfig
    from pipeline.rl.loop import train_policy
    from pipeline.rl.training import Inputs

    tokenizer, _, asked, solutions = sums()
    cfg = RLConfig(
        questions_per_step=6, group_size=4, steps=1, max_new_tokens=14, lr=1e-4, micro_batch_tokens=128,
        validation_size=0, control_prompt_tokens=8, control_output_tokens=10, engine="fast",
    )  # fmt: skip
    given = Inputs(policy(where), tokenizer, asked, (), solutions, scored(where))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        rows = train_policy(given, arm_of(arm), cfg, 3, out / "out", out / "state", {})

        def outputs() -> list:
            files = sorted((out / "out/rollouts").glob("*.jsonl"))
            return [found["tokens"] for path in files for found in read_jsonl(path)]

        return watched(rows, outputs)


def arm_of(name: str):
    import yaml

    from pipeline.rl.config import ArmConfig
    from pipeline.wiring.code import ROOT

    values = yaml.safe_load((ROOT / f"conf/rl/{name}.yaml").read_text(encoding="utf-8"))
    values.pop("report", None)
    return ArmConfig(**values)


def sampled(engine: str, where: str) -> list:
    from pipeline.lm.generate import Sampling, make_engine
    from pipeline.lm.prompts import prompt_ids

    tokenizer, _, asked, _ = sums()
    made = make_engine(engine, policy(where), tokenizer)
    prompts = [list(prompt_ids(tokenizer, q.question, q.lang, "cot", "mini")) for q in asked]
    hot = made.sample(prompts, range(len(prompts)), Sampling(1.0, 14))
    greedy = made.sample(prompts, [0] * len(prompts), Sampling(0.0, 14))
    return [output.tokens for output in (*hot, *greedy)]
