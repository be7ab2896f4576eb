"""Base model -> instruction-tuned model (section 3).   python -m stages.sft"""

from dataclasses import dataclass, field

from pipeline.lm.train_config import TrainConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class SFTStage(StageConfig):
    """`style`: how a question is asked, "mini" or "paper" (pipeline/lm/prompts.py); evaluation and
    RL must ask alike.
    """

    sft: TrainConfig = field(default_factory=TrainConfig)
    style: str = "mini"


@stage(
    "sft",
    out="{data}/sft",
    reads=("{data}/pretrain/model", "{data}/world/instruct.jsonl"),
    processes=True,
)
def main(cfg: SFTStage, run: Run) -> None:
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.model import load_model, load_tokenizer, save_model
    from pipeline.lm.parallel import join
    from pipeline.lm.train import make_stream, train_lm
    from pipeline.lm.whole import prepared
    from pipeline.records import Instruction, read_rows

    base = run.data / "pretrain/model"
    tokenizer, model = load_tokenizer(base), load_model(base, device=join(cfg.device))
    examples = instruction_examples(
        tokenizer, read_rows(run.data / "world/instruct.jsonl", Instruction), cfg.style
    )
    data, parameters = make_stream(examples, cfg.sft), model.num_parameters()
    prepared(model, cfg.sft.peft, cfg.sft.seed)
    rows = train_lm(model, data, cfg.sft, run.checkpoint) if cfg.sft.steps else iter(())
    last = run.follow(rows, cfg.sft.steps)
    save_model(model, tokenizer, run.out / "model")
    run.summary(**last, examples=len(examples), parameters=parameters)


if __name__ == "__main__":
    main()
