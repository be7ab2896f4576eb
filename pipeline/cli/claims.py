"""The table of claims: of all builds together, or computed again from the outcomes of one.

dsm claims                                   every build below reports/, the best-powered one decides each claim
dsm claims --from reports/outcomes.json.xz   every interval again, from the outcomes per question of one build
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UserError


def main(argv: Sequence[str] | None = None, prog: str = "dsm claims") -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog=prog, description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--from",
        dest="outcomes",
        type=Path,
        metavar="FILE",
        help="outcomes.json.xz of one build: compute every interval and verdict again",
    )
    parser.add_argument(
        "--reports",
        type=Path,
        default=Path("reports"),
        help="folder whose claims.json files are read (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print claims.json instead of a table")
    given = parser.parse_args(argv)
    try:
        print(recomputed(given) if given.outcomes else over_builds(given))
    except UserError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 1
    return 0


def recomputed(given: argparse.Namespace) -> str:
    from pipeline.report.claims import all_claims
    from pipeline.report.outcomes import read_outcomes

    return printed(all_claims(read_outcomes(given.outcomes)), given.json, False)


def over_builds(given: argparse.Namespace) -> str:
    from pipeline.report.claims.table import claim_files, merged, read_claims

    files = claim_files(given.reports)
    if not files:
        raise UserError(f"{given.reports}: no claims.json; build a report, or give --from FILE")
    return printed(merged([read_claims(path) for path in files]), given.json, True)


def printed(claims: list, as_json: bool, builds: bool) -> str:
    from pipeline.report.claims.table import document
    from pipeline.report.page.blocks import Items, to_markdown
    from pipeline.report.tables.claims import claims_table, sentences

    if as_json:
        return json.dumps(document(claims), indent=2, sort_keys=True)
    return to_markdown([claims_table(claims, builds), Items(tuple(sentences(claims)))])


if __name__ == "__main__":
    sys.exit(main())
