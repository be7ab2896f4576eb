"""Labels for reward models, and how well a model agrees with them (section 4.1; Math-Shepherd for the steps)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.grading import grade_many, step_verdicts
from pipeline.lm.generate import Engine, Sampling
from pipeline.lm.generate.draw import row_seed
from pipeline.records import Question
from pipeline.reward.model import Labelled, RewardConfig
from pipeline.rl.config import RLConfig
from pipeline.rl.data_source import Rollouts, online
from pipeline.rl.reward_function import line_ends, rule, token_ends


def sample_outputs(
    engine: Engine, tokenizer, questions: Sequence[Question], cfg: RewardConfig, key: tuple
) -> list[dict]:
    """`samples` outputs a question, judged by the rule. Returns a row an output, as labels.jsonl holds them.

    `weight` is the output's in the loss of an outcome model.
    """
    scale = RLConfig(
        group_size=cfg.samples,
        temperature=cfg.temperature,
        max_new_tokens=cfg.max_new_tokens,
        protocol=cfg.protocol,
        style=cfg.style,
    )
    rows = []
    for start in range(0, len(questions), 64):
        drawn = online(engine, tokenizer, list(questions[start : start + 64]), scale, (*key, start))
        rows += _rows(drawn, rule(drawn))
    labels = [[[row["right"]] for row in group] for group in by_question(rows)]
    weights = (weight for group in weigh(labels, cfg.balance) for (weight,) in group)
    return [{**row, "weight": weight} for row, weight in zip(rows, weights, strict=True)]


def weigh(labels: Sequence[Sequence[Sequence[float]]], balance: bool) -> list[list[list[float]]]:
    """Weight of each label of each output of each question: `balanced`, or 1 where no question has both kinds of labels."""
    weights = [balanced(question) for question in labels] if balance else []
    if any(weight for question in weights for row in question for weight in row):
        return weights
    return [[[1.0] * len(row) for row in question] for question in labels]


def balanced(labels: Sequence[Sequence[float]]) -> list[list[float]]:
    """Weights with which the right (> 1/2) and the wrong labels of one question sum to 1/2 each; 0 where one kind is missing.

    Then nothing that only tells hard questions from easy ones, such as the number of lines, lowers the loss.
    """
    flat = [label > 0.5 for row in labels for label in row]
    count = {kind: flat.count(kind) for kind in (True, False)}
    of = {kind: 0.5 / count[kind] if all(count.values()) else 0.0 for kind in count}
    return [[of[label > 0.5] for label in row] for row in labels]


def _rows(drawn: Rollouts, right: Sequence[bool]) -> list[dict]:
    return [
        {
            "question": drawn.questions[slot].id,
            "prompt": drawn.rows.prompts[slot],
            "tokens": drawn.rows.outputs[b],
            "text": drawn.texts[b],
            "logprob": round(sum(drawn.logprobs[b]), 5),
            "finished": drawn.finished[b],
            "right": right[b],
        }
        for b, slot in enumerate(drawn.rows.prompt_of)
    ]


def by_question(rows: Sequence[dict]) -> list[list[dict]]:
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row["question"], []).append(row)
    return list(groups.values())


def outcome_labels(rows: Sequence[dict]) -> list[Labelled]:
    """To judge with: read at the last real token; the label is the rule's verdict."""
    return [
        Labelled(
            g[0]["question"],
            g[0]["prompt"],
            [row["tokens"] for row in g],
            [[len(row["tokens"]) - 1] for row in g],
            [[float(row["right"])] for row in g],
        )
        for g in by_question(rows)
    ]


def training_labels(rows: Sequence[dict], at: str) -> list[Labelled]:
    """To train with: the verdict at the last token, or at `every` one, where the share of right continuations is learned.

    Equal outputs of a question are one with their weights added; outputs without weight are left out. An output's weight is
    shared among its labels.
    """
    ends = {"last": lambda n: [n - 1], "every": lambda n: list(range(n))}[at]
    found = []
    for g in by_question([row for row in rows if row["weight"]]):
        weight: dict[tuple[int, ...], float] = {}
        for row in g:
            weight[tuple(row["tokens"])] = weight.get(tuple(row["tokens"]), 0.0) + row["weight"]
        right = {tuple(row["tokens"]): float(row["right"]) for row in g}
        at_B = [ends(len(tokens)) for tokens in weight]
        found.append(
            Labelled(
                g[0]["question"],
                g[0]["prompt"],
                [list(tokens) for tokens in weight],
                at_B,
                [[right[tokens]] * len(at) for tokens, at in zip(weight, at_B, strict=True)],
                [[w / len(at)] * len(at) for w, at in zip(weight.values(), at_B, strict=True)],
            )
        )
    return found


