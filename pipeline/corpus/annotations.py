"""Files of URL prefixes that a person marked: reading them, and keeping what is in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pipeline.corpus.domains import Marks, prefixes
from pipeline.errors import UserError


def rows_of_yaml(path: Path) -> list[dict[str, Any]]:
    """The entries of a file of proposals. Raises UserError naming what is wrong in it."""
    import yaml

    if not path.is_file():
        raise UserError(
            f"{path}: no such file of annotations; edit the proposals that an earlier run wrote"
        )
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: not YAML ({' '.join(str(error).split())[:100]}); fix it"
        ) from None
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("prefix"), str) for row in rows
    ):
        raise UserError(f"{path}: a list of entries with `prefix` and `accept` is needed")
    for row in rows:
        if not isinstance(row.get("accept"), bool):
            raise UserError(
                f"{path}: {row['prefix']}: accept is {row.get('accept')!r}; write true or false"
            )
    return rows


def from_yaml(path: Path) -> Marks:
    """What a person marked `accept: true` or `accept: false`; a prefix may be written as a URL.
    Raises UserError.
    """
    marks: dict[str, bool] = {}
    for row in rows_of_yaml(path):
        prefix = normal_prefix(row["prefix"])
        if marks.setdefault(prefix, row["accept"]) != row["accept"]:
            raise UserError(
                f"{path}: {prefix} is accepted and not accepted; keep one of the two entries"
            )
    return Marks(marks)


def normal_prefix(text: str) -> str:
    """ "https://www.A.org/q" gives "a.org/q/", the spelling of the proposals."""
    below = re.sub(r"^\w+://", "", text.strip()).strip("/")
    return list(prefixes(f"http://{below}/", depth=99))[-1]


def lost_mark(folder: Path, accept_share: float, marks: Marks | None) -> str:
    """The first mark of a person in `folder`/prefixes-*.yaml that a run with `marks`, or without
    any, would write over; "" when there is none. What the share of a prefix decides is no such
    mark.
    """
    for path in sorted(folder.glob("prefixes-*.yaml")):
        for row in rows_of_yaml(path):
            known = (
                marks is not None
                and marks.accept.get(normal_prefix(row["prefix"]), False) == row["accept"]
            )
            by_share = (
                row.get("pages")
                and (row["collected"] / row["pages"] >= accept_share) == row["accept"]
            )
            if not known and not by_share:
                return f"{path}: {row['prefix']}"
    return ""
