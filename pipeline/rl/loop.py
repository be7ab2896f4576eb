"""Eq. 5: draw (data source), reward (reward function), weigh (gradient coefficient), step. One loop
for every arm.

Everything random depends on (run seed, iteration, step, slot in the batch, sample) alone, so a run
that was killed continues from its last checkpoint as if nothing had happened: to the bit, on a CPU.

Legend: B outputs of the batch, R rows of a micro-batch, T tokens.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from pipeline.errors import UserError
from pipeline.lm import checkpoint, parallel
from pipeline.lm.generate import check_sync, make_engine
from pipeline.lm.optim import BASE_RL_LR, autocast, check_rates, clip_and_step, make_optimizers
from pipeline.lm.parallel import write_jsonl
from pipeline.lm.passes import output_log_probs
from pipeline.lm.probe import probe
from pipeline.lm.rollouts import Rollouts
from pipeline.lm.train_config import learning_rate_share
from pipeline.lm.whole import prepared
from pipeline.rl import data_source, glossary, ppo
from pipeline.rl.batch import Batch, passes
from pipeline.rl.bridge import reweighed, shaped
from pipeline.rl.config import ArmConfig, RLConfig, check_pair
from pipeline.rl.dynamic import drawn_and_judged
from pipeline.rl.export import export_others, keep_policy
from pipeline.rl.gap import check_gap, sampler_gap
from pipeline.rl.gradient_coefficient import policy_loss
from pipeline.rl.identity import identity, origin, same_run
from pipeline.rl.iterate import next_iteration
from pipeline.rl.method import Method, method_of, new_batch
from pipeline.rl.pool import fill_pool
from pipeline.rl.record import count_step, metrics_row, rollout_rows
from pipeline.rl.reward_function import Rewarded, check_rewardable
from pipeline.rl.training import Inputs, Training
from pipeline.rl.validation import validate


def train_policy(
    inputs: Inputs,
    arm: ArmConfig,
    cfg: RLConfig,
    seed: int,
    out: Path,
    state: Path,
    seconds: dict[str, float],
) -> Iterator[dict[str, float]]:
    """Train `inputs.policy` in place; yield row 0 (validation of the instruct model) and one row
    per step.

    out -- rollouts/ and validation/ are written here; state -- folder of the checkpoint: when it
    holds one of this very run, its rows are yielded again and the run goes on; seconds -- wall
    seconds of each phase are added here, never to a row. Raises UserError for a combination that
    makes no sense, for another run's checkpoint, for a loss or gradient that is not finite, and
    when sampler and trainer are not the same policy.
    """
    check_pair(arm, cfg)
    method = method_of(arm)
    run = start(inputs, arm, cfg, seed, out, state, seconds)
    same_run(run, checkpoint.peek(state))
    saved = checkpoint.load(state, run.models, run.moments)
    rows: list[dict[str, float]] = saved["rows"] if saved else []
    run.total = Counter(saved["total"] if saved else {})
    yield from rows

    run.engine.sync(run.policy)
    if arm.offline:
        fill_pool(run)
        run.lap("sampling")
    for step in range(len(rows), cfg.steps + 1):
        row = train_step(run, method, step) if step else {"step": 0}
        if step % cfg.validation_every == 0 or step == cfg.steps:
            path = out / "validation" / f"step-{step:05d}.jsonl"
            row |= validate(run.engine, inputs.tokenizer, inputs.validation, cfg, seed, step, path)
            run.lap("validation")
        rows.append(glossary.checked(row))
        yield row
        keep_policy(run, step)
        if step % cfg.checkpoint_every == 0 or step == cfg.steps:
            plain = {"rows": rows, "total": run.total, "run": identity(run), "steps": cfg.steps}
            checkpoint.save(state, run.models, run.moments, plain)
            run.lap("checkpoint")
    export_others(run)


def train_step(run: Training, method: Method, step: int) -> dict[str, float]:
    """One step of Algorithm 1, for every arm of Table 10. Returns the step's metric row."""
    arm, cfg, policy = run.arm, run.cfg, run.policy
    renewed = next_iteration(run, step)  # iterative RL: a new reference and reward model

    if arm.online:
        check_sync(run.engine, policy)
    rollouts, judged, drawn = drawn_and_judged(run, method, step)  # D and pi_rf
    batch = new_batch(method, arm, cfg, rollouts)
    if arm.needs_reference:
        batch = with_reference(run, batch)
        run.lap("reference")
    rewarded = shaped(arm, cfg, judged, batch, rollouts.logprobs)
    batch = method.advantage(run, batch, rollouts, rewarded)  # A, on whole groups
    batch = reweighed(arm, cfg, batch, rollouts, judged, method.weight)

    share = learning_rate_share(step, run.optim)
    updates, gap = [], {}
    for _ in range(arm.updates_per_rollout):
        sums: Counter = Counter()
        logp_BT = torch.zeros(batch.advantage_BT.shape, dtype=policy.dtype)
        with autocast(policy, cfg.compute_dtype):
            for chosen, logp_RT, mask_RT in passes(policy, batch, cfg):
                part = batch.part(chosen, logp_RT.shape[1], logp_RT.device)
                gc_RT, counted = method.coefficient(arm, part, logp_RT.detach(), mask_RT)  # GC
                loss = policy_loss(logp_RT, gc_RT, part.weight_R, mask_RT)  # Eq. 5
                loss.backward()
                sums.update({"loss": loss.item()} | counted)
                logp_BT[chosen, : logp_RT.shape[1]] = logp_RT.detach().cpu()

        sums, logp_BT = Counter(parallel.total(sums)), parallel.summed(logp_BT)
        if arm.online and not updates:  # pi_theta is still the policy that sampled
            gap = sampler_gap(rollouts.logprobs, logp_BT, batch.active)
        batch = batch.with_old(logp_BT)  # pi_old of the next update is the policy of the first
        with keeping_the_batch(run, step, rollouts, rewarded, batch):
            check_finite(sums["loss"])
            check_gap(gap, cfg.max_sampler_gap, step)
            sums["grad_norm"] = clip_and_step(policy, run.optimizers, share, cfg.max_grad_norm)
            if run.critic:
                sums["value_loss"] = ppo.value_step(run, batch, share)
        updates.append(sums)
    run.engine.sync(policy)
    run.lap("update")

    count_step(run, batch)
    if arm.data_source != "sft" and (step - 1) % cfg.rollouts_every == 0:
        rows = rollout_rows(rollouts, rewarded, batch)
        write_jsonl(run.out / "rollouts" / f"step-{step:05d}.jsonl", rows)
    if step == 1:
        say_if_nothing_to_learn(arm, cfg, rewarded, batch)
    return metrics_row(run, step, rollouts, rewarded, batch, updates) | drawn | gap | renewed


