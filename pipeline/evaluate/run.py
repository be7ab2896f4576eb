"""Evaluate one model: every sample kept, resumable between chunks, the same tokens on every run.

Sample i of a question draws with seed hash(question id, i); chunks are fixed by the configuration.
So a run that was killed and resumed writes the files of an undisturbed one, and two models meet the
same randomness. What is on file is known by its question, so a run may go on with other chunks, or
with more questions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate import programs, tally
from pipeline.evaluate import suites as benchmarks
from pipeline.evaluate.config import PROTOCOLS, SHOWS, TOOLS, EvaluateConfig
from pipeline.evaluate.exemplars import exemplars_of, names_of
from pipeline.evaluate.metrics import question_scores
from pipeline.evaluate.paper_prompts import Shown
from pipeline.evaluate.protocols import Transcript, run_protocol
from pipeline.evaluate.scoring import grade_outputs
from pipeline.lm.generate import Sampling
from pipeline.records import Instruction, Question, read_jsonl, write_jsonl

GREEDY = -1  # sample index of the greedy answer; its seed is never used


@dataclass(frozen=True)
class Task:
    """One benchmark under one protocol; `extra` questions get `extra_samples` samples, the others
    `cfg.samples`."""

    key: str  # file name: the benchmark, with @protocol when it is not the configured one
    protocol: str
    loaded: benchmarks.Loaded
    extra: frozenset[str] = frozenset()
    extra_samples: int = 0
    exemplars: tuple[Instruction, ...] | Shown = ()  # few_shot, pal

    @property
    def scoring(self) -> str:
        """The rule of pipeline/evaluate/scoring.py; "" is the checker, as for a file of the user's
        own."""
        name = self.loaded.name
        return benchmarks.TABLE[name].scoring if name in benchmarks.TABLE else ""


def make_tasks(cfg: EvaluateConfig, model: str, world: Path) -> list[Task]:
    """Load and verify every benchmark of `cfg` for the model of that name. Raises UserError."""
    tasks = []
    folder = Path(cfg.folder) if cfg.folder else None
    for key in (*cfg.benchmarks, *cfg.extra_benchmarks.get(model, ())):
        name, _, protocol = key.partition("@")
        if protocol and protocol not in PROTOCOLS:
            raise UserError(
                f"evaluate.benchmarks: {key}: the protocol is one of {', '.join(PROTOCOLS)}"
            )
        if key not in cfg.benchmarks and protocol in TOOLS and (why := programs.missing_sandbox()):
            print(
                f"{model}: {key} is left out: {why}"
            )  # an extra: the report says that it was not tested
            continue
        limit = cfg.questions_of.get(key, cfg.questions_of.get(name, cfg.questions))
        loaded = benchmarks.load(name, world, folder, cfg.source, limit)
        more = cfg.extra_samples.get(key, 0) if model in cfg.extra_models else 0
        chosen = benchmarks.subset(loaded.questions, cfg.extra_questions) if more else ()
        protocol = protocol or cfg.protocol
        shown = SHOWS.get(protocol)
        shots = exemplars_of(name, cfg.shots, cfg.exemplars, world, folder, shown) if shown else ()
        tasks.append(Task(key, protocol, loaded, frozenset(q.id for q in chosen), more, shots))
    return tasks


def evaluate(
    engine,
    tokenizer,
    tasks: Sequence[Task],
    cfg: EvaluateConfig,
    checkpoint: Path,
    out: Path,
    timings: list[dict[str, Any]],
    watch: Callable[[float], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Answer and grade every task. Writes `out/<key>.jsonl`; yields one metric row per chunk, whose
    `step` is the number of questions up to its end.

    timings -- a row for every chunk that was answered now, not taken from `checkpoint`, is added
    here and nowhere else: rows and files are the same on every run, seconds are not.
    watch -- told, while outputs are decoded, how many questions are done: whole ones and parts."""
    before = 0
    for task in tasks:
        questions, rows, parts = task.loaded.questions, [], checkpoint / folder_of(task)
        kept = answered(task, parts)
        for start in range(0, len(questions), cfg.chunk):
            asked = questions[start : start + cfg.chunk]
            missing = [q for q in asked if q.id not in kept]
            if missing:
                done = before + start + len(asked) - len(missing)
                told = by_question(done, missing, task, cfg, watch) if watch else None
                made = answer_questions(engine, tokenizer, missing, task, cfg, timings, told)
                part = parts / f"{len(list(parts.glob('*.jsonl'))):06d}.jsonl"
                write_jsonl(part, made)
                kept |= {row["id"]: row for row in read_jsonl(part)}
            chunk = [kept[q.id] for q in asked]
            rows += chunk
            step = before + start + len(chunk)
            yield {"step": step, "benchmark": task.key, **_chunk_metrics(chunk, cfg)}
        before += len(questions)
        write_jsonl(out / f"{task.key}.jsonl", rows)


