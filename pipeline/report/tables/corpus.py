"""The report's tables about mining: what was rejected and why, each step against truth, the
iterations, pages at the cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipeline.report.data import Results
from pipeline.report.page.blocks import Block, Table

SHOWN = 6  # pages of the audit sample on each side of the cut
MARKUP = re.compile(r"[`*_|<>\[\]\\\s]+")  # a page's words must not become marks of the report


def corpus_tables(results: Results) -> list[Block]:
    """What the stage corpus says of itself; tables whose numbers are missing are left out."""
    files = results.files.get("corpus", {})
    funnel = files.get("funnel") or {}
    made = (
        rejects(funnel),
        against_truth(funnel),
        iterations(funnel),
        near_cut(files.get("audit") or []),
    )
    return [table for table in made if table is not None]


def rejects(funnel: dict[str, Any]) -> Table | None:
    """Records and tokens by reason."""
    found, tokens = funnel.get("rejects"), funnel.get("rejected_tokens") or {}
    if not found:
        return None
    order = sorted(found, key=lambda reason: -found[reason])
    rows = tuple((reason, f"{found[reason]:,}", f"{tokens.get(reason, 0):,}") for reason in order)
    return Table(
        ("rejected as", "records", "tokens"),
        rows,
        "Every record of the crawl is in the corpus or here, once; rejects.parquet names each. "
        "Records that could not "
        "be read have no tokens.",
    )


def against_truth(funnel: dict[str, Any]) -> Table | None:
    """Precision and recall of each step on a built web."""
    truth = funnel.get("truth")
    if not truth:
        return None
    rows = [
        (step, share(truth[step]["recall"]), share(truth[step]["precision"]))
        for step in ("text", "distinct URLs", "distinct pages")
    ]
    turns = funnel.get("iterations") or []
    if turns and "recall" in turns[-1]:
        rows.append(("collected", share(turns[-1]["recall"]), share(turns[-1]["precision"])))
    for step in ("decontaminated", "decontaminated by the information rule"):
        found = truth[step]
        right = found["found"] / max(found["found"] + found["clean_flagged"], 1)
        rows.append((step, share(found["found"] / max(found["planted"], 1)), share(right)))
    sheets = truth["worksheets"]
    return Table(
        ("step", "recall (%)", "precision (%)"),
        tuple(rows),
        "Each step of mining against the truth about the built web, which nothing that decides "
        "reads. Text: readable records that became pages. URLs and pages: copies that were "
        "removed. Decontamination: collected pages on which a question was planted. Of "
        f"{sheets['pages']} worksheets that differ in their numbers only, "
        f"{sheets['kept']} were kept.",
    )


def iterations(funnel: dict[str, Any]) -> Table | None:
    """One row a recall iteration."""
    turns = funnel.get("iterations") or []
    if not turns:
        return None
    columns = (
        ("iteration", "iteration"),
        ("seed pages", "seed_pages"),
        ("pages", "pages"),
        ("tokens", "tokens"),
    )
    shares = (
        ("precision (%)", "precision"),
        ("recall (%)", "recall"),
        ("recall en (%)", "recall_en"),
        ("recall zh (%)", "recall_zh"),
        ("collected before (%)", "pages_collected_before"),
    )
    rows = tuple(
        (
            *(count(turn.get(key)) for _, key in columns),
            *(share(turn.get(key)) for _, key in shares),
        )
        for turn in turns
    )
    return Table(
        tuple(name for name, _ in (*columns, *shares)),
        rows,
        "Recall iterations (section 2.1). Precision and recall are known on a built web only.",
    )


def near_cut(audit: Sequence[dict[str, Any]]) -> Table | None:
    """The pages at the cut, for a person to judge."""
    near = [row for row in audit if row.get("side") in ("above", "below")]
    if not near:
        return None
    shown = [row for row in near if row["side"] == "above"][-SHOWN:] + [
        row for row in near if row["side"] == "below"
    ][:SHOWN]
    rows = tuple(
        (
            row["side"],
            MARKUP.sub(" ", row["opening"])[:90],
            f"{row['rank']:,}",
            f"{row['score']:.4f}",
            str(row["tokens"]),
        )
        for row in shown
    )
    return Table(
        ("side of the cut", "page begins", "rank", "score", "tokens"),
        rows,
        "The pages nearest to the cut; corpus/audit.jsonl has more of them, and a sample of the rejects.",
        labels=2,
    )


def count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
