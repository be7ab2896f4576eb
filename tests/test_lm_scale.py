"""Supervised training at real sizes: micro-batches, bfloat16, recomputation, another device, rates
of a base.
"""

from __future__ import annotations

import copy

import pytest
import torch

from pipeline.errors import UserError
from pipeline.lm.optim import checkpointing
from pipeline.lm.passes import hidden_of, read_prompts
from pipeline.lm.stream import pad_examples
from pipeline.lm.train import make_stream, next_token_gradient, split, train_lm
from pipeline.lm.train_config import TrainConfig
from tests.test_lm_architectures import model_of, some_rows

CFG = TrainConfig(
    steps=2,
    sequences=6,
    sequence_length=24,
    packing=False,
    optimizer="adamw",
    lr=1e-3,
    warmup_steps=0,
)


def examples(count: int = 12):
    generator = torch.Generator().manual_seed(0)
    lengths = [5 + i * 7 % 19 for i in range(count)]
    ids = [torch.randint(2, 280, (n,), generator=generator).tolist() for n in lengths]
    return [(row, [0] * 2 + [1] * (len(row) - 2)) for row in ids]


def gradient(model, **how):
    model.zero_grad()
    (means, sums) = next_token_gradient(model, examples(), **how)
    grads = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    return means["loss"], grads, sums


@pytest.mark.parametrize("kind", ["llama", "gemma2", "opt"])
def test_micro_batches_and_recomputation_change_nothing(kind: str) -> None:
    model = model_of(kind).double()
    loss, grads, sums = gradient(model)
    parts, part_grads, part_sums = gradient(model, max_tokens=48)
    assert parts == pytest.approx(loss, rel=1e-6)
    torch.testing.assert_close(part_grads, grads, rtol=1e-5, atol=1e-7)
    assert part_sums["tokens"] < sums["tokens"]  # less padding

    with checkpointing(model, True):
        again, again_grads, _ = gradient(model, max_tokens=48)
    assert again == parts
    torch.testing.assert_close(again_grads, part_grads, rtol=1e-6, atol=1e-9)
    assert gradient(model, max_tokens=48)[0] == parts


def test_micro_batches_keep_every_example_within_the_limit() -> None:
    parts = split(examples(), 48)
    assert sorted(row for part in parts for row, _ in part) == sorted(row for row, _ in examples())
    assert all(len(p) == 1 or len(p) * max(len(r) for r, _ in p) <= 48 for p in parts)
    assert split(examples(), 0) == [examples()]


def test_bfloat16_computes_low_and_moves_float32() -> None:
    model = model_of("llama")
    low = copy.deepcopy(model)
    kept = []
    low.model.layers[0].register_forward_hook(
        lambda m, i, o: kept.append(m.mlp.down_proj.weight.dtype)
    )
    low.model.layers[0].mlp.down_proj.register_forward_hook(lambda m, i, o: kept.append(o.dtype))
    rows = list(
        train_lm(
            low,
            make_stream(examples(), CFG),
            TrainConfig(**vars(CFG) | {"compute_dtype": "bfloat16"}),
        )
    )
    full = list(train_lm(model, make_stream(examples(), CFG), CFG))
    assert set(kept) >= {torch.bfloat16, torch.float32}
    assert {p.dtype for p in low.parameters()} == {torch.float32}
    assert rows[-1]["loss"] == pytest.approx(full[-1]["loss"], rel=0.02)


def test_another_device_gets_every_tensor() -> None:
    """`meta` stands in for cuda: a tensor that is made on the processor does not meet the model's."""
    model = model_of("llama").to("meta")
    tokens_BT, mask_BT = pad_examples(examples(), model.device)
    assert {tokens_BT.device.type, mask_BT.device.type} == {"meta"}

    rows = some_rows()
    prompts = read_prompts(model, rows)
    found = [*hidden_of(model, prompts, rows, [2, 0]), prompts.mask_PS, *prompts.leaves[0]]
    assert {t.device.type for t in found} == {"meta"}


def test_rates_of_a_model_from_scratch_are_refused_for_a_base() -> None:
    model = model_of("llama")
    model.config.pretrained_base = "SmolLM2"
    data = make_stream(examples(), CFG)
    with pytest.raises(UserError, match="AdamW at 0.001 would wreck the pretrained base SmolLM2"):
        next(train_lm(model, data, CFG))
    muon = TrainConfig(**vars(CFG) | {"optimizer": "muon", "lr": 1e-5})
    with pytest.raises(UserError, match="Muon at 0.02"):
        next(train_lm(model, data, muon))
    next(train_lm(model, data, TrainConfig(**vars(CFG) | {"lr": 1e-5, "log_every": 1})))
