"""What the matrix of rival corpora says: its rows of the table of claims, a table of arms, and a
figure.

The cells become Results like those of every other build, so claims C1, C2, C4, C5 and C15 are
decided by the one engine (pipeline/report/claims), which also names their primary measures. Of a
base model the bits of held-out solutions in a form that no corpus holds (lab/corpora/probe.py) are
a measure per question, under the benchmark's name and `@base`.

Legend: S seeds, N questions.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lab.corpora.labels import BASE, LABELS
from lab.corpora.matrix import ARMS, PARAMS, PROBED, WORLD
from lab.corpora.probe import EQUATION
from lab.corpora.riddles import RIDDLES
from pipeline.errors import UserError
from pipeline.records import Question, read_jsonl, read_rows, write_json
from pipeline.report.claims import all_claims
from pipeline.report.claims.c15 import ABOVE_CHANCE
from pipeline.report.claims.claim import Claim, shown
from pipeline.report.claims.rules import UNTESTABLE
from pipeline.report.claims.table import document
from pipeline.report.data import Results, Scores
from pipeline.report.load import load_scores
from pipeline.report.origin import commit
from pipeline.report.outcomes import NAME as OUTCOMES
from pipeline.report.outcomes import write_outcomes
from pipeline.report.outputs import NAME as OUTPUTS
from pipeline.report.outputs import QUESTIONS, answers, one_per_arm, pack, traces_of
from pipeline.report.page.blocks import Block, Heading, Items, Picture, Table, Text, to_markdown
from pipeline.report.stats import Interval, combined, level
from pipeline.report.tables.claims import claims_table, sentences, untested
from pipeline.wiring.code import ROOT, rules_hash

MEASURES = {  # of a row of base.jsonl, a measure per question: (above, below)
    "bits_per_byte": ("bits", "bytes"),
    "bits_per_result": ("result_bits", "results"),
    "calibrated_bits": ("calibrated_result_bits", "results"),
}
SHOWN = {
    "bits_per_byte": "bits per byte",
    "bits_per_result": "bits per result",
    "calibrated_bits": "calibrated",
}
COT, TOOL = ("mini_gsm8k", "mini_math", "mini_cmath"), ("mini_gsm8k@pot",)
CLAIMS = ("C1", "C2", "C4", "C5", "C15")
TITLE = "Rival corpora, equal token budgets"
LOSSES, EVERY = "losses.csv", 20  # steps between two rows
CAPTION = (
    "Base models: bits per byte of held-out solutions, and bits for each result in them; "
    "guessing from how often each number is a result, without reading the question, costs "
    "{chance}; calibrated: at the temperature that is best on validation problems. Riddles: right "
    "answers in points above guessing. Fine-tuned: accuracy in percent, mean of the samples at temperature 0.7. Means "
    "with 95 % intervals over questions and seeds."
)


def results_of(data: Path) -> Results:
    """The cells as a build: an arm per corpus. Raises UserError where there is no cell."""
    scores: dict[str, dict[str, Scores]] = {}
    for arm, folder in cells(data):
        seed = folder.name.rpartition("-")[2]
        scores[f"{arm}-{seed}"] = load_scores(folder) | base_scores(folder)
    if not scores:
        raise UserError(f"{data}: no cell; build the cells first: dvc repro lab/corpora/dvc.yaml")
    return Results("corpora", 0, scores, origin={"temperature": "0.7"})


def cells(data: Path) -> Iterator[tuple[str, Path]]:
    for arm in ARMS:
        for path in sorted(data.glob(f"{arm}-[0-9]*/summary.json")):
            yield arm, path.parent


def base_scores(folder: Path) -> dict[str, Scores]:
    """The base model's measures per question, under the name of each probed benchmark and BASE."""
    rows = sorted(read_jsonl(folder / "base.jsonl"), key=lambda row: row["id"])
    found = {}
    for name in PROBED:
        own = [row for row in rows if row["id"].startswith(f"{name}-")]
        measures = {
            key: np.array([row[above] / row[below] for row in own])
            for key, (above, below) in MEASURES.items()
            if own and above in own[0]
        }
        ids = tuple(row["id"] for row in own)
        nothing = tuple(() for _ in own)
        found[f"{name}{BASE}"] = Scores(ids, np.zeros(len(own)), nothing, 0, {}, measures=measures)
    return found | riddle_scores(folder)


def riddle_scores(folder: Path) -> dict[str, Scores]:
    """Whether the base model chose the right answer to each riddle, less what guessing has right."""
    path, found = folder / "riddles.jsonl", {}
    rows = sorted(read_jsonl(path), key=lambda row: row["id"]) if path.is_file() else []
    for name in RIDDLES:
        own = [row for row in rows if row["id"].startswith(f"{name}-")]
        values = np.array([row["right"] - row["chance"] for row in own])
        ids, nothing = tuple(row["id"] for row in own), tuple(() for _ in own)
        if own:
            found[f"{name}{BASE}"] = Scores(
                ids, np.zeros(len(own)), nothing, 0, {}, measures={ABOVE_CHANCE: values}
            )
    return found


