"""One table of all claims over all builds: the best-powered build decides each claim.

A build writes claims.json. Builds of several chains stand before those of one, whose intervals leave
out how chains differ. Among them the row with the narrowest interval in units of d decides, whatever
it says; rows of builds that could not test the claim stand back. Holm's correction is taken over the
deciding rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.report.claims import all_claims
from pipeline.report.claims.claim import Claim, from_plain, settle
from pipeline.report.claims.earlier import claims_of, is_earlier
from pipeline.report.data import Results

ORDER = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C7o", "C7c", *(f"C{n}" for n in range(8, 16)))


def read_claims(path: Path) -> list[Claim]:
    """The claims of one build. Raises UserError naming the file where it is malformed."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if is_earlier(content):
            return settle(claims_of(content))
        return [from_plain(row) for row in content["claims"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: not a table of claims ({type(error).__name__}: {error}); build its report "
            "again"
        ) from None


def claim_files(reports: Path) -> list[Path]:
    """Every build's claims.json below a folder of reports; summary.json where an earlier build of
    the corpora or of the recall loop wrote none.
    """
    found = sorted(reports.rglob("claims.json"))
    places = (reports / "lab/corpora", reports / "lab/corpus")
    earlier = [place / "summary.json" for place in places if place not in [p.parent for p in found]]
    return found + [path for path in earlier if path.is_file()]


def merged(builds: Sequence[Sequence[Claim]]) -> list[Claim]:
    """The deciding row of every claim, in the paper's order, with verdicts over the merged table."""
    nothing = all_claims(Results("none", 0, {}))  # so that a claim that no build knows has its row
    rows: dict[str, list[Claim]] = {}
    for claims in [*builds, nothing]:
        for claim in claims:
            rows.setdefault(claim.id, []).append(claim)
    order = sorted(rows, key=lambda id: (ORDER.index(id) if id in ORDER else len(ORDER), id))
    return settle([named(min(rows[id], key=resolution)) for id in order])


def named(claim: Claim) -> Claim:
    """Without its build where that measured nothing of the claim: nobody has tested it."""
    return claim if claim.tests or claim.numbers else replace(claim, build="")


def resolution(claim: Claim) -> tuple[bool, bool, bool, float, str]:
    """Sort key: tested before not, measured before not, several chains before one, then the reach of
    the widest interval in units of d.
    """
    if not claim.tests:
        # of reasons, that of the build that came closest: the one with numbers
        return (True, not claim.numbers, True, math.inf, claim.build or "~")
    worst = max((test.value.high - test.value.low) / test.d for test in claim.tests)
    measured = all(test.measured for test in claim.tests)
    chains = min(test.value.chains for test in claim.tests)
    return (False, not measured, chains < 2, worst, claim.build)


def document(claims: Sequence[Claim], **more: Any) -> dict[str, Any]:
    """What claims.json holds."""
    return {**more, "claims": [claim.plain() for claim in claims]}
