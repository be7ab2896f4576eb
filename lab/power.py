"""How many questions, samples and seeds make a true difference between two arms show (power
calculation).

    python -m lab.power --data data/lab --difference 0.02

The data are outcomes of two arms on the same questions with the same seeds: by default the
validation questions of the RL runs after their last common step, because a design is not to be
chosen on test questions; `--of benchmarks` reads the evaluation. Only variances are printed, no
means. gap_SNK = right of the first minus right of the second is taken apart, by the mean squares of
the two-way table of stats.py, into variances

    question   the true difference is not the same on every question          falls with questions
    seed       one training run is luckier than another                       falls with seeds alone
    both       a seed does better on some questions                            falls with seeds x questions
    sample     the K answers drawn are a few of many                          falls with seeds x questions x samples

On the validation split only the number of right samples is kept, so `sample` is that of samples
drawn apart for each arm: at most too large where arms share their randomness
(pipeline/evaluate/run.py), and `question` too small by as much. With one seed, `seed` cannot be
known and has to be given (`--seed-sd`), and `both` counts under `question`. Power is that of the
two-sided 5 % t test that the report's interval amounts to. Claim C11 is about a difference of
differences, the gain of the first iteration minus that of the later: it has a row and a line of its
own.

Legend: S seeds, N questions, K samples, Q quantiles.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from lab.variance import POWER, Components, components, detectable, moments, smallest
from pipeline.errors import UserError
from pipeline.evaluate.metrics import RIGHT
from pipeline.report.arms import IN_DOMAIN, first_counterparts
from pipeline.report.claims.c11 import ITERATIVE
from pipeline.report.data import Cell, Results, Scores, Unit, common
from pipeline.report.load import load
from pipeline.report.stats import CONFIDENCE
from pipeline.report.validation import accuracy_at, boundaries, sides


def gaps(results: Results, arm: str, other: str, benchmarks: Sequence[str]) -> np.ndarray | None:
    """gap_UNK of two arms over the benchmarks that both have; None when they share no unit or have
    no two samples.
    """
    benchmarks = [b for b in benchmarks if results.pairs_of(arm, other, [b])]
    pairs = results.pairs_of(arm, other, benchmarks) if benchmarks else {}
    sides = [[results.scores[models[side]] for models in pairs.values()] for side in (0, 1)]
    if not pairs or min(s[b].samples for side in sides for s in side for b in benchmarks) < 2:
        return None
    blocks = []
    for benchmark in benchmarks:
        scores = [[found[benchmark] for found in side] for side in sides]
        ids = common([s.ids for side in scores for s in side])
        samples = min(s.samples for side in scores for s in side)
        one, two = (np.stack([right_NK(s, ids, samples) for s in side]) for side in scores)
        blocks.append(one - two)
    samples = min(block.shape[2] for block in blocks)
    return np.concatenate([block[:, :, :samples] for block in blocks], 1)


def right_NK(scores: Scores, ids: Sequence[str], samples: int) -> np.ndarray:
    votes = dict(zip(scores.ids, scores.votes, strict=True))
    return np.array([[float(vote == RIGHT) for vote in votes[i][:samples]] for i in ids])


def on_benchmarks(
    results: Results, pair: Sequence[str], benchmarks: Sequence[str]
) -> tuple[str, Components] | None:
    """(size, variances) of a pair of arms on the benchmarks."""
    gap = gaps(results, *pair, benchmarks)
    return None if gap is None else (" x ".join(map(str, gap.shape)), components(gap))


def on_validation(results: Results, pair: Sequence[str]) -> tuple[str, Components] | None:
    """(size, variances) of a pair of arms on the validation questions after the last step that both
    were validated at.
    """
    cells, steps = sides(results, *pair)
    if not cells[0] or not steps or not steps[-1]:
        return None
    ids = set(
        common([list(cell.validation[steps[-1]]) for side in cells for cell in side.values()])
    )
    tables = [
        np.array(
            [
                [v for i, v in sorted(side[seed].validation[steps[-1]].items()) if i in ids]
                for seed in sorted(side)
            ]
        )
        for side in cells
    ]
    return of_shares(tables, (1, -1), samples_of(cells))


def of_iterations(results: Results) -> tuple[str, Components] | None:
    """(size, variances) of what claim C11 compares: gain of the first iteration minus gain of all
    later ones.
    """
    cells = results.cells.get(ITERATIVE, {})
    marks = boundaries(cells)
    if len(marks) < 3:
        return None
    return of_shares(
        accuracy_at(cells, [marks[0], marks[1], marks[-1]]), (-1, 2, -1), samples_of([cells])
    )


def of_shares(
    tables: Sequence[np.ndarray], weights: Sequence[int], K: int
) -> tuple[str, Components] | None:
    """(size, variances) of a weighted sum of tables_SN of shares of K right samples, each table's
    samples drawn apart.
    """
    if K < 2:
        return None
    gap_SN = sum(weight * table for weight, table in zip(weights, tables, strict=True))
    sample = sum(
        w**2 * float((t * (1 - t)).mean()) * K / (K - 1)
        for w, t in zip(weights, tables, strict=True)
    )
    return " x ".join(map(str, (*gap_SN.shape, K))), moments(gap_SN, sample, K)


def samples_of(sides: Sequence[dict[Unit, Cell]]) -> int:
    return min(
        (cell.scale.get("validation_samples", 0) for side in sides for cell in side.values()),
        default=0,
    )


def report(results: Results, given: argparse.Namespace) -> Iterable[str]:
    """Markdown: the variances of every pair, then for the pairs' mean variances what a design can
    show.
    """
    pairs = [tuple(text.split(":")) for text in given.pairs] or first_counterparts()
    on_split = given.of == "validation"
    measure = on_validation if on_split else partial(on_benchmarks, benchmarks=given.benchmarks)
    measured = {pair: measure(results, pair) for pair in pairs}
    rows = {f"`{pair[0]}` - `{pair[1]}`": found for pair, found in measured.items() if found}
    if not rows:
        raise UserError(
            "no two of these arms have a common seed with several samples per question; give "
            "--pairs first:second"
        )
    iterative = of_iterations(results) if on_split else None
    shown = rows | (
        {f"`{ITERATIVE}`: first iteration - later (C11)": iterative} if iterative else {}
    )
    place = "the validation split" if on_split else ", ".join(given.benchmarks)
    yield f"Standard deviations in points (difference of two arms; {place}):\n"
    yield "| pair | seeds x questions x samples | question | seed | question x seed | sample |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for name, (size, found) in shown.items():
        cells = [deviation(v) for v in (found.question, found.seed, found.both, found.sample)]
        yield f"| {name} | {size} | " + " | ".join(cells) + " |"
    pooled = mean_components([found for _, found in rows.values()], given.seed_sd)
    yield (
        f"\nPooled: question {deviation(pooled.question)}, seed {deviation(pooled.seed)}, "
        f"question x seed {deviation(pooled.both)}, sample {deviation(pooled.sample)}.\n"
    )
    yield from designs(pooled, given)
    yield from by_pair(rows, pooled, given)
    if iterative:
        yield iterations_line(iterative, given)


def iterations_line(iterative: tuple[str, Components], given: argparse.Namespace) -> str:
    """The smallest difference of gains that C11 can show on as many validation questions and
    samples as there are.
    """
    size, found = iterative
    _, questions, samples = map(int, size.split(" x "))
    found = mean_components([found], given.seed_sd)
    seen = [(seeds, detectable(found, seeds, questions, samples)) for seeds in given.seeds]
    listed = ", ".join(
        f"{'none' if least is None else f'{100 * least:.1f}'} points with {seeds} seeds"
        for seeds, least in seen
    )
    return (
        f"\nClaim C11, {questions} questions x {samples} samples: the smallest difference of "
        f"gains that shows with {100 * POWER:.0f} % power is {listed}."
    )


def designs(found: Components, given: argparse.Namespace) -> Iterable[str]:
    points = 100 * given.difference
    yield (
        f"Questions needed for {100 * POWER:.0f} % power at a true difference of {points:g} "
        f"points, two-sided {100 * (1 - CONFIDENCE):.0f} %, and in brackets the smallest "
        f"difference that {given.questions} questions show:\n"
    )
    yield "| seeds | " + " | ".join(f"{k} samples" for k in given.samples) + " |"
    yield "| ---: |" + " ---: |" * len(given.samples)
    for seeds in given.seeds:
        cells = []
        for samples in given.samples:
            least, seen = (
                smallest(found, given.difference, seeds, samples),
                detectable(found, seeds, given.questions, samples),
            )
            count = "no number" if least is None else f"{least:,}"
            cells.append(f"{count} [{'-' if seen is None else f'{100 * seen:.1f}'}]")
        yield f"| {seeds} | " + " | ".join(cells) + " |"


def by_pair(
    rows: dict[str, tuple[str, Components]], pooled: Components, given: argparse.Namespace
) -> Iterable[str]:
    """What each pair can show on its own variances; where one seed was trained, with the pooled one
    of the seeds.
    """
    yield (
        f"\nSmallest difference in points that shows with {100 * POWER:.0f} % power, pair by "
        f"pair, with {given.questions:,} questions x {given.pair_samples} samples:\n"
    )
    yield "| pair | " + " | ".join(f"{seeds} seeds" for seeds in given.seeds) + " |"
    yield "| --- |" + " ---: |" * len(given.seeds)
    for name, (_, found) in rows.items():
        if given.seed_sd is not None or found.seed is None:
            found = replace(found, seed=pooled.seed)
        least = [detectable(found, s, given.questions, given.pair_samples) for s in given.seeds]
        cells = ["-" if value is None else f"{100 * value:.1f}" for value in least]
        yield f"| {name} | " + " | ".join(cells) + " |"


def deviation(variance: float | None) -> str:
    return "unknown" if variance is None else f"{100 * np.sqrt(variance):.2f}"


def mean_components(found: Sequence[Components], seed_sd: float | None) -> Components:
    """Mean variances over pairs; `seed_sd`, where given, takes the place of the estimate. Raises
    UserError without both.
    """
    known = [c.seed for c in found if c.seed is not None]
    if seed_sd is None and not known:
        raise UserError(
            "one seed: the seeds' standard deviation is unknown; assume one with --seed-sd 0.01, "
            "or train more seeds"
        )
    mean = Components(
        *(
            float(np.mean([getattr(c, name) or 0.0 for c in found]))
            for name in ("question", "seed", "both", "sample")
        )
    )
    return replace(mean, seed=seed_sd**2 if seed_sd is not None else float(np.mean(known)))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lab.power", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of results (default: %(default)s)")
    add(
        "--pairs",
        nargs="+",
        default=[],
        metavar="FIRST:SECOND",
        help="arms to compare (default: each with the first counterpart that its file names)",
    )
    add(
        "--of",
        choices=("validation", "benchmarks"),
        default="validation",
        help="which questions (default: %(default)s)",
    )
    add(
        "--benchmarks",
        nargs="+",
        default=None,
        help="with --of benchmarks; default: the in-domain ones",
    )
    add(
        "--difference",
        type=float,
        default=0.02,
        help="true difference in accuracy (default: %(default)s)",
    )
    add(
        "--questions",
        type=int,
        default=2000,
        help="of the design in brackets (default: %(default)s)",
    )
    add("--samples", type=int, nargs="+", default=[1, 4, 8, 16])
    add("--pair-samples", type=int, default=4, help="samples per question of the table by pair")
    add("--seeds", type=int, nargs="+", default=[3, 5, 8, 10])
    add(
        "--seed-sd",
        type=float,
        default=None,
        help="assume this standard deviation over seeds, as 0.01",
    )
    given = parser.parse_args()
    try:
        results = load(given.data)
        given.benchmarks = given.benchmarks or [b for b in IN_DOMAIN if b in results.benchmarks]
        for line in report(results, given):
            print(line)
    except UserError as error:
        sys.exit(f"power: {error}")


if __name__ == "__main__":
    main()
