"""The noise floor of claim C3: the last turn again, with another draw of its classifier's examples.

Two classifiers that learn from the same seed pages do not collect the same pages. Their overlap is
what a loop that has converged can reach at most; it is counted as the share of pages that one turn
collected in the turn before (pipeline/corpus/loop.py, overlap).
"""

from dataclasses import dataclass, field

from pipeline.corpus.config import CorpusConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class FloorStage(StageConfig):
    corpus: CorpusConfig = field(default_factory=CorpusConfig)


READS = (
    "{data}/world/web",
    "{data}/world/seed.jsonl",
    "{data}/pages",
    *(f"{{data}}/turn-{turn}" for turn in (1, 2, 3, 4)),
)
OTHER = 1000  # added to the seed of the corpus, from which examples are drawn


@stage("floor", out="{data}/floor", reads=READS, profile="recall")
def main(cfg: FloorStage, run: Run) -> None:
    from dataclasses import replace

    from lab.recall.loop import ground, load_turn, truth_of
    from pipeline.corpus import loop
    from pipeline.corpus.domains import by_samples
    from pipeline.errors import UserError
    from pipeline.records import write_json
    from pipeline.wiring.progress import Steps

    world, show = run.data / "world", Steps(run.label)
    bottom, _ = ground(world, run.data / "pages", cfg.corpus, cfg.threads, show)
    last, _ = load_turn(run.data / "turn-4")
    if last.number < 2:
        raise UserError(
            f"{run.data}/turn-4: one turn was made, and a floor needs the one before it"
        )
    before, _ = load_turn(run.data / f"turn-{last.number - 1}")
    other = replace(cfg.corpus, seed=cfg.corpus.seed + OTHER)
    annotate = by_samples(truth_of(world).by_url)
    again = loop.iterate(
        bottom, before, other, annotate, run.checkpoint, run.out, cfg.threads, show
    )
    found = loop.overlap(bottom.crawl, bottom.cluster, again.kept, last.kept)
    write_json(run.out / "floor.json", {"overlap": found["pages_collected_before"]})
    run.summary(**found)


if __name__ == "__main__":
    main()
