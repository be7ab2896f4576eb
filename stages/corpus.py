"""Web pages to a math corpus (section 2.1).   python -m stages.corpus [corpus.input=[crawl.warc.gz]]"""
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.corpus.config import CorpusConfig
from pipeline.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class CorpusStage(StageConfig):
    """`threads` is also the number of worker processes; the corpus does not depend on it."""

    corpus: CorpusConfig = field(default_factory=CorpusConfig)


@stage("corpus", out="data/corpus", reads=("data/world/web", "data/world/seed.jsonl", "data/world/benchmarks"))
def main(cfg: CorpusStage, run: Run) -> None:
    from pipeline.corpus.mine import mine
    from pipeline.records import Question, read_jsonl, read_rows

    world = Path("data/world")
    benchmarks = {
        path.stem: [text for row in read_rows(path, Question) for text in (row.question, row.answer)]
        for path in sorted((world / "benchmarks").glob("*.jsonl"))
    }
    inputs = [Path(path) for path in cfg.corpus.input] or [world / "web"]
    seed = read_jsonl(world / "seed.jsonl")
    run.summary(**mine(inputs, seed, benchmarks, cfg.corpus, run.out, run.checkpoint, cfg.threads))


if __name__ == "__main__":
    main()
