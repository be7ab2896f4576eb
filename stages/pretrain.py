"""Corpus -> base model (section 2.3).   python -m stages.pretrain [model.path=<folder or hub name>]"""

from dataclasses import dataclass, field

from pipeline.lm.mixture import MixtureConfig
from pipeline.lm.model import ModelConfig
from pipeline.lm.train_config import TrainConfig
from pipeline.wiring.config import plain
from pipeline.wiring.plans import CHAIN
from pipeline.wiring.stage import ChainConfig, Run, stage


@dataclass(frozen=True, kw_only=True)
class PretrainStage(ChainConfig):
    model: ModelConfig = field(default_factory=ModelConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    pretrain: TrainConfig = field(default_factory=TrainConfig)


@stage(
    "pretrain",
    cell=("chain",),
    out=CHAIN + "/pretrain",
    reads=("{data}/corpus/pages.parquet", "{data}/world/instruct.jsonl"),
    processes=True,
)
def main(cfg: PretrainStage, run: Run) -> None:
    from dataclasses import replace
    from itertools import chain

    from pipeline.errors import UserError
    from pipeline.lm.card import write_cards
    from pipeline.lm.examples import document_example
    from pipeline.lm.mixture import mix, read_texts
    from pipeline.lm.model import load_base, new_model, save_model
    from pipeline.lm.parallel import join
    from pipeline.lm.tokenizer import train_tokenizer
    from pipeline.lm.train import make_stream, train_lm
    from pipeline.lm.whole import prepared
    from pipeline.records import Instruction, read_rows

    device = join(cfg.device)
    training = replace(cfg.pretrain, seed=cfg.own_seed(cfg.pretrain.seed))
    corpus = run.data / "corpus/pages.parquet"
    if cfg.model.path:
        tokenizer, model = load_base(cfg.model.path, device)
    elif not training.steps:
        raise UserError("pretrain.steps=0 keeps a base as it is, and none is given: set model.path")
    elif training.peft:
        raise UserError("pretrain.peft adapts a base, and none is given: set model.path")
    else:
        # the vocabulary (nothing else) also sees the instruction data: its formats are held out of
        # the web
        formats = (
            f"{row.question}\n{row.solution}"
            for row in read_rows(run.data / "world/instruct.jsonl", Instruction)
        )
        tokenizer = train_tokenizer(chain(read_texts(corpus), formats), cfg.model.vocab_size)
        ends = tokenizer.bos_token_id, tokenizer.eos_token_id
        model = new_model(cfg.model, len(tokenizer), *ends, seed=training.seed).to(device)

    rows, tokens, parameters = iter(()), {}, model.num_parameters()
    if training.steps:
        examples, tokens = mix(cfg.mixture, corpus, lambda text: document_example(tokenizer, text))
        data = make_stream(examples, training)
        prepared(model, training.peft, training.seed)
        rows = train_lm(model, data, training, run.checkpoint)
    last = run.follow(rows, training.steps)
    save_model(model, tokenizer, run.out / "model")
    found = {**last, "parameters": parameters, "vocabulary": len(tokenizer)}
    told = f"The mined corpus and what is mixed with it, in tokens: {tokens}."
    write_cards(
        run.out, f"base, chain {cfg.chain}", "base", plain(cfg), found, told, cfg.model.path
    )
    run.summary(**found, source_tokens=tokens)


if __name__ == "__main__":
    main()
