"""Memory: prompts and rows in groups, parts on file, and the results of the whole."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from pipeline.errors import UserError
from pipeline.lm.generate import Sampling, api, fast, make_engine
from pipeline.lm.generate.room import row_bytes, rows_at_once
from pipeline.lm.parts import in_parts
from pipeline.lm.passes import Rows, output_log_probs, passes, prompt_groups
from tests.test_lm_architectures import model_of, tokenizer


def many_rows() -> Rows:
    generator = torch.Generator().manual_seed(3)

    def random(count: int) -> list[int]:
        return torch.randint(2, 280, (count,), generator=generator).tolist()

    prompts = [random(n) for n in (5, 30, 9, 12, 28)]
    prompt_of = [0, 0, 1, 2, 2, 3, 4, 4]
    return Rows(prompts, [random(3 + 2 * b) for b in range(8)], prompt_of)


def test_prompts_in_groups_have_the_values_and_gradients_of_all_at_once() -> None:
    rows, found = many_rows(), []
    assert prompt_groups(rows, range(8), 4096) == [list(range(8))]
    groups = prompt_groups(rows, range(8), 60)
    assert sorted(b for group in groups for b in group) == list(range(8)) and len(groups) > 1
    for group in groups:
        lengths = [len(rows.prompts[p]) for p in {rows.prompt_of[b] for b in group}]
        assert len(lengths) == 1 or len(lengths) * max(lengths) <= 60

    for limit in (4096, 60):
        model = model_of("qwen2").double()
        for _, logp_RT, mask_RT in passes(model, rows, range(8), limit, 0.8):
            (logp_RT.exp() * mask_RT).sum().backward()
        grads = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((output_log_probs(model, rows, 0.8, limit), grads))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-7)


def test_prefill_in_groups_draws_the_same_outputs(monkeypatch) -> None:
    rows, model = many_rows(), model_of("qwen2").double()
    prompts = [rows.prompts[p] for p in rows.prompt_of]
    engine = make_engine("fast", model, tokenizer())
    whole = engine.sample(prompts, range(8), Sampling(max_new_tokens=12))
    monkeypatch.setattr(fast, "PREFILL", 40)
    parts = engine.sample(prompts, range(8), Sampling(max_new_tokens=12))
    assert [o.tokens for o in parts] == [o.tokens for o in whole]
    for a, b in zip(parts, whole, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)


@pytest.mark.parametrize("name", ["fast", "hf"])
def test_rows_that_do_not_fit_wait(name: str, monkeypatch) -> None:
    rows, model = many_rows(), model_of("qwen2").double()
    prompts = [rows.prompts[p] for p in rows.prompt_of]
    engine = make_engine(name, model, tokenizer())
    sampling = Sampling(max_new_tokens=12)
    whole = engine.sample(prompts, range(8), sampling)
    each = row_bytes(model.config, 30 + 12, 8)
    batches = []
    monkeypatch.setattr(api, "free_bytes", lambda device: 2 * 3 * each)
    decode = engine._sample_batch
    engine._sample_batch = lambda *given: batches.append(len(given[0])) or decode(*given)
    assert [o.tokens for o in engine.sample(prompts, range(8), sampling)] == [
        o.tokens for o in whole
    ]
    assert batches == [3, 3, 2]

    monkeypatch.setattr(api, "free_bytes", lambda device: each)
    with pytest.raises(UserError, match="one row of 42 positions needs .* lower max_new_tokens"):
        engine.sample(prompts, range(8), sampling)


def test_bytes_of_a_row_by_hand() -> None:
    # SmolLM2-135M: 30 layers, 3 key/value heads of 64; 45 KiB a token in float32
    config = SimpleNamespace(
        num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, hidden_size=576
    )
    assert row_bytes(config, 1, 4) == 2 * 30 * 3 * 64 * 4 == 46080
    assert rows_at_once(config, 1124 + 512, 4, 256, 16 << 30) == 113


def test_a_part_on_file_is_not_made_again(tmp_path) -> None:
    made = []

    def make(start: int, end: int):
        if start == 4 and len(made) < 3:
            made.append("killed")
            raise KeyboardInterrupt
        made.append((start, end))
        return [{"n": n} for n in range(start, end)]

    with pytest.raises(KeyboardInterrupt):
        list(in_parts(tmp_path, 7, 2, make))
    assert [row["n"] for row in in_parts(tmp_path, 7, 2, make)] == list(range(7))
    assert made == [(0, 2), (2, 4), "killed", (4, 6), (6, 7)]
    assert [
        row["n"] for row in in_parts(None, 3, 2, lambda a, b: ({"n": n} for n in range(a, b)))
    ] == [0, 1, 2]
