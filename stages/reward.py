"""Base model and instruct model -> reward models (section 4.1).   python -m stages.reward [reward.process=true]"""

from dataclasses import dataclass, field

from pipeline.reward.config import RewardConfig
from pipeline.wiring.config import plain
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
    reads=(
        "{data}/world/questions.jsonl",
        "{data}/world/instruct.jsonl",
        CHAIN + "/pretrain/model",
        CHAIN + "/sft/model",
    ),
    processes=True,
)
def main(cfg: RewardStage, run: Run) -> None:
    from pipeline.lm.card import base_of, write_cards
    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.lm.parallel import join
    from pipeline.records import Instruction, Question, read_rows
    from pipeline.reward.build import Setting, train_outcome, train_own, train_process

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
        list(read_rows(run.data / "world/instruct.jsonl", Instruction)),
    )
    summary = {"own": train_own(setting, run.follow)} if cfg.reward.start == "own" else {}
    summary["outcome"] = train_outcome(setting, run.follow)
    if cfg.reward.process:
        summary["process"] = train_process(setting, run.follow)
    told = (
        f"Outputs of the instruct model to {cfg.reward.questions:,} of the RL questions "
        "(`world/questions.jsonl`), judged by the rule (outcome) or by continuations (process)."
    )
    base_model = base_of(instruct) if cfg.reward.start != "own" else ""
    name = f"reward model, chain {cfg.chain}"
    for kind, found in summary.items():
        if kind != "own":
            write_cards(
                run.out / kind, f"{kind} {name}", "reward", plain(cfg), found, told, base_model
            )
    run.summary(**summary)


if __name__ == "__main__":
    main()
