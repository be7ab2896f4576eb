"""Read the rollouts of an RL run: each group with its question, and each step with its reward and
advantage.

    dsm rollouts data/main/chains/0/rl/grpo_os_rule-0 [--step 1] [--question ID] [--groups 3] [--mixed]

Without --step: a line a stored step. `--mixed` leaves out groups whose rewards are all equal, which
teach nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pipeline.errors import UserError
from pipeline.records import read_jsonl


def steps_of(run: Path) -> dict[int, Path]:
    """The stored steps of a run and their files. Raises UserError where there are none."""
    found = {
        int(path.stem.removeprefix("step-")): path
        for path in sorted((run / "rollouts").glob("step-*.jsonl"))
    }
    if not found:
        raise UserError(
            f"{run}: no rollouts/step-*.jsonl here; give the folder of an RL run, such as data/main/chains/0/rl/grpo_os_rule-0"
        )
    return found


def overview(steps: dict[int, Path]) -> Iterator[str]:
    for step, path in steps.items():
        rows = list(read_jsonl(path))
        groups = groups_of(rows)
        lengths = [len(row["tokens"]) for row in rows]
        yield (
            f"step {step}: {len(rows)} outputs of {len(groups)} questions, {sum(bool(row['right']) for row in rows)} right, "
            f"{sum(map(mixed, groups))} groups with unequal rewards, {sum(lengths) / max(1, len(lengths)):.1f} tokens each"
        )


def groups_of(rows: list[dict]) -> list[list[dict]]:
    return [list(group) for _, group in groupby(rows, key=lambda row: row["slot"])]


def mixed(group: list[dict]) -> bool:
    return len({reward for row in group for reward in row["rewards"]}) > 1


def shown(group: list[dict], question: str, decode) -> Iterator[str]:
    """A group: its question, then each output step by step."""
    yield f"question {group[0]['question']}: {question}"
    for number, row in enumerate(group, 1):
        verdict = {True: "right", False: "wrong", None: "not judged"}[row["right"]]
        end = "" if row["finished"] else ", cut off at max_new_tokens"
        yield f"  output {number}: {verdict}, {len(row['tokens'])} tokens, log-probability {sum(row['logprobs']):.2f}{end}"
        start = 0
        for k, last in enumerate(row["ends"]):
            text = printable(decode(row["tokens"][start : last + 1]).strip().replace("\n", " / "))
            reward = f"{row['rewards'][k]:6.3f}" if row["rewards"] else "     -"
            yield f"    reward {reward}  advantage {row['advantages'][k]:7.3f}  | {text}"
            start = last + 1


def printable(text: str) -> str:
    """Without what a terminal would obey: a model writes any bytes."""
    return "".join(c if c.isprintable() else "?" for c in text)


def questions_near(run: Path) -> dict[str, str]:
    """Texts of the questions by id, where the world that the run read lies beside it
    (data/main/world).
    """
    path = run.parent.parent / "world/questions.jsonl"
    return {row["id"]: row["question"] for row in read_jsonl(path)} if path.is_file() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--step", type=int)
    parser.add_argument("--question", help="id; only its groups")
    parser.add_argument("--groups", type=int, default=3, help="at most")
    parser.add_argument("--mixed", action="store_true", help="only groups with unequal rewards")
    args = parser.parse_args()
    steps = steps_of(args.run)
    if args.step is None:
        print(*overview(steps), sep="\n")
        return
    if args.step not in steps:
        raise UserError(
            f"step {args.step} was not stored; there are {', '.join(map(str, steps))} (rl_scale.rollouts_every)"
        )
    from pipeline.lm.model import load_tokenizer

    tokenizer, texts = load_tokenizer(args.run / "model"), questions_near(args.run)
    groups = [
        group
        for group in groups_of(list(read_jsonl(steps[args.step])))
        if args.question in (None, group[0]["question"]) and (mixed(group) or not args.mixed)
    ]
    for group in groups[: args.groups]:
        print(
            *shown(
                group,
                texts.get(group[0]["question"], ""),
                lambda ids: tokenizer.decode(ids, skip_special_tokens=True),
            ),
            sep="\n",
        )
    print(f"{min(args.groups, len(groups))} of {len(groups)} groups of step {args.step}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"browse: {error}")
