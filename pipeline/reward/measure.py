"""How well a reward model agrees with labels, and what choosing by its scores achieves (section
4.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.grading import grade_many, step_verdicts
from pipeline.grading.steps import has_false_equation
from pipeline.records import Question
from pipeline.reward.labels import by_question


def auc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Probability that a right answer scores above a wrong one, ties counted half; None without
    both kinds.
    """
    score_N, right_N = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    positive, negative = int(right_N.sum()), int((~right_N).sum())
    if not positive or not negative:
        return None
    _, index_N, count_U = np.unique(score_N, return_inverse=True, return_counts=True)
    rank_N = (np.cumsum(count_U) - (count_U - 1) / 2)[index_N]
    return float((rank_N[right_N].sum() - positive * (positive + 1) / 2) / (positive * negative))


def reliability(scores: Sequence[float], right: Sequence[bool], bins: int = 10) -> list[dict]:
    """Equal-width bins of the predicted probability: count, mean prediction, share right. Empty
    bins are left out.
    """
    score_N, right_N = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    bin_N = np.minimum((score_N * bins).astype(int), bins - 1)
    return [
        {
            "from": i / bins,
            "to": (i + 1) / bins,
            "count": int((bin_N == i).sum()),
            "predicted": float(score_N[bin_N == i].mean()),
            "right": float(right_N[bin_N == i].mean()),
        }
        for i in range(bins)
        if (bin_N == i).any()
    ]


def calibration(scores: Sequence[float], right: Sequence[bool]) -> dict:
    """Accuracy at 1/2, AUC, expected calibration error, and the bins that it comes from."""
    bins = reliability(scores, right)
    gaps = sum(b["count"] * abs(b["predicted"] - b["right"]) for b in bins)
    hits = sum((score > 0.5) == bool(r) for score, r in zip(scores, right, strict=True))
    return {
        "n": len(right),
        "positive": sum(map(bool, right)) / len(right),
        "accuracy": hits / len(right),
        "auc": auc(scores, right),
        "ece": gaps / len(right),
        "bins": bins,
    }


def best_of_n(rows: Sequence[dict], scores: Sequence[float]) -> dict:
    """The best-scored of a question's N samples, beside what else could be chosen.

    majority: most frequent extracted answer; weighted: the answer with the largest sum of scores
    (Math-Shepherd); mean: a random sample; chance: best of N by a score that knows nothing, but is
    the same for equal outputs: a random one of the distinct outputs, which is right less often than
    a random sample, because right outputs repeat; any: any right sample. Ties go to the output or
    answer drawn first; no answer never wins a vote.
    """
    found: dict[str, list[float]] = {
        name: [] for name in ("best_of_n", "majority", "weighted", "mean", "chance", "any")
    }
    scored = iter(scores)
    for group in by_question(rows):
        values = [next(scored) for _ in group]
        right = {tuple(row["tokens"]): row["right"] for row in group}
        answers = [grade.extracted for grade in grade_many([(row["text"], "") for row in group])]
        found["best_of_n"].append(group[int(np.argmax(values))]["right"])
        found["majority"].append(_voted(group, answers, [1.0] * len(group)))
        found["weighted"].append(_voted(group, answers, values))
        found["mean"].append(sum(row["right"] for row in group) / len(group))
        found["chance"].append(sum(right.values()) / len(right))
        found["any"].append(any(row["right"] for row in group))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _voted(group: Sequence[dict], answers: Sequence[str | None], weights: Sequence[float]) -> bool:
    sums: dict[str, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0.0) + weight
    return bool(sums) and group[answers.index(max(sums, key=sums.get))]["right"]


def auc_within(rows: Sequence[dict], scores: Sequence[float]) -> float | None:
    """Mean AUC inside a question, over questions with right and wrong outputs: what a group's
    advantages live on.

    The plain AUC also rewards knowing which questions are hard, which no group can use.
    """
    known = list(aucs_within(rows, scores).values())
    return float(np.mean(known)) if known else None


def aucs_within(
    rows: Sequence[dict], scores: Sequence[float], kept: Sequence[bool] | None = None
) -> dict[str, float]:
    """AUC inside each question that has right and wrong outputs among the `kept` ones (default:
    all).
    """
    use = iter(kept or [True] * len(rows))
    scored = list(zip(rows, scores, strict=True))
    groups: dict[str, list[tuple[float, bool]]] = {}
    for row, score in scored:
        group = groups.setdefault(row["question"], [])
        if next(use):
            group.append((score, row["right"]))
    found = {id: auc(*zip(*group, strict=True)) for id, group in groups.items() if group}
    return {id: value for id, value in found.items() if value is not None}


def against_likelihood(rows: Sequence[dict], scores: Sequence[float]) -> dict[str, dict]:
    """AUC inside a question of `scores`, of the sampler's likelihood, and the gain of the one over
    the other, each with a 95 % interval over questions: of all outputs, and of the right ones with
    those wrong ones alone that have a false equation (`arithmetic`) or have none (`reading`).
    """
    false = [not row["right"] and has_false_equation(row["text"]) for row in rows]
    kinds = {
        "all": [True] * len(rows),
        "arithmetic": [row["right"] or bad for row, bad in zip(rows, false, strict=True)],
        "reading": [not bad for bad in false],
    }
    likelihood = [row["logprob"] for row in rows]
    found = {}
    for kind, kept in kinds.items():
        own, other = aucs_within(rows, scores, kept), aucs_within(rows, likelihood, kept)
        gain = {id: value - other[id] for id, value in own.items()}
        found[kind] = {
            "questions": len(own),
            "wrong": sum(k and not row["right"] for k, row in zip(kept, rows, strict=True)),
            "model": over_questions(own),
            "likelihood": over_questions(other),
            "gain": over_questions(gain),
        }
    return found


def over_questions(values: Mapping[str, float]) -> dict[str, float] | None:
    """Mean with a 95 % interval over questions; None without two of them."""
    some = np.array(list(values.values()))
    if len(some) < 2:
        return None
    half = 1.96 * some.std(ddof=1) / np.sqrt(len(some))
    return {
        "mean": float(some.mean()),
        "low": float(some.mean() - half),
        "high": float(some.mean() + half),
    }


def step_agreement(
    rows: Sequence[dict], scores: Sequence[Sequence[float]], questions: dict[str, Question]
) -> dict:
    """A process model's steps against the exact step checker: precision and recall of finding a
    wrong step.
    """
    found, true = [], []
    for row, values in zip(rows, scores, strict=True):
        question = questions[row["question"]]
        verdicts = [ok for _, ok in step_verdicts(row["text"], question.trace, question.answer)][
            : len(values)
        ]
        found += [value <= 0.5 for value in values[: len(verdicts)]]
        true += [not ok for ok in verdicts]
    both = sum(f and t for f, t in zip(found, true, strict=True))
    return {
        "steps": len(true),
        "wrong": sum(true) / max(1, len(true)),
        "precision": both / max(1, sum(found)),
        "recall": both / max(1, sum(true)),
    }
