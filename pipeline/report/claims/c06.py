"""C6: after instruction tuning in three formats, tool use beats plain chain of thought (Table 5:
MATH 57.4, 46.8).

Primary: greedy accuracy of the instruct model with tools against its chain of thought, on the same
questions of every benchmark that was asked both ways. It compares like with like only where the
instruct data holds as many solutions with tools as without; else the claim is not testable.
"""

from __future__ import annotations

from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.compare import floor_sentence
from pipeline.report.claims.rules import Test, margin
from pipeline.report.data import Results, common, pick
from pipeline.report.stats import Interval, combined

SPEC = Spec(
    "C6",
    "Tool use beats plain chain of thought",
    "Table 5",
    "MATH 57.4 against 46.8",
    0.106,
)
ALIKE = 0.5  # at least this share of tool solutions, in chain-of-thought solutions


def claim(results: Results) -> Claim:
    asked = [b.partition("@")[0] for b in results.benchmarks if b.endswith("@tir")]
    benchmarks = [b for b in asked if results.units_of("instruct", [b, f"{b}@tir"])]
    if not benchmarks:
        return untestable(SPEC, "The tool-integrated protocol was not evaluated in this build.")

    parts = {b: with_tools(results, [b]) for b in benchmarks}
    counts = results.file("world", "summary").get("instruct") or {}
    tools, plain = (
        sum(n for key, n in counts.items() if key.startswith(kind)) for kind in ("tir", "cot")
    )
    numbers = [Number(f"tools - chain of thought, {b}", v) for b, v in parts.items()]
    if plain and tools < ALIKE * plain:
        reason = f"The instruct data has {tools:,} solutions with tools and {plain:,} without, which is no like with like."
        return untestable(SPEC, reason, numbers)
    if low := floor_sentence(results, ["instruct"], benchmarks, "greedy"):
        return untestable(SPEC, low, numbers)

    name = f"instruct, tools - chain of thought, greedy, {' and '.join(benchmarks)}"
    value = with_tools(results, benchmarks)
    shown = parts if len(parts) > 1 else {}
    test = Test(name, value, margin(SPEC.effect), parts=shown, trained=False)
    return Claim(SPEC, (test,))


def with_tools(results: Results, benchmarks: list[str]) -> Interval:
    """Tools minus chain of thought over benchmarks of equal weight, a row per chain's instruct
    model.
    """
    names = [name for b in benchmarks for name in (b, f"{b}@tir")]
    units = results.units_of("instruct", names)
    tables = []
    for benchmark in benchmarks:
        sides = [
            (results.scores[model][f"{benchmark}@tir"], results.scores[model][benchmark])
            for model in units.values()
        ]
        ids = common([s.ids for two in sides for s in two])
        tables.append(
            [pick(a.ids, a.greedy_N, ids) - pick(b.ids, b.greedy_N, ids) for a, b in sides]
        )
    return combined(tables, [unit.chain for unit in units])
