"""A step's outputs and rewards: one draw, or several under dynamic sampling (DAPO, arXiv 2503.14476).

With `dynamic_sampling` a group whose rewards are all equal makes room for the group of another
question: as many questions as are missing are asked, again and again, until the batch has
`questions_per_step` groups with unequal rewards or so many further draws are spent.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import UserError
from pipeline.lm import parallel
from pipeline.lm.passes import Rows
from pipeline.lm.rollouts import Rollouts
from pipeline.rl.bridge import equal_groups
from pipeline.rl.config import ArmConfig
from pipeline.rl.data_source import next_questions, sampled_online
from pipeline.rl.method import Method
from pipeline.rl.reward_function import Rewarded
from pipeline.rl.training import Training

Drawn = tuple[Rollouts, Rewarded | None]


def drawn_and_judged(
    run: Training, method: Method, step: int
) -> tuple[Rollouts, Rewarded | None, dict[str, float]]:
    """Outputs to train on, their rewards, and metrics of what was sampled where that is more."""
    if run.arm.dynamic_sampling:
        rollouts, rewarded, metrics = until_full(run, method, step)
        run.engine.sleep()
        return rollouts, rewarded, metrics

    rollouts = method.draw(run, step)
    run.engine.sleep()  # until the `sync` after the update
    run.lap("sampling")
    rewarded = judged(run, method, rollouts)
    run.lap("scoring")
    return rollouts, rewarded, {}


def judged(run: Training, method: Method, rollouts: Rollouts) -> Rewarded | None:
    """The rewards of some outputs; all processes have those of the first."""
    found = method.reward(rollouts, run.inputs.tokenizer, run.inputs.reward_model)
    if found is not None and run.arm.gradient_coefficient != "grpo_process":
        check_one_each(run.arm, found)
    return parallel.agreed(found)


def check_one_each(arm: ArmConfig, rewarded: Rewarded) -> None:
    """Raise UserError where a function of the user's own judges lines and the arm takes outputs."""
    if any(len(row) > 1 for row in rewarded.rewards):
        raise UserError(
            f"arm {arm.name}: reward_function {arm.reward_function} gives a number for each line, "
            f"which gradient_coefficient grpo_process takes; {arm.gradient_coefficient} takes one "
            "per output"
        )


def until_full(
    run: Training, method: Method, step: int
) -> tuple[Rollouts, Rewarded, dict[str, float]]:
    """`questions_per_step` groups, of unequal rewards as far as the draws allow.

    What is missing in the end is filled with groups of equal rewards, which `drop_equal_groups`
    leaves out of the update. Which questions are asked depends on how many were asked before, so
    the count is part of the checkpoint.
    """
    wanted, size = run.cfg.questions_per_step, run.cfg.group_size
    draws: list[Drawn] = []
    unequal: list[tuple[int, int]] = []  # (draw, group)
    equal: list[tuple[int, int]] = []
    while len(unequal) < wanted and len(draws) <= run.arm.dynamic_sampling:
        number = len(draws)
        questions = next_questions(run, wanted - len(unequal))
        key = (run.seed, run.iteration_of(step), step)
        again = ("again", number) if number else ()
        rollouts = sampled_online(run, questions, (*key, *again))
        run.lap("sampling")
        rewarded = judged(run, method, rollouts)
        run.lap("scoring")
        for group, same in enumerate(equal_groups(rewarded, size)):
            (equal if same else unequal).append((number, group))
        draws.append((rollouts, rewarded))

    chosen = [*unequal, *equal][:wanted]
    metrics = {
        "draws": len(draws),
        "zero_variance": len(equal) / (len(equal) + len(unequal)),
        **means_over(draws),
    }
    return *joined(draws, chosen, size), metrics


def means_over(draws: Sequence[Drawn]) -> dict[str, float]:
    """Reward and accuracy over all outputs that were sampled, so that they are not of a choice."""
    rewarded = [found for _, found in draws]
    outputs = sum(len(found.rewards) for found in rewarded)
    each = [sum(row) / len(row) for found in rewarded for row in found.rewards]
    parts = {
        f"reward/{name}": sum(f.means[name] * len(f.rewards) for f in rewarded) / outputs
        for name in rewarded[0].means
    }
    right = sum(sum(found.right) for found in rewarded)
    return {"reward": sum(each) / outputs, "accuracy": right / outputs, **parts}


def joined(draws: Sequence[Drawn], chosen: Sequence[tuple[int, int]], size: int) -> Drawn:
    """These (draw, group) as one batch, in this order; `size` outputs per group."""
    questions, prompts, places = [], [], []
    for number, group in chosen:
        rollouts = draws[number][0]
        questions.append(rollouts.questions[group])
        prompts.append(rollouts.rows.prompts[group])
        places += [(number, group * size + g) for g in range(size)]
    prompt_of = [slot for slot in range(len(chosen)) for _ in range(size)]
    sampled, judged_ = [draws[n][0] for n, _ in places], [draws[n][1] for n, _ in places]
    at = [b for _, b in places]

    def of(sources, read):
        return [read(source)[b] for source, b in zip(sources, at, strict=True)]

    return (
        Rollouts(
            questions,
            Rows(prompts, of(sampled, lambda r: r.rows.outputs), prompt_of),
            of(sampled, lambda r: r.texts),
            of(sampled, lambda r: r.logprobs),
            of(sampled, lambda r: r.finished),
        ),
        Rewarded(
            of(judged_, lambda r: r.rewards),
            of(judged_, lambda r: r.ends),
            of(judged_, lambda r: r.right),
            judged_[0].means,
            {
                new: judged_[new].by_clock[b]
                for new, b in enumerate(at)
                if b in judged_[new].by_clock
            },
        ),
    )
