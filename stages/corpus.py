"""Web pages to a math corpus (section 2.1).   python -m stages.corpus [corpus.input=[crawl.warc.gz]]"""
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.corpus.config import CorpusConfig
from pipeline.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class CorpusStage(StageConfig):
    """`threads` is also the number of worker processes; the corpus does not depend on it."""

    corpus: CorpusConfig = field(default_factory=CorpusConfig)


@stage("corpus", out="{data}/corpus", reads=("{data}/world/web", "{data}/world/seed.jsonl", "{data}/world/benchmarks"))
def main(cfg: CorpusStage, run: Run) -> None:
    from pipeline.corpus.domains import by_samples
    from pipeline.corpus.mine import mine
    from pipeline.records import Question, read_jsonl, read_rows

    world = run.data / "world"
    benchmarks = {
        path.stem: [text for row in read_rows(path, Question) for text in (row.question, row.answer)]
        for path in sorted((world / "benchmarks").glob("*.jsonl"))
    }
    inputs = [Path(path) for path in cfg.corpus.input] or [world / "web"]
    seed, annotate = read_jsonl(world / "seed.jsonl"), None
    if (world / "web/truth.jsonl").is_file() and not cfg.corpus.input and not cfg.corpus.recall.annotations:
        truth = read_jsonl(world / "web/truth.jsonl")  # in a built world, truth answers for the person who annotates
        annotate = by_samples({row["url"]: row["is_math"] for row in truth})
    run.summary(**mine(inputs, seed, benchmarks, cfg.corpus, run.out, run.checkpoint, cfg.threads, annotate))


if __name__ == "__main__":
    main()
