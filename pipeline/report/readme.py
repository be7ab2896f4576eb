"""The parts of README.md that are made and not written.   python -m pipeline.report.readme [--check]

A part stands between two comments, `<!-- made: arms -->` and `<!-- end -->`; a test holds that it
is current.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import UserError
from pipeline.report.arms import CONTROL, Arm, all_arms, arm_label
from pipeline.report.claims.compare import compare
from pipeline.report.claims.table import claim_files, merged, read_claims
from pipeline.report.outcomes import NAME as OUTCOMES
from pipeline.report.outcomes import read_outcomes
from pipeline.report.page.blocks import Table, to_markdown
from pipeline.report.stats import level
from pipeline.report.tables.claims import claims_table
from pipeline.report.tables.scores import percent, shown, vote_k
from pipeline.wiring.code import ROOT

README = ROOT / "README.md"
PART = re.compile(r"(<!-- made: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

SOURCES = {
    "sft": "instruction data",
    "offline": "instruct model, sampled once",
    "online": "policy",
}
REWARDS = {
    "none": "-",
    "rule": "rule: is the answer right",
    "rule_steps": "rule: is each step right",
    "outcome": "outcome reward model",
    "process": "process reward model",
}
COEFFICIENTS = {
    "sft": "1",
    "rft": "1 if right, else 0 (Eq. 10)",
    "dpo": "beta sigma(-margin), + for the right output and - for the wrong one (Eq. 14)",
    "ppo": "A_t by GAE (Eq. 18)",
    "grpo_outcome": "{advantage} (4.1.2), + beta (pi_ref/pi - 1) (Eq. 21)",
    "grpo_process": "sum of the normalised rewards of this and later steps (4.1.3), + the same KL term",
}
ADVANTAGES = {
    "population": "(r - mean r) / std r",
    "sample": "(r - mean r) / sample std r",
    "none": "r - mean r",
}


def arms_part() -> str:
    """A row per arm of conf/rl/: its row of Table 10."""
    rows = tuple(arm_row(arm) for arm in all_arms().values())
    columns = ("arm", "name", "data source", "reward function", "gradient coefficient", "notes")
    return to_markdown([Table(columns, rows, labels=len(columns))])


def arm_row(arm: Arm) -> tuple[str, ...]:
    settings = arm.settings or {}
    advantage = ADVANTAGES[settings.get("advantage_std", "population")]
    return (
        f"`{arm.name}`",
        arm.label,
        SOURCES[settings["data_source"]],
        REWARDS.get(settings["reward_function"], settings["reward_function"]),
        COEFFICIENTS[settings["gradient_coefficient"]].format(advantage=advantage),
        arm.note or "-",
    )


def claims_part() -> str:
    """The one table of claims, over every build below reports/."""
    claims = merged([read_claims(path) for path in claim_files(ROOT / "reports")])
    return to_markdown([claims_table(claims, builds=True)])


def scores_part() -> str:
    """The models of the committed main build on its first benchmark, from its outcomes."""
    results = read_outcomes(ROOT / "reports" / OUTCOMES)
    benchmark = results.benchmarks[0]
    k = vote_k(results, benchmark)
    rows = []
    for arm in ("instruct", *results.arms):
        cells = []
        for metric in ("greedy", "sampled", f"maj@{k}", f"pass@{k}"):
            table = results.table(arm, benchmark, metric)
            value = level(table.values_UN, table.chains_U)
            cells.append(shown(value) if metric in ("greedy", "sampled") else percent(value.mean))
        gaps = [
            None if arm in ("instruct", other) else compare(results, arm, other, [benchmark])
            for other in ("instruct", CONTROL)
        ]
        rows.append((arm_label(arm), *cells, *(shown(gap, signed=True) for gap in gaps)))
    differences = "sampled, over instruct", f"sampled, over {arm_label(CONTROL)}"
    columns = ("model", "greedy", "sampled", f"maj@{k}", f"pass@{k}", *differences)
    return to_markdown([Table(columns, tuple(rows))])


PARTS: dict[str, Callable[[], str]] = {
    "arms": arms_part,
    "claims": claims_part,
    "scores": scores_part,
}


def renewed(text: str) -> str:
    """The README with every made part as it is now. Raises UserError for a part that nothing makes."""

    def make(found: re.Match[str]) -> str:
        begin, name, _, end = found.groups()
        if name not in PARTS:
            raise UserError(
                f"README.md: nothing makes the part {name}; there are {', '.join(PARTS)}"
            )
        return f"{begin}{PARTS[name]()}{end}"

    return PART.sub(make, text)


def main(argv: Sequence[str] | None = None, prog: str = "python -m pipeline.report.readme") -> int:
    parser = argparse.ArgumentParser(prog=prog, description="Renew the made parts of README.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if it is stale")
    parser.add_argument("--file", type=Path, default=README, help="default: %(default)s")
    given = parser.parse_args(argv)

    text = given.file.read_text(encoding="utf-8")
    new = renewed(text)
    if given.check and new != text:
        print(f"{given.file}: stale; renew it with `{prog}`", file=sys.stderr)
        return 1
    if not given.check:
        given.file.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
