"""What the recall loop found, as a page, a table of numbers and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLUMNS = (
    ("iteration", "iteration", ""), ("seed pages", "seed_pages", ","), ("positives", "positives", ","),
    ("pages kept", "pages", ","), ("precision", "precision", ".3f"), ("precision, tokens", "precision_tokens", ".3f"),
    ("recall", "recall", ".3f"), ("recall en", "recall_en", ".3f"), ("recall zh", "recall_zh", ".3f"),
    ("recall, pages of words", "recall_prose", ".3f"), ("pages collected before", "pages_collected_before", ".3f"),
    ("tokens collected before", "tokens_collected_before", ".3f"), ("mathematical domains", "mathematical_domains", ","),
    ("prefixes accepted", "prefixes_accepted", ","), ("pages to the seed", "seed_pages_added", ","),
)  # fmt: skip


def cell(value: Any, form: str) -> str:
    return "-" if value is None else format(value, form)


def write_report(folder: Path, summary: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(page(summary), encoding="utf-8")
    draw(summary["iterations"], folder / "recall.png")


def page(summary: dict[str, Any]) -> str:
    web, truth, rows = summary["web"], summary["truth"], summary["iterations"]
    lines = [
        "# The recall loop on the built-in web", "",
        f"{web['records']:,} records on {web['domains']} hosts, {web['math']:,} readable pages mathematical, seed"
        f" {web['seed']} pages; {summary['records']:,} records read. Made by `dvc repro lab/corpus/dvc.yaml`.", "",
        "| " + " | ".join(name for name, _, _ in COLUMNS) + " |", "|" + " --- |" * len(COLUMNS),
    ]  # fmt: skip
    lines += [
        "| " + " | ".join(cell(row.get(key), form) for _, key, form in COLUMNS) + " |"
        for row in rows
    ]
    lines += [
        "",
        "![Recall, precision and share collected before, by iteration](recall.png)",
        "",
        "## Each step",
        "",
    ]
    lines += ["| step | recall | precision |", "| --- | --- | --- |"]
    for name in ("text", "distinct URLs", "distinct pages"):
        lines.append(
            f"| {name} | {cell(truth[name]['recall'], '.4f')} | {cell(truth[name]['precision'], '.4f')} |"
        )
    lines.append(
        f"| collected (last iteration) | {cell(rows[-1]['recall'], '.4f')} | {cell(rows[-1]['precision'], '.4f')} |"
    )
    sheets = truth["worksheets"]
    lines += [
        "",
        f"Worksheets that differ in their numbers only: {sheets['kept']} of {sheets['pages']} kept.",
        "",
    ]
    for name in ("decontaminated", "decontaminated by the information rule"):
        found = truth[name]
        lines.append(
            f"- {name}: {found['found']} of {found['planted']} planted leaks found, {found['clean_flagged']} of"
            f" {found['clean']:,} clean pages flagged"
        )
    lines += [
        "",
        "Rejects by reason: "
        + ", ".join(f"{k} {v:,}" for k, v in summary["rejects"].items())
        + ".",
    ]
    return "\n".join(lines) + "\n"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from pipeline.report.figures.style import STYLE

    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.6, 3.8), layout="constrained")
        lines = (("recall", "recall", "#0072b2", -13), ("precision", "precision", "#d55e00", -3),
                 ("pages_collected_before", "collected in the iteration before", "#009e73", 3))  # fmt: skip
        for key, label, colour, above in lines:
            points = [
                (row["iteration"], 100 * row[key]) for row in rows if row.get(key) is not None
            ]
            axis.plot(*zip(*points, strict=True), marker="o", color=colour, label=label)
            axis.annotate(
                f"{points[-1][1]:.1f}",
                points[-1],
                xytext=(6, above),
                textcoords="offset points",
                color=colour,
            )
        axis.axhline(98, color="#999999", linewidth=1, linestyle="--")
        axis.annotate(
            "stop rule, 98 %",
            (rows[0]["iteration"], 98),
            xytext=(0, 4),
            textcoords="offset points",
            color="#666666",
        )
        axis.set(
            xlabel="recall iteration",
            ylabel="% of pages",
            xticks=[row["iteration"] for row in rows],
            ylim=(None, 101.5),
        )
        axis.legend(frameon=False, loc="lower right")
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)
