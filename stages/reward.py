"""Base model and instruct model -> reward models (section 4.1).   python -m stages.reward [reward.process=true]"""

from dataclasses import dataclass, field

from pipeline.reward.config import RewardConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class RewardStage(StageConfig):
    seed: int = 0
    reward: RewardConfig = field(default_factory=RewardConfig)


@stage(
    "reward",
    out="{data}/reward",
    reads=(
        "{data}/world/questions.jsonl",
        "{data}/world/instruct.jsonl",
        "{data}/pretrain/model",
        "{data}/sft/model",
    ),
    processes=True,
)
def main(cfg: RewardStage, run: Run) -> None:
    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.lm.parallel import join
    from pipeline.records import Instruction, Question, read_rows
    from pipeline.reward.build import Setting, train_outcome, train_own, train_process

    base, instruct = run.data / "pretrain/model", run.data / "sft/model"
    device = join(cfg.device)
    tokenizer = load_tokenizer(instruct)
    setting = Setting(
        cfg.reward,
        cfg.seed,
        device,
        tokenizer,
        load_model(instruct, device=device),
        base if cfg.reward.start == "base" else instruct,
        list(read_rows(run.data / "world/questions.jsonl", Question)),
        run.out,
        run.checkpoint,
        list(read_rows(run.data / "world/instruct.jsonl", Instruction)),
    )
    summary = {"own": train_own(setting, run.follow)} if cfg.reward.start == "own" else {}
    summary["outcome"] = train_outcome(setting, run.follow)
    if cfg.reward.process:
        summary["process"] = train_process(setting, run.follow)
    run.summary(**summary)


if __name__ == "__main__":
    main()
