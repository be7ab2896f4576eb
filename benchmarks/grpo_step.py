"""A GRPO step next to TRL's GRPOTrainer: samples per CPU second, shares of the step, the floor.

    OMP_NUM_THREADS=1 python -m benchmarks.grpo_step [--steps 3] [--rounds 2] [--trl-rows 32 96 384]
    OMP_NUM_THREADS=1 python -m benchmarks.grpo_step --model models/smollm2 --per-step 4 --group 4 \
        --tokens 96 --micro 512 --trl-rows 16 --only fixed --steps 2

TRL is a peer for this page only and stays out of the environment:
    python -m venv --system-site-packages build/trl
    build/trl/bin/pip install --no-deps trl==1.16.0
(or any environment with requirements/lock.txt and trl); without it the script measures ours and
says so.

Both sides: the same weights, questions in the same order, 48 x 8 outputs at temperature 1, one
update per batch, AdamW, the rule as reward, beta .04 with a reference model (0: without), float32,
one thread, one process.
TRL: loss_type grpo, no bias correction of the KL term, no gradient checkpointing, no logging, no
saving, and the best of the micro-batch sizes given. Each side's first step is not counted; the
sides take turns, `--rounds` times, and medians over all counted steps are compared. `fixed`: no
token of the model's vocabulary ends an output, so that every one has max_new_tokens; `variable`:
outputs end when the model ends them.

Floor: forward and backward of the policy over one step's tokens, nothing else, in the cheapest of
three ways: whole padded sequences through the model's own forward in micro-batches, each prompt
once (pipeline/lm/passes.py), or each prompt and each of its distinct outputs once. The first way is
what a trainer without shared prompts does; the ratio to it is printed too. How much a model
repeats itself is printed: equal outputs share their passes in ours, and in sampling so does all
that outputs have in common, so that the ratio depends on it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.small import Small, make
from benchmarks.trl_peer import trl_trainer, watch
from pipeline.lm.generate import make_engine
from pipeline.lm.model import load_model, load_tokenizer, save_model
from pipeline.lm.passes import Rows, first_equal, passes
from pipeline.lm.rollouts import sample_groups
from pipeline.records import Question, read_rows
from pipeline.rl import training
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.data_source import questions_of
from pipeline.rl.loop import train_policy
from pipeline.rl.training import Inputs

PHASES = ("sampling", "rewards", "reference")  # the update is all that is left
SEED = 0


@dataclass(frozen=True)
class Steps:
    """CPU seconds and outputs of the counted steps."""

    seconds: list[float]
    phases: Counter
    outputs: int  # a step
    tokens: float  # an output, mean

    @property
    def rate(self) -> float:
        return self.outputs / statistics.median(self.seconds)

    def shares(self) -> list[float]:
        """Of sampling, rewards, reference, and of the update with all the rest."""
        total = sum(self.seconds)
        some = [self.phases[name] / total for name in PHASES]
        return [*some, 1 - sum(some)]

    def __add__(self, other: Steps) -> Steps:
        return Steps(
            self.seconds + other.seconds,
            self.phases + other.phases,
            self.outputs,
            (self.tokens + other.tokens) / 2,
        )


# ---- ours


def ours(folder: Path, questions: list[Question], arm: ArmConfig, cfg: RLConfig) -> Steps:
    inputs = Inputs(load_model(folder), load_tokenizer(folder), questions, ())
    spent: Counter = Counter()
    cpu_clock = SimpleNamespace(perf_counter=time.process_time)  # phases in CPU seconds
    with tempfile.TemporaryDirectory() as place, patch.object(training, "time", cpu_clock):
        marks, rows = [], []
        for row in train_policy(
            inputs, arm, cfg, SEED, Path(place) / "out", Path(place) / "state", spent
        ):
            marks.append(time.process_time())
            rows.append(row)
            if len(rows) == 2:  # row 0, and the step that is not counted
                spent.clear()
    phases = Counter(
        {
            "sampling": spent["sampling"],
            "rewards": spent["scoring"],
            "reference": spent["reference"],
        }
    )
    tokens = statistics.mean(row["length"] for row in rows[2:])
    return Steps(
        [b - a for a, b in zip(marks[1:], marks[2:], strict=False)],
        phases,
        int(rows[-1]["outputs"]),
        tokens,
    )


# ---- TRL


def theirs(
    folder: Path, questions: list[Question], arm: ArmConfig, cfg: RLConfig, rows: int
) -> Steps:
    spent: Counter = Counter()
    with tempfile.TemporaryDirectory() as place:
        trainer = trl_trainer(folder, questions, arm, cfg, SEED, rows, place)
        marks, lengths = watch(trainer, spent)
        trainer.train()
    return Steps(
        [b - a for a, b in zip(marks, marks[1:], strict=False)],
        spent,
        cfg.questions_per_step * cfg.group_size,
        statistics.mean(lengths),
    )


# ---- the floor


def one_step(folder: Path, questions: list[Question], cfg: RLConfig) -> tuple[Any, Rows]:
    """The policy, and outputs as a step has them."""
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    asked = questions_of(questions, SEED, 2, cfg.questions_per_step)
    engine = make_engine("fast", model, tokenizer)
    return model, sample_groups(engine, tokenizer, asked, cfg.group_size, cfg, (SEED, 0, 2)).rows


def in_common(rows: Rows) -> tuple[float, float]:
    """Shares of output tokens that stand in distinct outputs, and after distinct beginnings."""
    total = sum(map(len, rows.outputs))
    outputs = sum(len(rows.outputs[b]) for b in set(first_equal(rows)))
    texts = {
        (p, tuple(tokens[:t]))
        for p, tokens in zip(rows.prompt_of, rows.outputs, strict=True)
        for t in range(len(tokens))
    }
    return outputs / total, len(texts) / total


def floor(model, rows: Rows, cfg: RLConfig) -> dict[str, float]:
    """CPU seconds of forward and backward over one step's tokens by each way; best of three."""

    def one_pass(chosen) -> None:
        for _, logp_RT, _ in passes(model, rows, chosen, cfg.micro_batch_tokens, 1.0):
            logp_RT.sum().backward()

    ways = {
        "each prompt once": lambda: one_pass(range(len(rows.outputs))),
        "and each distinct output": lambda: one_pass(sorted(set(first_equal(rows)))),
    }
    for size in (8, 32, 96)[: 1 + len(rows.outputs) // 32]:
        ways[f"whole sequences, {size} rows"] = lambda size=size: whole_sequences(model, rows, size)
    return {name: min(cpu_seconds(work) for _ in range(3)) for name, work in ways.items()}


def whole_sequences(model, rows: Rows, size: int) -> None:
    """Prompts and outputs as is usual: concatenated, padded on the right, `size` rows at a time."""
    pairs = sorted(
        ((rows.prompts[p], output) for p, output in zip(rows.prompt_of, rows.outputs, strict=True)),
        key=lambda pair: -len(pair[0]) - len(pair[1]),
    )
    for start in range(0, len(pairs), size):
        some = pairs[start : start + size]
        width = max(len(prompt) + len(output) for prompt, output in some)
        tokens_RT = torch.zeros(len(some), width, dtype=torch.long)
        chosen_RT = torch.zeros(len(some), width, dtype=torch.bool)
        for r, (prompt, output) in enumerate(some):
            end = len(prompt) + len(output)
            tokens_RT[r, :end] = torch.tensor(prompt + output)
            chosen_RT[r, len(prompt) : end] = True
        hidden_RTE = model.get_decoder()(input_ids=tokens_RT, use_cache=False).last_hidden_state
        logits_NV = model.lm_head(hidden_RTE[:, :-1][chosen_RT[:, 1:]])
        torch.nn.functional.cross_entropy(
            logits_NV, tokens_RT[chosen_RT] % logits_NV.shape[1], reduction="sum"
        ).backward()


def cpu_seconds(work) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


# ---- the page


def never_ending(folder: Path, target: Path) -> Path:
    """The same model with an end token that its vocabulary does not hold; `endless` does the rest."""
    if not (target / "config.json").is_file():
        model, tokenizer = load_model(folder), load_tokenizer(folder)
        tokenizer.add_tokens(
            [f"<unused {i}>" for i in range(model.config.vocab_size - len(tokenizer))],
            special_tokens=True,
        )
        tokenizer.add_special_tokens({"eos_token": "<never>", "pad_token": "<never>"})
        save_model(model, tokenizer, target)
        path = target / "generation_config.json"
        facts = json.loads(path.read_text(encoding="utf-8"))
        facts["eos_token_id"] = model.config.vocab_size  # the model's own ends are none
        path.write_text(json.dumps(facts), encoding="utf-8")
    return target


def endless():
    """No token ends an output of ours, nor does the end of a turn in the chat template."""
    return patch("pipeline.lm.generate.fast.end_tokens", lambda *_: (-1,))


def line(name: str, steps: Steps) -> str:
    shares = "".join(f"{100 * share:>11.0f}" for share in steps.shares())
    seconds = statistics.median(steps.seconds)
    return f"{name:<24}{steps.rate:>14.1f}{seconds:>10.2f}{shares}{steps.tokens:>12.1f}"


def compare(
    title: str,
    folder: Path,
    questions: list[Question],
    arm: ArmConfig,
    cfg: RLConfig,
    trl_rows: list[int],
    rounds: int,
) -> None:
    phases = "".join(f"{name + ' %':>11}" for name in (*PHASES, "update"))
    print(f"\n{title}\n{'':<24}{'samples/CPU s':>14}{'CPU s':>10}{phases}{'tokens each':>12}")
    mine: list[Steps] = []
    found: dict[int, list[Steps]] = {rows: [] for rows in trl_rows}
    for _ in range(rounds):
        mine.append(ours(folder, questions, arm, cfg))
        for rows, steps in found.items():
            steps.append(theirs(folder, questions, arm, cfg, rows))
    own = reduce(add, mine)
    peers = {rows: reduce(add, steps) for rows, steps in found.items()}
    print(line("ours", own))
    for rows, steps in peers.items():
        print(line(f"TRL, {rows} rows at once", steps))
    if peers:
        top = max(peers, key=lambda rows: peers[rows].rate)
        best, turns = peers[top], zip(mine, found[top], strict=True)
        each = ", ".join(f"{a.rate / b.rate:.2f}" for a, b in turns)
        print(f"ours / TRL, samples a CPU second: {own.rate / best.rate:.2f} (each turn: {each})")

    model, drawn = one_step(folder, questions, cfg)
    print(
        "tokens in distinct outputs {:.0%}, after distinct beginnings {:.0%}".format(
            *in_common(drawn)
        )
    )
    ways = floor(model, drawn, cfg)
    print(
        "forward + backward alone: "
        + ", ".join(f"{name} {value:.2f}" for name, value in ways.items())
        + " CPU s"
    )
    whole = min((name for name in ways if name.startswith("whole")), key=ways.get)
    for least in dict.fromkeys((min(ways, key=ways.get), whole)):
        told = f"ours / floor ({least}): {statistics.median(own.seconds) / ways[least]:.2f}"
        if peers:
            told += f", TRL / floor: {statistics.median(best.seconds) / ways[least]:.2f}"
        print(told)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model",
        type=Path,
        help="a saved model; by default one is made, width 64, 2 layers, 1024 tokens",
    )
    parser.add_argument(
        "--questions", type=Path, help="questions.jsonl for --model; by default the ones made here"
    )
    parser.add_argument("--per-step", type=int, default=48)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=80, help="max_new_tokens")
    parser.add_argument("--beta", type=float, default=0.04)
    parser.add_argument("--steps", type=int, default=3, help="counted steps, after one that is not")
    parser.add_argument(
        "--trl-rows",
        type=int,
        nargs="*",
        default=[32, 96, 384],
        help="TRL's micro-batch sizes to try",
    )
    parser.add_argument("--rounds", type=int, default=2, help="turns that each side has")
    parser.add_argument("--micro", type=int, default=1024, help="micro_batch_tokens of ours")
    parser.add_argument("--only", choices=("fixed", "variable"))
    parser.add_argument("--work", type=Path, default=Path("build/grpo_step"))
    return parser.parse_args()


