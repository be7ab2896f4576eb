"""C13: GRPO needs less memory and compute than PPO, as it has no value model (4.1.1, Figure 4).

Primary, both have to hold, run by run with the same reward: PPO takes more FLOPs per trained token,
and its process needs more memory at its peak. Memory is only evidence where the model is most of
the process: from ten million parameters on; below, the claim is not testable and the compute is
printed.
"""

from __future__ import annotations

from pipeline.report.arms import arm_label
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.rules import Test
from pipeline.report.data import Cell, Results, Unit
from pipeline.report.stats import Interval, over_seeds

SPEC = Spec("C13", "GRPO needs less memory and compute than PPO", "4.1.1, Fig. 4", "a figure")
PAIRS = (("ppo", "grpo_os"), ("ppo_rule", "grpo_os_rule"))  # the first that was run decides
LARGE = 10_000_000  # parameters
D_RATIO = 0.05


def claim(results: Results) -> Claim:
    found = next(((pair, units) for pair in PAIRS if (units := counted(results, *pair))), None)
    if found is None:
        return untestable(SPEC, "No PPO arm was run next to its GRPO counterpart at the same seed.")
    (ppo, grpo), units = found
    sides = [[results.cells[arm][unit] for unit in units] for arm in (ppo, grpo)]
    chains = [unit.chain for unit in units]
    names = f"{arm_label(ppo)} / {arm_label(grpo)}"

    flops = over_seeds([more(p, g, per_token) for p, g in zip(*sides, strict=True)], chains)
    tests = [Test(f"{names}, FLOPs per trained token, over 1", flops, D_RATIO, unit="times more")]
    pairs = zip(*sides, chains, strict=True)
    peaks = [(more(p, g, peak), chain) for p, g, chain in pairs if peak(p) and peak(g)]
    memory = over_seeds(*zip(*peaks, strict=True)) if peaks else None
    if memory:
        name = f"{names}, peak memory of the process, over 1"
        tests.append(Test(name, memory, D_RATIO, unit="times more"))

    size = min(cell.summary.get("parameters") or 0 for side in sides for cell in side)
    if memory and size >= LARGE:
        return Claim(SPEC, tuple(tests))
    why = (
        f"At {size:,} parameters the libraries, and not the model, are most of the memory of the "
        "process"
        if memory
        else "The peak memory was not recorded"
    )
    numbers = [Number(test.name, test.value, test.unit) for test in tests]
    return untestable(SPEC, f"{why}. {compute_text(names, flops)}", numbers)


def compute_text(names: str, flops: Interval) -> str:
    return f"By formula {names} in FLOPs per trained token is {1 + flops.mean:.2f}."


def counted(results: Results, ppo: str, grpo: str) -> list[Unit]:
    """Units of both arms whose operations and tokens were counted."""
    sides = [
        {u for u, cell in results.cells.get(arm, {}).items() if per_token(cell)}
        for arm in (ppo, grpo)
    ]
    return sorted(set.intersection(*sides))


def more(ppo: Cell, grpo: Cell, measure) -> float:
    """By how much PPO takes more, as a share of GRPO's."""
    return measure(ppo) / measure(grpo) - 1


def per_token(cell: Cell) -> float | None:
    flops, tokens = cell.summary.get("flops"), cell.summary.get("tokens")
    return flops / tokens if flops and tokens else None


def peak(cell: Cell) -> float | None:
    return cell.cost.get("peak_rss_mb")
