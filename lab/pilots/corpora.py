"""One cell of the rival corpora past the arithmetic threshold, probed on the way.

    python -m lab.pilots.corpora [ARM] [--steps 5860] [--sequences 8] [--probes 9]

Pre-trains the model of profile corpora on the arm's corpora, one phase after the other, and asks the
base model problems of split validation: bits per result before and after the temperature is
calibrated (on other validation problems), the share of results whose every digit is the likeliest,
and riddles by choice (lab/corpora/riddles.py). Needs the stage `rivals` of lab/corpora/dvc.yaml. No
test question is read. A row is added to (or replaced in) reports/pilots/corpora.json, and
reports/pilots/corpora.md is written from all rows.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from lab.corpora.matrix import (
    ARMS,
    CALIBRATED_ON,
    RIVALS,
    WORLD,
    documents,
    held_out,
    settings,
)
from lab.corpora.matrix import phases as corpora_of
from lab.corpora.probe import as_on_pages, bits_per_result, calibrated_temperature, surprise
from lab.corpora.riddles import chosen
from lab.pilots.world import record
from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.records import Instruction, Question, read_rows
from pipeline.report.stats import combined
from pipeline.wiring.code import commit
from pipeline.world.draw import draw

ASKED = 200  # problems per language, other ones than the temperature is chosen on
RIDDLES = 300  # per language


def parse() -> argparse.Namespace:
    pretrain = settings("pretrain", TrainConfig)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arm", nargs="?", default="general_then_final", choices=ARMS)
    parser.add_argument("--name", help="of the row; default: the arm's")
    parser.add_argument("--steps", type=int, default=pretrain.steps, help="of all phases")
    parser.add_argument("--sequences", type=int, default=pretrain.sequences)
    parser.add_argument("--rate", type=float, default=pretrain.lr_muon, help="Muon's")
    parser.add_argument("--probes", type=int, default=9, help="evenly over all steps")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def riddles(count: int) -> list[Question]:
    """`count` riddles per language of split validation."""
    return [
        problem.as_question(f"{kind}-{i}")
        for kind in ("bbh_en", "bbh_zh")
        for i, problem in enumerate(draw("validation", count, "pilot", kind, (2, 3, 4)))
    ]


class Probe:
    """What a base model knows, measured again and again."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer
        self.calibration, self.asked = held_out(CALIBRATED_ON), held_out(ASKED, "pilot")
        self.riddles = riddles(RIDDLES)
        self.shots = list(read_rows(WORLD / "bbh_examples.jsonl", Instruction))

    def __call__(self, model) -> dict[str, Any]:
        model.eval()
        with torch.no_grad():
            temperature = calibrated_temperature(model, self.tokenizer, self.calibration)
            found: dict[str, Any] = {"temperature": round(temperature, 3)}
            for lang in ("en", "zh"):
                some = [q for q in self.asked if q.lang == lang]
                for name, t in (("bits", 1.0), ("calibrated", temperature)):
                    rows = list(surprise(model, self.tokenizer, some, t))
                    found[f"{name}_{lang}"] = round(bits_per_result(rows), 3)
                rows = list(surprise(model, self.tokenizer, some, write=as_on_pages))
                found[f"pages_{lang}"] = round(bits_per_result(rows), 3)
            told = list(chosen(model, self.tokenizer, self.riddles, self.shots))
            for lang in ("en", "zh"):
                own = [row for row in told if row["id"].startswith(f"bbh_{lang}")]
                above = combined([np.array([[row["right"] - row["chance"] for row in own]])])
                found[f"riddles_{lang}"] = [
                    round(100 * value, 1) for value in (above.mean, above.low, above.high)
                ]
        return found


