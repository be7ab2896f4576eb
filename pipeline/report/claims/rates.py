"""How often the rules say what, by simulation: under the null, at d, and at the paper's effect.

    python -m pipeline.report.claims.rates [--runs 2000]

A simulated claim is a table of differences, one row per chain and one column per question, with the
spread over chains and over questions that the pilots have. The table printed here stands in
docs/preregistration.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.claims.rules import VERDICTS, Test, holm, p_value, verdict
from pipeline.report.stats import combined


@dataclass(frozen=True)
class Design:
    """chains x questions of a claim, and the standard deviations of one difference, in accuracy
    (0..1).

    chain    -- of the chains' means
    question -- of a question's mean over chains
    rest     -- of what is left in a cell: question x chain, and the samples drawn
    """

    chains: int = 8
    questions: int = 2000
    chain: float = 0.009
    question: float = 0.10
    rest: float = 0.16
    benchmarks: int = 2


def draw(design: Design, effect: float, rng: np.random.Generator, d: float = 0.01) -> Test:
    """One simulated claim with this true effect."""
    each = design.questions // design.benchmarks
    chain_C1 = rng.normal(0, design.chain, design.chains)[:, None]
    tables = []
    for _ in range(design.benchmarks):
        question_N = rng.normal(0, design.question, each)
        rest_CN = rng.normal(0, design.rest, (design.chains, each))
        tables.append(effect + chain_C1 + question_N + rest_CN)
    names = [f"benchmark {i}" for i in range(design.benchmarks)]
    parts = {name: combined([table]) for name, table in zip(names, tables, strict=True)}
    return Test("simulated", combined(tables), d, parts=parts)


def alone(design: Design, effect: float, runs: int, seed: int = 0) -> dict[str, float]:
    """Shares of the verdicts of a claim that is the only one of its table."""
    rng = np.random.default_rng(seed)
    tests = [draw(design, effect, rng) for _ in range(runs)]
    counts = Counter(verdict([test], p_value([test])) for test in tests)
    return {word: counts[word] / runs for word in VERDICTS}


def in_table(
    design: Design, effects: Sequence[float], runs: int, seed: int = 0
) -> tuple[list[dict[str, float]], float]:
    """Shares of the verdicts of each claim of a table with these true effects, under Holm's
    correction; and the chance that any claim without an effect is called holds or opposite.
    """
    rng = np.random.default_rng(seed)
    counts = [Counter() for _ in effects]
    false = 0
    for _ in range(runs):
        tests = [draw(design, effect, rng) for effect in effects]
        corrected = holm([p_value([test]) for test in tests])
        words = [verdict([t], p) for t, p in zip(tests, corrected, strict=True)]
        for count, word in zip(counts, words, strict=True):
            count[word] += 1
        false += any(word in VERDICTS[:2] for word, e in zip(words, effects, strict=True) if e == 0)
    return [{word: c[word] / runs for word in VERDICTS} for c in counts], false / runs


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.report.claims.rates")
    parser.add_argument("--runs", type=int, default=2000, help="simulations per row")
    given = parser.parse_args(argv)

    words = VERDICTS[:4]
    print("| chains | true effect (points) | " + " | ".join(words) + " |")
    print("| ---: | ---: |" + " ---: |" * len(words))
    for chains in (3, 8, 16):
        for effect in (0.0, 0.005, 0.01, 0.02, 0.05):
            found = alone(Design(chains=chains), effect, given.runs)
            cells = " | ".join(f"{100 * found[word]:.1f} %" for word in words)
            print(f"| {chains} | {100 * effect:g} | {cells} |")

    none = [0.0] * 12
    _, false = in_table(Design(questions=200), none, given.runs // 4)
    print(
        f"\nTwelve claims, none true: at least one is called holds or opposite in {100 * false:.1f} %."
    )
    some = [0.0] * 6 + [0.05] * 6
    found, false = in_table(Design(questions=200), some, given.runs // 4)
    right = np.mean([row[VERDICTS[0]] for row in found[6:]])
    print(
        f"Six of twelve true by 5 points: at least one of the others is called so in {100 * false:.1f} %, a "
        f"true one holds in {100 * right:.1f} %."
    )


if __name__ == "__main__":
    main()
