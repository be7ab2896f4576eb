"""Evaluate a Hugging Face folder on benchmarks, or score outputs that were made elsewhere.

dsm evaluate MODEL --benchmarks gsm8k,math500 --folder DATASETS --samples 8 --out OUT
dsm evaluate MODEL --file questions.jsonl --out OUT
dsm evaluate MODEL --suite paper --folder DATASETS --out OUT
dsm evaluate --outputs outputs.jsonl --benchmarks gsm8k --folder DATASETS
dsm evaluate --list [--folder DATASETS]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate import suites as benchmarks
from pipeline.evaluate.config import MODES, PROTOCOLS, SHOWS, EvaluateConfig
from pipeline.records import write_json, write_jsonl

GSM8K = re.compile(r"gsm8k(?:@|$)")


def main(arguments: Sequence[str] | None = None, prog: str = "dsm evaluate") -> int:
    """Run the command line. Returns the exit status; a user's mistake is one line."""
    options = parser(prog).parse_args(arguments)
    try:
        if options.list:
            list_benchmarks(options)
        elif options.outputs:
            from pipeline.cli.evaluate_outputs import score_outputs

            score_outputs(options)
        else:
            evaluate_folder(options)
    except UserError as error:
        print(f"evaluate: {_flags(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"evaluate: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _flags(message: str) -> str:
    """A message in terms of this command's flags, where it names the keys of a configuration."""
    return re.sub(
        r"evaluate\.(\w+)(=?)",
        lambda m: f"--{m[1].replace('_', '-')}" + (" " if m[2] else ""),
        message,
    ).replace(" source=hub", " --source hub")


def list_benchmarks(options: argparse.Namespace) -> None:
    """Print every benchmark with its size; with a folder, the outcome of verifying its file."""
    for name, benchmark in benchmarks.TABLE.items():
        size = "made by the world stage"
        if benchmark.rows:
            size = f"{benchmark.rows} rows, sha256 {benchmark.sha256[:12]}"
        if benchmark.read and options.folder:
            size = benchmarks.load(name, Path(options.world), Path(options.folder)).note
        print(f"{name:13} {benchmark.lang}  {benchmark.file:32} {size}")


def evaluate_folder(options: argparse.Namespace) -> None:
    """Answer, grade, write `out/<benchmark>.jsonl` and summary.json, print the scores. Run it again
    to resume."""
    if options.model is None or options.out is None:
        raise UserError("give the model folder and --out, or --outputs, or --list")
    from pipeline.evaluate.run import checkpoint_of, evaluate, on_file, score
    from pipeline.wiring.progress import Progress, reminding

    cfg = _config(options)
    name = Path(options.model).name
    tasks = _tasks(options, cfg, name)
    for task in tasks:
        print(f"{task.key}: {task.loaded.note}")
    engine, tokenizer = _load(options, cfg)
    out = Path(options.out)
    state = checkpoint_of(out / ".ckpt" / _settings(cfg), Path(options.model))
    done, total = on_file(tasks, state), sum(len(task.loaded.questions) for task in tasks)
    print(f"{total} questions, {done} of them on file from an earlier run", flush=True)
    timings: list[dict] = []
    bar = Progress(name, total, initial=done, unit="question")
    with bar, reminding(bar) as progress:
        watch = lambda count: progress.go_to(int(count))  # noqa: E731
        for row in evaluate(engine, tokenizer, tasks, cfg, state, out, timings, watch):
            print(json.dumps(row, sort_keys=True), flush=True)
            progress.go_to(row["step"], f"{row['benchmark']} greedy {row['greedy']:.3f}")
    if timings:  # all from the checkpoint: the file of the run that answered stays
        write_jsonl(out / "timings.jsonl", timings)
    summary = score(name, tasks, cfg, out)
    _add_harness(summary["benchmarks"], out)
    write_json(out / "summary.json", summary)
    if options.suite:
        from pipeline.evaluate.paper_suite import paper_tables

        tables = paper_tables(name, summary["benchmarks"], _numbers(options.tables))
        (out / "tables.md").write_text(tables + "\n", encoding="utf-8")
        print(tables)
    else:
        print(json.dumps(summary["benchmarks"], ensure_ascii=False, indent=2, sort_keys=True))


def _settings(cfg: EvaluateConfig) -> str:
    """A digest of the configuration and the code that an answer and its verdict depend on. Which
    questions are asked, and how many at once, may change between two runs.
    """
    from pipeline.evaluate import run
    from pipeline.wiring.code import code_hashes

    same = replace(cfg, benchmarks=("any",), questions=0, batch=1, chunk=1)
    return benchmarks.digest_of(repr((same, code_hashes(Path(run.__file__)))))


def _config(options: argparse.Namespace) -> EvaluateConfig:
    names = [name for name in options.benchmarks.split(",") if name]
    protocol, exemplars = options.protocol, options.exemplars
    if options.suite:
        from pipeline.evaluate.paper_suite import benchmarks_of

        names, protocol, exemplars = list(benchmarks_of(_numbers(options.tables))), "cot", "paper"
    return EvaluateConfig(
        benchmarks=benchmarks.expanded(names),
        questions=options.questions,
        samples=0 if options.suite else options.samples,
        temperature=options.temperature,
        max_new_tokens=options.max_new_tokens,
        protocol=protocol,
        style=options.style,
        batch=options.batch,
        chunk=options.chunk,
        compute_dtype=options.dtype,
        engine=options.engine,
        grading_mode=options.mode,
        source=options.source,
        folder=options.folder,
        shots=options.shots,
        exemplars=exemplars,
    )


def _numbers(tables: str) -> list[int]:
    try:
        return [int(part) for part in tables.split(",")]
    except ValueError:
        raise UserError(f"--tables {tables}: numbers with commas are needed, such as 2,5") from None


def _tasks(options: argparse.Namespace, cfg: EvaluateConfig, name: str) -> list[Any]:
    from pipeline.evaluate.exemplars import exemplars_of
    from pipeline.evaluate.run import Task, make_tasks

    if not options.file:
        return make_tasks(cfg, name, Path(options.world))
    loaded = benchmarks.read_questions(Path(options.file), cfg.questions)
    shown = SHOWS.get(cfg.protocol)
    shots: Any = ()
    if shown:
        world = Path(options.world)
        shots = exemplars_of(loaded.name, cfg.shots, cfg.exemplars, world, None, shown)
    return [Task(loaded.name, cfg.protocol, loaded, exemplars=shots)]


def _load(options: argparse.Namespace, cfg: EvaluateConfig) -> tuple[Any, Any]:
    """Engine and tokenizer. Raises UserError for what cannot be loaded, in one line."""
    import torch
    from safetensors import SafetensorError

    from pipeline.lm.generate import make_engine
    from pipeline.lm.model import load_model, load_tokenizer

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"--device {options.device}: no CUDA device here; use --device cpu")
    try:
        tokenizer = load_tokenizer(options.model)
        model = load_model(options.model, device=options.device)
    except SafetensorError as error:
        raise UserError(
            f"{options.model}: its weights cannot be read ({error}); get them again"
        ) from None
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{options.model}: not loaded on {options.device} ({reason})") from None
    return make_engine(cfg.engine, model, tokenizer, cfg.compute_dtype), tokenizer


