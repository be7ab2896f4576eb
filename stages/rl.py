"""Instruct model -> one RL arm at one seed (sections 4 and 5.2).   python -m stages.rl rl=grpo_os_rule seed=0"""

from dataclasses import dataclass, field

from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class RLStage(StageConfig):
    """`rl` is the arm, a row of Table 10; `rl_scale` what all arms of a profile share."""

    seed: int = 0
    rl: ArmConfig
    rl_scale: RLConfig = field(default_factory=RLConfig)


READS = (
    "{data}/world/questions.jsonl",
    "{data}/world/validation.jsonl",
    "{data}/world/instruct.jsonl",
    "{data}/sft/model",
    "{data}/reward",
)


@stage("rl", cell=("rl", "seed"), out="{data}/rl/{rl}-{seed}", reads=READS)
def main(cfg: RLStage, run: Run) -> None:
    from pipeline.lm.model import load_model, load_tokenizer, save_model
    from pipeline.records import Instruction, Question, read_jsonl, read_rows, write_jsonl
    from pipeline.rl.loop import Inputs, train_policy

    world, instruct, arm, scale = run.data / "world", run.data / "sft/model", cfg.rl, cfg.rl_scale
    inputs = Inputs(
        policy=load_model(instruct, device=cfg.device),
        tokenizer=load_tokenizer(instruct),
        questions=list(read_rows(world / "questions.jsonl", Question)),
        validation=list(read_rows(world / "validation.jsonl", Question)),
        instructions=list(read_rows(world / "instruct.jsonl", Instruction))
        if arm.data_source == "sft"
        else [],
    )
    if arm.reward_function in ("outcome", "process"):
        from pipeline.reward.model import load_judge

        reward = run.data / "reward"
        inputs.judge = load_judge(
            reward / arm.reward_function, cfg.device, scale.micro_batch_tokens
        )
        if arm.iterations > 1:
            inputs.judge_history = [
                row for row in read_jsonl(reward / "labels.jsonl") if row["split"] == "train"
            ]
    seconds: dict[str, float] = {}
    last = run.follow(
        train_policy(inputs, arm, scale, cfg.seed, run.out, run.checkpoint, seconds),
        scale.steps + 1,
    )
    steps = sorted((run.out / "validation").glob("step-*.jsonl"))
    write_jsonl(run.out / "validation.jsonl", (row for path in steps for row in read_jsonl(path)))
    save_model(inputs.policy, inputs.tokenizer, run.out / "model")
    run.summary(
        **last, parameters=inputs.policy.num_parameters(), checkpoint_that_counts="the last step's"
    )
    run.cost(**{f"seconds_{name}": round(value, 3) for name, value in seconds.items()})


if __name__ == "__main__":
    main()
