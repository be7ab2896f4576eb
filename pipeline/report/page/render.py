"""Write the report: figures, claims.json, report.md and one self-contained index.html."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.records import write_json
from pipeline.report.claim import FLOOR, FLOORED, STATUSES, UNTESTED, Claim
from pipeline.report.claims import all_claims
from pipeline.report.data import Results
from pipeline.report.deviations import deviations
from pipeline.report.page.blocks import Block, Heading, Items, Table, Text, to_html, to_markdown
from pipeline.report.page.pictures import draw_figures
from pipeline.report.page.results import results_blocks
from pipeline.report.page.words import (
    floor_text,
    judges_text,
    missing_text,
    partial_text,
    seeds_text,
)
from pipeline.report.tables.claims import claims_table, numbers_table
from pipeline.report.tables.costs import commits_table, costs_table, summary_table
from pipeline.report.tables.scores import percent, seeds_table

TITLE = "DeepSeekMath, reproduced: report"


def write_report(
    results: Results, out: Path, arms: Sequence[str] = (), seeds: Sequence[int] = ()
) -> dict:
    """Write everything into `out`; `arms` and `seeds` are what was planned. Returns a summary: claims by status."""
    pictures = draw_figures(results, out / "figures")
    claims = all_claims(results)
    write_json(
        out / "claims.json",
        {"profile": results.profile, "claims": [claim.plain() for claim in claims]},
    )
    blocks = [
        *opening(results, claims, partial_text(results, arms, seeds)),
        *results_blocks(results, pictures),
        *closing(results, claims, arms, seeds),
    ]
    (out / "report.md").write_text(to_markdown(blocks), encoding="utf-8")
    (out / "index.html").write_text(to_html(blocks, out / "figures", TITLE), encoding="utf-8")
    return {
        "claims": {status: sum(c.status == status for c in claims) for status in STATUSES},
        "models": len(results.scores),
        "figures": sorted(pictures),
    }


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


def closing(
    results: Results, claims: Sequence[Claim], arms: Sequence[str], seeds: Sequence[int]
) -> list[Block]:
    """Deviations, what could not be tested, costs, provenance."""
    blocks: list[Block] = [Heading("Deviations from the paper"), *deviations(results)]
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
