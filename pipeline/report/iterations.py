"""Claim C11 and Figure 6: what each iteration of Algorithm 1 adds, on the validation questions of the run itself.

Legend: S seeds, N validation questions.
"""

from __future__ import annotations

from pipeline.report.arms import IN_DOMAIN
from pipeline.report.claim import (
    FLOORED,
    UNTESTED,
    Claim,
    Number,
    compare,
    floor_sentence,
    judge_note,
    points,
    present,
    seeds_note,
    told,
    verdict,
    weaker,
)
from pipeline.report.data import Cell, Results, rate_beside
from pipeline.report.stats import level, paired
from pipeline.report.validation import accuracy_at

ITERATIVE, ONCE = "grpo_iter", "grpo_os"


def iterative(results: Results) -> Claim:
    """C11 has two halves: the iterative arm improves on its start, and gains more in its first iteration than later."""
    id, text, where = "C11", "iterative RL improves, most in its first iteration", "Fig. 6"
    cells = results.cells.get(ITERATIVE, {})
    marks = boundaries(cells)
    if len(marks) < 3:
        return Claim(
            id,
            text,
            where,
            UNTESTED,
            "Iterative GRPO was not run, or not validated at the ends of its iterations.",
        )
    tables = accuracy_at(cells, marks)
    gained = [paired(after, before) for before, after in zip(tables, tables[1:], strict=False)]
    whole, first = (
        paired(tables[-1], tables[0]),
        paired(tables[1] - tables[0], tables[-1] - tables[1]),
    )
    numbers = [
        Number("validation, last - start", whole),
        Number("validation, gain of iteration 1 - of all later", first),
    ]
    numbers += [
        Number(f"validation, gain of iteration {i}", gap) for i, gap in enumerate(gained, 1)
    ]
    sentence = (
        f"Validation, sampled: {points(whole)} in all, {told(whole)}; the first iteration over the later "
        f"{points(first)}, {told(first)}.{rate_note(cells)}{size_note(cells)}"
    )
    beside = compare(results, ITERATIVE, ONCE, present(results, IN_DOMAIN))
    if beside:
        numbers.append(Number(f"{ITERATIVE} - {ONCE}", beside, "sampled"))
        sentence += (
            f" On the benchmarks, against {once(results)}: {points(beside)}, {told(beside)}."
        )
    floor = floor_sentence([level(tables[0]), level(tables[-1])])
    status = FLOORED if floor else weaker(verdict(whole), verdict(first))
    sentence += f" {judge_note(results, ITERATIVE)}{seeds_note(whole)}"
    return Claim(
        id, text, where, status, floor or sentence.replace("  ", " ").strip(), tuple(numbers)
    )


def once(results: Results) -> str:
    """What iterative GRPO stands beside, in words."""
    rate = rate_beside(results, ITERATIVE, ONCE)
    return "one iteration of as many steps" + (
        f" (which has {1 / rate:.2g} times its learning rate)" if rate != 1 else ""
    )


def rate_note(cells: dict[int, Cell]) -> str:
    """Iterations are not alike where the learning rate falls through all of them: each one's share of the summed rate."""
    summed: dict[int, float] = {}
    for cell in cells.values():
        for row in cell.metrics:
            if row.get("iteration") and row.get("lr"):
                summed[row["iteration"]] = summed.get(row["iteration"], 0.0) + row["lr"]
    first = summed.get(1, 0.0) / sum(summed.values()) if len(summed) > 1 else 0.0
    if abs(first - 1 / max(len(summed), 1)) < 0.05:
        return ""
    return (
        f" The learning rate falls through all iterations, so the first has {100 * first:.0f} % of its sum: the halves are "
        "not alike in more than their order."
    )


def size_note(cells: dict[int, Cell]) -> str:
    questions = max(cell.validation_questions for cell in cells.values())
    samples = {cell.scale.get("validation_samples") for cell in cells.values()} - {None}
    return f" n: {questions} questions{f' x {max(samples)} samples' if samples else ''} a seed."


def boundaries(cells: dict[int, Cell]) -> list[int]:
    """Step 0 and the steps at which an iteration ended; [] without cells, or where one of them was not validated."""
    if not cells:
        return []
    last = {
        row["iteration"]: row["step"]
        for cell in cells.values()
        for row in cell.metrics
        if "iteration" in row
    }
    validated = set.intersection(*(set(cell.validation) for cell in cells.values()))
    ends = [0, *(last[i] for i in sorted(last))]
    return ends if set(ends) <= validated else []
