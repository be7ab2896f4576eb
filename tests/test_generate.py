"""Engines agree with each other and with the trainer's log-probabilities."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from pipeline.errors import UserError
from pipeline.lm.generate import Sampling, make_engine
from pipeline.lm.generate.fast import COMPACT_AT, Cache, FastEngine
from pipeline.lm.generate.make import choose
from pipeline.lm.generate.randomness import draw_tokens, row_seed, uniforms
from pipeline.lm.generate.vllm import missing
from pipeline.lm.passes import Rows, output_log_probs
from pipeline.lm.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def setup():
    tokenizer = train_tokenizer(["Tom has 3 apples. 3+4=7 小明有3个苹果 \\boxed{7}"] * 20, 300)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            initializer_range=0.15,
        )
    ).eval()
    texts = ["Tom has 3", "小明有3个苹果和", "3+4", "\\boxed{"]
    prompts = [tokenizer.encode(t) for t in texts for _ in range(4)]
    return tokenizer, model, prompts, [row_seed(0, i) for i in range(len(prompts))]


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_engines_agree(setup, temperature):
    tokenizer, model, prompts, seeds = setup
    sampling = Sampling(temperature, 24, batch_rows=7)
    fast = make_engine("fast", model, tokenizer).sample(prompts, seeds, sampling)
    hf = make_engine("hf", model, tokenizer).sample(prompts, seeds, sampling)
    assert [o.tokens for o in fast] == [o.tokens for o in hf]
    assert [o.finished for o in fast] == [o.finished for o in hf]
    for a, b in zip(fast, hf, strict=True):
        np.testing.assert_allclose(a.logprobs, b.logprobs, atol=1e-4)


def test_sampler_and_trainer_give_the_same_log_probabilities(setup):
    tokenizer, model, prompts, seeds = setup
    outputs = make_engine("fast", model, tokenizer).sample(prompts, seeds, Sampling(0.7, 24))
    rows = Rows(prompts, [list(o.tokens) for o in outputs], list(range(len(prompts))))
    logp_BT = output_log_probs(model, rows, 0.7, max_tokens=64)
    for logp_T, o in zip(logp_BT, outputs, strict=True):
        np.testing.assert_allclose(logp_T[: len(o.tokens)].numpy(), o.logprobs, atol=1e-5)
        assert torch.all(logp_T[len(o.tokens) :] == 0)


def test_a_row_does_not_depend_on_its_neighbours(setup):
    tokenizer, model, prompts, seeds = setup
    engine = make_engine("fast", model, tokenizer)
    together = engine.sample(prompts, seeds, Sampling(1.0, 16))
    alone = [
        engine.sample([p], [s], Sampling(1.0, 16))[0] for p, s in zip(prompts, seeds, strict=True)
    ]
    assert [o.tokens for o in together] == [o.tokens for o in alone]


@pytest.mark.parametrize("temperature", [0.0, 0.1, 0.3])
def test_what_outputs_have_in_common_is_computed_once(setup, monkeypatch, temperature):
    tokenizer, model, _, _ = setup
    prompts = [tokenizer.encode(text) for text in ("Tom has 3", "3+4") for _ in range(24)]
    seeds, sampling = [row_seed(1, i) for i in range(48)], Sampling(temperature, 24)
    engine, computed, real = make_engine("fast", model, tokenizer), [], FastEngine._step
    monkeypatch.setattr(
        FastEngine,
        "_step",
        lambda self, *given: computed.append(len(given[0])) or real(self, *given),
    )
    shared = engine.sample(prompts, seeds, sampling)
    nodes = {
        (tuple(p), tuple(o.tokens[:t]))
        for p, o in zip(prompts, shared, strict=True)
        for t in range(1, len(o.tokens))
    }
    # an empty place stays until a quarter of them are
    assert len(nodes) <= sum(computed) <= len(nodes) / COMPACT_AT
    assert len(nodes) < 0.95 * sum(len(o.tokens) - 1 for o in shared)
    alone = [
        make_engine("hf", model, tokenizer).sample([p], [s], sampling)[0]
        for p, s in zip(prompts, seeds, strict=True)
    ]
    assert [(o.tokens, o.finished) for o in shared] == [(o.tokens, o.finished) for o in alone]
    for a, b in zip(shared, alone, strict=True):
        np.testing.assert_allclose(a.logprobs, b.logprobs, atol=1e-4)
    for b, o in enumerate(shared):  # equal outputs have equal log-probabilities, to the bit
        first = next(
            i for i in range(48) if prompts[i] == prompts[b] and shared[i].tokens == o.tokens
        )
        assert shared[first].logprobs == o.logprobs


def test_nodes_part_fill_empty_places_and_leave():
    """Each node's cache holds what its outputs have said, whatever parts, ends, grows and shrinks."""
    shrank = grew = filled = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        room, said = (
            12,
            [[int(b >= 10)] for b in range(20)],
        )  # two prompts of a token, ten outputs each
        running, node = np.arange(20), np.repeat([0, 1], 10)
        keys = torch.zeros(2, 1, room, 1)
        keys[:, 0, 0, 0] = torch.tensor([0.0, 1.0])
        cache = Cache([(keys, -keys)], torch.tensor([1, 1]))
        for _ in range(room - 1):
            token = rng.integers(0, 3, len(running))
            for b, word in zip(running, token, strict=True):
                said[b].append(int(word))
            stays = rng.random(len(running)) < 0.85
            running, token = running[stays], token[stays]
            if not len(running):
                break
            before, places, room_before = (
                set(node[running]),
                len(cache.length_N),
                len(cache.layers[0][0]),
            )
            node[running], token_N = cache.part(node[running], token)
            grew += len(cache.layers[0][0]) > room_before
            shrank += len(cache.length_N) < places
            filled += len(set(node[running]) - before) > 0 and len(cache.length_N) == places
            assert len(cache.layers[0][0]) <= 20 and len(token_N) == len(cache.length_N)
            for key, value in cache.layers:  # as _step does
                rows = torch.arange(len(token_N))
                key[rows, 0, cache.length_N, 0] = torch.from_numpy(token_N).float()
                value[rows, 0, cache.length_N, 0] = -torch.from_numpy(token_N).float()
            cache.length_N = cache.length_N + 1
            for b in running:
                for tensor, sign in zip(cache.layers[0], (1, -1), strict=True):
                    assert (
                        sign * tensor[node[b], 0, : cache.length_N[node[b]], 0]
                    ).tolist() == said[b]
            assert len(set(node[running])) == len({tuple(said[b]) for b in running})
    assert shrank and grew and filled


