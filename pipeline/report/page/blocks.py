"""A report is a list of blocks, written once and rendered twice: as Markdown and as one
self-contained HTML page.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.report.page.style import CSS


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` and **strong** are the only marks."""

    text: str


@dataclass(frozen=True)
class Items:
    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Cells are text; the first `labels` columns are left-aligned, the others are numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    labels: int = 1


@dataclass(frozen=True)
class Picture:
    """`file` lies in the report's figures/ folder."""

    file: str
    caption: str


Block = Heading | Text | Items | Table | Picture

# the style of each verdict (pipeline/report/claims/rules.py)
BADGES = {
    "holds": "good",
    "equal within d": "part",
    "opposite": "bad",
    "open": "none",
    "not testable": "none",
}


def to_markdown(blocks: Sequence[Block]) -> str:
    parts = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append(f"{'#' * block.level} {block.text}")
        elif isinstance(block, Text):
            parts.append(block.text)
        elif isinstance(block, Items):
            parts.append("\n".join(f"- {item}" for item in block.items))
        elif isinstance(block, Picture):
            name = block.file.removesuffix(".png").replace("_", " ")
            parts.append(f"![{name}](figures/{block.file})\n\n{block.caption}")
        else:
            parts.append(_markdown_table(block))
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    def line(cells: Sequence[str]) -> str:
        return (
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        )

    marks = ["---" if i < table.labels else "---:" for i in range(len(table.columns))]
    lines = [line(table.columns), line(marks), *map(line, table.rows)]
    return "\n".join(lines) + (f"\n\n{table.caption}" if table.caption else "")


def to_html(blocks: Sequence[Block], figures: Path, title: str) -> str:
    """One page with every figure inside it; no script, no request to anywhere."""
    headings = [b.text for b in blocks if isinstance(b, Heading) and b.level == 2]
    body, navigated = [], False
    for block in blocks:
        if isinstance(block, Heading):
            if block.level == 2 and not navigated:
                links = "".join(f'<a href="#{_anchor(h)}">{html.escape(h)}</a>' for h in headings)
                body.append(f"<nav>{links}</nav>")
                navigated = True
            body.append(
                f'<h{block.level} id="{_anchor(block.text)}">{_inline(block.text)}</h{block.level}>'
            )
        elif isinstance(block, Text):
            body.append(f"<p>{_inline(block.text)}</p>")
        elif isinstance(block, Items):
            body.append(
                "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in block.items) + "</ul>"
            )
        elif isinstance(block, Picture):
            body.append(_figure(block, figures))
        else:
            body.append(_html_table(block))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
        f"<style>{CSS}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _figure(block: Picture, figures: Path) -> str:
    data = base64.b64encode((figures / block.file).read_bytes()).decode()
    return (
        f'<figure><div class="sheet"><img alt="{html.escape(block.caption)}" src="data:image/png;base64,{data}"></div>'
        f"<figcaption>{_inline(block.caption)}</figcaption></figure>"
    )


def _html_table(table: Table) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return (
            "<tr>"
            + "".join(_cell(cell, tag, i < table.labels) for i, cell in enumerate(cells))
            + "</tr>"
        )

    head, body = row(table.columns, "th"), "\n".join(row(cells, "td") for cells in table.rows)
    caption = f'<p class="caption">{_inline(table.caption)}</p>' if table.caption else ""
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>\n{body}\n</tbody></table></div>{caption}'


def _cell(text: str, tag: str, label: bool) -> str:
    if text in BADGES and tag == "td":
        return f'<td class="l"><span class="badge {BADGES[text]}">{html.escape(text)}</span></td>'
    classes = (
        ["l"] * label
        + ["name"] * (label and len(text) < 20)
        + ["long"] * (len(text) > 60 and tag == "td")
    )
    shown = (
        re.sub(r"(\[[-+0-9., ]+\])", r"<small>\1</small>", _inline(text))
        if not label
        else _inline(text)
    )
    return f"<{tag}{' class=' + chr(34) + ' '.join(classes) + chr(34) if classes else ''}>{shown}</{tag}>"


def _inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
