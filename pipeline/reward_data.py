"""Labels for reward models, and how well a model agrees with them (section 4.1; Math-Shepherd for the steps)."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.generate import Engine, Sampling
from pipeline.generate.draw import row_seed
from pipeline.grading import grade_many, step_verdicts
from pipeline.records import Question
from pipeline.reward_model import Labelled, RewardConfig
from pipeline.rl.config import RLConfig
from pipeline.rl.data_source import Rollouts, online
from pipeline.rl.reward_function import line_ends, rule, token_ends


def sample_outputs(engine: Engine, tokenizer, questions: Sequence[Question], cfg: RewardConfig, key: tuple) -> list[dict]:
    """`samples` outputs a question, judged by the rule. Returns a row an output, as labels.jsonl holds them."""
    scale = RLConfig(group_size=cfg.samples, temperature=cfg.temperature, max_new_tokens=cfg.max_new_tokens,
                     protocol=cfg.protocol, style=cfg.style)
    rows = []
    for start in range(0, len(questions), 64):
        drawn = online(engine, tokenizer, list(questions[start : start + 64]), scale, (*key, start))
        rows += _rows(drawn, rule(drawn))
    return rows


def _rows(drawn: Rollouts, right: Sequence[bool]) -> list[dict]:
    return [{"question": drawn.questions[slot].id, "prompt": drawn.rows.prompts[slot], "tokens": drawn.rows.outputs[b],
             "text": drawn.texts[b], "finished": drawn.finished[b], "right": right[b]}
            for b, slot in enumerate(drawn.rows.prompt_of)]


def by_question(rows: Sequence[dict]) -> list[list[dict]]:
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row["question"], []).append(row)
    return list(groups.values())


def outcome_labels(rows: Sequence[dict]) -> list[Labelled]:
    """Read at the last real token; the label is the rule's verdict."""
    return [Labelled(g[0]["question"], g[0]["prompt"], [row["tokens"] for row in g], [[len(row["tokens"]) - 1] for row in g],
                     [[float(row["right"])] for row in g]) for g in by_question(rows)]


