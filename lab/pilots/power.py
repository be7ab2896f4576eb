"""How much each claim of docs/preregistration.md can show: power at its d, before any number.

    python -m lab.pilots.power [--data data/main ...] [--chain-sd 0.01 0.015]

Variances of a difference of two arms come from the validation questions of builds with at least two
chains (`--data`; lab/power.py takes them apart); without one, those of the old world's laboratory
(docs/lab.md, Power), whose seeds shared one chain, with the standard deviation between chains
assumed. Writes reports/pilots/power.md. Power is that of a two-sided 5 % test of the claim alone,
without Holm's correction; "equal" is how often two one-sided tests place a true difference of 0
within d.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.pilots.world import OUT
from lab.power import mean_components, on_validation
from lab.variance import POWER, Components, detectable, power
from pipeline.report.arms import first_counterparts
from pipeline.report.load import load
from pipeline.report.stats import t_quantile
from pipeline.wiring.code import ROOT
from pipeline.wiring.plans import built

MOST_CHAINS = 64
# Standard deviations of the old world's laboratory, in accuracy: eight pairs pooled, five seeds.
OLD = Components(question=0.135**2, seed=0.010**2, both=0.065**2, sample=0.357**2)
# Of the old world's corpora (reports/lab/corpora, three seeds): fine-tuned accuracy; bits per result.
OLD_TUNED, OLD_BITS = 0.057, 0.32


@dataclass(frozen=True)
class Design:
    """A claim's primary comparison as the plan asks it.

    `questions` as many as one benchmark would need for the same standard error: benchmarks weigh
    the same, so of sizes n and m it is 4 / (1/n + 1/m).
    """

    id: str
    compared: str
    questions: int
    samples: int
    units: int  # chains; seeds of the corpora
    d: float
    scale: float = 1.0  # of the standard deviations of a difference of two arms


CHAINS, FEWER = (len(built("lab")[key]) for key in ("chains", "reward_chains"))
LAB = (
    Design("C6", "instruct, tools - chain of thought, greedy", 2000, 1, CHAINS, 0.01),
    Design("C7", "GRPO+OS - instruct, in-domain", 2000, 4, CHAINS, 0.01),
    Design("C7o", "GRPO+OS - instruct, `mini_cmath`", 1000, 4, CHAINS, 0.01),
    Design("C7c", "GRPO+OS - continued SFT, in-domain", 2000, 4, CHAINS, 0.01),
    Design("C8", "Online RFT - RFT, in-domain", 2000, 4, CHAINS, 0.01),
    Design("C9", "GRPO+OS - Online RFT, in-domain", 2000, 4, CHAINS, 0.01),
    Design("C10", "GRPO+PS - GRPO+OS, in-domain", 2000, 4, CHAINS, 0.01),
    # a difference of two differences that share a side: three arms with weights 2, -1, -1; these
    # arms are on three chains at first
    Design("C11", "one iteration's gain - what two more add", 2000, 4, FEWER, 0.01, scale=3**0.5),
    Design("C12", "GRPO+OS - instruct, Maj@64 and Pass@64", 900, 64, CHAINS, 0.01),
    Design("C14", "Maj@64 - greedy, GRPO+OS", 900, 64, CHAINS, 0.01),
)
CORPORA = (
    ("C2", "mined - its English half, `mini_cmath`", 0.01),
    ("C4", "code first - general text first", 0.008),
    ("C5", "papers - general text", 0.01),
    ("C15", "general then mined - general twice, `mini_bbh`", 0.01),
)
ASSUMED_TUNED = 0.02  # standard deviation between seeds at the plateau of fine-tuning
WORLDS = 3
MEMORY = ROOT / "reports/lab/memory/claims.json"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="builds with chains")
    parser.add_argument(
        "--chain-sd", type=float, nargs="+", default=[0.01, 0.015], help="where it is not measured"
    )
    return parser.parse_args()


def measured(folders: Sequence[Path]) -> tuple[Components | None, list[str]]:
    """Mean variances over all pairs of all builds, and a row for each pair; None without any."""
    found, rows = [], []
    for folder in folders:
        results = load(folder)
        for pair in first_counterparts():
            one = on_validation(results, pair)
            if one is None or one[1].seed is None:
                continue
            found.append(one[1])
            parts = [one[1].question, one[1].seed, one[1].both, one[1].sample]
            cells = [f"{100 * value**0.5:.1f}" for value in parts]
            rows.append(f"| `{pair[0]}` - `{pair[1]}` | {one[0]} | {' | '.join(cells)} |")
    return (mean_components(found, None) if found else None), rows


def equal_power(found: Components, d: float, units: int, questions: int, samples: int) -> float:
    """How often a true difference of 0 is declared equal within d (normal approximation)."""
    from scipy.special import ndtr

    parts = found.parts(units, questions, samples)
    variance = max(sum(v for v, _ in parts), parts[0][0])
    freedom = max(1.0, variance**2 / sum(v * v / df for v, df in parts))
    se = variance**0.5
    room = d / se - t_quantile(freedom, 0.9)
    return float(max(0.0, 2 * ndtr(room) - 1))


def units_needed(found: Components, d: float, questions: int, samples: int) -> int | None:
    """The fewest chains with 80 % power at d."""
    for units in range(2, MOST_CHAINS + 1):
        if power(found, d, units, questions, samples) >= POWER:
            return units
    return None


def row(design: Design, found: Components) -> str:
    scaled = replace(
        found,
        **{
            name: getattr(found, name) * design.scale**2
            for name in ("question", "seed", "both", "sample")
        },
    )
    size = design.units, design.questions, design.samples
    least = detectable(scaled, *size)
    needed = units_needed(scaled, design.d, design.questions, design.samples)
    return (
        f"| {design.id} | {design.compared} | {100 * design.d:.1f} | {design.units} x "
        f"{design.questions:,} x {design.samples} | {100 * least:.1f} | "
        f"{100 * power(scaled, design.d, *size):.0f} % | "
        f"{100 * equal_power(scaled, design.d, *size):.0f} % | "
        f"{needed or f'over {MOST_CHAINS}'} |"
    )


def of_seeds(sd: float) -> Components:
    """Only the seeds vary: what the corpora's claims are limited by."""
    return Components(question=0.0, seed=sd**2, both=0.0, sample=0.0)