def with_reference(run: Training, batch: Batch) -> Batch:
    """The batch with the log-probabilities of the reference model."""
    if not batch.rows.outputs:
        return batch
    cfg = run.cfg
    with autocast(run.policy, cfg.compute_dtype), run.frozen() as instruct:
        ref_logp_BT = output_log_probs(
            instruct, batch.rows, cfg.temperature, cfg.micro_batch_tokens
        )
    return replace(batch, ref_logp_BT=ref_logp_BT.cpu())


def say_if_nothing_to_learn(
    arm: ArmConfig, cfg: RLConfig, rewarded: Rewarded | None, batch: Batch
) -> None:
    """A line after a first step without any gradient from rewards: more of them cost time alone."""
    if rewarded is None or batch.pairs or bool(batch.advantage_BT.any()):
        return
    what = (
        "no group has both right and wrong outputs (all rewards of a group are equal)"
        if arm.groups
        else "no output has a reward that pushes it"
    )
    print(
        f"{arm.name}: step 1: {what}, so there is nothing to learn from; try easier questions, more "
        f"outputs per question (group_size={cfg.group_size}), or instruction tuning first"
    )


def check_finite(loss: float) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss}")


@contextmanager
def keeping_the_batch(
    run: Training, step: int, rollouts: Rollouts, rewarded: Rewarded | None, batch: Batch
) -> Iterator[None]:
    """A loss or gradient that is not finite ends the run in one line, with the batch on file."""
    try:
        yield
    except FloatingPointError as error:
        path = run.state / f"failed-step-{step:05d}.jsonl"
        write_jsonl(path, rollout_rows(rollouts, rewarded, batch))
        raise UserError(
            f"step {step}: {error}; the batch is in {path}; lower lr, or look at the batch"
        ) from None


def start(
    inputs: Inputs,
    arm: ArmConfig,
    cfg: RLConfig,
    seed: int,
    out: Path,
    state: Path,
    seconds: dict[str, float],
) -> Training:
    """Make the moving parts: engine, frozen instruct model, optimizers, value model.

    The control learns what RL learns: worked solutions in the same protocol and languages.
    """
    questions = [q for q in inputs.questions if not cfg.languages or q.lang in cfg.languages]
    languages = {q.lang for q in questions}
    solutions = [i for i in inputs.instructions if i.format == cfg.protocol and i.lang in languages]
    solutions = data_source.that_fit(inputs.policy, inputs.tokenizer, solutions, cfg)
    several = tuple(arm.rewards)
    check_rewardable(arm.name, arm.reward_function, several, questions, inputs.reward_model)
    inputs = replace(inputs, questions=questions, instructions=solutions)
    begun_from = origin(inputs)

    inputs.policy.eval()  # no dropout: the ratio of the first update must be 1
    frozen = (arm.needs_reference or arm.offline) and not cfg.peft
    instruct = copy.deepcopy(inputs.policy).requires_grad_(False) if frozen else None
    critic = ppo.new_critic(inputs.policy, arm, cfg, seed) if arm.has_critic else None
    prepared(inputs.policy, cfg.peft, seed)
    for other in (instruct, getattr(inputs.reward_model, "model", None)):
        if other is not None:
            prepared(other)
    check_rates(inputs.policy, cfg.optim(arm.lr_factor), BASE_RL_LR)
    optimizers = make_optimizers(inputs.policy, cfg.optim(arm.lr_factor))
    engine = make_engine(cfg.engine, inputs.policy, inputs.tokenizer, cfg.compute_dtype)
    probe(inputs.policy, cfg.compute_dtype)
    state.mkdir(parents=True, exist_ok=True)
    parts = engine, instruct, optimizers, seconds, begun_from
    return Training(inputs, arm, cfg, seed, out, state, *parts, critic=critic)
