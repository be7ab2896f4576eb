"""Write the report: figures, claims.json, report.md and one self-contained index.html."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.records import write_json
from pipeline.report import figures
from pipeline.report.blocks import Block, Heading, Items, Picture, Table, Text, to_html, to_markdown
from pipeline.report.claim import FLOOR, FLOORED, STATUSES, UNTESTED, Claim
from pipeline.report.claims import all_claims
from pipeline.report.config import ReportConfig
from pipeline.report.corpus import corpus_tables
from pipeline.report.curves import deepest
from pipeline.report.data import Results, arm_order
from pipeline.report.effort import effort_table
from pipeline.report.iterations import once
from pipeline.report.judges import judges_table
from pipeline.report.levels import levels_table
from pipeline.report.names import ABLATIONS, CONTROL, FIGURE5, RULE
from pipeline.report.notes import deviations, room_of_rl
from pipeline.report.pairs import against_table, counterparts_table
from pipeline.report.tables import (
    claims_table,
    commits_table,
    costs_table,
    gain_intervals,
    gains_table,
    numbers_table,
    percent,
    scores_table,
    seeds_table,
    summary_table,
)
from pipeline.report.words import (
    control_text,
    floor_text,
    judges_text,
    missing_text,
    partial_text,
    seeds_text,
    validation_size,
)

TITLE = "DeepSeekMath, reproduced: report"


def write_report(
    results: Results,
    cfg: ReportConfig,
    out: Path,
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> dict:
    """Write everything into `out`; `arms` and `seeds` are what was planned. Returns a summary: claims by status."""
    pictures = draw_figures(results, cfg, out / "figures")
    claims = all_claims(results)
    write_json(
        out / "claims.json",
        {"profile": results.profile, "claims": [claim.plain() for claim in claims]},
    )
    blocks = [
        *opening(results, claims, partial_text(results, arms, seeds)),
        *body(results, pictures),
        *closing(results, claims, arms, seeds),
    ]
    (out / "report.md").write_text(to_markdown(blocks), encoding="utf-8")
    (out / "index.html").write_text(to_html(blocks, out / "figures", TITLE), encoding="utf-8")
    return {
        "claims": {status: sum(c.status == status for c in claims) for status in STATUSES},
        "models": len(results.scores),
        "figures": sorted(pictures),
    }


def draw_figures(results: Results, cfg: ReportConfig, folder: Path) -> dict[str, list[str]]:
    """Draw what the data allows -> {figure: files}."""
    made: dict[str, list[str]] = {}

    def draw(name: str, make: Any, *arguments: Any, file: str = "") -> None:
        file = f"{file or name}.png"
        if figures.draw(make, folder / file, results, *arguments):
            made.setdefault(name, []).append(file)

    draw("figure5", figures.validation, FIGURE5)
    if set(results.cells) & set(ABLATIONS[1:]):
        draw("figure5_ablations", figures.validation, ABLATIONS, RULE)
    others = [arm for arm in results.cells if arm not in (*FIGURE5, *ABLATIONS)]
    if others:
        draw("figure5_others", figures.validation, [CONTROL, "rft", "grpo_os", *others])
    draw("figure6", figures.iterations)
    found = deepest(results)
    for benchmark in found[1] if found else ():
        draw(
            "figure7",
            figures.maj_pass,
            cfg.curve_models or ("instruct", found[0]),
            benchmark,
            file=f"figure7_{benchmark}",
        )
    for name in ("rl_training", "training_loss", "funnel", "classifier_scores", "reliability"):
        draw(name, getattr(figures, name))
    rows = gain_intervals(results, "instruct", "sampled")
    title = "Gain over instruct in mean sampled accuracy (points, 95 % interval)"
    if figures.draw(figures.gains, folder / "gains.png", rows, title):
        made["gains"] = ["gains.png"]
    return made


def opening(results: Results, claims: Sequence[Claim], partial: str = "") -> list[Block]:
    """Title, the run in a sentence, how much of it there is, the headline, the claims."""
    counts = [f"{sum(c.status == s for c in claims)} {s}" for s in STATUSES]
    blocks: list[Block] = [
        Heading(TITLE, 1),
        Text(
            f"Profile `{results.profile}`: {len(results.scores)} models, {len(results.benchmarks)} benchmarks, seeds "
            f"{seeds_text(results)}. arXiv 2402.03300 is the paper; figure, table and section numbers are its own."
        ),
    ]
    blocks += [
        Text(f"**{c.sentence}**")
        for c in claims
        if c.id in ("C7", "C7r") and c.status not in (UNTESTED, FLOORED)
    ]
    blocks += [Text(f"**{words}**") for words in (floor_text(results), partial) if words]
    blocks += [
        Heading("Claims"),
        Text("; ".join(counts) + "."),
        claims_table(claims),
        Text(
            "**reproduced**: the 95 % interval of the difference lies wholly on the claimed side of 0, over questions and "
            "several training seeds. **direction only**: the mean does; the interval holds 0, or only one seed was "
            "trained, or on one "
            "of the benchmarks the opposite is told from 0. "
            "**not reproduced**: the mean lies on the other side. **not testable here**: everything compared scores below "
            f"{percent(FLOOR, 0)} % or cannot be told from 0. Differences between arms are decided on mean sampled accuracy "
            'over the in-domain benchmarks together, paired by question and seed. In the sentences "ahead" is an interval '
            'above 0, "the opposite, and told from 0" one below, "not told apart" one that holds 0: **not reproduced** may '
            "be either of the last two. Training seeds are seeds of RL: base, instruct and reward models are trained once."
        ),
    ]
    blocks += [Text(judged)] if (judged := judges_text(results)) else []
    numbers = numbers_table(claims)
    blocks += [Heading("Numbers behind the claims", 3), numbers] if numbers.rows else []
    return blocks


def body(results: Results, pictures: dict[str, list[str]]) -> list[Block]:
    """Results from the end of the chain to its beginning."""
    blocks: list[Block] = [Heading("Scores")]
    for benchmark in results.benchmarks:
        blocks += [Heading(f"`{benchmark}`", 3), scores_table(results, benchmark)]
    blocks += [Heading("Gains over instruct and over continued SFT"), Text(control_text(results))]
    blocks += [Text(room)] if (room := room_of_rl(results)) else []
    for benchmark in results.benchmarks:
        table = gains_table(results, benchmark)
        blocks += [Heading(f"`{benchmark}`: gains", 3), table] if table.rows else []
    blocks += shown(
        pictures, "gains", "Gain of each arm over the instruct model in mean sampled accuracy."
    )
    levels = levels_table(results, results.benchmarks[0])
    blocks += (
        [Heading(f"`{results.benchmarks[0]}`: gains by level", 3), levels] if levels.rows else []
    )
    for heading, table in (
        ("Arms and ablations, paired", against_table(results)),
        ("Two arms that differ in one point", counterparts_table(results)),
    ):
        blocks += [Heading(heading), table] if table.rows else []
    blocks += [Heading("Reinforcement learning over its steps (Figure 5)")]
    blocks += shown(
        pictures,
        "figure5",
        "Left: validation accuracy over RL steps, mean of the seeds; band from the "
        "lowest to the "
        f"highest seed.{validation_size(results)} Right: the difference from one arm at the same steps, "
        "paired by question "
        "and by seed, with its 95 % interval (cut off where it leaves the panel); what crosses 0 is not "
        "told apart. An arm that ends far below "
        "leaves the "
        "panel, and its label says where it ends. Compare the paper's Figure 5.",
        "No validation rows of these arms were found.",
    )
    blocks += shown(
        pictures, "figure5_ablations", "The ablations of GRPO+OS with the rule, drawn as above."
    )
    blocks += shown(
        pictures,
        "figure5_others",
        "The other arms beside continued SFT, RFT and GRPO+OS; drawn as above.",
    )
    blocks += shown(
        pictures,
        "figure6",
        f"Iterative GRPO (Algorithm 1) against {once(results)}, drawn as above; a dashed line "
        "where the reference is reset and the "
        "reward model trained on. Compare the paper's Figure 6.",
    )
    blocks += shown(
        pictures,
        "rl_training",
        "Right outputs among those sampled in training, as the difference from "
        "one arm that met "
        "the same questions (the share itself follows how hard a batch is); KL to the reference; output "
        "length: mean of "
        "the seeds, smoothed over a twentieth of the steps.",
    )
    blocks += [Heading("Maj@K and Pass@K (Figure 7)")]
    blocks += shown(
        pictures,
        "figure7",
        "Maj@K (majority of K samples) and Pass@K (any of K is right) at T 0.7, band: 95 % "
        "interval over questions, and over seeds where an arm has several; last, their differences from instruct on "
        "the same questions, paired, which the bands of the levels do not show. Both are exact expectations over "
        "K-subsets of the samples drawn; ties are broken by a fair draw, an output without an answer has no vote.",
        "Too few samples for a curve over K.",
    )
    effort = effort_table(results, sorted(results.cells, key=arm_order))
    blocks += [Heading("What each arm takes (claim C13)"), effort] if effort.rows else []
    blocks += [Heading("Base and instruct model")]
    blocks += shown(
        pictures,
        "training_loss",
        "Training loss, raw and smoothed.",
        "No training curves were found.",
    )
    blocks += [Heading("Corpus")]
    blocks += shown(
        pictures,
        "funnel",
        "Pages left after each step of mining (section 2.1).",
        "No funnel was found.",
    )
    blocks += shown(
        pictures, "classifier_scores", "Scores of the fastText classifier over the candidate pages."
    )
    blocks += corpus_tables(results)
    blocks += [Heading("Reward model")]
    judged = judges_table(results)
    blocks += [judged] if judged else []
    blocks += shown(
        pictures,
        "reliability",
        "Reliability on held-out questions: how often what is scored alike is "
        "labelled right. "
        "A step's label is an estimate (does any continuation from there end right), not the truth. The "
        "area of a dot "
        "is the number of outputs or steps in its bin.",
        "No reward model was evaluated.",
    )
    return blocks


def closing(
    results: Results, claims: Sequence[Claim], arms: Sequence[str], seeds: Sequence[int]
) -> list[Block]:
    """Deviations, what could not be tested, costs, provenance."""
    blocks: list[Block] = [Heading("Deviations from the paper"), Items(tuple(deviations(results)))]
    untested = [f"{c.id}: {c.sentence}" for c in claims if c.status in (UNTESTED, FLOORED)]
    missing = missing_text(results, arms, seeds)
    blocks += [
        Heading("What could not be tested"),
        Items((*missing, *untested) or ("Nothing is missing.",)),
    ]
    if results.costs:
        blocks += [Heading("Cost"), costs_table(results.costs)]
    blocks += [Heading("Every model"), seeds_table(results)]
    rows = summary_table(results)
    if rows.rows:
        blocks += [Heading("What each stage counted"), rows]
    return [*blocks, Heading("Provenance"), *provenance(results)]


def provenance(results: Results) -> list[Block]:
    origin = results.origin
    blocks: list[Block] = [
        Items(
            (
                f"code of this report: {origin.get('commit', 'unknown commit')}",
                f"profile: `{results.profile}`; seeds of RL: {seeds_text(results)}",
                f"grading mode: `{origin.get('grading_mode', '?')}`; protocol: `{origin.get('protocol', '?')}`; temperature of "
                f"samples: {origin.get('temperature', '?')}",
            )
        )
    ]
    blocks += [commits_table(results.costs)] if results.costs else []
    first = next(iter(results.scores.values()))
    blocks.append(
        Table(
            ("benchmark", "questions"),
            tuple((name, s.summary.get("data", "")) for name, s in first.items()),
            labels=2,
        )
    )
    lab = results.profile == "lab"  # a graph of its own (docs/lab.md)
    asked, data = " profile=lab" * lab, "data/lab" if lab else "data"
    rows = (
        ("the whole report", "`make lab`" if lab else "`dvc repro`"),
        ("scores of one model", f"`python -m stages.evaluate{asked} model=grpo_os_rule-0`"),
        ("one RL run", f"`python -m stages.rl{asked} rl=grpo_os_rule seed=0`"),
        (
            "every RL run, on all cores",
            f"`python -m stages.rl{asked} experiment=fig5 launcher=parallel`",
        ),
        (
            "tables, figures, claims",
            f"`python -m stages.report{asked}`, from `{data}/evaluate/*/*.jsonl` and the summaries",
        ),
    )
    return [*blocks, Table(("number", "made by"), rows, labels=2)]


def shown(
    pictures: dict[str, list[str]], name: str, caption: str, missing: str = ""
) -> list[Block]:
    """The pictures of a figure, or a sentence that says why there is none."""
    files = pictures.get(name, [])
    if not files:
        return [Text(missing)] if missing else []
    return [Picture(file, caption) for file in files]
