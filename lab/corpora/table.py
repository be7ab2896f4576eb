"""All cells of the rival corpora -> reports/lab/corpora/: tables, claims and a figure."""

from dataclasses import dataclass, field

from pipeline.evaluate.config import EvaluateConfig
from pipeline.lm.model import ModelConfig
from pipeline.lm.train_config import TrainConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class TableStage(StageConfig):
    """The settings of the cells, which the page shows."""

    model: ModelConfig = field(default_factory=ModelConfig)
    pretrain: TrainConfig = field(default_factory=TrainConfig)
    sft: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


@stage(
    "table",
    out="{reports}",
    reads=("{data}/cells", "data/recall/world/benchmarks"),
    profile="corpora",
)
def main(cfg: TableStage, run: Run) -> None:
    import json

    from lab.corpora.report import write_report

    write_report(run.data / "cells", run.out)
    run.summary(**json.loads((run.out / "summary.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
