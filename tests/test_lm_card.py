"""Model cards: their front matter is YAML that a hub reads, and they say what a model is not."""

import yaml

from pipeline.lm.card import KINDS, base_of, model_card, write_cards


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


def test_every_model_folder_gets_a_card(tmp_path):
    for place in ("model", "models/step-00002", "value_model", "rollouts"):
        (tmp_path / place).mkdir(parents=True)
        if place != "rollouts":
            (tmp_path / place / "model.safetensors").write_bytes(b"")
    found = write_cards(tmp_path, "ppo-0", "rl", {}, {"steps": 2}, "Questions.")
    assert len(found) == 3 and not (tmp_path / "rollouts/README.md").exists()
    policy, kept, value = (
        (tmp_path / place / "README.md").read_text(encoding="utf-8")
        for place in ("model", "models/step-00002", "value_model")
    )
    assert "# ppo-0\n" in policy and "# ppo-0, models/step-00002\n" in kept
    assert KINDS["rl"] in policy and KINDS["value"] in value


def test_the_base_is_named_by_the_card_of_the_model_before(tmp_path):
    assert base_of(tmp_path) == ""
    for base in ("org/base", ""):
        card = model_card("instruct", "instruct", {}, {}, "Nothing.", base)
        (tmp_path / "README.md").write_text(card, encoding="utf-8")
        assert base_of(tmp_path) == base
