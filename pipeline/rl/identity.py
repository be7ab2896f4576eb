"""Which run a checkpoint belongs to: arm, configuration, seed, and what the run starts from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from pipeline.errors import UserError
from pipeline.lm.checksum import checksum
from pipeline.lm.train_config import learning_rate_share
from pipeline.rl.training import Inputs, Training

# May change between two parts of a run: they change no weight, or rounding alone.
FREE = (
    "steps",
    "checkpoint_every",
    "models_every",
    "keep",
    "rollouts_every",
    "micro_batch_tokens",
)


def origin(inputs: Inputs) -> dict[str, Any]:
    """What tells the weights and questions that a run starts from; to be asked before it moves any."""
    told = hashlib.sha256()
    for question in inputs.questions:
        told.update(repr(question).encode())
    judge = inputs.reward_model
    return {
        "checksum of the base": checksum(inputs.policy.parameters()),
        "questions": f"{len(inputs.questions)}, sha256 {told.hexdigest()[:12]}",
        "checksum of the reward model": checksum(judge.model.parameters()) if judge else None,
    }


def identity(run: Training) -> dict[str, Any]:
    """What two parts of one run have in common, as JSON."""
    cfg = {key: value for key, value in asdict(run.cfg).items() if key not in FREE}
    arm = {f"arm.{key}": value for key, value in asdict(run.arm).items()}
    plain = arm | cfg | {"seed": run.seed} | run.origin
    return json.loads(json.dumps(plain))


def same_run(run: Training, saved: dict | None) -> None:
    """Refuse the checkpoint of another run; say what a longer run does to the learning rate.

    Raises UserError that names what differs.
    """
    if saved is None:
        return
    ours, theirs = identity(run), saved.get("run", {})
    other = {key: theirs.get(key) for key in ours if theirs.get(key) != ours[key]}
    if other:
        told = ", ".join(f"{key} {value} (now {ours[key]})" for key, value in other.items())
        raise UserError(
            f"{run.state}: the checkpoint of another run, with {told}; give this run a folder of its "
            "own, or remove that one"
        )
    _check_steps(run, saved["steps"], len(saved["rows"]) - 1)


def _check_steps(run: Training, before: int, done: int) -> None:
    """A run of another number of steps goes on under the schedule over that number."""
    steps = run.cfg.steps
    if done > steps:
        raise UserError(
            f"{run.state}: its run is at step {done}, past steps={steps}; give steps of at least {done}"
        )
    if before == steps:
        return
    if run.arm.iterations > 1:
        raise UserError(
            f"{run.state}: the {run.arm.iterations} iterations of its run share {before} steps, not "
            f"{steps}; begin a new run for another number"
        )
    then = run.optim.lr * learning_rate_share(min(done + 1, steps), run.optim)
    print(
        f"{run.arm.name}: steps is {steps}, and was {before}: after step {done} the learning rate "
        f"follows the schedule ({run.optim.schedule}) over {steps} steps, and is {then:.3g} next"
    )
