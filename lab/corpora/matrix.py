"""Tables 1, 6 and 8 in miniature: one small model, equal token budgets of rival corpora.   python -m lab.corpora.matrix STEP

    texts               write what each corpus holds, from the crawl and the loop of lab/recall/loop.py
    cell ARM SEED       pre-train on the arm's corpora one after the other, probe the base model, fine-tune, evaluate
    table               read all cells, write reports/lab/corpora/ (lab/corpora/report.py)

Each is a stage of lab/corpora/dvc.yaml, `cell` a matrix of arm and seed; settings stand in lab/corpora/params.yaml. All arms
share tokenizer, model, steps, instruction data and questions. A corpus that is smaller than the budget is repeated, as in
section 2.2. What evaluation asks for (one equation a line, a boxed answer) occurs in no corpus (tests/test_world_web.py); the
arm `none`, fine-tuned from random weights, is the control that shows what the format alone is worth. The base models are
asked in a form that is neither of pages nor of instructions (lab/corpora/probe.py).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from lab.corpora.probe import surprise
from lab.corpora.texts import texts as made_texts
from lab.recall import loop as recall
from pipeline.corpus import loop
from pipeline.corpus.config import CorpusConfig, DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.truth import Measure, Truth
from pipeline.evaluate.config import EvaluateConfig
from pipeline.lm.model import ModelConfig
from pipeline.lm.train_config import TrainConfig
from pipeline.records import Instruction, Question, read_jsonl, read_rows, write_json, write_jsonl
from pipeline.wiring.code import ROOT
from pipeline.wiring.config import build

PARAMS, DATA, REPORT = (
    Path("lab/corpora/params.yaml"),
    Path("data/lab_corpora"),
    Path("reports/lab/corpora"),
)
TOKENIZER = DATA / "texts/tokenizer"
# What each arm is pre-trained on, one phase after the other.
ARMS: dict[str, tuple[str, ...]] = {
    "none": (), "web": ("web",), "iteration_1": ("iteration_1",), "final": ("final",), "final_en": ("final_en",),
    "arxiv": ("arxiv",), "general_then_final": ("general", "final"), "code_then_final": ("code", "final"),
}  # fmt: skip
PROBED = ("mini_gsm8k", "mini_cmath")  # word problems, whose structure is their solution


def settings(section: str, kind: type) -> Any:
    return build(kind, yaml.safe_load((ROOT / PARAMS).read_text(encoding="utf-8"))[section])


def texts() -> None:
    """A JSONL file a corpus. Web pages are distinct, decontaminated, and known by the loop's states."""
    cfg = recall.settings("corpus", CorpusConfig)
    bottom, _ = recall.ground(cfg)
    turns = sorted(
        recall.DATA.glob("iteration-*/state.npz"),
        key=lambda path: int(path.parent.name.split("-")[1]),
    )
    first, last = (loop.State.load(path) for path in (turns[0], turns[-1]))
    mathematical = Measure(
        Truth(read_jsonl(recall.WORLD / "web/truth.jsonl")), bottom.crawl
    ).is_math
    masks = {
        "web": last.eligible, "iteration_1": first.kept, "final": last.kept, "final_en": last.kept,
        "general": last.eligible & ~mathematical,
    }  # fmt: skip
    benchmarks = {
        path.stem: [
            text for row in read_rows(path, Question) for text in (row.question, row.answer)
        ]
        for path in sorted((recall.WORLD / "benchmarks").glob("*.jsonl"))
    }
    index, counts = Index(benchmarks, DecontaminateConfig()), {}
    for name, mask in masks.items():

        def rows(name: str = name, mask: Any = mask) -> Iterator[dict[str, str]]:
            for _, row in bottom.crawl.rows(mask, ["text", "lang"]):
                text = (
                    clean(row["text"], index).text
                    if name != "final_en" or row["lang"] == "en"
                    else None
                )
                if text:
                    yield {"text": text}

        counts[name] = write_jsonl(DATA / "texts" / f"{name}.jsonl", rows())
    size = sum(len(row["text"]) for row in read_jsonl(DATA / "texts/final.jsonl"))
    for name in ("arxiv", "code"):
        counts[name] = write_jsonl(
            DATA / "texts" / f"{name}.jsonl", ({"text": text} for text in made_texts(name, size, 0))
        )
    write_json(DATA / "texts/summary.json", counts)
    shared_tokenizer(settings("model", ModelConfig)).save_pretrained(TOKENIZER)


