"""Instruct model -> one RL arm at one seed (sections 4 and 5.2).   python -m stages.rl rl=grpo_os_rule seed=0"""

from dataclasses import dataclass, field

from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.wiring.config import plain
from pipeline.wiring.plans import CHAIN
from pipeline.wiring.stage import ChainConfig, Run, stage


@dataclass(frozen=True, kw_only=True)
class RLStage(ChainConfig):
    """`rl` is the arm, a row of Table 10; `rl_scale` what all arms of a profile share."""

    seed: int = 0
    rl: ArmConfig
    rl_scale: RLConfig = field(default_factory=RLConfig)


def reads(cfg: RLStage) -> tuple[str, ...]:
    world = "questions.jsonl", "new", "validation.jsonl", "instruct.jsonl"
    models = ("sft/model", "reward") if cfg.rl.learned else ("sft/model",)
    return *(f"{{data}}/world/{x}" for x in world), *(f"{CHAIN}/{x}" for x in models)


@stage(
    "rl", cell=("chain", "rl", "seed"), out=CHAIN + "/rl/{rl}-{seed}", reads=reads, processes=True
)
def main(cfg: RLStage, run: Run) -> None:
    from pipeline.lm.card import RL_DATA, base_of, write_cards
    from pipeline.lm.model import save_model
    from pipeline.lm.parallel import join, write_jsonl
    from pipeline.records import read_jsonl
    from pipeline.rl.loop import train_policy

    inputs, seconds = read_inputs(cfg, run, join(cfg.device)), {}
    parameters, seed = inputs.policy.num_parameters(), cfg.own_seed(cfg.seed)
    rows = train_policy(inputs, cfg.rl, cfg.rl_scale, seed, run.out, run.checkpoint, seconds)
    found = {**run.follow(rows, cfg.rl_scale.steps), "parameters": parameters}
    steps = sorted((run.out / "validation").glob("step-*.jsonl"))
    write_jsonl(run.out / "validation.jsonl", (row for path in steps for row in read_jsonl(path)))
    save_model(inputs.policy, inputs.tokenizer, run.out / "model")
    name = f"{cfg.rl.name}-{cfg.seed}, chain {cfg.chain}"
    told = RL_DATA[cfg.rl.data_source].format(cfg.rl.source_file)
    write_cards(run.out, name, "rl", plain(cfg), found, told, base_of(run.chain / "sft/model"))
    run.summary(**found, checkpoint_that_counts="the last step's")
    run.cost(**{f"seconds_{name}": round(value, 3) for name, value in seconds.items()})


def read_inputs(cfg: RLStage, run: Run, device: str):
    """What the arm starts from, out of the results of earlier stages."""
    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.records import Instruction, Question, read_jsonl, read_rows
    from pipeline.reward.model import load_reward_model
    from pipeline.rl.training import Inputs

    world, instruct, arm = run.data / "world", run.chain / "sft/model", cfg.rl
    inputs = Inputs(
        policy=load_model(instruct, device=device),
        tokenizer=load_tokenizer(instruct),
        questions=list(read_rows(world / arm.file("questions"), Question)),
        validation=list(read_rows(world / "validation.jsonl", Question)),
    )
    if arm.data_source == "sft":
        inputs.instructions = list(read_rows(world / arm.file("instruct"), Instruction))
    if arm.learned:
        how = device, cfg.rl_scale.micro_batch_tokens, cfg.rl_scale.compute_dtype
        inputs.reward_model = load_reward_model(run.chain / "reward" / arm.reward_function, *how)
    if arm.iterations > 1:
        labels = read_jsonl(run.chain / "reward/labels.jsonl")
        inputs.label_history = [row for row in labels if row["split"] == "train"]
    return inputs


if __name__ == "__main__":
    main()