def page(found: Components | None, rows: list[str], chain_sds: Sequence[float]) -> Iterator[str]:
    yield "# Power\n"
    yield (
        "Written by `python -m lab.pilots.power`. Points; smallest: the true difference that shows\n"
        "with 80 % power; power at d; equal: how often a true zero is declared equal within d; the\n"
        "last column: chains (seeds of the corpora) needed for 80 % power at d. One claim alone,\n"
        "without Holm's correction.\n"
    )
    heads = (
        "| claim | compared | d | chains x questions x samples | smallest | power at d | equal |"
    )
    rule = "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |"
    if found:
        yield "Standard deviations of a difference of two arms on validation questions, by pair:\n"
        yield "| pair | chains x questions x samples | question | chain | question x chain | sample |"
        yield "| --- | --- | ---: | ---: | ---: | ---: |"
        yield from rows
        cases = [("the pairs above, pooled", found)]
    else:
        cases = [
            (
                f"the old world's laboratory; {100 * sd:.1f} points between chains assumed",
                replace(OLD, seed=sd**2),
            )
            for sd in chain_sds
        ]
    for name, case in cases:
        yield f"\nVariances: {name}.\n"
        yield f"{heads} chains |\n{rule}"
        for design in LAB:
            yield row(design, case)
    cases = ((OLD_TUNED, "as in the old corpora"), (ASSUMED_TUNED, "assumed at the plateau"))
    for sd, why in cases:
        yield (
            f"\nCorpora, six seeds; {100 * sd:.1f} points between seeds of a difference, {why}; "
            "questions and samples add little.\n"
        )
        yield f"{heads.replace('chains x questions x samples', 'seeds')} seeds |\n{rule}"
        for id, compared, d in CORPORA:
            yield f"| {id} | {compared} | {100 * d:.1f} | 6 | {of_one_source(sd, d, 6)} |"
    yield from others(heads)


def of_one_source(sd: float, d: float, units: int, digits: int = 1, times: int = 100) -> str:
    """The last four cells of a row whose units alone vary."""
    seeds, many = of_seeds(sd), 10**6
    needed = units_needed(seeds, d, many, 1)
    return (
        f"{times * detectable(seeds, units, many, 1):.{digits}f} | "
        f"{100 * power(seeds, d, units, many, 1):.0f} % | "
        f"{100 * equal_power(seeds, d, units, many, 1):.0f} % | {needed or f'over {MOST_CHAINS}'}"
    )


def others(heads: str) -> Iterator[str]:
    """Claims that are not about accuracy."""
    yield (
        "\nOthers, in the units of their d; the fourth column has the units and the standard "
        "deviation between them.\n"
    )
    yield f"{heads.replace('chains x questions x samples', 'units')} units |"
    yield "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |"
    bits = of_one_source(OLD_BITS, 0.1, 6, digits=2, times=1)
    yield (
        f"| C1 | mined - raw web, bits per result | 0.1 | 6 seeds; {OLD_BITS} bits, of the old "
        f"corpora, uncalibrated | {bits} |"
    )
    least = detectable(of_seeds(0.001), WORLDS, 10**6, 1) / 0.001
    yield (
        f"| C3 | share collected before - 95 % | 1.0 | {WORLDS} worlds; not measured, as the old "
        f"loop had one | {least:.1f} standard deviations | - | - | - |"
    )
    rows = json.loads(MEMORY.read_text(encoding="utf-8"))["claims"]
    for test in next(row for row in rows if row["id"] == "C13")["tests"]:
        sd = test["se"] * test["chains"] ** 0.5
        yield (
            f"| C13 | {test['name']}, % | 5.0 | {test['chains']} chains; {100 * sd:.1f} %, of profile "
            f"memory | {of_one_source(sd, 0.05, test['chains'])} |"
        )


def main() -> None:
    args = parse()
    found, rows = measured(args.data)
    text = "\n".join(page(found, rows, args.chain_sd)) + "\n"
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "power.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
