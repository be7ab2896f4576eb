"""The built-in web of the recall loop to text, and the signatures of its pages.

The results are shards with receipts, which say what of an interrupted run still stands.
"""

from dataclasses import dataclass, field

from pipeline.corpus.config import CorpusConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class PagesStage(StageConfig):
    """`threads` is also the number of worker processes; the pages do not depend on it."""

    corpus: CorpusConfig = field(default_factory=CorpusConfig)


@stage(
    "pages",
    out="{data}/pages",
    reads=("{data}/world/web", "{data}/world/seed.jsonl"),
    profile="recall",
)
def main(cfg: PagesStage, run: Run) -> None:
    from lab.recall.loop import ground, tasks_of
    from pipeline.corpus import shards
    from pipeline.wiring.progress import Steps

    (run.checkpoint / "begun").touch()  # so that a killed run keeps the shards in `out`
    world, show = run.data / "world", Steps(run.label)
    for done, total in shards.run(tasks_of(world, run.out, cfg.corpus), cfg.threads):
        show("extract", done, total)
    bottom, _ = ground(world, run.out, cfg.corpus, cfg.threads, show)
    run.summary(pages=len(bottom.crawl), shards=len(bottom.proofs))


if __name__ == "__main__":
    main()
