"""Evaluate one model on every benchmark: greedy, maj@K and pass@K (Figure 7).   python -m stages.evaluate model=instruct"""
from pipeline.config import EvaluateStage
from pipeline.stage import Run, stage


@stage("evaluate", cell=("model",), out="data/evaluate/{model}")
def main(cfg: EvaluateStage, run: Run) -> None:
    from pathlib import Path

    from pipeline.evaluate.run import evaluate, make_tasks, score
    from pipeline.generate import make_engine
    from pipeline.model import load_model, load_tokenizer

    tasks = make_tasks(cfg.evaluate, cfg.model, Path("data/world/benchmarks"))
    for task in tasks:
        print(f"{task.key}: {task.loaded.note}")
    folder = model_folder(cfg.model)
    tokenizer = load_tokenizer(folder)
    engine = make_engine(cfg.evaluate.engine, load_model(folder), tokenizer)
    total = sum(-(-len(task.loaded.questions) // cfg.evaluate.chunk) for task in tasks)
    run.follow(evaluate(engine, tokenizer, tasks, cfg.evaluate, run.checkpoint, run.out), total, "evaluate")
    run.summary(**score(cfg.model, tasks, cfg.evaluate, run.out))


def model_folder(model: str):
    """`base`, `instruct` or `<arm>-<seed>` -> its model folder under data/."""
    from pathlib import Path

    known = {"base": "pretrain", "instruct": "sft"}
    return Path("data") / known.get(model, f"rl/{model}") / "model"


if __name__ == "__main__":
    main()
