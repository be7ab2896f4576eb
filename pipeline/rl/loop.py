"""Eq. 5: draw (data source), judge (reward function), weigh (gradient coefficient), step. One loop for every arm.

Everything random depends on (run seed, iteration, step, slot in the batch, sample) alone, so a run that was killed
continues from its last checkpoint as if nothing had happened: to the bit, on a CPU.
"""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from pipeline.errors import UserError
from pipeline.lm import checkpoint, flops
from pipeline.lm.generate import Engine, make_engine
from pipeline.lm.passes import output_log_probs
from pipeline.records import Instruction, Question, write_jsonl
from pipeline.reward.update import renew
from pipeline.rl import data_source, glossary
from pipeline.rl.config import ArmConfig, RLConfig, check_pair
from pipeline.rl.data_source import Rollouts
from pipeline.rl.ppo import Critic, new_critic, ppo_batch, value_gradient
from pipeline.rl.record import metrics_row, one_pass, rollout_rows, step_work
from pipeline.rl.reward_function import Judged, Scorer, judge
from pipeline.rl.update import (
    Batch,
    apply_gradient,
    autocast,
    dpo_gradient,
    learning_rate,
    make_batch,
    make_optimizer,
    policy_gradient,
)
from pipeline.rl.validation import validate


@dataclass
class Inputs:
    """What a run starts from. `policy` comes in as the instruct model and is trained in place."""

    policy: Any
    tokenizer: Any
    questions: Sequence[Question]
    validation: Sequence[Question]
    instructions: Sequence[Instruction] = ()  # the sft arm
    judge: Scorer | None = None  # reward_function outcome or process
    judge_history: Sequence[
        dict
    ] = ()  # rows of the reward stage's labels.jsonl, for replay; iterations > 1


@dataclass
class Run:
    """The moving parts of a run, and its counters."""

    inputs: Inputs
    arm: ArmConfig
    scale: RLConfig
    seed: int
    out: Path  # rollouts and validation rows
    state: Path  # survives a kill
    engine: Engine
    instruct: Any  # frozen: pi_sft, and the reference
    optimizer: Any
    seconds: dict[str, float]
    total: Counter = field(default_factory=Counter)  # samples, tokens, flops, drawn
    pool: dict[str, list[dict]] = field(default_factory=dict)
    critic: Critic | None = None  # PPO

    @property
    def models(self) -> dict[str, Any]:
        moving = {"policy": self.inputs.policy}
        if self.critic:
            moving["value"] = self.critic.model
        if self.arm.iterations > 1:
            moving |= {"reference": self.instruct, "judge": self.inputs.judge.model}
        return moving

    @property
    def steps_per_iteration(self) -> int:
        return self.scale.steps // self.arm.iterations

    @property
    def optimizers(self) -> dict[str, Any]:
        return {"adam": self.optimizer} | (
            {"value_adam": self.critic.optimizer} if self.critic else {}
        )

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def train_policy(
    inputs: Inputs,
    arm: ArmConfig,
    scale: RLConfig,
    seed: int,
    out: Path,
    state: Path,
    seconds: dict[str, float],
) -> Iterator[dict[str, float]]:
    """Train `inputs.policy` in place; yield row 0 (validation of the instruct model) and one row a step.

    out -- rollouts/ and validation/ are written here; state -- folder of the checkpoint: when it holds one, its rows are
    yielded again and the run goes on; seconds -- wall seconds of each phase are added here, never to a row.
    Raises UserError for a combination that makes no sense and for a loss or gradient that is not finite.
    """
    check_pair(arm, scale)
    inputs.policy.eval()  # no dropout: the ratio of the first update must be 1
    run = start(inputs, arm, scale, seed, out, state, seconds)
    saved = checkpoint.load(state, run.models, run.optimizers)
    rows: list[dict[str, float]] = saved["rows"] if saved else []
    run.total = Counter(saved["total"] if saved else {})
    yield from rows
    run.engine.sync(inputs.policy)
    if arm.data_source == "offline":
        fill_pool(run)
    for step in range(len(rows), scale.steps + 1):
        row = train_step(run, step) if step else {"step": 0}
        if step % scale.validation_every == 0 or step == scale.steps:
            with run.phase("validation"):
                path = out / "validation" / f"step-{step:05d}.jsonl"
                row |= validate(
                    run.engine, inputs.tokenizer, inputs.validation, scale, seed, step, path
                )
        rows.append(glossary.checked(row))
        yield row
        if step % scale.checkpoint_every == 0 or step == scale.steps:
            with run.phase("checkpoint"):
                checkpoint.save(
                    state, run.models, run.optimizers, {"rows": rows, "total": run.total}
                )


