"""Every architecture of docs/real.md: sampler, log-probabilities, gradient and reward head against
the model itself.
"""

from __future__ import annotations

import copy
from functools import lru_cache

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from pipeline.errors import UserError
from pipeline.lm.features import has_window
from pipeline.lm.generate import Sampling, make_engine
from pipeline.lm.generate.make import probe_engine
from pipeline.lm.model import attention_of
from pipeline.lm.passes import Rows, passes
from pipeline.lm.probe import WINDOW, own_log_probs, probe
from pipeline.lm.template import end_tokens
from pipeline.lm.tokenizer import train_tokenizer
from pipeline.reward.model import load_reward_model, read_at, with_scalar_head

SIZES = {
    "vocab_size": 280,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
ARCHITECTURES: dict[str, dict] = {
    "llama": {},
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {"head_dim": 16},
    "qwen3_moe": {"num_experts": 4, "head_dim": 8, **EXPERTS},
    "mistral": {"sliding_window": WINDOW},
    "gemma": {"head_dim": 8},
    "gemma2": {"head_dim": 8, "sliding_window": WINDOW, "query_pre_attn_scalar": 8},
    "gemma3_text": {"head_dim": 8, "sliding_window": WINDOW, "query_pre_attn_scalar": 8},
    "phi3": {"sliding_window": WINDOW},
    "granite": {"logits_scaling": 8.0, "embedding_multiplier": 2.0, "attention_multiplier": 0.3},
    "cohere": {"logit_scale": 0.25},
    "olmo2": {},
    "smollm3": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neox": {},
    "mixtral": {"num_local_experts": 4},
    "deepseek_v3": {
        "n_routed_experts": 4,
        "n_group": 2,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_nope_head_dim": 8,
        "qk_rope_head_dim": 8,
        "v_head_dim": 8,
        "num_key_value_heads": 4,
        **EXPERTS,
    },
    "starcoder2": {"sliding_window": WINDOW},
    "gpt_oss": {"num_local_experts": 4, "head_dim": 8, "sliding_window": WINDOW},
    "cohere2": {"logit_scale": 0.25, "sliding_window": WINDOW},
    "granitemoe": {"logits_scaling": 4.0},
    "phi": {},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "falcon": {},
    "stablelm": {},
    "glm4": {"head_dim": 8},
}


@lru_cache
def tokenizer():
    return train_tokenizer(["one two 1 + 2 = 3"], 280)


def model_of(kind: str, **changes):
    config = CONFIG_MAPPING[kind](**SIZES | ARCHITECTURES.get(kind, {}) | changes)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention_of(config))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=generator)
    return model.eval()


def some_rows() -> Rows:
    """Two prompts of unequal length, each with two outputs of unequal length: past any window here."""
    generator = torch.Generator().manual_seed(1)

    def random(count: int) -> list[int]:
        return torch.randint(2, 280, (count,), generator=generator).tolist()

    return Rows([random(5), random(14)], [random(n) for n in (9, 4, 12, 7)], [0, 0, 1, 1])


