"""The paper's claims C1 to C15, one file each, and what a build says of every one (rules.py says
how it is decided).
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.report.claims import (
    c01,
    c02,
    c03,
    c04,
    c05,
    c06,
    c07,
    c08,
    c09,
    c10,
    c11,
    c12,
    c13,
    c14,
    c15,
)
from pipeline.report.claims.claim import Claim, settle
from pipeline.report.data import Results


def all_claims(results: Results) -> list[Claim]:
    """Every claim in the paper's order, with its verdict in this build."""
    before_rl = [each.claim(results) for each in (c01, c02, c03, c04, c05, c06)]
    rest = [each.claim(results) for each in (c08, c09, c10, c11, c12, c13, c14, c15)]
    claims = [*before_rl, *c07.claims(results), *rest]
    return settle([replace(claim, build=results.build) for claim in claims])
