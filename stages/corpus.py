"""Web pages to a math corpus (section 2.1).   python -m stages.corpus [corpus.input=[crawl.warc.gz]]"""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.corpus.config import CorpusConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class CorpusStage(StageConfig):
    """`threads` is also the number of worker processes; the corpus does not depend on it."""

    corpus: CorpusConfig = field(default_factory=CorpusConfig)


@stage(
    "corpus",
    out="{data}/corpus",
    reads=("{data}/world/web", "{data}/world/seed.jsonl", "{data}/world/benchmarks"),
)
def main(cfg: CorpusStage, run: Run) -> None:
    from pipeline.corpus.domains import by_samples
    from pipeline.corpus.mine import mine
    from pipeline.corpus.truth import Truth
    from pipeline.records import Question, read_jsonl, read_rows
    from pipeline.wiring.progress import Steps

    world = run.data / "world"
    benchmarks = {
        path.stem: [
            text for row in read_rows(path, Question) for text in (row.question, row.answer)
        ]
        for path in sorted((world / "benchmarks").glob("*.jsonl"))
    }
    inputs = [Path(path) for path in cfg.corpus.input] or [world / "web"]
    seed, annotate, truth = read_jsonl(world / "seed.jsonl"), None, None
    if (world / "web/truth.jsonl").is_file() and not cfg.corpus.input:
        truth = Truth(read_jsonl(world / "web/truth.jsonl"))  # of a built world
        if not cfg.corpus.recall.annotations:  # it answers for the person who annotates
            annotate = by_samples(truth.by_url)
    work = run.checkpoint
    found = mine(
        inputs, seed, benchmarks, cfg.corpus, run.out, work, cfg.threads, annotate,
        progress=Steps(run.label), truth=truth,
    )  # fmt: skip
    run.summary(**found)


if __name__ == "__main__":
    main()
