"""Tables 1, 6 and 8 in miniature: one small model, equal token budgets of rival corpora.   python -m benchmarks.corpora STEP

    texts               write what each corpus holds, from the crawl and the loop of benchmarks/recall.py
    cell ARM SEED       pre-train on the arm's corpora one after the other, fine-tune, evaluate
    table               read all cells, write reports/lab/corpora/

Each is a stage of lab/corpora/dvc.yaml, `cell` a matrix of arm and seed; settings stand in lab/corpora/params.yaml. All arms
share tokenizer, model, steps, instruction data and questions. A corpus that is smaller than the budget is repeated, as in
section 2.2. What evaluation asks for (one equation a line, a boxed answer) occurs in no corpus (tests/test_world_web.py); the
arm `none`, fine-tuned from random weights, is the control that shows what the format alone is worth.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from benchmarks import recall
from benchmarks.corpora_texts import texts as made_texts
from pipeline.code import ROOT
from pipeline.config import build
from pipeline.corpus import loop
from pipeline.corpus.config import CorpusConfig, DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean
from pipeline.corpus.truth import Measure, Truth
from pipeline.evaluate.config import EvaluateConfig
from pipeline.model import ModelConfig
from pipeline.records import Instruction, Question, read_jsonl, read_rows, write_json, write_jsonl
from pipeline.train import TrainConfig

PARAMS, DATA, REPORT = Path("lab/corpora/params.yaml"), Path("data/lab_corpora"), Path("reports/lab/corpora")
# What each arm is pre-trained on, one phase after the other.
ARMS: dict[str, tuple[str, ...]] = {
    "none": (), "web": ("web",), "iteration_1": ("iteration_1",), "final": ("final",), "final_en": ("final_en",),
    "arxiv": ("arxiv",), "general_then_final": ("general", "final"), "code_then_final": ("code", "final"),
}  # fmt: skip
# (claim, arm, rival, benchmark): the arm is claimed to be better there; for C5 the rival is.
QUESTIONS = (
    ("C1", "final", "web", ""), ("C1", "final", "iteration_1", ""), ("C2", "final", "final_en", "zh"),
    ("C4", "code_then_final", "final", ""), ("C4", "code_then_final", "general_then_final", ""),
    ("C5", "arxiv", "none", ""), ("C5", "arxiv", "final", ""),
)  # fmt: skip


def settings(section: str, kind: type) -> Any:
    return build(kind, yaml.safe_load((ROOT / PARAMS).read_text(encoding="utf-8"))[section])


def texts() -> None:
    """A JSONL file a corpus. Web pages are distinct, decontaminated, and known by the loop's states."""
    cfg = recall.settings("corpus", CorpusConfig)
    bottom, _ = recall.ground(cfg)
    turns = sorted(recall.DATA.glob("iteration-*/state.npz"), key=lambda path: int(path.parent.name.split("-")[1]))
    first, last = (loop.State.load(path) for path in (turns[0], turns[-1]))
    mathematical = Measure(Truth(read_jsonl(recall.WORLD / "web/truth.jsonl")), bottom.crawl).is_math
    masks = {
        "web": last.eligible, "iteration_1": first.kept, "final": last.kept, "final_en": last.kept,
        "general": last.eligible & ~mathematical,
    }  # fmt: skip
    benchmarks = {
        path.stem: [text for row in read_rows(path, Question) for text in (row.question, row.answer)]
        for path in sorted((recall.WORLD / "benchmarks").glob("*.jsonl"))
    }
    index, counts = Index(benchmarks, DecontaminateConfig()), {}
    for name, mask in masks.items():

        def rows(name: str = name, mask: Any = mask) -> Iterator[dict[str, str]]:
            for _, row in bottom.crawl.rows(mask, ["text", "lang"]):
                text = clean(row["text"], index).text if name != "final_en" or row["lang"] == "en" else None
                if text:
                    yield {"text": text}

        counts[name] = write_jsonl(DATA / "texts" / f"{name}.jsonl", rows())
    size = sum(len(row["text"]) for row in read_jsonl(DATA / "texts/final.jsonl"))
    for name in ("arxiv", "code"):
        counts[name] = write_jsonl(DATA / "texts" / f"{name}.jsonl", ({"text": text} for text in made_texts(name, size, 0)))
    write_json(DATA / "texts/summary.json", counts)


def shared_tokenizer(model: ModelConfig) -> Any:
    """One vocabulary for all arms, from a share of every corpus and the instruction data."""
    from pipeline.tokenizer import train_tokenizer

    def part(path: Path) -> Iterator[str]:
        return (row["text"] for number, row in enumerate(read_jsonl(path)) if number % 4 == 0)

    formats = (f"{row.question}\n{row.solution}" for row in instructions())
    files = sorted((DATA / "texts").glob("*.jsonl"))
    return train_tokenizer(chain(*map(part, files), formats), model.vocab_size)


def instructions() -> Iterator[Instruction]:
    return read_rows(recall.WORLD / "instruct.jsonl", Instruction)


