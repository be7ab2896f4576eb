"""The hosts of the built-in web: their share of mathematics, path prefixes and notation.

The table is data/sites.txt. Names end in .example (RFC 2606), so no host exists. Every prefix of
the list mixes languages, kinds and shares; beyond the list, numbered copies follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """One host. `math` and `other` are (path prefix, kind or topic).

    A prefix in both means that paths do not separate mathematics from the rest.
    """

    host: str
    layout: str  # se wiki blog portal plain
    chinese: float  # share of its pages in Chinese
    share: float  # share of its pages that are mathematical
    weight: float  # relative number of pages
    source: str  # notation of formulas, a key of markup.SOURCES; "prose": words and few formulas
    math: tuple[tuple[str, str], ...]
    other: tuple[tuple[str, str], ...]
    seed: bool = False  # the seed corpus is drawn from here


def _parse(line: str) -> Site:
    host, layout, chinese, share, weight, source, math, other, flags = (
        cell.strip() for cell in line.split("|")
    )

    def sections(cell: str) -> tuple[tuple[str, str], ...]:
        return tuple(tuple(pair.rsplit(":", 1)) for pair in cell.split())

    return Site(
        host,
        layout,
        float(chinese),
        float(share),
        float(weight),
        source,
        sections(math),
        sections(other),
        flags == "seed",
    )


def _read_table() -> tuple[Site, ...]:
    text = (Path(__file__).parent / "data/sites.txt").read_text(encoding="utf-8")
    return tuple(_parse(line) for line in text.splitlines() if not line.startswith("#"))


SITES = _read_table()


def sites(count: int) -> tuple[Site, ...]:
    """The first `count` sites; numbered copies of the list, none of them a seed, follow its end."""
    out = list(SITES[:count])
    turn = 2
    while len(out) < count:
        out.extend(
            replace(site, host=f"s{turn}.{site.host}", seed=False)
            for site in SITES[: count - len(out)]
        )
        turn += 1
    return tuple(out)
