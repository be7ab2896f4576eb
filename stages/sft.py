"""Base model -> instruction-tuned model (section 3).   python -m stages.sft"""

from dataclasses import dataclass, field

from pipeline.lm.train_config import TrainConfig
from pipeline.wiring.config import plain
from pipeline.wiring.plans import CHAIN
from pipeline.wiring.stage import ChainConfig, Run, stage


@dataclass(frozen=True, kw_only=True)
class SFTStage(ChainConfig):
    """`style`: how a question is asked, "mini" or "paper" (pipeline/lm/prompts.py); evaluation and
    RL must ask alike.
    """

    sft: TrainConfig = field(default_factory=TrainConfig)
    style: str = "mini"


@stage(
    "sft",
    cell=("chain",),
    out=CHAIN + "/sft",
    reads=(CHAIN + "/pretrain/model", "{data}/world/instruct.jsonl"),
    processes=True,
)
def main(cfg: SFTStage, run: Run) -> None:
    from dataclasses import replace

    from pipeline.lm.card import base_of, write_cards
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.model import load_model, load_tokenizer, save_model
    from pipeline.lm.parallel import join
    from pipeline.lm.train import make_stream, train_lm
    from pipeline.lm.whole import prepared
    from pipeline.records import Instruction, read_rows

    training = replace(cfg.sft, seed=cfg.own_seed(cfg.sft.seed))
    base = run.chain / "pretrain/model"
    tokenizer, model = load_tokenizer(base), load_model(base, device=join(cfg.device))
    examples = instruction_examples(
        tokenizer, read_rows(run.data / "world/instruct.jsonl", Instruction), cfg.style
    )
    data, parameters = make_stream(examples, training), model.num_parameters()
    prepared(model, training.peft, training.seed)
    rows = train_lm(model, data, training, run.checkpoint) if training.steps else iter(())
    last = run.follow(rows, training.steps)
    save_model(model, tokenizer, run.out / "model")
    found = {**last, "examples": len(examples), "parameters": parameters}
    told = f"{len(examples):,} worked solutions (`world/instruct.jsonl`)."
    name = f"instruct, chain {cfg.chain}"
    write_cards(run.out, name, "instruct", plain(cfg), found, told, base_of(base))
    run.summary(**found)


if __name__ == "__main__":
    main()
