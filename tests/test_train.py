"""Training: the loss falls, a killed run ends as an undisturbed one, only responses count, matrices
are orthogonalised.
"""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.lm.examples import instruction_example
from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.muon import orthogonalise
from pipeline.lm.stream import Packed, pad_examples
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.lm.train import make_stream, next_token_loss, train_lm
from pipeline.lm.train_config import TrainConfig, learning_rate_share
from pipeline.records import Instruction

CFG = TrainConfig(
    steps=12, sequences=2, sequence_length=24, warmup_steps=2, checkpoint_every=4, log_every=2
)
SIZE = ModelConfig(hidden_size=32, layers=2, heads=1, intermediate_size=48)


def _data(seed=0):
    tokens = torch.randint(0, 50, (40, 17), generator=torch.Generator().manual_seed(seed)).tolist()
    return Packed([(row, [0] * 5 + [1] * 12) for row in tokens], CFG.sequence_length, seed)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_resumed_run_is_bit_identical(tmp_path, optimizer):
    cfg = TrainConfig(**{**CFG.__dict__, "optimizer": optimizer})
    whole = new_model(SIZE, 50, 0, 1, seed=3)
    rows = list(train_lm(whole, _data(), cfg))
    first = new_model(SIZE, 50, 0, 1, seed=3)
    run = train_lm(first, _data(), cfg, tmp_path)
    for _ in range(4):  # eight steps; the state of step 8 is saved when the next row is asked for
        next(run)
    next(run)
    run.close()
    resumed = new_model(SIZE, 50, 0, 1, seed=99)
    assert list(train_lm(resumed, _data(), cfg, tmp_path)) == rows
    assert all(
        torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True)
    )


def test_the_loss_falls_and_weights_move():
    model = new_model(SIZE, 50, 0, 1, seed=0)
    before = [p.clone() for p in model.parameters()]
    data = Packed([(list(range(40)), [1] * 40)] * 8, 24, 0)
    rows = list(train_lm(model, data, TrainConfig(**{**CFG.__dict__, "steps": 60})))
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_masked_tokens_count_only_as_context():
    model = new_model(SIZE, 50, 0, 1, seed=0)
    tokens = torch.randint(0, 50, (2, 12))
    mask = torch.zeros(2, 12, dtype=torch.bool)
    mask[:, 6:] = True
    logits = model(tokens).logits
    expected = torch.stack(
        [-logits[b, t - 1].log_softmax(-1)[tokens[b, t]] for b in range(2) for t in range(6, 12)]
    ).mean()
    torch.testing.assert_close(next_token_loss(model, tokens, mask), expected)


def test_packing_loses_no_token_within_an_epoch_and_reorders_the_next():
    data = _data()
    one, two = (sum((ids for ids, _ in data.epoch(e)), []) for e in (0, 1))
    assert len(one) == 40 * 17 // 24 * 24 and one != two


def test_only_the_response_of_an_instruction_counts():
    tokenizer = train_tokenizer(["User: Assistant: 3+4=7 \\boxed{7}"] * 5, 300)
    row = Instruction("a", "What is 3+4?", "3+4=7\n\\boxed{7}", "7")
    ids, mask = instruction_example(tokenizer, row, "mini")
    assert (
        tokenizer.decode([i for i, m in zip(ids, mask, strict=True) if m])
        == " 3+4=7\n\\boxed{7}</s>"
    )
    assert (
        tokenizer.decode([i for i, m in zip(ids, mask, strict=True) if not m])
        == "<s>User: What is 3+4?\n\nAssistant:"
    )


def test_orthogonalised_updates_have_unit_singular_values():
    x = orthogonalise(torch.randn(3, 20, 12, generator=torch.Generator().manual_seed(0)))
    s = torch.linalg.svdvals(x)
    assert s.min() > 0.6 and s.max() < 1.3


def test_learning_rate_schedules():
    paper = TrainConfig(steps=100, schedule="multi_step", warmup_steps=0).optim
    at = [learning_rate_share(s, paper) for s in (1, 80, 81, 90, 91, 100)]
    assert at == [1, 1, 0.316, 0.316, 0.1, 0.1]
    linear = TrainConfig(steps=100, schedule="linear", warmup_steps=10).optim
    first, before, peak, last = (learning_rate_share(s, linear) for s in (1, 10, 11, 100))
    assert first < before < peak == 1 and 0 < last < 0.02


def test_impossible_settings_are_refused():
    with pytest.raises(UserError, match="train.schedule=cosine"):
        TrainConfig(schedule="cosine")
    with pytest.raises(UserError, match="checkpoint_every"):
        TrainConfig(checkpoint_every=25, log_every=10)


def test_unpacked_rows_are_single_examples_padded_on_the_right():
    examples = [([5, 6, 7], [0, 1, 1]), ([8, 9], [0, 1]), ([1, 2, 3, 4], [0, 0, 1, 1])]
    data = make_stream(examples, TrainConfig(packing=False, sequence_length=3))
    stream = data.batches(3)
    tokens, mask = pad_examples(next(stream))
    assert sorted(tokens.tolist()) == [[1, 2, 3], [5, 6, 7], [8, 9, 0]]
    assert mask.sum() == 2 + 1 + 1 and not mask[tokens[:, 0] == 8][0, 2]
    orders = [[ids for ids, _ in next(stream)] for _ in range(5)]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert any(order != orders[0] for order in orders)
