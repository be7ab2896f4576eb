"""Write the report: figures, claims.json, report.md and one self-contained index.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.records import write_json
from pipeline.report.claims import all_claims
from pipeline.report.claims.claim import Claim
from pipeline.report.claims.rules import UNTESTABLE, VERDICTS
from pipeline.report.claims.table import document
from pipeline.report.data import Results, Unit
from pipeline.report.deviations import deviations
from pipeline.report.outcomes import NAME as OUTCOMES
from pipeline.report.outcomes import write_outcomes
from pipeline.report.page.blocks import Block, Heading, Items, Table, Text, to_html, to_markdown
from pipeline.report.page.pictures import draw_figures
from pipeline.report.page.results import results_blocks
from pipeline.report.page.words import (
    floor_text,
    missing_text,
    partial_text,
    reward_models_text,
    seeds_text,
)
from pipeline.report.series import write_series
from pipeline.report.tables.claims import claims_table, numbers_table, sentences, untested
from pipeline.report.tables.costs import commits_table, costs_table, summary_table
from pipeline.report.tables.scores import seeds_table
from pipeline.wiring.code import rules_hash

TITLE = "DeepSeekMath, reproduced: report"


RULES = (
    "**holds**: significantly as claimed, with no single benchmark significantly against it. "
    "**opposite**: significantly the other way. **equal within d**: two one-sided tests place "
    "the difference within -d and d. **open**: anything else; the interval is printed, and the n "
    "that would decide. **not testable**: not measured here, or not in a way that can answer the "
    "question. Benchmarks weigh the same; models are paired by question, seed and chain. The "
    "rules are in docs/preregistration.md, which lists each change that was made after numbers were "
    "read and what it changed; Provenance below has the hash of the rules that this report follows."
)
ONE_CHAIN = (
    " All models here share one chain (one base, one instruct and one reward model), so every "
    "verdict is about this chain: another one may come out otherwise."
)


def write_report(
    results: Results, out: Path, planned: Mapping[str, Sequence[Unit]] | None = None
) -> dict:
    """Write everything into `out`; `planned` are the units of each arm in the plan. Returns a
    summary: claims by status.
    """
    planned = planned or {}
    pictures = draw_figures(results, out / "figures")
    claims = all_claims(results)
    write_json(
        out / "claims.json",
        document(claims, profile=results.profile, rules=rules_hash()),
    )
    size = write_outcomes(results, out / OUTCOMES)
    write_series(results, claims, out)
    blocks = [
        *opening(results, claims, partial_text(results, planned)),
        *results_blocks(results, pictures),
        *closing(results, claims, planned),
    ]
    (out / "report.md").write_text(to_markdown(blocks), encoding="utf-8")
    (out / "index.html").write_text(to_html(blocks, out / "figures", TITLE), encoding="utf-8")
    return {
        "claims": {v: sum(c.verdict == v for c in claims) for v in VERDICTS},
        "models": len(results.scores),
        "figures": sorted(pictures),
        "outcomes_bytes": size,
    }


def opening(results: Results, claims: Sequence[Claim], partial: str = "") -> list[Block]:
    """Title, the run in a sentence, how much of it there is, the table of claims and what was
    measured for each.
    """
    chains = len(results.chains)
    blocks: list[Block] = [
        Heading(TITLE, 1),
        Text(
            f"Profile `{results.profile}`: {len(results.scores)} models in {chains} "
            f"chain{'s' if chains > 1 else ''}, {len(results.benchmarks)} benchmarks, seeds "
            f"{seeds_text(results)}. arXiv 2402.03300 is the paper; figure, table and section "
            "numbers are its own."
        ),
    ]
    blocks += [Text(f"**{words}**") for words in (floor_text(results), partial) if words]
    counts = [f"{sum(c.verdict == verdict for c in claims)} {verdict}" for verdict in VERDICTS]
    blocks += [
        Heading("Claims"),
        Text("; ".join(counts) + "."),
        claims_table(claims),
        Text(RULES + (ONE_CHAIN if chains == 1 else "")),
    ]
    blocks += [Text(said)] if (said := reward_models_text(results)) else []
    blocks += [Heading("What was measured for each claim", 3)]
    tested = [claim for claim in claims if claim.verdict != UNTESTABLE]
    blocks += [Items(tuple(sentences(tested)))] if tested else [Text("None could be tested.")]
    numbers = numbers_table(claims)
    blocks += [Heading("Numbers that decide nothing", 3), numbers] if numbers.rows else []
    return blocks


def closing(
    results: Results, claims: Sequence[Claim], planned: Mapping[str, Sequence[Unit]]
) -> list[Block]:
    """Deviations, what could not be tested, costs, provenance."""
    blocks: list[Block] = [Heading("Deviations from the paper"), *deviations(results)]
    missing = missing_text(results, planned)
    blocks += [
        Heading("What could not be tested"),
        Items((*missing, *untested(claims)) or ("Nothing is missing.",)),
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
                f"rules: `{rules_hash()}` (docs/preregistration.md and pipeline/report/claims)",
                f"code of this report: {origin.get('commit', 'unknown commit')}",
                f"profile: `{results.profile}`; seeds of RL: {seeds_text(results)}",
                f"grading mode: `{origin.get('grading_mode', '?')}`; protocol: "
                f"`{origin.get('protocol', '?')}`; temperature of "
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