def write_report(data: Path, out: Path, world: Path = WORLD) -> None:
    """Tables, figure, claims and outcomes of the cells in `data`; `world` holds the benchmarks that
    they were asked.
    """
    from lab.corpora.figure import draw

    results = results_of(data)
    claims = [
        replace(claim, build="corpora") for claim in all_claims(results) if claim.id in CLAIMS
    ]
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "claims.json", document(claims, profile="corpora", rules=rules_hash()))
    write_json(
        out / "summary.json",
        {"arms": means(results), "claims": {claim.id: claim.verdict for claim in claims}},
    )
    write_outcomes(results, out / OUTCOMES)
    traces = traces_of(world / "benchmarks")
    models = one_per_arm([folder for _, folder in cells(data)])
    pack([row for folder in models for row in answers(folder, traces, QUESTIONS)], out / OUTPUTS)
    write_losses(data, out / LOSSES)
    page = to_markdown(blocks(results, claims, guess(world)))
    (out / "report.md").write_text(page, encoding="utf-8")
    draw(results, out / "figures/corpora.png")


def write_losses(data: Path, path: Path) -> None:
    """A row per cell, phase and step of training, for `dvc plots`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("step", "loss", "phase", "arm", "seed"))
        for arm, folder in cells(data):
            for phase in sorted(folder.glob("metrics_*.jsonl")):
                name, seed = phase.stem.removeprefix("metrics_"), folder.name.rpartition("-")[2]
                for row in islice(read_jsonl(phase), 0, None, EVERY):
                    writer.writerow((row["step"], round(row["loss"], 4), name, arm, seed))


def blocks(results: Results, claims: Sequence[Claim], chance: Mapping[str, float]) -> list[Block]:
    arms = [arm for arm in ARMS if results.models_of(arm)]
    seeds = sorted({len(results.models_of(arm)) for arm in arms})
    settings = (ROOT / PARAMS).read_text(encoding="utf-8").strip()
    tested = [claim for claim in claims if claim.verdict != UNTESTABLE]
    costs = ", ".join(f"{bits:.2f} on {name}" for name, bits in chance.items())
    of_bits = [f"{SHOWN[m]}, {b}" for m in SHOWN for b in PROBED]
    columns = ["pre-trained on", *of_bits, *RIDDLES, *COT, *TOOL]
    return [
        Heading(TITLE, 1),
        Text(
            f"Made by `dvc repro lab/corpora/dvc.yaml`, commit {commit(ROOT)}; "
            f"{'/'.join(map(str, seeds))} seeds per arm. Settings:"
        ),
        Text(f"```yaml\n{settings}\n```"),
        claims_table(claims),
        *([Items(tuple(sentences(tested)))] if tested else []),
        *([Items(tuple(untested(claims)))] if untested(claims) else []),
        Picture("corpora.png", "Base models and fine-tuned models by corpus."),
        Heading("Arms"),
        Table(
            tuple(columns),
            tuple(arm_row(results, arm) for arm in arms),
            CAPTION.format(chance=costs),
        ),
    ]


def arm_row(results: Results, arm: str) -> tuple[str, ...]:
    """Base model in bits and points above guessing, fine-tuned model in percent."""
    bits = []
    for measure in SHOWN:
        for name in PROBED:
            table = results.table(arm, f"{name}{BASE}", measure)
            value = combined([table.values_UN])
            bits.append(f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]")
    for name in RIDDLES:
        table = results.table(arm, f"{name}{BASE}", ABOVE_CHANCE)
        bits.append(shown(combined([table.values_UN])) if table else "-")
    tables = [results.table(arm, name, "sampled") for name in (*COT, *TOOL)]
    tuned = [percent(level(table.values_UN)) if table else "-" for table in tables]
    return (f"{LABELS[arm]} (`{arm}`)", *bits, *tuned)


def means(results: Results) -> dict[str, Any]:
    """Means by arm, measure and benchmark."""
    found: dict[str, Any] = {}
    for arm in (arm for arm in ARMS if results.models_of(arm)):
        rows: dict[str, dict[str, float]] = {}
        for name in results.benchmarks:
            for kind in kinds_of(name):
                table = results.table(arm, name, kind)
                if table:
                    rows.setdefault(kind, {})[name] = round(float(table.values_UN.mean()), 5)
        found[arm] = {"seeds": len(results.models_of(arm)), **rows}
    return found


def kinds_of(name: str) -> tuple[str, ...]:
    """What is measured on a benchmark, of base models or of fine-tuned ones."""
    if not name.endswith(BASE):
        return ("sampled", "greedy")
    return (ABOVE_CHANCE,) if name.removesuffix(BASE) in RIDDLES else tuple(SHOWN)


def guess(world: Path) -> dict[str, float]:
    """Bits that a result costs a model that knows how often each number is one, and nothing of the
    question.
    """
    bits = {}
    for name in PROBED:
        rows = read_rows(world / f"benchmarks/{name}.jsonl", Question)
        values = [value for row in rows for *_, value in EQUATION.findall(row.structure)]
        share = np.unique(values, return_counts=True)[1] / len(values)
        bits[name] = float(-(share * np.log2(share)).sum())
    return bits


def percent(value: Interval) -> str:
    return f"{100 * value.mean:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