def test_draws_follow_the_distribution():
    p = torch.tensor([0.5, 0.25, 0.2, 0.05])
    seeds = np.array([row_seed("draw", i) for i in range(40000)], dtype=np.uint64)
    token, logp = draw_tokens(p.log()[None].expand(len(seeds), 4), seeds, 3, 1.0)
    share = np.bincount(token.numpy(), minlength=4) / len(seeds)
    np.testing.assert_allclose(share, p.numpy(), atol=0.01)
    np.testing.assert_allclose(logp.exp().numpy(), p[token].numpy(), rtol=1e-5)
    assert abs(np.corrcoef(uniforms(seeds, 0), uniforms(seeds, 1))[0, 1]) < 0.02


def test_stop_string_ends_an_output(setup):
    tokenizer, model, prompts, seeds = setup
    engine = make_engine("fast", model, tokenizer)
    free = engine.sample(prompts, seeds, Sampling(1.0, 16))
    stop = tokenizer.decode(free[0].tokens[3:4])
    cut = engine.sample(prompts[:1], seeds[:1], Sampling(1.0, 16, stop=(stop,)))[0]
    assert cut.finished and cut.tokens == free[0].tokens[: len(cut.tokens)] and len(cut.tokens) <= 4


def test_tokenizer_round_trip(setup):
    tokenizer = setup[0]
    for text in [
        "3+4=7\n\\boxed{\\frac{2}{3}}",
        "小明有12个苹果，吃了3个。",
        "naïve Ω 🙂\tend  ",
        "```python\nprint(3)\n```",
    ]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("device", "refused", "installed", "name", "because"),
    [
        ("cpu", "", True, "fast", "the model is Llama-like; vLLM pays on a GPU alone"),
        ("cpu", "engine=fast reads llama models, not gpt2", True, "hf", "reads llama models"),
        ("cuda", "", True, "vllm", "the model is on a GPU and vLLM is installed"),
        ("cuda", "", False, "fast", "the model is Llama-like; vllm is not installed"),
        ("cuda", "engine=fast has no sliding window", False, "hf", "vllm is not installed"),
    ],
)
def test_auto_says_which_engine_it_takes_and_why(
    monkeypatch, device, refused, installed, name, because
):
    absent = "" if installed else "vllm is not installed (requirements/README.md)"
    monkeypatch.setattr("pipeline.lm.generate.vllm.missing", lambda: absent)
    taken, reason = choose(device, refused)
    assert taken == name and because in reason


def test_auto_prints_one_line(setup, capsys):
    tokenizer, model, *_ = setup
    make_engine("auto", model, tokenizer)
    assert capsys.readouterr().out.startswith("engine=auto: fast, because ")
    with pytest.raises(UserError, match="engine=sglang: choose fast, hf, vllm or auto"):
        make_engine("sglang", model, tokenizer)


def test_vllm_that_is_not_there_is_one_line(setup):
    tokenizer, model, *_ = setup
    if not missing():
        pytest.skip("vllm is installed: tests/test_vllm.py")
    with pytest.raises(UserError, match="engine=vllm: vllm is not installed .*; use engine=auto"):
        make_engine("vllm", model, tokenizer)