def start(
    inputs: Inputs,
    arm: ArmConfig,
    scale: RLConfig,
    seed: int,
    out: Path,
    state: Path,
    seconds: dict,
) -> Run:
    """Make the moving parts: engine, frozen instruct model, optimizer; choose the questions' languages."""
    questions = [q for q in inputs.questions if not scale.languages or q.lang in scale.languages]
    languages = {q.lang for q in questions}
    # the control learns what RL learns: the same protocol, the same languages
    same = [i for i in inputs.instructions if i.format == scale.protocol and i.lang in languages]
    same = data_source.that_fit(inputs.policy, inputs.tokenizer, same, scale)
    if arm.reward_function == "rule_steps":
        data_source.check_traces(arm.name, questions)
    inputs = replace(inputs, questions=questions, instructions=same)
    frozen = arm.needs_reference or arm.data_source == "offline"
    instruct = copy.deepcopy(inputs.policy).requires_grad_(False) if frozen else None
    engine = make_engine(scale.engine, inputs.policy, inputs.tokenizer)
    state.mkdir(parents=True, exist_ok=True)
    run = Run(
        inputs,
        arm,
        scale,
        seed,
        out,
        state,
        engine,
        instruct,
        make_optimizer(inputs.policy, scale, arm.lr_factor),
        seconds,
    )
    if arm.gradient_coefficient == "ppo":
        run.critic = new_critic(inputs.policy, arm, scale)
    return run


def train_step(run: Run, step: int) -> dict[str, float]:
    """One turn of the loop. Returns the step's metric row."""
    arm, scale, policy = run.arm, run.scale, run.inputs.policy
    iteration, first = divmod(step - 1, run.steps_per_iteration)
    renewed = {}
    if iteration and not first:
        with run.phase("reward model"):
            renewed = renew(run, iteration)
    with run.phase("sampling"):
        rollouts = draw(run, step)
    with run.phase("scoring"):
        judged = None
        if arm.reward_function != "none" and rollouts.rows.outputs:
            judged = judge(arm.reward_function, rollouts, run.inputs.tokenizer, run.inputs.judge)
    batch = make_batch(arm, scale, rollouts, judged)
    with run.phase("reference"):
        if arm.needs_reference and batch.rows.outputs:
            with autocast(policy, scale):
                reference_BT = output_log_probs(
                    run.instruct, batch.rows, scale.temperature, scale.micro_batch_tokens
                )
            batch = replace(batch, ref_logp_BT=reference_BT.cpu())
    returns = None
    if run.critic:
        with run.phase("value"):
            batch, returns = ppo_batch(run.critic, batch, rollouts, judged, arm, scale)
    with run.phase("update"):
        learned = learn(run, batch, rollouts, judged, step, returns)
        run.engine.sync(policy)
    run.total["tokens"] += sum(map(len, batch.rows.outputs))
    run.total["flops"] += step_work(arm, batch, policy, run.inputs.judge, run.critic)
    if arm.data_source != "sft" and (step - 1) % scale.rollouts_every == 0:
        write_jsonl(
            run.out / "rollouts" / f"step-{step:05d}.jsonl",
            rollout_rows(rollouts, judged, batch, bool(run.critic)),
        )
    return metrics_row(arm, scale, step, rollouts, judged, learned | renewed, run.total)


def draw(run: Run, step: int) -> Rollouts:
    """The step's outputs, from the arm's data source."""
    arm, scale, inputs = run.arm, run.scale, run.inputs
    if arm.data_source == "sft":
        return draw_solutions(run, step)
    questions = data_source.batch_of(inputs.questions, run.seed, step, scale.questions_per_step)
    if arm.data_source == "offline":
        take = (
            data_source.offline_pairs if arm.gradient_coefficient == "dpo" else data_source.offline
        )
        return take(run.pool, inputs.tokenizer, questions, scale)
    iteration = (step - 1) // run.steps_per_iteration
    with autocast(inputs.policy, scale):
        rollouts = data_source.online(
            run.engine, inputs.tokenizer, questions, scale, (run.seed, iteration, step)
        )
    run.total["samples"] += len(rollouts.texts)
    run.total["flops"] += one_pass(inputs.policy.config, rollouts.rows)
    return rollouts


