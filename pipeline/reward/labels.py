"""Labels for reward models: the rule's verdicts, and Math-Shepherd's for the steps (section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.lm.generate import Engine, Sampling
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.parts import in_parts
from pipeline.lm.rollouts import (
    Rollouts,
    decode,
    grades,
    right_answers,
    sample,
    sample_groups,
)
from pipeline.lm.step_ends import line_ends, token_ends
from pipeline.records import Question
from pipeline.reward.config import RewardConfig
from pipeline.reward.model import Labelled


def sample_outputs(
    engine: Engine,
    tokenizer,
    questions: Sequence[Question],
    cfg: RewardConfig,
    key: tuple,
    parts: Path | None = None,
) -> list[dict]:
    """`samples` outputs per question, judged by the rule; one row per output, as in labels.jsonl.

    `weight` is the output's weight in the loss of an outcome model. With `parts` (a folder) the
    outputs of each 64 questions are on file before the next ones are sampled.
    """

    def made(start: int, end: int) -> list[dict]:
        some = list(questions[start:end])
        drawn = sample_groups(engine, tokenizer, some, cfg.samples, cfg, (*key, start))
        return _rows(drawn, right_answers(drawn))

    rows = list(in_parts(parts, len(questions), 64, made, "labels"))
    labels = [[[row["right"]] for row in group] for group in by_question(rows)]
    weights = (weight for group in weigh(labels, cfg.balance) for (weight,) in group)
    return [{**row, "weight": weight} for row, weight in zip(rows, weights, strict=True)]


def weigh(labels: Sequence[Sequence[Sequence[float]]], balance: bool) -> list[list[list[float]]]:
    """Weight of each label of each output of each question: `balanced`, or 1 where no question has
    both kinds of labels.
    """
    weights = [balanced(question) for question in labels] if balance else []
    if any(weight for question in weights for row in question for weight in row):
        return weights
    return [[[1.0] * len(row) for row in question] for question in labels]


def balanced(labels: Sequence[Sequence[float]]) -> list[list[float]]:
    """Weights with which the right (> 1/2) and the wrong labels of one question sum to 1/2 each; 0
    where one kind is missing.

    Then nothing that only tells hard questions from easy ones, such as the number of lines, lowers
    the loss.
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
    """To train with: the verdict at the last token, or at `every` one, where the share of right
    continuations is learned.

    Equal outputs of a question are one with their weights added; outputs without weight are left
    out. An output's weight is shared among its labels.
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
    parts: Path | None = None,
) -> list[dict]:
    """Math-Shepherd: N continuations from each step end but the last.

    Hard label: 1 if any continuation is right; soft: the share of them. The last step's label is
    the outcome. Outputs of one question that begin alike share their continuations. Returns the
    rows with `ends` and `labels` added; `parts` as in `sample_outputs`.
    """
    ends = [
        token_ends(tokenizer, row["tokens"], row["text"], line_ends(row["text"])) for row in rows
    ]
    starts = [
        [(row["question"], *row["prompt"], *row["tokens"][: end + 1]) for end in ends[b][:-1]]
        for b, row in enumerate(rows)
    ]
    unique = list(dict.fromkeys(start for of_row in starts for start in of_row))
    asked = {row["question"]: len(row["prompt"]) for row in rows}

    def made(begin: int, end: int) -> list[dict]:
        right = _continued(engine, tokenizer, unique[begin:end], begin, asked, answers, cfg, key)
        return [{"label": step_label(some, cfg.hard_labels)} for some in right]

    size = max(1, Sampling().batch_rows // cfg.continuations)  # whole batches of the engine
    made_labels = in_parts(parts, len(unique), size, made, "step labels", "prefix")
    label = {start: row["label"] for start, row in zip(unique, made_labels, strict=True)}
    return [
        {
            **row,
            "ends": ends[b],
            "labels": [*(label[start] for start in starts[b]), float(row["right"])],
        }
        for b, row in enumerate(rows)
    ]


def _continued(
    engine: Engine,
    tokenizer,
    starts: Sequence[tuple],
    first: int,
    asked: dict[str, int],
    answers: dict[str, str],
    cfg: RewardConfig,
    key: tuple,
) -> list[list[bool]]:
    """Whether each of the N continuations of each start (question, *tokens) is right.

    `first` is the index of the first start, from which seeds follow; `asked` has prompt lengths.
    """
    n = cfg.continuations
    prefixes = [list(start[1:]) for start in starts for _ in range(n)]
    owners = [start[0] for start in starts for _ in range(n)]
    seeds = [row_seed(*key, first + u, i) for u in range(len(starts)) for i in range(n)]
    outputs = sample(engine, prefixes, seeds, Sampling(cfg.temperature, cfg.max_new_tokens))
    whole = [
        prefix[asked[q] :] + list(output.tokens)
        for prefix, output, q in zip(prefixes, outputs, owners, strict=True)
    ]
    texts = decode(tokenizer, whole)
    judged = grades([(text, answers[q]) for text, q in zip(texts, owners, strict=True)])
    right = [grade.verdict == "right" for grade in judged]
    return [right[u * n : (u + 1) * n] for u in range(len(starts))]


def step_label(right: Sequence[bool], hard: bool) -> float:
    """From the verdicts of the continuations of one step."""
    return float(any(right)) if hard else sum(right) / len(right)


def process_labels(rows: Sequence[dict], balance: bool = False) -> list[Labelled]:
    """The labels of `step_labels` at the step ends. With `balance`, questions whose steps are of
    one kind are left out.
    """
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
