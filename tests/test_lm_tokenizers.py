"""Tokenizers and templates that do it their own way: BOS, ends of turns, dates, generation
settings.
"""

from __future__ import annotations

import copy
import json

import pytest
from transformers import AutoModelForCausalLM, GenerationConfig

from pipeline.errors import UserError
from pipeline.lm.examples import document_example, response_ids
from pipeline.lm.features import position_limit
from pipeline.lm.model import load_model, load_tokenizer, save_model
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.template import end_tokens, puts_bos
from tests.test_lm_architectures import model_of
from tests.test_lm_architectures import tokenizer as plain

IM = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def im_tokenizer():
    """As Qwen2.5's base model: the end of text ends a document, another token ends a turn."""
    found = copy.deepcopy(plain())
    found.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    found.chat_template = IM
    return found


def test_a_turn_ends_with_the_templates_own_token() -> None:
    tokenizer = im_tokenizer()
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert end_tokens(tokenizer) == (tokenizer.eos_token_id, end)
    ids = response_ids(tokenizer, "1 + 2", "1 + 2 = 3", "en", "cot", "mini")
    assert tokenizer.decode(ids) == "1 + 2 = 3<|im_end|>"
    assert end_tokens(plain()) == (plain().eos_token_id,)


def test_bos_only_where_the_tokenizer_puts_one() -> None:
    assert puts_bos(plain())  # its chat template names it
    assert document_example(plain(), "one")[0][0] == plain().bos_token_id

    opens_turns = im_tokenizer()  # SmolLM2: the token that opens a turn is called BOS
    opens_turns.bos_token = "<|im_start|>"
    assert not puts_bos(opens_turns)
    assert opens_turns.bos_token_id not in document_example(opens_turns, "one")[0]

    bare = copy.deepcopy(plain())  # GPT-2: a BOS that nothing puts in front, and no template
    bare.chat_template = None
    assert not puts_bos(bare)
    assert bare.decode(prompt_ids(bare, "one", style="mini")) == "User: one\n\nAssistant:"

    unbound = copy.deepcopy(bare)
    unbound.bos_token = None
    assert unbound.decode(prompt_ids(unbound, "one", style="mini")) == "User: one\n\nAssistant:"


@pytest.mark.parametrize(
    "told", ["{{ strftime_now('%d %b %Y') }}", "{{ date_string or strftime_now('%d %b %Y') }}"]
)
def test_a_template_that_tells_the_date_is_told_one_date(told: str) -> None:
    tokenizer = im_tokenizer()
    tokenizer.chat_template = told + IM
    assert tokenizer.decode(prompt_ids(tokenizer, "one")).startswith("26 Jul 2024")


def test_saved_folders_list_every_end_and_no_advice_on_sampling(tmp_path) -> None:
    model = model_of("llama")
    # Llama 2's: transformers reads it and refuses to write it
    model.generation_config = GenerationConfig(temperature=0.9, top_p=0.6, eos_token_id=[1, 7])
    save_model(model, plain(), tmp_path)
    saved = json.loads((tmp_path / "generation_config.json").read_text())
    assert saved["eos_token_id"] == [1, 7]
    assert not {"temperature", "top_p"} & set(saved)
    again, tokenizer = load_model(tmp_path), load_tokenizer(tmp_path)
    assert end_tokens(tokenizer, again) == (1, 7)
    AutoModelForCausalLM.from_pretrained(tmp_path)


def test_rotary_embeddings_that_change_with_length_have_a_limit() -> None:
    assert position_limit(model_of("llama")) is None
    assert position_limit(model_of("gpt2")) == 64
    rope = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    assert position_limit(model_of("llama", rope_parameters=rope)) == 64


def test_an_unknown_model_type_is_one_line(tmp_path) -> None:
    save_model(model_of("llama"), plain(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "frobnicator"}))
    with pytest.raises(UserError, match="frobnicator"):
        load_model(tmp_path)


def test_a_hub_name_without_network_is_one_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="nobody/nothing.*dsm base nobody/nothing"):
        load_model("nobody/nothing")