def draw_solutions(run: Run, step: int) -> Rollouts:
    """Continued SFT: as many solutions as bring its operations to those of a GRPO run of as many steps.

    GRPO's are taken by formula, at the configured lengths (`control_*_tokens`): the control depends on no other run.
    """
    scale, shape = run.scale, flops.shape_of(run.inputs.policy.config)
    budget = step * flops.grpo_step(
        shape,
        scale.questions_per_step,
        scale.group_size,
        scale.control_prompt_tokens,
        scale.control_output_tokens,
    )
    at = data_source.instruction_at(run.inputs.instructions, run.seed)
    chosen, spent = [], run.total["flops"]
    while spent < budget:
        one = data_source.solutions(run.inputs.tokenizer, [at(run.total["drawn"])], scale)
        spent += 3 * one_pass(run.inputs.policy.config, one.rows)
        run.total["drawn"] += 1
        chosen.append(one)
    rows = data_source.Rows(
        [o.rows.prompts[0] for o in chosen],
        [o.rows.outputs[0] for o in chosen],
        list(range(len(chosen))),
    )
    return Rollouts(
        [o.questions[0] for o in chosen],
        rows,
        [o.texts[0] for o in chosen],
        [[] for _ in chosen],
        [True] * len(chosen),
    )


def fill_pool(run: Run) -> None:
    """Offline arms: pi_sft answers every question of the run once, before the first step."""
    path, scale, inputs = run.state / "pool.jsonl", run.scale, run.inputs
    if not path.is_file():
        at = data_source.question_at(inputs.questions, run.seed)
        needed = {at(n).id: at(n) for n in range(scale.steps * scale.questions_per_step)}
        with run.phase("sampling"):
            run.engine.sync(run.instruct)
            data_source.make_pool(
                run.engine, inputs.tokenizer, list(needed.values()), scale, run.seed, path
            )
            run.engine.sync(inputs.policy)
    run.pool = data_source.read_pool(path)
    write_jsonl(
        run.out / "rollouts" / "offline.jsonl", [row for rows in run.pool.values() for row in rows]
    )
    if "samples" not in run.total:
        known = {q.id: q for q in inputs.questions}
        prompts = data_source.encode_prompts(inputs.tokenizer, [known[i] for i in run.pool], scale)
        lengths = [[len(row["tokens"]) for row in rows] for rows in run.pool.values()]
        run.total["samples"] = sum(map(len, lengths))
        run.total["flops"] = flops.group_pass(
            flops.shape_of(inputs.policy.config),
            list(map(len, prompts)),
            [n for group in lengths for n in group],
            [p for p, group in enumerate(lengths) for _ in group],
        )


def learn(
    run: Run, batch: Batch, rollouts: Rollouts, judged: Judged | None, step: int, returns: Any
) -> dict:
    """mu updates on the batch. Returns the metrics of the first, the mean gradient norm and the clipped share of all."""
    arm, scale, policy = run.arm, run.scale, run.inputs.policy
    lr, tokens = learning_rate(scale, arm.lr_factor, step), sum(map(len, batch.rows.outputs))
    norms, clipped, first, row = [], 0, Counter(), {}

    def fail(what: str) -> NoReturn:
        path = run.state / f"failed-step-{step:05d}.jsonl"
        write_jsonl(path, rollout_rows(rollouts, judged, batch, bool(run.critic)))
        raise UserError(
            f"step {step}: {what}; the batch is in {path}; lower lr, or look at the batch"
        )

    for update in range(arm.updates_per_rollout):
        if arm.gradient_coefficient == "dpo":
            sums = dpo_gradient(policy, batch, arm, scale)
        else:
            sums, batch = policy_gradient(policy, batch, arm, scale)
        if not abs(sums["loss"]) < float("inf"):
            fail(f"the loss is {sums['loss']}")
        first = first if update else sums
        clipped += sums["clipped"]
        norms.append(apply_gradient(policy, run.optimizer, lr, scale.max_grad_norm, fail))
        if run.critic:
            row.setdefault("value_loss", value_gradient(run.critic, batch, returns, scale))
            value_lr = learning_rate(scale, arm.value_lr_factor, step)
            apply_gradient(
                run.critic.model, run.critic.optimizer, value_lr, scale.max_grad_norm, fail
            )
    row |= {"loss": float(first["loss"]), "grad_norm": sum(norms) / len(norms), "lr": lr}
    if arm.gradient_coefficient == "dpo":
        pairs = max(1, len(batch.rows.outputs) // 2)
        row |= {
            "loss": first["loss"] / pairs,
            "margin": first["margin"] / pairs,
            "preferred": first["preferred"] / pairs,
        }
    if batch.ref_logp_BT is not None and tokens:
        row["kl"] = first["kl"] / tokens
    if arm.data_source == "online" and tokens:
        row["clip_fraction"] = clipped / (tokens * arm.updates_per_rollout)
    return row