def folder_of(task: Task) -> str:
    """The folder of a task's rows in a checkpoint: of its protocol and its exemplars too."""
    return f"{task.key}-{benchmarks.digest_of(repr((task.protocol, task.exemplars)))[:8]}"


def answered(task: Task, parts: Path) -> dict[str, dict[str, Any]]:
    """The rows on file, by question id, of the questions that are still worded as they were."""
    rows = {row["id"]: row for part in sorted(parts.glob("*.jsonl")) for row in read_jsonl(part)}
    asked = {q.id: (q.question, q.answer) for q in task.loaded.questions}
    return {
        name: row
        for name, row in rows.items()
        if asked.get(name) == (row["question"], row["answer"])
    }


def on_file(tasks: Sequence[Task], checkpoint: Path) -> int:
    """How many questions of these tasks an earlier run has answered."""
    return sum(len(answered(task, checkpoint / folder_of(task))) for task in tasks)


def by_question(
    done: float, questions: Sequence[Question], task: Task, cfg: EvaluateConfig, watch
) -> Callable[[float], None]:
    """A `watch` for an engine: turns work on outputs into a number of questions, from `done` on."""
    outputs = sum(1 + samples_of(q, task, cfg) for q in questions) / len(questions)

    def told(work: float) -> None:
        nonlocal done
        done += work / outputs
        watch(done)

    return told


def samples_of(question: Question, task: Task, cfg: EvaluateConfig) -> int:
    """How many samples are drawn for a question."""
    return task.extra_samples if question.id in task.extra else cfg.samples


def checkpoint_of(folder: Path, model: Path) -> Path:
    """The checkpoint folder of this very model: answers of other weights must not be taken for its
    own."""
    digest = hashlib.sha256()
    for path in sorted(model.glob("*.safetensors")):
        digest.update(path.read_bytes())
    chosen = folder / digest.hexdigest()[:16]
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def answer_questions(
    engine,
    tokenizer,
    questions: Sequence[Question],
    task: Task,
    cfg: EvaluateConfig,
    timings: list[dict[str, Any]],
    watch: Callable[[float], None] | None = None,
) -> list[dict]:
    """The evaluation rows (docs/contracts.md) of some questions: one greedy answer and the samples
    of each. `watch`: see `Sampling`."""
    began = time.perf_counter()
    greedy = Sampling(0.0, cfg.max_new_tokens, cfg.batch, watch=watch)
    answers = run_protocol(
        task.protocol,
        engine,
        tokenizer,
        questions,
        [0] * len(questions),
        greedy,
        cfg,
        task.exemplars,
    )
    owners = [(q, i) for q in questions for i in range(samples_of(q, task, cfg))]
    if owners:
        hot = replace(greedy, temperature=cfg.temperature)
        asked, seeds = [q for q, _ in owners], [sample_seed(q.id, i) for q, i in owners]
        answers = answers + run_protocol(
            task.protocol, engine, tokenizer, asked, seeds, hot, cfg, task.exemplars
        )
    owners = [(q, GREEDY) for q in questions] + owners
    answered = time.perf_counter()
    judged = [(a.judged, q.answer, q.question) for a, (q, _) in zip(answers, owners, strict=True)]
    grades = grade_outputs(task.scoring, judged, mode=cfg.grading_mode)
    rows = {q.id: _row(q) for q in questions}
    for (question, index), answer, grade in zip(owners, answers, grades, strict=True):
        sample = _sample_row(answer, grade)
        if index == GREEDY:
            rows[question.id]["greedy"] = sample
        else:
            rows[question.id]["samples"].append(sample)
    for row in rows.values():
        add_votes(row, cfg.grading_mode)
    timings.append(
        {
            "benchmark": task.key,
            "first": questions[0].id,
            "questions": len(questions),
            "outputs": len(owners),
            "output_tokens": sum(answer.tokens for answer in answers),
            "answer_seconds": round(answered - began, 3),
            "grade_seconds": round(time.perf_counter() - answered, 3),
        }
    )
    return list(rows.values())


