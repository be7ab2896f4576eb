"""C11: iterative RL improves, most in its first iteration (Figure 6, Algorithm 1).

Primary, both have to hold, on the in-domain benchmarks and between runs of equally many steps: the
run with the most iterations is better than the instruct model; and what one iteration gains over
the instruct model is more than what further iterations add to it. The reward model is learned, so
it has to pass its gate.

The gains at the ends of iterations, on the validation questions of the iterative run itself, stand
next to it.

Legend: U units, N questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.arms import IN_DOMAIN, arm_label
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import compare, gate, parts_of, present, samples_of
from pipeline.report.claims.rules import Test, margin
from pipeline.report.data import Results, common, pick, rate_beside
from pipeline.report.stats import Interval, combined, paired
from pipeline.report.validation import accuracy_at, boundaries

SPEC = Spec("C11", "Iterative RL improves, most in its first iteration", "Fig. 6", "a figure")
ITERATIVE, ONCE = "grpo_iter", "grpo_os"


def claim(results: Results) -> Claim:
    arm, once_arm = most_iterations(results)
    benchmarks = present(results, IN_DOMAIN)
    whole = compare(results, arm, "instruct", benchmarks)
    halves = first_and_later(results, arm, once_arm, benchmarks)
    if whole is None or halves is None:
        return untestable(SPEC, "Iterative GRPO and one iteration of it were not both evaluated.")

    d = margin(SPEC.effect)
    names = f"{arm_label(arm)} ({iterations_of(results, arm)} iterations)"
    parts = parts_of(results, arm, "instruct", benchmarks)
    later = {b: first_and_later(results, arm, once_arm, [b]) for b in benchmarks}
    tests = (
        Test(f"{names} - instruct, {' and '.join(benchmarks)}", whole, d, parts=parts),
        Test(
            f"gain of {arm_label(once_arm)}, one iteration, - what {names} adds to it",
            halves,
            d,
            parts=later if len(later) > 1 else {},
        ),
    )
    numbers = [*on_validation(results, arm)]
    passed, said = gate(results, arm)
    if not passed:
        numbers = [*(Number(test.name, test.value) for test in tests), *numbers]
        return untestable(SPEC, f"The reward model did not pass its gate. {said}", numbers)
    notes = tuple(filter(None, [said, rate_note(schedules(results, [arm]))]))
    samples = samples_of(results, (arm, once_arm), benchmarks)
    return Claim(SPEC, tests, samples, "", notes, tuple(numbers))


def most_iterations(results: Results) -> tuple[str, str]:
    """The evaluated arm of learned outcome rewards with the most iterations, and the one with a
    single one that it is compared with: at the same learning rate all through where there is one.
    """
    found = {
        arm: iterations_of(results, arm)
        for arm in results.arms
        if results.reward_model(arm) == "outcome" and not arm.startswith("ppo")
    }
    arm = max(found, key=lambda name: found[name], default=ITERATIVE)
    single = [name for name, count in found.items() if count == 1] or [ONCE]
    alike = [name for name in single if same_rate(results, arm, name)]
    return (arm if found.get(arm, 1) > 1 else ITERATIVE), (alike or single)[0]


def same_rate(results: Results, arm: str, other: str) -> bool:
    """Whether two arms have one learning rate on one schedule."""
    return rate_beside(results, arm, other) == 1 and len(schedules(results, (arm, other))) == 1


def schedules(results: Results, arms: Sequence[str]) -> set[str]:
    """The schedules of the learning rate of these arms: their own, else their profile's."""
    cells = [cell for arm in arms for cell in results.cells.get(arm, {}).values()]
    return {
        cell.settings.get("schedule") or cell.scale.get("lr_schedule") or "constant"
        for cell in cells
    }


def iterations_of(results: Results, arm: str) -> int:
    cells = list(results.cells.get(arm, {}).values())
    return int(cells[0].settings.get("iterations", 1)) if cells else 1


def first_and_later(
    results: Results, arm: str, once_arm: str, benchmarks: list[str]
) -> Interval | None:
    """(one iteration - instruct) - (most iterations - one iteration), by question and unit."""
    first = results.pairs_of(once_arm, "instruct", benchmarks) if benchmarks else {}
    more = results.pairs_of(arm, once_arm, benchmarks) if benchmarks else {}
    units = [unit for unit in more if unit in first]
    if not units:
        return None
    tables = []
    for benchmark in benchmarks:
        models = [(first[unit][0], first[unit][1], more[unit][0]) for unit in units]
        scores = [[results.scores[m][benchmark] for m in three] for three in models]
        if not all(s.has("sampled") for three in scores for s in three):
            return None
        ids = common([s.ids for three in scores for s in three])
        values = [[pick(s.ids, s.values("sampled"), ids) for s in three] for three in scores]
        tables.append([(one - start) - (last - one) for one, start, last in values])
    return combined(tables, [unit.chain for unit in units])


def on_validation(results: Results, arm: str) -> list[Number]:
    """Gains at the ends of the iterations of the run itself; [] where it was not validated there."""
    cells = results.cells.get(arm, {})
    marks = boundaries(cells)
    if len(marks) < 3:
        return []
    tables = accuracy_at(cells, marks)
    chains = [unit.chain for unit in sorted(cells)]
    whole = paired(tables[-1], tables[0], chains)
    first = paired(tables[1] - tables[0], tables[-1] - tables[1], chains)
    return [
        Number("validation, last iteration - start", whole),
        Number("validation, gain of the first iteration - gain of all later ones", first),
    ]


def once(results: Results) -> str:
    """What iterative GRPO is compared with, in words."""
    rate = rate_beside(results, ITERATIVE, ONCE)
    words = "one iteration of as many steps"
    return words + (f" (which has {1 / rate:.2g} times its learning rate)" if rate != 1 else "")


def rate_note(found: set[str]) -> str:
    """Iterations are not alike where the learning rate falls through all of them; "" where it does
    not.
    """
    if "linear" not in found:
        return ""
    return (
        "The learning rate falls through all iterations, so the first has the largest part of its "
        "sum: the halves differ in more than their order."
    )