def furthest(found, truth) -> float:
    pairs = zip(found, truth, strict=True)
    return max(abs(f - t) for fs, ts in pairs for f, t in zip(fs, ts, strict=True))


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_passes_and_gradient_are_the_models_own(kind: str) -> None:
    model, rows = model_of(kind), some_rows()
    ours = copy.deepcopy(model)
    logps = {}
    for chosen, logp_RT, mask_RT in passes(ours, rows, range(4), 24, 1.0):
        (logp_RT.exp() * mask_RT).sum().backward()
        for b, row in zip(chosen, logp_RT.tolist(), strict=True):
            logps[b] = row[: len(rows.outputs[b])]
    assert furthest([logps[b] for b in range(4)], own_log_probs(model, rows)) < 1e-5

    for output, p in zip(rows.outputs, rows.prompt_of, strict=True):
        tokens = torch.tensor([rows.prompts[p] + output])
        logp_TV = model(input_ids=tokens, use_cache=False).logits[0].log_softmax(-1)
        before = logp_TV[len(rows.prompts[p]) - 1 : -1]
        before.gather(1, tokens[0, len(rows.prompts[p]) :, None]).exp().sum().backward()
    both = [
        (a.grad, b.grad)
        for a, b in zip(ours.parameters(), model.parameters(), strict=True)
        if b.grad is not None
    ]
    gap = sum((a - b).square().sum() for a, b in both).sqrt()
    assert gap < 1e-5 * sum(b.square().sum() for _, b in both).sqrt()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_sampler_states_the_models_own_log_probabilities(kind: str) -> None:
    model, rows = model_of(kind), some_rows()
    engine = make_engine("auto", model, tokenizer())
    prompts = [rows.prompts[p] for p in rows.prompt_of]
    outputs = engine.sample(prompts, range(4), Sampling(max_new_tokens=12))
    drawn = Rows(rows.prompts, [o.tokens for o in outputs], rows.prompt_of)
    with torch.no_grad():
        truth = own_log_probs(model, drawn)
    assert furthest([o.logprobs for o in outputs], truth) < 1e-5


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_reward_head_reads_the_models_own_states(kind: str, tmp_path) -> None:
    model, rows = with_scalar_head(model_of(kind)), some_rows()
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(2))
    ends = [[2, len(tokens) - 1] for tokens in rows.outputs]
    with torch.no_grad():
        found = [x.tolist() for x in read_at(model, rows, ends, 40)]
        truth = []
        for output, p, at in zip(rows.outputs, rows.prompt_of, ends, strict=True):
            whole = [rows.prompts[p] + output[: end + 1] for end in at]
            truth.append([model(input_ids=torch.tensor([ids])).logits.item() for ids in whole])
    assert furthest(found, truth) < 1e-5

    model.save_pretrained(tmp_path)
    again = load_reward_model(tmp_path, "cpu", 40)(rows, ends)
    assert furthest(again, [torch.sigmoid(torch.tensor(row)).tolist() for row in found]) < 1e-5


def test_probe_passes_what_is_right_and_names_what_is_not() -> None:
    for kind in ("llama", "gemma2", "mistral"):
        wide = {} if kind == "llama" else {"sliding_window": 4096}  # past the probe's sequences
        model = model_of(kind, **wide)
        probe(model)
        make_engine("auto", model, tokenizer())
        assert has_window(model.config) == bool(wide)
        assert not wide or model.config.sliding_window == 4096

    unknown = model_of("llama")
    forward = unknown.forward

    def doubled(*args, **kwargs):
        result = forward(*args, **kwargs)
        result.logits = 2 * result.logits
        return result

    unknown.forward = doubled
    unknown.config.logits_multiplier = 2
    with pytest.raises(UserError, match=r"llama \(logits_multiplier=2\).*differ from the model's"):
        probe(unknown)


def test_probe_compares_the_sampler_too() -> None:
    model = model_of("llama")
    engine = make_engine("fast", model, tokenizer())
    engine.layers[1]["o"] = engine.layers[1]["o"] * 1.5
    with pytest.raises(UserError, match="of the sampler differ"):
        probe_engine(engine, model)


@pytest.mark.parametrize("kind", ["llama4_text"])
def test_probe_refuses_an_architecture_without_our_cache(kind: str) -> None:
    config = CONFIG_MAPPING[kind](**SIZES)
    with pytest.raises(UserError, match=f"{kind}.*cannot be trained here"):
        probe(AutoModelForCausalLM.from_config(config).eval())


def test_fast_engine_refuses_what_it_does_not_know() -> None:
    for kind, changes, word in (
        ("gemma", {}, "gemma"),
        ("mistral", {}, "window"),
        (
            "llama",
            {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
            "dynamic",
        ),
    ):
        model = model_of(kind, **changes)
        with pytest.raises(UserError, match=f"engine=fast.*{word}.*engine=hf"):
            make_engine("fast", model, tokenizer())


def test_other_activations_in_the_fast_engine() -> None:
    model = model_of("llama", hidden_act="gelu")
    make_engine("fast", model, tokenizer())


@pytest.mark.parametrize("name", ["fast", "hf"])
def test_every_listed_end_token_ends_an_output(name: str) -> None:
    model = model_of("llama")
    prompts = [[5, 6, 7]] * 6
    free = make_engine(name, model, tokenizer()).sample(
        prompts, range(6), Sampling(max_new_tokens=8)
    )
    listed = max((o.tokens for o in free), key=len)[1]
    model.generation_config.eos_token_id = [1, listed]
    assert end_tokens(tokenizer(), model) == (1, listed)
    cut = make_engine(name, model, tokenizer()).sample(
        prompts, range(6), Sampling(max_new_tokens=8)
    )
    for whole, output in zip(free, cut, strict=True):
        at = next((i for i, t in enumerate(whole.tokens) if t in (1, listed)), None)
        assert output.tokens == (whole.tokens if at is None else whole.tokens[: at + 1])
        assert output.finished == (at is not None)
