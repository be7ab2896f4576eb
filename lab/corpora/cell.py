"""One model of the matrix of rival corpora.   python -m lab.corpora.cell arm=final seed=0

Pre-trains on the arm's corpora one after the other, probes the base model, fine-tunes it and
evaluates it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.evaluate.config import EvaluateConfig
from pipeline.lm.model import ModelConfig
from pipeline.lm.train_config import TrainConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class CellStage(StageConfig):
    """`arm`: a row of lab/corpora/matrix.py (ARMS)."""

    arm: str
    seed: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)
    pretrain: TrainConfig = field(default_factory=TrainConfig)
    sft: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


WORLD = "data/recall/world"
READS = (
    "{data}/rivals",
    f"{WORLD}/instruct.jsonl",
    f"{WORLD}/bbh_examples.jsonl",
    f"{WORLD}/benchmarks",
)


@stage(
    "cell", cell=("arm", "seed"), out="{data}/cells/{arm}-{seed}", reads=READS, profile="corpora"
)
def main(cfg: CellStage, run: Run) -> None:
    from dataclasses import replace
    from pathlib import Path

    from transformers import PreTrainedTokenizerFast

    from lab.corpora.matrix import CALIBRATED_ON, PROBED, documents, held_out, instructions, phases
    from lab.corpora.probe import calibrated, calibrated_temperature
    from lab.corpora.riddles import RIDDLES, chosen
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.model import new_model
    from pipeline.records import Instruction, Question, read_rows, write_jsonl

    rivals, world = run.data / "rivals", Path(WORLD)
    pretrain, sft = replace(cfg.pretrain, seed=cfg.seed), replace(cfg.sft, seed=cfg.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(rivals / "tokenizer")
    ends = tokenizer.bos_token_id, tokenizer.eos_token_id
    model = new_model(cfg.model, len(tokenizer), *ends, seed=cfg.seed)

    losses: dict[str, float] = {}
    for number, name, train in phases(cfg.arm, pretrain):
        examples = documents(tokenizer, name, train, rivals, number)
        losses[f"{number}-{name}"] = learn(run, model, f"{number}-{name}", examples, train)

    temperature = calibrated_temperature(model, tokenizer, held_out(CALIBRATED_ON))
    asked, riddles = (
        [row for name in some for row in read_rows(world / f"benchmarks/{name}.jsonl", Question)]
        for some in (PROBED, RIDDLES)
    )
    shots = list(read_rows(world / "bbh_examples.jsonl", Instruction))
    write_jsonl(run.out / "base.jsonl", calibrated(model, tokenizer, asked, temperature))
    write_jsonl(run.out / "riddles.jsonl", chosen(model, tokenizer, riddles, shots))

    examples = instruction_examples(tokenizer, instructions(world), cfg.evaluate.style)
    losses["sft"] = learn(run, model, f"{len(losses)}-sft", examples, sft)
    scores = evaluated(cfg, run, model, tokenizer, world / "benchmarks")
    run.summary(**{**scores, "losses": losses, "calibrated_temperature": temperature})


def learn(run: Run, model, name: str, examples: list, train: TrainConfig) -> float:
    """Train on the examples, with a checkpoint of its own. Returns the last loss."""
    from pipeline.lm.train import make_stream, train_lm

    folder = run.checkpoint / name
    folder.mkdir(exist_ok=True)
    rows = train_lm(model, make_stream(examples, train), train, folder)
    return run.follow(rows, train.steps, f"metrics_{name}")["loss"]


def evaluated(cfg: CellStage, run: Run, model, tokenizer, benchmarks) -> dict:
    """The scores on every benchmark. The model itself is not kept."""
    from pipeline.evaluate.run import checkpoint_of, evaluate, make_tasks, score
    from pipeline.lm.generate import make_engine
    from pipeline.lm.model import save_model

    folder = run.checkpoint / "model"
    save_model(model, tokenizer, folder)
    tasks = make_tasks(cfg.evaluate, cfg.arm, benchmarks)
    engine = make_engine(cfg.evaluate.engine, model, tokenizer)
    state = checkpoint_of(run.checkpoint / "evaluate", folder)
    rows = evaluate(engine, tokenizer, tasks, cfg.evaluate, state, run.out, [])
    run.follow(rows, sum(len(task.loaded.questions) for task in tasks), unit="question")
    return score(f"{cfg.arm}-{cfg.seed}", tasks, cfg.evaluate, run.out)


if __name__ == "__main__":
    main()
