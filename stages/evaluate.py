"""Evaluate one model on every benchmark: greedy, maj@K and pass@K (Figure 7).   python -m stages.evaluate model=instruct"""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.evaluate.config import EvaluateConfig
from pipeline.wiring.plans import CHAIN
from pipeline.wiring.stage import ChainConfig, Run, stage


@dataclass(frozen=True, kw_only=True)
class EvaluateStage(ChainConfig):
    """`model`: base, instruct, or <arm>-<seed>."""

    model: str
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


@stage(
    "evaluate",
    cell=("chain", "model"),
    out=CHAIN + "/evaluate/{model}",
    reads=("{data}/world/benchmarks",),
)
def main(cfg: EvaluateStage, run: Run) -> None:
    from pipeline.evaluate.run import checkpoint_of, evaluate, make_tasks, on_file, score
    from pipeline.lm.generate import make_engine
    from pipeline.lm.model import load_model, load_tokenizer

    tasks = make_tasks(cfg.evaluate, cfg.model, run.data / "world/benchmarks")
    for task in tasks:
        print(f"{cfg.model}: {task.key}: {task.loaded.note}")
    folder = model_folder(run.chain, cfg.model)
    tokenizer = load_tokenizer(folder)
    how, model = cfg.evaluate, load_model(folder, device=cfg.device)
    engine = make_engine(how.engine, model, tokenizer, how.compute_dtype)
    timings: list[dict] = []
    state = checkpoint_of(run.checkpoint, folder)
    done, total = on_file(tasks, state), sum(len(task.loaded.questions) for task in tasks)
    rows = evaluate(engine, tokenizer, tasks, how, state, run.out, timings, run.at)
    run.follow(rows, total, unit="question", done=done)
    run.cost(chunks=timings)
    run.summary(**score(cfg.model, tasks, cfg.evaluate, run.out))


def model_folder(chain: Path, model: str) -> Path:
    return chain / {"base": "pretrain", "instruct": "sft"}.get(model, f"rl/{model}") / "model"


if __name__ == "__main__":
    main()