def step_labels(
    engine: Engine,
    tokenizer,
    rows: Sequence[dict],
    answers: dict[str, str],
    cfg: RewardConfig,
    key: tuple,
):
    """Math-Shepherd: N continuations from each step end but the last. Returns the rows with `ends` and `labels` added.

    Hard label: 1 if any continuation is right; soft: the share of them. The last step's label is the outcome. Outputs of one
    question that begin alike share their continuations.
    """
    ends = [
        token_ends(tokenizer, row["tokens"], row["text"], line_ends(row["text"])) for row in rows
    ]
    starts = [
        [(row["question"], *row["prompt"], *row["tokens"][: end + 1]) for end in ends[b][:-1]]
        for b, row in enumerate(rows)
    ]
    unique = list(dict.fromkeys(start for of_row in starts for start in of_row))
    prefixes = [list(start[1:]) for start in unique for _ in range(cfg.continuations)]
    seeds = [row_seed(*key, u, i) for u in range(len(unique)) for i in range(cfg.continuations)]
    outputs = (
        engine.sample(prefixes, seeds, Sampling(cfg.temperature, cfg.max_new_tokens))
        if prefixes
        else []
    )
    asked = {row["question"]: len(row["prompt"]) for row in rows}
    owner = [start[0] for start in unique for _ in range(cfg.continuations)]
    whole = [
        prefix[asked[q] :] + list(o.tokens)
        for prefix, o, q in zip(prefixes, outputs, owner, strict=True)
    ]
    texts = tokenizer.batch_decode(
        whole, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    grades = grade_many([(text, answers[q]) for text, q in zip(texts, owner, strict=True)])
    right = [grade.verdict == "right" for grade in grades]
    label = {
        start: step_label(
            right[u * cfg.continuations : (u + 1) * cfg.continuations], cfg.hard_labels
        )
        for u, start in enumerate(unique)
    }
    return [
        {
            **row,
            "ends": ends[b],
            "labels": [*(label[start] for start in starts[b]), float(row["right"])],
        }
        for b, row in enumerate(rows)
    ]


def step_label(right: Sequence[bool], hard: bool) -> float:
    """From the verdicts of the continuations of one step."""
    return float(any(right)) if hard else sum(right) / len(right)


def process_labels(rows: Sequence[dict], balance: bool = False) -> list[Labelled]:
    """The labels of `step_labels` at the step ends. With `balance`, questions whose steps are of one kind are left out."""
    groups = by_question(rows)
    weights = weigh([[row["labels"] for row in g] for g in groups], balance)
    return [
        Labelled(
            g[0]["question"],
            g[0]["prompt"],
            [row["tokens"] for row in g],
            [row["ends"] for row in g],
            [row["labels"] for row in g],
            w,
        )
        for g, w in zip(groups, weights, strict=True)
        if any(map(any, w))
    ]


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

    majority: most frequent extracted answer; weighted: the answer with the largest sum of scores (Math-Shepherd); mean: a
    random sample; chance: best of N by a score that knows nothing, but is the same for equal outputs: a random one of the
    distinct outputs, which is right less often than a random sample, because right outputs repeat; any: any right sample.
    Ties go to the output or answer drawn first; no answer never wins a vote.
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
    """Mean AUC inside a question, over questions with right and wrong outputs: what a group's advantages live on.

    The plain AUC also rewards knowing which questions are hard, which no group can use.
    """
    scored, found = iter(scores), []
    for group in by_question(rows):
        found.append(auc([next(scored) for _ in group], [row["right"] for row in group]))
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def step_agreement(
    rows: Sequence[dict], scores: Sequence[Sequence[float]], questions: dict[str, Question]
) -> dict:
    """A process model's steps against the exact step checker: precision and recall of finding a wrong step."""
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