def step_labels(engine: Engine, tokenizer, rows: Sequence[dict], answers: dict[str, str], cfg: RewardConfig, key: tuple):
    """Math-Shepherd: N continuations from each step end but the last. Returns the rows with `ends` and `labels` added.

    Hard label: 1 if any continuation is right; soft: the share of them. The last step's label is the outcome.
    """
    prefixes, seeds, owner = [], [], []
    ends = [token_ends(tokenizer, row["tokens"], row["text"], line_ends(row["text"])) for row in rows]
    for b, row in enumerate(rows):
        for k, end in enumerate(ends[b][:-1]):
            for i in range(cfg.continuations):
                prefixes.append(row["prompt"] + row["tokens"][: end + 1])
                seeds.append(row_seed(*key, b, k, i))
                owner.append(b)
    outputs = engine.sample(prefixes, seeds, Sampling(cfg.temperature, cfg.max_new_tokens)) if prefixes else []
    whole = [p[len(rows[b]["prompt"]) :] + list(o.tokens) for p, o, b in zip(prefixes, outputs, owner, strict=True)]
    texts = tokenizer.batch_decode(whole, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    grades = grade_many([(text, answers[rows[b]["question"]]) for text, b in zip(texts, owner, strict=True)])
    right = iter([grade.verdict == "right" for grade in grades])
    labelled = []
    for b, row in enumerate(rows):
        labels = [step_label([next(right) for _ in range(cfg.continuations)], cfg.hard_labels) for _ in ends[b][:-1]]
        labelled.append({**row, "ends": ends[b], "labels": [*labels, float(row["right"])]})
    return labelled


def step_label(right: Sequence[bool], hard: bool) -> float:
    """From the verdicts of the continuations of one step."""
    return float(any(right)) if hard else sum(right) / len(right)


def process_labels(rows: Sequence[dict]) -> list[Labelled]:
    return [Labelled(g[0]["question"], g[0]["prompt"], [row["tokens"] for row in g], [row["ends"] for row in g],
                     [row["labels"] for row in g]) for g in by_question(rows)]


# ---- agreement with labels


def auc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Probability that a right answer scores above a wrong one, ties counted half; None without both kinds."""
    score_N, right_N = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    positive, negative = int(right_N.sum()), int((~right_N).sum())
    if not positive or not negative:
        return None
    _, index_N, count_U = np.unique(score_N, return_inverse=True, return_counts=True)
    rank_N = (np.cumsum(count_U) - (count_U - 1) / 2)[index_N]
    return float((rank_N[right_N].sum() - positive * (positive + 1) / 2) / (positive * negative))


def reliability(scores: Sequence[float], right: Sequence[bool], bins: int = 10) -> list[dict]:
    """Equal-width bins of the predicted probability: count, mean prediction, share right. Empty bins are left out."""
    score_N, right_N = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    bin_N = np.minimum((score_N * bins).astype(int), bins - 1)
    return [{"from": i / bins, "to": (i + 1) / bins, "count": int((bin_N == i).sum()),
             "predicted": float(score_N[bin_N == i].mean()), "right": float(right_N[bin_N == i].mean())}
            for i in range(bins) if (bin_N == i).any()]


def calibration(scores: Sequence[float], right: Sequence[bool]) -> dict:
    """Accuracy at 1/2, AUC, expected calibration error, and the bins that it comes from."""
    bins = reliability(scores, right)
    gaps = sum(b["count"] * abs(b["predicted"] - b["right"]) for b in bins)
    hits = sum((score > 0.5) == bool(r) for score, r in zip(scores, right, strict=True))
    return {"n": len(right), "positive": sum(map(bool, right)) / len(right), "accuracy": hits / len(right),
            "auc": auc(scores, right), "ece": gaps / len(right), "bins": bins}


def best_of_n(rows: Sequence[dict], scores: Sequence[float]) -> dict:
    """The best-scored of a question's N samples against a majority vote, the mean sample, and any right sample.

    The vote: most frequent extracted answer; ties go to the answer drawn first; no answer never wins.
    """
    picked, voted, mean, best = [], [], [], []
    scored = iter(scores)
    for group in by_question(rows):
        values = [next(scored) for _ in group]
        picked.append(group[int(np.argmax(values))]["right"])
        answers = [grade.extracted for grade in grade_many([(row["text"], "") for row in group])]
        given = [a for a in answers if a is not None]
        winner = max(given, key=given.count) if given else None
        voted.append(winner is not None and group[answers.index(winner)]["right"])
        mean.append(sum(row["right"] for row in group) / len(group))
        best.append(any(row["right"] for row in group))
    names = ("best_of_n", "majority", "mean", "any")
    return {name: float(np.mean(values)) for name, values in zip(names, (picked, voted, mean, best), strict=True)}


def auc_within(rows: Sequence[dict], scores: Sequence[float]) -> float | None:
    """Mean AUC inside a question, over questions with right and wrong outputs: what a group's advantages live on.

    The plain AUC also rewards knowing which questions are hard, which no group can use.
    """
    scored, found = iter(scores), []
    for group in by_question(rows):
        found.append(auc([next(scored) for _ in group], [row["right"] for row in group]))
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def step_agreement(rows: Sequence[dict], scores: Sequence[Sequence[float]], questions: dict[str, Question]) -> dict:
    """A process model's steps against the exact step checker: precision and recall of finding a wrong step."""
    found, true = [], []
    for row, values in zip(rows, scores, strict=True):
        question = questions[row["question"]]
        verdicts = [ok for _, ok in step_verdicts(row["text"], question.trace, question.answer)][: len(values)]
        found += [value <= 0.5 for value in values[: len(verdicts)]]
        true += [not ok for ok in verdicts]
    both = sum(f and t for f, t in zip(found, true, strict=True))
    return {"steps": len(true), "wrong": sum(true) / max(1, len(true)), "precision": both / max(1, sum(found)),
            "recall": both / max(1, sum(true))}
