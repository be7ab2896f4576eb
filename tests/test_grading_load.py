"""Many answers at once: a batch of hostile ones ends, ordinary ones among them are decided, caches stay small."""

import random
import threading

import pytest

from pipeline.grading import grade_many, worker
from pipeline.grading.bounded import BoundedCache
from pipeline.grading.expr.compare import OverTime
from pipeline.grading.expr.tree import ONE
from pipeline.grading.grade import _decisions, grade_answer
from pipeline.grading.modes.strict import form_of

FAMILIES = [  # pairs that neither the field nor floats decide
    "\\sqrt{{{k}+\\sqrt{{{m}+\\sqrt{{7}}}}}}+10^{{-30}} @ \\sqrt{{{k}+\\sqrt{{{m}+\\sqrt{{7}}}}}}",
    "\\tan {k}^\\circ\\tan {r}^\\circ\\tan {s}^\\circ @ \\tan {t}^\\circ",
    "\\sum_{{j=0}}^{{n}}\\binom{{n}}{{j}}{k}^j @ {m}^n",
    "\\sqrt{{x+{m}+2\\sqrt{{x+{k}}}}} @ 1+\\sqrt{{x+{k}}}",
]


def hostile(count):
    pairs = []
    for k in range(1, count):
        names = {"k": k, "m": k + 1, "r": 60 - k, "s": 60 + k, "t": 3 * k}
        for family in FAMILIES:
            answer, reference = family.format(**names).split(" @ ")
            pairs.append((f"\\boxed{{{answer}}}", reference))
    return pairs[:count]


def ordinary(count):
    return [
        (
            f"So we get \\boxed{{\\frac{{{k}}}{{{k + 1}}}\\sqrt{{2}}}}.",
            f"\\frac{{{k}\\sqrt2}}{{{k + 1}}}",
        )
        for k in range(count)
    ]


def test_a_batch_of_hostile_answers_leaves_the_ordinary_ones_decided(monkeypatch):
    monkeypatch.setattr(worker, "BATCH_PASSES", ((20_000, 8), (120_000, 2)))
    items = hostile(60) + ordinary(30)
    random.Random(0).shuffle(items)
    grades = grade_many(items)
    decided = {item: grade.verdict for item, grade in zip(items, grades, strict=True)}
    assert {decided[item] for item in ordinary(30)} == {"right"}
    assert all(grade.verdict in ("right", "undecided") for grade in grades)
    assert sum(grade.rule == "cap: proofs of one batch" for grade in grades) >= 20


def test_a_batch_is_decided_by_itself_alone(monkeypatch):
    """Whatever was proved before, and in whatever order its items come."""
    monkeypatch.setattr(worker, "BATCH_PASSES", ((20_000, 4), (120_000, 1)))
    items = hostile(20)
    first = grade_many(items)
    grade_many(hostile(28)[20:])
    assert grade_many(items[::-1]) == first[::-1]


def test_callers_do_not_wait_for_ever(monkeypatch):
    """With every process taken a caller gives up, by the clock, and the rule says so."""
    monkeypatch.setattr(worker, "WAIT_SECONDS", 0.05)
    places = [worker._pool().get() for _ in range(worker.PROCESSES)]
    try:
        outcomes = []

        def ask():
            try:
                outcomes.append(worker.prove(("s", "x"), ("^", ONE, ("s", "waiting"))))
            except OverTime as error:
                outcomes.append(str(error))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for place in places:
            worker._pool().put(place)
    assert outcomes == ["clock: no process was free"] * 4


def test_the_budget_of_a_proof_is_counted_in_calls():
    a = (
        "^",
        ("+", (("n", 2, 0), ("^", ("n", 3, 0), ("^", ("n", 2, 0), ("n", -1, 0))))),
        ("^", ("n", 2, 0), ("n", -1, 0)),
    )
    with pytest.raises(OverTime, match="operations of one proof"):
        worker.prove(a, ("s", "pi"), calls=50)
    assert worker.prove(a, ("s", "pi")) is False


def test_caches_are_bounded_by_bytes():
    for k in range(300):
        grade_answer("x" * 100_000 + str(k), "5")
        grade_answer(f"{k}+" + "x+" * 900 + "1", f"y_{k}")
    for cache in (_decisions, form_of.cache, worker._proofs):
        assert 0 <= cache.bytes <= cache.max_bytes <= 32 << 20
    small = BoundedCache(1000)
    for k in range(1000):
        small.put(k, k, 10)
    assert (len(small.values), small.bytes, small.get(999), small.get(0)) == (100, 1000, 999, None)


@pytest.mark.parametrize("mode", ["strict", "deepseek"])
@pytest.mark.parametrize("tail", ["!", "\\%", "'", "^2", "_1"])
def test_long_runs_of_signs_are_undecided_or_wrong(mode, tail):
    for count in (60, 590, 650):
        for answer, reference in (("5" + tail * count, "5"), ("7", "5" + tail * count)):
            assert grade_answer(answer, reference, mode).verdict in ("wrong", "undecided")
