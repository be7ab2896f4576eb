"""Model cards: their front matter is YAML that a hub reads, and they say what a model is not."""

import yaml

from pipeline.lm.card import KINDS, model_card


def test_a_card_has_front_matter_settings_and_numbers():
    settings = {"rl": {"name": "grpo_os_rule", "kl_coef": 0.04}}
    summary = {"parameters": 172_352, "accuracy": 0.51234, "done": True, "outcome": {"auc": 0.8}}
    text = model_card("grpo_os_rule-0", "rl", settings, summary, "8,000 questions.", "org/base")
    _, head, body = text.split("---\n", 2)
    found = yaml.safe_load(head)
    assert found["base_model"] == "org/base" and found["license"] == "apache-2.0"
    assert "| parameters | 172,352 |" in body and "| accuracy | 0.5123 |" in body
    assert "done" not in body and "auc" not in body
    shown = yaml.safe_load(body.partition("```json\n")[2].partition("```")[0])
    assert shown == settings and "8,000 questions." in body and "**Limits.**" in body


def test_a_model_from_scratch_names_no_base():
    for kind in KINDS:
        text = model_card("x", kind, {}, {}, "Nothing.")
        assert "base_model" not in text and "start at random" in text and KINDS[kind] in text