def main() -> None:
    args = options()
    torch.set_num_threads(1)
    arm = ArmConfig("grpo_os_rule", "online", "rule", "grpo_outcome", kl_coef=args.beta)
    cfg = RLConfig(
        questions_per_step=args.per_step,
        group_size=args.group,
        steps=args.steps + 1,
        lr=1e-6,
        lr_schedule="constant",
        max_new_tokens=args.tokens,
        micro_batch_tokens=args.micro,
        validation_size=0,
        validation_every=10**6,
        checkpoint_every=10**6,
        rollouts_every=10**6,
    )
    make(args.work, Small())
    folder = args.model or args.work / "sft/model"
    questions = list(read_rows(args.questions or args.work / "world/questions.jsonl", Question))
    rows = args.trl_rows if importlib.util.find_spec("trl") else []
    if not rows:
        print("TRL is not installed here; see the head of this file")
    model = load_model(folder)
    print(
        f"{model.num_parameters():,} parameters, {args.per_step} questions x {args.group}, "
        f"beta {args.beta}"
    )
    if args.only != "variable":
        place = never_ending(folder, args.work / f"never-{model.num_parameters()}")
        title = f"fixed length, {args.tokens} tokens"
        with endless():
            compare(title, place, questions, arm, cfg, rows, args.rounds)
    if args.only != "fixed":
        title = f"variable length, at most {args.tokens} tokens"
        compare(title, folder, questions, arm, cfg, rows, args.rounds)


if __name__ == "__main__":
    main()