def _add_harness(scores: dict[str, dict[str, Any]], out: Path) -> None:
    """Beside our GSM8K score: what lm-evaluation-harness counts on the same greedy outputs."""
    from pipeline.evaluate.harness import FILTERS, gsm8k_right
    from pipeline.records import read_jsonl

    for key in filter(GSM8K.match, scores):
        rows = list(read_jsonl(out / f"{key}.jsonl"))
        scores[key]["lm_evaluation_harness"] = {
            name: sum(gsm8k_right(row["greedy"]["text"], row["answer"], name) for row in rows)
            / len(rows)
            for name in FILTERS
        }


def parser(prog: str = "dsm evaluate") -> argparse.ArgumentParser:
    """The argument parser."""
    default = EvaluateConfig()
    made = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
    add(
        "--suite", choices=("paper",), help="the benchmarks of the paper's tables, greedy, few-shot"
    )
    add("--tables", default="2,3,4,5", help="of --suite paper, the tables to fill; default 2,3,4,5")
    add("--outputs", help="score these outputs instead of asking a model (as dsm grade reads them)")
    add("--id-key", default="", help="--outputs: key of the question's id")
    add("--prediction-key", default="", help="--outputs: key of the output")
    add("--partial", action="store_true", help="--outputs: score the questions that have an output")
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
    add(
        "--exemplars",
        default="",
        help="few_shot, pal: your own worked solutions (JSONL), or `paper`: the paper's prompts",
    )
    add(
        "--batch", type=int, default=default.batch, help="rows at once, or fewer if memory is short"
    )
    add("--chunk", type=int, default=16, help="questions after each of which answers are on file")
    add("--dtype", default="float32", choices=("float32", "bfloat16"))
    add("--engine", default="fast")
    add("--device", default="cpu")
    add("--out")
    return made


if __name__ == "__main__":
    sys.exit(main())
