"""Engines agree with each other and with the trainer's log-probabilities."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from pipeline.errors import UserError
from pipeline.lm.generate import Sampling, make_engine
from pipeline.lm.generate.cache import COMPACT_AT, Bucket, Cache, like_lengths
from pipeline.lm.generate.fast import FastEngine
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
    """Each node's cache holds what its outputs have said, whatever parts, ends, grows and shrinks;
    each node has its place next to the nodes of its prompt.
    """
    shrank = grew = filled = left = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        # three prompts in two buckets, ten outputs each
        cache = Cache([bucket_of([2, 0], 3), bucket_of([1], 1)], torch.tensor([3, 1, 2]))
        said: list[list[int]] = [[] for _ in range(30)]
        running, node = np.arange(30), np.repeat([0, 1, 2], 10)
        asked = node.copy()
        for _ in range(40):
            token = rng.integers(0, 3, len(running))
            for b, word in zip(running, token, strict=True):
                said[b].append(int(word))
            stays = rng.random(len(running)) < 0.85
            running, token = running[stays], token[stays]
            if not len(running):
                break
            before, nodes, places = set(node[running]), len(cache.prompt_N), len(cache.own[0][0])
            prompts = sum(len(bucket.prompts) for bucket in cache.buckets)
            node[running], token_N = cache.part(node[running], token)
            grew += len(cache.own[0][0]) > places
            shrank += len(cache.prompt_N) < nodes
            filled += len(set(node[running]) - before) > 0 and len(cache.prompt_N) == nodes
            left += sum(len(bucket.prompts) for bucket in cache.buckets) < prompts
            assert len(cache.own[0][0]) <= 30 and len(token_N) == len(cache.prompt_N)
            put = torch.from_numpy(token_N).float()[:, None, None]
            cache.attend(0, torch.ones(len(token_N), 1, 2, 1), put, -put)
            cache.step()
            for b in running:
                assert cache.prompt_N[node[b]] == asked[b]
                for x, sign in zip(cache.own[0], (1, -1), strict=True):
                    assert (sign * x[node[b], 0, : cache.said, 0]).tolist() == said[b]
            assert len(set(node[running])) == len({(asked[b], *said[b]) for b in running})
    assert shrank and grew and filled and left


def bucket_of(prompts: list[int], positions: int) -> Bucket:
    keys = torch.zeros(len(prompts), 1, 1, positions)
    bias_P1S = torch.zeros(len(prompts), 1, positions)
    return Bucket(np.array(prompts), [(keys, keys.transpose(2, 3))], bias_P1S)


def test_attention_to_a_prompt_kept_once_is_that_of_each_row():
    """Against scaled_dot_product_attention over prompt and said tokens of each node, in float64."""
    torch.manual_seed(0)
    H, G, D, lengths = 2, 3, 4, [3, 7, 5]
    keys, values = (torch.randn(3, H, 7, D, dtype=torch.float64) for _ in range(2))
    buckets = []
    for members in ([1, 2], [0]):
        longest = max(lengths[p] for p in members)
        bias = torch.zeros(len(members), 1, longest, dtype=torch.float64)
        for row, p in enumerate(members):
            bias[row, :, lengths[p] :] = float("-inf")
        pair = keys[members][:, :, :longest].transpose(2, 3), values[members][:, :, :longest]
        buckets.append(Bucket(np.array(members), [pair], bias))
    cache = Cache(buckets, torch.tensor(lengths))
    node = np.repeat([0, 1, 2], 4)
    own: list[list[list]] = [[[], []] for _ in node]
    for t in range(20):
        node, _ = cache.part(node, np.arange(12) if not t else np.zeros(12, dtype=int))
        query = torch.randn(12, H, G, D, dtype=torch.float64)
        new = torch.randn(2, 12, H, D, dtype=torch.float64)
        position_N = cache.position_N
        read = cache.attend(0, query, *new)
        cache.step()
        for b, n in enumerate(node):
            p = b // 4
            assert position_N[n] == lengths[p] + t
            both = []
            for kept, past, x in zip((keys, values), own[b], new, strict=True):
                past.append(x[n])
                both.append(torch.cat((kept[p, :, : lengths[p]], torch.stack(past, 1)), 1))
            expected = torch.nn.functional.scaled_dot_product_attention(query[n], both[0], both[1])
            torch.testing.assert_close(read[n], expected, rtol=0, atol=1e-12)


def test_groups_of_like_length_have_the_fewest_padded_tokens():
    lengths = [9, 2, 3, 10, 2, 9]
    assert like_lengths(lengths, 100, 2) == [[3, 0, 5], [2, 1, 4]]
    assert like_lengths(lengths, 100, 40) == [[3, 0, 5, 2, 1, 4]]
    assert like_lengths(lengths, 9, 2) == [[3], [0], [5], [2, 1, 4]]
    rng = np.random.default_rng(0)
    for _ in range(20):
        lengths = rng.integers(1, 30, 7).tolist()
        order = sorted(range(7), key=lambda i: -lengths[i])

        def cost(groups, lengths=lengths):
            return sum(len(group) * lengths[group[0]] + 5 for group in groups)

        ways = [
            [order[i:j] for i, j in zip([0, *cuts], [*cuts, 7], strict=True)]
            for bits in range(64)
            for cuts in [[k + 1 for k in range(6) if bits >> k & 1]]
        ]
        fitting = [way for way in ways if all(len(g) * lengths[g[0]] <= 60 for g in way)]
        found = like_lengths(lengths, 60, 5)
        assert found in fitting and cost(found) == min(map(cost, fitting))


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