def shared_tokenizer(model: ModelConfig) -> Any:
    """One vocabulary for all arms, from a quarter of every corpus and all of the instruction data."""
    from pipeline.lm.tokenizer import train_tokenizer

    def part(path: Path) -> Iterator[str]:
        return (row["text"] for number, row in enumerate(read_jsonl(path)) if number % 4 == 0)

    formats = (f"{row.question}\n{row.solution}" for row in instructions())
    files = sorted((DATA / "texts").glob("*.jsonl"))
    return train_tokenizer(chain(*map(part, files), formats), model.vocab_size)


def instructions() -> Iterator[Instruction]:
    """Chains of thought and programs; the longer tool-integrated solutions are asked for nowhere here."""
    return (
        row
        for row in read_rows(recall.WORLD / "instruct.jsonl", Instruction)
        if row.format != "tir"
    )


def documents(tokenizer: Any, name: str, train: TrainConfig) -> list[tuple[list[int], list[int]]]:
    """As much of a corpus as the budget takes, drawn by the seed; all of it where it is smaller."""
    import numpy as np

    from pipeline.lm.examples import document_example

    texts, examples, tokens = (
        [row["text"] for row in read_jsonl(DATA / f"texts/{name}.jsonl")],
        [],
        0,
    )
    for i in np.random.default_rng(train.seed).permutation(len(texts)):
        if tokens > train.steps * train.sequences * train.sequence_length:
            break
        examples.append(document_example(tokenizer, texts[i]))
        tokens += len(examples[-1][0])
    return examples


def cell(arm: str, seed: int) -> None:
    """One model of the matrix."""
    from transformers import PreTrainedTokenizerFast

    from pipeline.evaluate.run import checkpoint_of, evaluate, make_tasks, score
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.generate import make_engine
    from pipeline.lm.model import new_model, save_model
    from pipeline.lm.train import make_stream, train_lm

    folder, state = DATA / f"{arm}-{seed}", DATA / ".state" / f"{arm}-{seed}"
    pretrain, sft = (
        replace(settings(name, TrainConfig), seed=seed) for name in ("pretrain", "sft")
    )
    cfg, evaluation = settings("model", ModelConfig), settings("evaluate", EvaluateConfig)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(TOKENIZER)
    model = new_model(
        cfg, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, seed=seed
    )
    losses: dict[str, float] = {}

    def learn(name: str, examples: list, train: TrainConfig) -> None:
        done = state / f"{len(losses)}-{name}"
        done.mkdir(parents=True, exist_ok=True)
        for row in train_lm(model, make_stream(examples, train), train, done):
            losses[name] = row["loss"]
        print(f"{arm}-{seed}: {name}: loss {losses[name]:.3f}", flush=True)

    for name in ARMS[arm]:
        learn(name, documents(tokenizer, name, pretrain), pretrain)
    asked = [
        row
        for name in PROBED
        for row in read_rows(recall.WORLD / f"benchmarks/{name}.jsonl", Question)
    ]
    write_jsonl(folder / "base.jsonl", surprise(model, tokenizer, asked))
    learn("sft", instruction_examples(tokenizer, instructions(), evaluation.style), sft)
    save_model(model, tokenizer, folder / "model")
    tasks = make_tasks(evaluation, arm, recall.WORLD / "benchmarks")
    engine = make_engine(evaluation.engine, model, tokenizer)
    for _ in evaluate(
        engine, tokenizer, tasks, evaluation, checkpoint_of(state, folder / "model"), folder, []
    ):
        pass
    write_json(
        folder / "summary.json",
        {**score(f"{arm}-{seed}", tasks, evaluation, folder), "losses": losses},
    )
    shutil.rmtree(folder / "model")
    shutil.rmtree(state)


def main() -> None:
    command, *rest = sys.argv[1:] or ["help"]
    if command == "cell" and len(rest) == 2 and rest[0] in ARMS and rest[1].isdigit():
        cell(rest[0], int(rest[1]))
    elif command == "texts" and not rest:
        texts()
    elif command == "table" and not rest:
        from lab.corpora.report import write_report

        write_report(DATA, REPORT)
    else:
        raise SystemExit(
            f"python -m lab.corpora.matrix texts | cell ARM SEED | table; arms: {', '.join(ARMS)}"
        )


if __name__ == "__main__":
    main()