def _row(question: Question) -> dict[str, Any]:
    """The row of a question that has no answers yet."""
    return {
        "id": question.id,
        "question": question.question,
        "answer": question.answer,
        "lang": question.lang,
        "level": question.level,
        "greedy": None,
        "samples": [],
    }


def sample_seed(question: str, index: int) -> int:
    """63-bit seed of sample `index` of a question, the same for every model."""
    digest = hashlib.blake2b(f"{question}\x1f{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def add_votes(row: dict[str, Any], mode: str) -> None:
    """Write each sample's class of equivalent answers as `vote` (metrics.answer_classes), which
    maj@K counts."""

    tally.add_votes(row["samples"], mode)


def summarise(rows: Sequence[dict[str, Any]], samples: int, ks: Sequence[int]) -> dict[str, Any]:
    """Scores of one benchmark, as summary.json holds them: means over questions of the first
    `samples` samples.

    Where some questions have more samples, `curve` holds maj@K and pass@K over those questions and
    all their samples. `no_answer`, `undecided` and `truncated` are shares of all outputs, greedy
    ones included."""
    outputs = [s for row in rows for s in (row["greedy"], *row["samples"])]
    result: dict[str, Any] = {
        "n": len(rows),
        "samples": samples,
        "greedy": _mean(row["greedy"]["verdict"] == "right" for row in rows),
        "sampled": _mean(s["verdict"] == "right" for row in rows for s in row["samples"][:samples])
        if samples
        else None,
        "no_answer": _mean(s["verdict"] == "no_answer" for s in outputs),
        "undecided": _mean(s["verdict"] == "undecided" for s in outputs),
        "truncated": _mean(not s["finished"] for s in outputs),
        "output_tokens": sum(s["tokens"] for s in outputs),
        **_curves(rows, samples, ks),
    }
    more = max((len(row["samples"]) for row in rows), default=0)
    if more > samples:
        deep = [row for row in rows if len(row["samples"]) == more]
        result["curve"] = {"n": len(deep), "samples": more, **_curves(deep, more, ks)}
    return result


def score(model: str, tasks: Sequence[Task], cfg: EvaluateConfig, out: Path) -> dict[str, Any]:
    """The contents of summary.json, from the rows that `evaluate` wrote."""
    scores = {}
    for task in tasks:
        summary = summarise(list(read_jsonl(out / f"{task.key}.jsonl")), cfg.samples, cfg.ks)
        shown = {"exemplars": names_of(task.exemplars)} if task.exemplars else {}
        scores[task.key] = {**summary, "protocol": task.protocol, "data": task.loaded.note, **shown}
    return {
        "model": model,
        "benchmarks": scores,
        "grading_mode": cfg.grading_mode,
        "protocol": cfg.protocol,
        "temperature": cfg.temperature,
    }


def _curves(
    rows: Sequence[dict[str, Any]], samples: int, ks: Sequence[int]
) -> dict[str, dict[str, float]]:
    scores = [question_scores([s["vote"] for s in row["samples"][:samples]], ks) for row in rows]
    return {
        kind: {k: _mean(s[kind][k] for s in scores) for k in scores[0][kind]}
        for kind in ("maj", "pass")
    }


def _chunk_metrics(rows: Sequence[dict[str, Any]], cfg: EvaluateConfig) -> dict[str, Any]:
    whole = summarise(rows, cfg.samples, ())
    return {
        "questions": whole["n"],
        "greedy": whole["greedy"],
        "sampled": whole["sampled"],
        "output_tokens": whole["output_tokens"],
    }


def _sample_row(answer: Transcript, grade) -> dict[str, Any]:
    return {
        "text": answer.text,
        "tokens": answer.tokens,
        "finished": answer.finished,
        "extracted": grade.extracted,
        "verdict": grade.verdict,
        "rule": grade.rule,
    }


def _mean(values) -> float:
    values = [float(v) for v in values]
    return sum(values) / len(values)
