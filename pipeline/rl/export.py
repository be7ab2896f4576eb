"""Models that a run leaves besides its last policy: the policy every N steps, and what else moved.

Of several processes the first one writes them.
"""

from __future__ import annotations

import shutil

from pipeline.lm import parallel
from pipeline.lm.model import save_model
from pipeline.lm.whole import save_weights
from pipeline.rl.training import Training


def keep_policy(run: Training, step: int) -> None:
    """Every `models_every` steps the policy as a folder, models/step-<n>; the last `keep` of them
    stay.

    Any of them can be evaluated (`dsm evaluate`), for a curve of benchmarks.
    """
    cfg, folder = run.cfg, run.out / "models"
    if not cfg.models_every or not step or step % cfg.models_every:
        return
    save_model(run.policy, run.inputs.tokenizer, folder / f"step-{step:05d}")
    if not parallel.first():
        return
    kept = sorted(folder.glob("step-*"))
    for old in kept[: -cfg.keep] if cfg.keep else ():
        shutil.rmtree(old)


def export_others(run: Training) -> None:
    """After the last step: PPO's value model, and the reward model of iterative RL as it ended."""
    moved = {}
    if run.critic:
        moved["value_model"] = run.critic.model
    if run.arm.iterations > 1:
        moved["reward_model"] = run.inputs.reward_model.model
    for name, model in moved.items():
        save_weights(model, run.out / name)
        if parallel.first():
            run.inputs.tokenizer.save_pretrained(run.out / name)
