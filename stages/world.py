"""The miniature world: web, seed corpus, instruction data, questions and benchmarks.

python -m stages.world
"""

from dataclasses import dataclass, field

from pipeline.wiring.stage import Run, StageConfig, stage
from pipeline.world.config import WorldConfig


@dataclass(frozen=True, kw_only=True)
class WorldStage(StageConfig):
    world: WorldConfig = field(default_factory=WorldConfig)


@stage("world", out="{data}/world")
def main(cfg: WorldStage, run: Run) -> None:
    from pipeline.records import Question, read_rows
    from pipeline.world.real.build import build_real

    if cfg.world.data == "real":
        return run.summary(**build_real(cfg.world.real, cfg.world.seed, run.out))
    from pipeline.world.build import build_questions
    from pipeline.world.web.build import build_web

    counts = build_questions(cfg.world, run.out)
    files = sorted((run.out / "benchmarks").glob("*.jsonl"))
    benchmarks = {path.stem: list(read_rows(path, Question)) for path in files}
    web = build_web(run.out, cfg.world.web, cfg.world.seed, benchmark_items=benchmarks)
    run.summary(**counts, web=web)


if __name__ == "__main__":
    main()
