"""C11: iterative RL improves, most in its first iteration (Figure 6, Algorithm 1).

Primary, both have to hold, on the validation questions of the runs at the ends of their iterations: the last iteration
is better than the start, and the first gained more than all later ones. The reward model is learned, so it has to pass
its gate.

Legend: U units, N validation questions.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.report.arms import IN_DOMAIN
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import compare, gate, present
from pipeline.report.claims.rules import Test, margin
from pipeline.report.data import Cell, Results, Unit, rate_beside
from pipeline.report.stats import paired
from pipeline.report.validation import accuracy_at, boundaries

SPEC = Spec("C11", "Iterative RL improves, most in its first iteration", "Fig. 6", "a figure")
ITERATIVE, ONCE = "grpo_iter", "grpo_os"


def claim(results: Results) -> Claim:
    cells = results.cells.get(ITERATIVE, {})
    marks = boundaries(cells)
    if len(marks) < 3:
        return untestable(
            SPEC, "Iterative GRPO was not run, or not validated at the ends of its iterations."
        )

    tables = accuracy_at(cells, marks)
    chains = [unit.chain for unit in sorted(cells)]
    whole = paired(tables[-1], tables[0], chains)
    first = paired(tables[1] - tables[0], tables[-1] - tables[1], chains)
    d = margin(SPEC.effect)
    tests = (
        Test("validation, last iteration - start", whole, d),
        Test("validation, gain of the first iteration - gain of all later ones", first, d),
    )

    beside = compare(results, ITERATIVE, ONCE, present(results, IN_DOMAIN))
    name = "iterative GRPO - GRPO+OS of as many steps, in-domain benchmarks"
    numbers = [Number(name, beside)] if beside else []
    passed, said = gate(results, ITERATIVE)
    if not passed:
        numbers += [Number(test.name, test.value) for test in tests]
        return untestable(SPEC, f"The reward model did not pass its gate. {said}", numbers)
    notes = [said, rate_note(cells)]
    return Claim(SPEC, tests, samples_of(cells), "", tuple(filter(None, notes)), tuple(numbers))


def once(results: Results) -> str:
    """What iterative GRPO is compared with, in words."""
    rate = rate_beside(results, ITERATIVE, ONCE)
    words = "one iteration of as many steps"
    return words + (f" (which has {1 / rate:.2g} times its learning rate)" if rate != 1 else "")


def samples_of(cells: Mapping[Unit, Cell]) -> str:
    found = {cell.scale.get("validation_samples") for cell in cells.values()} - {None}
    return "/".join(map(str, sorted(found)))


def rate_note(cells: Mapping[Unit, Cell]) -> str:
    """Iterations are not alike where the learning rate falls through all of them; "" where it does not."""
    if not any(cell.scale.get("lr_schedule") == "linear" for cell in cells.values()):
        return ""
    return (
        "The learning rate falls through all iterations, so the first has the largest part of its sum: the halves "
        "differ in more than their order."
    )
