"""A reward batch of hostile and ordinary answers, and many threads at once: time and verdicts.

    python benchmarks/grading_load.py [--hostile 824] [--ordinary 200] [--threads 200]

Hostile: the list of tests/hostile_answers.py and families of pairs that only a proof could decide.
One run with cold caches, then the same batch in reverse order, which must give the same verdicts;
then single calls from threads."""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from hostile_answers import HOSTILE  # noqa: E402

from pipeline.grading import grade_many, worker  # noqa: E402
from pipeline.grading.grade import grade_answer  # noqa: E402

Pair = tuple[str, str]
FAMILIES = (  # answer @ reference, with k, m = k + 1, r = 60 - k, s = 60 + k, t = 3k
    "\\cos {k}^\\circ\\cos {m}^\\circ+\\cos {s}^\\circ\\sin {k}^\\circ @ \\frac12\\cos 1^\\circ+\\frac12\\cos {t}^\\circ",
    "\\sqrt{{{k}+\\sqrt{{{m}+\\sqrt{{7}}}}}}+10^{{-30}} @ \\sqrt{{{k}+\\sqrt{{{m}+\\sqrt{{7}}}}}}",
    "\\sum_{{j=0}}^{{n}}\\binom{{n}}{{j}}{k}^j @ {m}^n",
    "\\tan {k}^\\circ\\tan {r}^\\circ\\tan {s}^\\circ @ \\tan {t}^\\circ",
    "\\sqrt{{x+{m}+2\\sqrt{{x+{k}}}}} @ 1+\\sqrt{{x+{k}}}",
)


def hostile(count: int) -> list[Pair]:
    """`count` pairs: the named ones, then the families for k = 1, 2, ..."""
    pairs = list(HOSTILE.values())
    k = 0
    while len(pairs) < count:
        k += 1
        names = {"k": k, "m": k + 1, "r": 60 - k, "s": 60 + k, "t": 3 * k}
        for family in FAMILIES:
            answer, reference = family.format(**names).split(" @ ")
            pairs.append((answer, reference))
    return pairs[:count]


def ordinary(count: int) -> list[Pair]:
    """Right answers of the kind that a reward sees: numbers, fractions, roots."""
    forms = ("{k} @ {k}", "\\frac{{{k}}}{{{m}}}\\sqrt{{2}} @ \\frac{{{k}\\sqrt2}}{{{m}}}")
    texts = (forms[k % 2].format(k=k, m=k + 1).split(" @ ") for k in range(count))
    return [(answer, reference) for answer, reference in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hostile", type=int, default=824)
    parser.add_argument("--ordinary", type=int, default=200)
    parser.add_argument("--threads", type=int, default=200)
    options = parser.parse_args()
    good = [(f"So \\boxed{{{a}}}.", b) for a, b in ordinary(options.ordinary)]
    items = [(f"\\boxed{{{a}}}", b) for a, b in hostile(options.hostile)] + good
    random.Random(0).shuffle(items)
    worker.start()
    start = time.perf_counter()
    grades = grade_many(items)
    print(f"batch of {len(items)}: {time.perf_counter() - start:.1f} s")
    verdicts = dict(zip(items, (grade.verdict for grade in grades), strict=True))
    decided = sum(verdicts[item] == "right" for item in good)
    print(f"ordinary answers decided as right: {decided} of {len(good)}")
    print("all:", dict(Counter(grade.verdict for grade in grades)))
    same = grade_many(items[::-1])[::-1] == grades
    print("the same batch in reverse order:", "the same verdicts" if same else "OTHER verdicts")
    in_threads(hostile(options.threads))


def in_threads(pairs: list[Pair]) -> None:
    """Every pair from a thread of its own, at once."""
    waited: list[tuple[float, str]] = []

    def one(pair: Pair) -> None:
        start = time.perf_counter()
        rule = grade_answer(*pair).rule
        waited.append((time.perf_counter() - start, rule))

    threads = [threading.Thread(target=one, args=(pair,)) for pair in pairs]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock = sum("clock" in rule for _, rule in waited)
    print(
        f"{len(pairs)} threads: {time.perf_counter() - start:.1f} s, the longest "
        f"{max(seconds for seconds, _ in waited):.1f} s; ended by the clock: {clock}"
    )


if __name__ == "__main__":
    main()