def phase(model, probe: Probe, examples: Sequence, train: TrainConfig, every: int) -> list[dict]:
    """Train on a corpus; a row every so many steps, with the CPU seconds of training alone."""
    rows, asking, begin = [], 0.0, time.process_time()
    for row in train_lm(model, make_stream(examples, train), train):
        left = train.steps - row["step"]
        if left and (row["step"] % every or left < every // 2):
            continue
        spent, before = time.process_time() - begin - asking, time.process_time()
        rows.append(
            {
                "tokens": row["tokens"],
                "loss": round(row["loss"], 3),
                "cpu_seconds": round(spent),
                **probe(model),
            }
        )
        asking += time.process_time() - before
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(RIVALS / "tokenizer")
    model = new_model(
        settings("model", ModelConfig),
        len(tokenizer),
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        seed=args.seed,
    )
    train = replace(
        settings("pretrain", TrainConfig),
        steps=args.steps,
        sequences=args.sequences,
        lr_muon=args.rate,
        log_every=10,
        seed=args.seed,
    )
    probe = Probe(tokenizer)
    phases = [{"corpus": "nothing", "rows": [{"tokens": 0, "cpu_seconds": 0, **probe(model)}]}]
    for number, name, own in corpora_of(args.arm, train):
        examples = documents(tokenizer, name, own, phase=number)
        print(f"{name}: {len(examples)} documents", flush=True)
        rows = phase(model, probe, examples, own, train.steps // args.probes // 10 * 10)
        size = sum(len(ids) for ids, _ in examples)
        phases.append({"corpus": name, "tokens": size, "rows": rows})
    row = {
        "name": args.name or args.arm,
        "commit": commit()[:7],
        "seed": args.seed,
        "parameters": model.num_parameters(),
        "steps": train.steps,
        "sequences": train.sequences,
        "lr_muon": train.lr_muon,
        "phases": phases,
    }
    record("corpora", row, page)


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The table for people."""
    heads = [
        "cell",
        "read so far",
        "million tokens of it (passes)",
        "loss",
        "CPU s",
        "bits per result, English: plain, calibrated, as on pages",
        "Chinese",
        "temperature",
        "riddles above guessing, English [95 %]",
        "Chinese",
    ]
    lines = [
        "# Pilot of the corpora",
        "",
        "Written by `python -m lab.pilots.corpora`: base models of one seed, while they read. Bits per",
        f"result of {ASKED} validation problems per language, plain and at the temperature that is best",
        f"on {CALIBRATED_ON} others, in a form that no page has, and plain with the steps as formulas of",
        f"pages; {RIDDLES} riddles of the validation split per language, two shots, the",
        "likeliest answer counts, in points above guessing, with intervals over riddles. CPU seconds",
        "are those of training. No test question was read.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
    ]
    for row in rows:
        for part in row["phases"]:
            for probed in part["rows"]:
                lines.append(line(row, part, probed))
        lines += ["", settings_line(row), ""] if row is rows[-1] else []
    return "\n".join(lines).rstrip() + "\n"


def line(row: dict[str, Any], part: dict[str, Any], probed: dict[str, Any]) -> str:
    passes = f" ({probed['tokens'] / part['tokens']:.1f})" if part.get("tokens") else ""
    above = ["{} [{}, {}]".format(*probed[f"riddles_{lang}"]) for lang in ("en", "zh")]
    bits = [
        ", ".join(
            str(probed.get(f"{name}_{lang}", "-")) for name in ("bits", "calibrated", "pages")
        )
        for lang in ("en", "zh")
    ]
    cells = [
        f"`{row['name']}`",
        part["corpus"],
        f"{probed['tokens'] / 1e6:.1f}{passes}",
        f"{probed.get('loss', '-')}",
        f"{probed['cpu_seconds']}",
        *bits,
        f"{probed['temperature']}",
        *above,
    ]
    return f"| {' | '.join(cells)} |"


def settings_line(row: dict[str, Any]) -> str:
    return (
        f"`{row['name']}`: {row['parameters']:,} parameters, {row['steps']} steps x "
        f"{row['sequences']} x 256 tokens, Muon {row['lr_muon']:g}, seed {row['seed']}, "
        f"commit {row['commit']}."
    )


if __name__ == "__main__":
    main()
