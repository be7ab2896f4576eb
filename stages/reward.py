"""Base model and instruct model -> reward models (section 4.1).   python -m stages.reward [reward.process=true]"""

from dataclasses import dataclass, field

from pipeline.reward.config import RewardConfig
from pipeline.wiring.plans import CHAIN
from pipeline.wiring.stage import ChainConfig, Run, stage


@dataclass(frozen=True, kw_only=True)
class RewardStage(ChainConfig):
    seed: int = 0
    reward: RewardConfig = field(default_factory=RewardConfig)


@stage(
    "reward",
    cell=("chain",),
    out=CHAIN + "/reward",
    reads=("{data}/world/questions.jsonl", CHAIN + "/pretrain/model", CHAIN + "/sft/model"),
    processes=True,
)
def main(cfg: RewardStage, run: Run) -> None:
    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.lm.parallel import join
    from pipeline.records import Question, read_rows
    from pipeline.reward.build import Setting, train_outcome, train_process

    base, instruct = run.chain / "pretrain/model", run.chain / "sft/model"
    device = join(cfg.device)
    tokenizer = load_tokenizer(instruct)
    setting = Setting(
        cfg.reward,
        cfg.own_seed(cfg.seed),
        device,
        tokenizer,
        load_model(instruct, device=device),
        base if cfg.reward.start == "base" else instruct,
        list(read_rows(run.data / "world/questions.jsonl", Question)),
        run.out,
        run.checkpoint,
    )
    summary = {"outcome": train_outcome(setting, run.follow)}
    if cfg.reward.process:
        summary["process"] = train_process(setting, run.follow)
    run.summary(**summary)


if __name__ == "__main__":
    main()