def cell(arm: str, seed: int) -> None:
    """One model of the matrix."""
    from pipeline.evaluate.run import checkpoint_of, evaluate, make_tasks, score
    from pipeline.examples import document_example, instruction_examples
    from pipeline.generate import make_engine
    from pipeline.model import new_model, save_model
    from pipeline.train import make_stream, train_lm

    folder = DATA / f"{arm}-{seed}"
    state = DATA / ".state" / f"{arm}-{seed}"
    pretrain, sft = (replace(settings(name, TrainConfig), seed=seed) for name in ("pretrain", "sft"))
    cfg, evaluation = settings("model", ModelConfig), settings("evaluate", EvaluateConfig)
    tokenizer = shared_tokenizer(cfg)
    model = new_model(cfg, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, seed=seed)
    losses = {}
    for number, name in enumerate((*ARMS[arm], "sft")):
        done, train = state / f"{number}-{name}", sft if name == "sft" else pretrain
        done.mkdir(parents=True, exist_ok=True)
        if name == "sft":
            examples = instruction_examples(tokenizer, instructions(), evaluation.style)
        else:
            examples = [document_example(tokenizer, row["text"]) for row in read_jsonl(DATA / f"texts/{name}.jsonl")]
        for row in train_lm(model, make_stream(examples, train), train, done):
            losses[name] = row["loss"]
        print(f"{arm}-{seed}: {name}: loss {losses[name]:.3f}", flush=True)
    save_model(model, tokenizer, folder / "model")
    tasks = make_tasks(evaluation, f"{arm}-{seed}", recall.WORLD / "benchmarks")
    engine = make_engine(evaluation.engine, model, tokenizer)
    for _ in evaluate(engine, tokenizer, tasks, evaluation, checkpoint_of(state, folder / "model"), folder, []):
        pass
    write_json(folder / "summary.json", {**score(f"{arm}-{seed}", tasks, evaluation, folder), "losses": losses})
    shutil.rmtree(folder / "model")
    shutil.rmtree(state)


def accuracies() -> dict[str, dict[str, Any]]:
    """values_SN by arm and benchmark: the share of right samples of each question, a row a seed."""
    import numpy as np

    values: dict[str, dict[str, list]] = {}
    for arm in ARMS:
        for path in sorted(DATA.glob(f"{arm}-[0-9]*/summary.json")):
            for name in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]:
                rows = sorted(read_jsonl(path.parent / f"{name}.jsonl"), key=lambda row: row["id"])
                right = [np.mean([s["verdict"] == "right" for s in row["samples"] or [row["greedy"]]]) for row in rows]
                values.setdefault(arm, {}).setdefault(name, []).append(right)
    return {arm: {name: np.array(rows) for name, rows in found.items()} for arm, found in values.items()}


def table() -> None:
    """Accuracy of every arm by benchmark, and the differences that the claims are about."""
    import numpy as np

    from pipeline.report.stats import difference, level

    values = accuracies()
    if "final" not in values:
        raise SystemExit(f"{DATA}: no cell of arm final; build the cells first: dvc repro lab/corpora/dvc.yaml")
    names = sorted(values["final"])
    lines = ["# Rival corpora, equal token budgets", "", "| arm | seeds | " + " | ".join(names) + " |"]
    lines.append("|" + " --- |" * (len(names) + 2))
    for arm, found in values.items():
        cells = [level(found[name]) for name in names]
        lines.append(f"| {arm} | {cells[0].seeds} | " + " | ".join(map(points, cells)) + " |")
    lines += ["", "| claim | difference | benchmarks | points, 95 % interval |", "| --- | --- | --- | --- |"]
    facts = []
    for claim, arm, rival, where in QUESTIONS:
        if arm in values and rival in values:
            chosen = [name for name in names if "cmath" in name] if where == "zh" else names
            gap = difference(*(np.concatenate([values[a][name] for name in chosen], axis=1) for a in (arm, rival)))
            facts.append({"claim": claim, "arm": arm, "rival": rival, "benchmarks": chosen})
            facts[-1] |= {"mean": gap.mean, "low": gap.low, "high": gap.high}
            lines.append(f"| {claim} | {arm} - {rival} | {', '.join(chosen)} | {points(gap)} |")
    REPORT.mkdir(parents=True, exist_ok=True)
    seeds = {arm: len(found[names[0]]) for arm, found in values.items()}
    write_json(REPORT / "summary.json", {"differences": facts, "seeds": seeds})
    (REPORT / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def points(value: Any) -> str:
    return f"{100 * value.mean:.1f} ({100 * value.low:.1f} to {100 * value.high:.1f})"


def main() -> None:
    command, *rest = sys.argv[1:] or ["help"]
    if command == "cell" and len(rest) == 2 and rest[0] in ARMS and rest[1].isdigit():
        cell(rest[0], int(rest[1]))
    elif command in ("texts", "table") and not rest:
        {"texts": texts, "table": table}[command]()
    else:
        raise SystemExit(f"python -m benchmarks.corpora texts | cell ARM SEED | table; arms: {', '.join(ARMS)}")


if __name__ == "__main__":
    main()
