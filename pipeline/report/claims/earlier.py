"""Builds that were made before these rules, read from what they committed.

Their claims.json (and the corpora's and the recall loop's summary.json) have means and 95 %
intervals, and no standard errors, no outcomes and no chains. So a standard error is recovered from
an interval with the fewest degrees of freedom that it can have, benchmarks are combined as if
independent, and all of it is one chain. The questions, too, were another world's. When the last of
these builds is made again, this module goes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

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
)
from pipeline.report.claims.claim import Claim, Number, Spec, untestable
from pipeline.report.claims.rules import GAIN, NO_GAIN, Test, margin
from pipeline.report.stats import Interval, t_quantile

OLD = "Old world: 4,000 new RL questions longer than the solutions of SFT."
CORPORA = "corpora, old world"
PAIRS = (  # (claim, arm, other, benchmarks)
    (c07.IN, "grpo_os_rule", "instruct", ("mini_gsm8k", "mini_math")),
    (c07.OUT, "grpo_os_rule", "instruct", ("mini_cmath",)),
    (c07.OURS, "grpo_os_rule", "sft", ("mini_gsm8k", "mini_math")),
    (c08.SPEC, "online_rft", "rft", ("mini_gsm8k", "mini_math")),
    (c09.SPEC, "grpo_os_rule", "online_rft", ("mini_gsm8k", "mini_math")),
    (c10.SPEC, "grpo_ps_rule", "grpo_os_rule", ("mini_gsm8k", "mini_math")),
)
LABELS = {
    "grpo_os_rule": "GRPO+OS (rule)",
    "grpo_ps_rule": "GRPO+PS (rule)",
    "online_rft": "Online RFT",
    "rft": "RFT",
    "sft": "continued SFT",
}
Found = Mapping[str, Mapping[str, Any]]


def is_earlier(content: Mapping[str, Any]) -> bool:
    rows = content.get("claims") or []
    return bool(rows) and "status" in rows[0] or "iterations" in content


def claims_of(content: Mapping[str, Any]) -> list[Claim]:
    """The rows of an earlier build: of arms, of corpora, or of the recall loop."""
    if "iterations" in content:
        return [named(c03.over_worlds([content["iterations"]]), "recall loop, old world")]
    if "arms" in content:
        return [named(claim, CORPORA) for claim in of_corpora(content)]
    name = {"lab": "laboratory"}.get(content["profile"], content["profile"])
    return [named(claim, f"{name}, old world") for claim in of_arms(content)]


def named(claim: Claim, build: str) -> Claim:
    notes = (
        claim.notes if claim.id in ("C2", "C3", "C4") or not claim.tests else (*claim.notes, OLD)
    )
    return Claim(claim.spec, claim.tests, claim.samples, claim.reason, notes, claim.numbers, build)


def of_arms(content: Mapping[str, Any]) -> list[Claim]:
    found = {n["name"]: n for row in content["claims"] for n in row["numbers"]}
    samples = "4" if content["profile"] == "lab" else "8"
    claims = [pair_claim(found, *pair, samples) for pair in PAIRS]
    claims += [tools(found), iterations(found), majority_and_pass(found), ppo(found), votes(found)]
    return [claim for claim in claims if claim]


def pair_claim(
    found: Found, spec: Spec, arm: str, other: str, benchmarks: Sequence[str], samples: str
) -> Claim | None:
    rows = {b: found.get(f"{arm} - {other}, {b}, sampled") for b in benchmarks}
    if None in rows.values():
        return None
    name = f"{LABELS[arm]} - {LABELS.get(other, other)}, {' and '.join(benchmarks)}"
    return Claim(spec, (combined_test(name, rows, margin(spec.effect)),), samples)


def combined_test(name: str, rows: Mapping[str, Any], d: float, kind: str = GAIN, **more) -> Test:
    parts = {b: interval(row) for b, row in rows.items()}
    value = together(list(parts.values()))
    return Test(name, value, d, kind, parts=parts if len(parts) > 1 else {}, **more)


def interval(row: Mapping[str, Any]) -> Interval:
    """An interval with its standard error, at the fewest degrees of freedom: those of its seeds."""
    seeds = row["seeds"]
    freedom = float(seeds - 1) if seeds > 1 else math.inf
    half = (row["high"] - row["low"]) / 2 if row["high"] is not None else math.inf
    se = half / t_quantile(freedom)
    low, high = (
        row[k] if row[k] is not None else s for k, s in (("low", -math.inf), ("high", math.inf))
    )
    return Interval(row["mean"], low, high, row["questions"], seeds, 1, se, freedom)


def together(parts: Sequence[Interval], weights: Sequence[float] = ()) -> Interval:
    """The weighted mean of parts (equal weights where none are given) as if they were independent."""
    weights = [w / sum(weights) for w in weights] if weights else [1 / len(parts)] * len(parts)
    mean = sum(w * part.mean for w, part in zip(weights, parts, strict=True))
    half = math.hypot(
        *(w * (part.high - part.low) / 2 for w, part in zip(weights, parts, strict=True))
    )
    first = parts[0]
    se = half / t_quantile(first.freedom)
    questions = sum(part.questions for part in parts)
    return Interval(mean, mean - half, mean + half, questions, first.seeds, 1, se, first.freedom)


def tools(found: Found) -> Claim:
    numbers = [
        Number(f"tools - chain of thought, {b}", interval(found[f"{b}@tir - {b}, greedy"]))
        for b in ("mini_gsm8k", "mini_math")
    ]
    reason = (
        "An eighth as many solutions with tools as without stood in the instruct data (word "
        "problems: 140 and 1,079), which is no like with like."
    )
    return untestable(c06.SPEC, reason, numbers)


def iterations(found: Found) -> Claim:
    rows = [
        found.get(f"validation, {what}")
        for what in ("last - start", "gain of iteration 1 - of all later")
    ]
    if None in rows:
        return untestable(c11.SPEC, "Iterative GRPO was not run in this build.")
    names = ("last iteration - start", "gain of the first iteration - gain of all later ones")
    numbers = [
        Number(f"validation, {n}", interval(row)) for n, row in zip(names, rows, strict=True)
    ]
    reason = (
        "The reward model did not pass its gate: inside a question it ranks outputs hardly "
        "better (AUC .79) than the likelihood of the sampler (.78)."
    )
    return untestable(c11.SPEC, reason, numbers)


def majority_and_pass(found: Found) -> Claim | None:
    tests = []
    for kind, claimed in (("maj", GAIN), ("pass", NO_GAIN)):
        rows = {
            b: found.get(f"grpo_os_rule - instruct, {kind}@64, {b}")
            for b in ("mini_gsm8k", "mini_math")
        }
        if None in rows.values():
            return None
        name = f"GRPO+OS (rule) - instruct, {kind.capitalize()}@64, mini_gsm8k and mini_math"
        tests.append(combined_test(name, rows, margin(None), claimed))
    return Claim(c12.SPEC, tuple(tests), "64")


def ppo(found: Found) -> Claim:
    row = found.get("ppo / grpo_os, FLOPs a trained token")
    if row is None:
        return untestable(c13.SPEC, "No PPO arm was run in this build.")
    number = Number("PPO / GRPO+OS, FLOPs per trained token", interval(row), "times")
    reason = "At 0.17 million parameters the libraries, and not the model, are most of the memory of the process."
    return untestable(c13.SPEC, reason, [number])


def votes(found: Found) -> Claim | None:
    rows = {
        b: found.get(f"GRPO+OS (rule), {b}: maj@64 - greedy") for b in ("mini_gsm8k", "mini_math")
    }
    if None in rows.values():
        return None
    name = "GRPO+OS (rule), Maj@64 - greedy, mini_gsm8k and mini_math"
    test = combined_test(name, rows, margin(c14.SPEC.effect), trained=False)
    return Claim(c14.SPEC, (test,), "64")


def of_corpora(content: Mapping[str, Any]) -> list[Claim]:
    rows = {
        (c["arm"], c["rival"], len(c["benchmarks"])): c
        for row in content["claims"]
        for c in row["comparisons"]
        if c["measure"] == "fine-tuned"
    }
    web = Number("mined - raw web, fine-tuned, sampled", interval(rows["final", "web", 3]))
    papers = Number("papers - no pre-training, sampled", interval(rows["arxiv", "none", 3]))
    languages = Test(
        "mined - its English half, mini_cmath",
        interval(rows["final", "final_en", 1]),
        margin(c02.SPEC.effect),
    )
    pair = "code_then_final", "general_then_final"
    plain, tool = interval(rows[*pair, 3]), interval(rows[*pair, 1])
    code = Test(
        "code, then mined - general text, then mined",
        together([plain, tool], [3, 1]),
        margin(c04.SPEC.effect),
        parts={"chain of thought": plain, "programs": tool},
    )
    return [
        untestable(
            c01.SPEC,
            "The bits per result of these base models were not measured after calibration.",
            [web],
        ),
        Claim(c02.SPEC, (languages,), "2"),
        Claim(c04.SPEC, (code,), "2"),
        untestable(
            c05.SPEC,
            "No placebo arm (general text alone) was built: any degenerate text would do.",
            [papers],
        ),
    ]
