"""Evaluate any Hugging Face folder on any benchmark, outside the graph.

python -m pipeline.evaluate MODEL --benchmarks gsm8k,math500 --folder DATASETS --samples 8 --out OUT
python -m pipeline.evaluate MODEL --file questions.jsonl --out OUT
python -m pipeline.evaluate --list [--folder DATASETS]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluate import suites as benchmarks
from pipeline.evaluate.config import MODES, PROTOCOLS, SHOWS, EvaluateConfig
from pipeline.records import write_json, write_jsonl


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        if options.list:
            for name, benchmark in benchmarks.TABLE.items():
                size = (
                    f"{benchmark.rows} rows, sha256 {benchmark.sha256[:12]}"
                    if benchmark.rows
                    else "made by the world stage"
                )
                if benchmark.read and options.folder:
                    size = benchmarks.load(name, Path(options.world), Path(options.folder)).note
                print(f"{name:13} {benchmark.lang}  {benchmark.file:32} {size}")
        else:
            evaluate_folder(options)
    except UserError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


def evaluate_folder(options: argparse.Namespace) -> None:
    """Answer, grade, write `out/<benchmark>.jsonl` and summary.json, print the scores. Run it again to resume."""
    if options.model is None or options.out is None:
        raise UserError("give the model folder and --out, or --list")
    from pipeline.evaluate.exemplars import exemplars_of
    from pipeline.evaluate.run import Task, checkpoint_of, evaluate, make_tasks, score
    from pipeline.lm.generate import make_engine
    from pipeline.lm.model import load_model, load_tokenizer

    cfg = EvaluateConfig(
        benchmarks=tuple(options.benchmarks.split(",")),
        questions=options.questions,
        samples=options.samples,
        temperature=options.temperature,
        max_new_tokens=options.max_new_tokens,
        protocol=options.protocol,
        style=options.style,
        batch=options.batch,
        engine=options.engine,
        grading_mode=options.mode,
        source=options.source,
        folder=options.folder,
        shots=options.shots,
        exemplars=options.exemplars,
    )
    name = Path(options.model).name
    if options.file:
        loaded = benchmarks.read_questions(Path(options.file), cfg.questions)
        shown = SHOWS.get(cfg.protocol)
        shots = (
            exemplars_of(loaded.name, cfg.shots, cfg.exemplars, Path(options.world), None, shown)
            if shown
            else ()
        )
        tasks = [Task(loaded.name, cfg.protocol, loaded, exemplars=shots)]
    else:
        tasks = make_tasks(cfg, name, Path(options.world))
    for task in tasks:
        print(f"{task.key}: {task.loaded.note}")
    tokenizer = load_tokenizer(options.model)
    engine = make_engine(cfg.engine, load_model(options.model, device=options.device), tokenizer)
    out, settings = (
        Path(options.out),
        benchmarks.digest_of(repr((cfg, [t.loaded.note for t in tasks]))),
    )
    state = checkpoint_of(out / ".ckpt" / settings, Path(options.model))
    timings: list[dict] = []
    for row in evaluate(engine, tokenizer, tasks, cfg, state, out, timings):
        print(json.dumps(row, sort_keys=True), flush=True)
    if timings:  # all from the checkpoint: the file of the run that answered stays
        write_jsonl(out / "timings.jsonl", timings)
    summary = score(name, tasks, cfg, out)
    write_json(out / "summary.json", summary)
    print(json.dumps(summary["benchmarks"], ensure_ascii=False, indent=2, sort_keys=True))


def parser() -> argparse.ArgumentParser:
    default = EvaluateConfig()
    made = argparse.ArgumentParser(
        prog="python -m pipeline.evaluate", description=(__doc__ or "").split("\n")[0]
    )
    add = made.add_argument
    add("model", nargs="?", help="a Hugging Face folder")
    add(
        "--list",
        action="store_true",
        help="list the benchmarks; with --folder, verify each file there",
    )
    add(
        "--benchmarks",
        default="gsm8k",
        help="names, with commas; name@protocol asks one under another protocol",
    )
    add("--file", help="a JSONL file of your own questions (id, question, answer, lang) instead")
    add("--folder", default="", help="folder of the real benchmark files")
    add("--source", default="local", choices=("local", "hub"))
    add("--world", default="data/main/world/benchmarks", help="folder of the miniature benchmarks")
    add("--questions", type=int, default=0, help="a fixed random choice of so many; 0 = all")
    add("--samples", type=int, default=default.samples)
    add("--temperature", type=float, default=default.temperature)
    add("--max-new-tokens", type=int, default=512)
    add("--protocol", default="cot", choices=PROTOCOLS)
    add("--style", default="paper", choices=("paper", "mini"))
    add("--mode", default="strict", choices=MODES, help="grading mode")
    add(
        "--shots",
        type=int,
        default=0,
        help="few_shot, pal: so many of the stated exemplars (pipeline/evaluate/exemplars.py)",
    )
    add("--exemplars", default="", help="few_shot, pal: a JSONL file of your own worked solutions")
    add("--batch", type=int, default=default.batch)
    add("--engine", default="fast")
    add("--device", default="cpu")
    add("--out")
    return made


if __name__ == "__main__":
    sys.exit(main())
