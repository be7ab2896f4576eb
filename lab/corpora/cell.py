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
READS = ("{data}/rivals", f"{WORLD}/instruct.jsonl", f"{WORLD}/benchmarks")


@stage(
    "cell", cell=("arm", "seed"), out="{data}/cells/{arm}-{seed}", reads=READS, profile="corpora"
)
def main(cfg: CellStage, run: Run) -> None:
    from dataclasses import replace
    from pathlib import Path

    from transformers import PreTrainedTokenizerFast

    from lab.corpora.matrix import ARMS, PROBED, documents, instructions
    from lab.corpora.probe import surprise
    from pipeline.lm.examples import instruction_examples
    from pipeline.lm.model import new_model
    from pipeline.records import Question, read_rows, write_jsonl

    rivals, world = run.data / "rivals", Path(WORLD)
    pretrain, sft = replace(cfg.pretrain, seed=cfg.seed), replace(cfg.sft, seed=cfg.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(rivals / "tokenizer")
    ends = tokenizer.bos_token_id, tokenizer.eos_token_id
    model = new_model(cfg.model, len(tokenizer), *ends, seed=cfg.seed)

    losses: dict[str, float] = {}
    for name in ARMS[cfg.arm]:
        examples = documents(tokenizer, name, pretrain, rivals)
        losses[name] = learn(run, model, len(losses), name, examples, pretrain)

    asked = [
        row for name in PROBED for row in read_rows(world / f"benchmarks/{name}.jsonl", Question)
    ]
    write_jsonl(run.out / "base.jsonl", surprise(model, tokenizer, asked))

    examples = instruction_examples(tokenizer, instructions(world), cfg.evaluate.style)
    losses["sft"] = learn(run, model, len(losses), "sft", examples, sft)
    scores = evaluated(cfg, run, model, tokenizer, world / "benchmarks")
    run.summary(**{**scores, "losses": losses})


def learn(run: Run, model, number: int, name: str, examples: list, train: TrainConfig) -> float:
    """Train on the examples, with a checkpoint of its own. Returns the last loss."""
    from pipeline.lm.train import make_stream, train_lm

    folder = run.checkpoint / f"{number}-{name}"
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
